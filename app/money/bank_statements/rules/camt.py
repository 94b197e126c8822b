"""camt.053, a bank's statement to its customer as XML (ISO 20022), versions .001.02 to .001.13.

Only what those versions have in common is read; if they differ (status, parties), both forms are.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from app.money.bank_statements.model import Balance, FileEntry, FileStatement, Format, Part
from app.money.bank_statements.rules.amounts import (
    Refused,
    account_of,
    minor_units,
    reference_of,
    required,
)

_VERSIONS: Final = range(2, 14)
_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.\d{3})\.001\.(\d{2})")
_NUMBER: Final = re.compile(r"\d{1,18}(\.\d{0,5})?|\.\d{1,5}")  # xs:decimal, 5 fraction digits
_OPENING: Final = ("OPBD", "PRCD")  # opening, or the closing one of the statement before
_CLOSING: Final = ("CLBD",)
_INTERIM: Final = "ITBD"  # on the pages of a long statement, and in those that are not of a day
_BOOKED: Final = "BOOK"
_REFERENCES: Final = ("EndToEndId", "InstrId", "TxId", "PmtInfId", "AcctSvcrRef", "MsgId", "UETR")
_DAY_LENGTH_MAX: Final = len("2026-11-30+01:00")  # xs:date, which may have a zone

# lxml has no other name for it.
_Element = etree._Element  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def read(data: bytes) -> list[FileStatement]:
    """The statements of a file. Raises Refused."""
    root = _parse(data)
    found = [each for each in root.iter() if _name(each) == "BkToCstmrStmt"]
    if not found:
        raise Refused(_line(root), f"it is no camt.053 statement: its root is {_name(root)}")
    _check_version(found[0])
    statements = [_statement(each) for message in found for each in _all(message, "Stmt")]
    if not statements:
        raise Refused(_line(found[0]), "there is no statement in it")
    return statements


def _parse(data: bytes) -> _Element:
    """The root element. Nothing outside the file is read, and no entity of its own is expanded."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True,
        remove_comments=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Refused(error.lineno or 0, f"it is not well-formed XML: {error.msg}") from error
    if root.getroottree().docinfo.doctype:  # pyright: ignore
        raise Refused(1, "it has a document type, which no statement has")
    return root


def _check_version(message: _Element) -> None:
    namespace = etree.QName(message).namespace or ""
    found = _NAMESPACE.fullmatch(namespace)
    if not found or found[1] != "camt.053" or int(found[2]) not in _VERSIONS:
        raise Refused(
            _line(message),
            f"the namespace {namespace or '(none)'} is not one of camt.053.001.02 to .13",
        )


def _statement(element: _Element) -> FileStatement:
    line = _line(element)
    opening, closing, currency = _balances(element)
    account = _one(element, "Acct")
    number = _text(element, "ElctrncSeqNb") or _text(element, "LglSeqNb")
    entries = [
        _entry(each, currency, closing.on)
        for each in _all(element, "Ntry")
        if _status(each) == _BOOKED
    ]
    identifier = _text(account, "Id/IBAN") or _text(account, "Id/Othr/Id")
    page = _text(element, "StmtPgntn/PgNb")
    return FileStatement(
        format=Format.CAMT_053,
        account=account_of(identifier, currency, line if account is None else _line(account)),
        currency=currency,
        number="/".join(filter(None, (_text(element, "Id"), number, page))),
        opening=opening,
        closing=closing,
        entries=tuple(entries),
    )


def _balances(statement: _Element) -> tuple[Balance, Balance, str]:
    """The opening and the closing balance, and their currency."""
    of_kind: dict[str, list[_Element]] = {}
    for each in _all(statement, "Bal"):
        of_kind.setdefault(_text(each, "Tp/CdOrPrtry/Cd"), []).append(each)
    interim = of_kind.get(_INTERIM, [])
    first = next((of_kind[kind][0] for kind in _OPENING if kind in of_kind), None)
    last = next((of_kind[kind][-1] for kind in _CLOSING if kind in of_kind), None)
    if first is None and interim:
        first = interim.pop(0)
    if last is None and interim:
        last = interim.pop()
    line = _line(statement)
    opening = required(_balance(first), "opening", line)
    closing = required(_balance(last), "closing", line)
    currencies = [_currency(each) for each in (first, last) if each is not None]
    if len(set(currencies)) > 1:
        raise Refused(closing.line, f"the balances are in {' and '.join(currencies)}")
    return opening, closing, currencies[0]


def _balance(element: _Element | None) -> Balance | None:
    if element is None:
        return None
    on = _date(element, "Dt")
    if on is None:
        raise Refused(_line(element), "a balance has no date")
    return Balance(line=_line(element), on=on, amount=_signed(element, _currency(element)))


def _status(entry: _Element) -> str:
    """`BOOK` for a booked entry. Others, pending or for information only, do not count."""
    return _text(entry, "Sts/Cd") or _text(entry, "Sts") or _text(entry, "Sts/Prtry")


def _entry(element: _Element, currency: str, closing_on: date) -> FileEntry:
    """A booked entry.

    `CdtDbtInd` is the direction of the entry itself, also of a reversal: with `RvslInd`, a CRDT
    is the reversal of a debit, and so money in (ISO 20022, usage of ReversalIndicator).
    """
    if (own := _currency(element)) != currency:
        raise Refused(_line(element), f"an entry in {own} on an account in {currency}")
    amount = _signed(element, currency)
    booked_on = _date(element, "BookgDt") or _date(element, "ValDt") or closing_on
    details = [each for group in _all(element, "NtryDtls") for each in _all(group, "TxDtls")]
    said = " ".join(filter(None, (_text(element, "AddtlNtryInf"), _text(element, "NtryRef"))))
    reference = reference_of(_text(element, "AcctSvcrRef"))
    parts = [_part(each, amount, currency, is_only=len(details) == 1) for each in details]
    return FileEntry(
        line=_line(element),
        booked_on=booked_on,
        value_on=_date(element, "ValDt") or booked_on,
        amount=amount,
        is_reversal=_text(element, "RvslInd").lower() in ("true", "1"),
        bank_reference=reference,
        parts=tuple(_with_text(part, said) for part in parts)
        or (Part(amount=amount, references=(), text=said, counterparty=""),),
    )


def _with_text(part: Part, said: str) -> Part:
    text = " ".join(filter(None, (part.text, said)))
    return Part(
        amount=part.amount, references=part.references, text=text, counterparty=part.counterparty
    )


def _part(element: _Element, of: int, currency: str, *, is_only: bool) -> Part:
    """One payment of an entry, of which the amount is `of` (signed minor units)."""
    refs = _one(element, "Refs")
    references = [reference_of(_text(refs, name)) for name in _REFERENCES]
    remittance = _one(element, "RmtInf")
    structured = [_text(each, "CdtrRefInf/Ref") for each in _all(remittance, "Strd")]
    words = [
        *(_joined(each) for each in _all(remittance, "Ustrd")),
        *structured,
        _text(element, "AddtlTxInf"),
    ]
    return Part(
        amount=of if is_only else _part_amount(element, of, currency),
        references=tuple(filter(None, references)),
        text=" ".join(filter(None, words)),
        counterparty=_counterparty(element, is_credit=of > 0),
    )


def _part_amount(element: _Element, of: int, currency: str) -> int | None:
    """The amount of a payment in a batch, in the account's currency; None if it is not said."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        amount = _one(element, path)
        if amount is None or amount.get("Ccy") != currency:
            continue
        size = minor_units(_number(amount), currency, _line(amount))
        direction = _text(element, "CdtDbtInd") or ("CRDT" if of > 0 else "DBIT")
        return size if direction == "CRDT" else -size
    return None


def _counterparty(element: _Element, *, is_credit: bool) -> str:
    """Who paid, or was paid. From version .08 on, the name is within `Pty`."""
    role = "Dbtr" if is_credit else "Cdtr"
    path = f"RltdPties/{role}"
    return _text(element, f"{path}/Nm") or _text(element, f"{path}/Pty/Nm")


# ---- elements -----------------------------------------------------------------------------------


def _name(element: _Element) -> str:
    return etree.QName(element).localname


def _line(element: _Element) -> int:
    return element.sourceline or 0


def _all(element: _Element | None, name: str) -> Iterator[_Element]:
    if element is not None:
        yield from (child for child in element if _name(child) == name)


def _one(element: _Element | None, path: str) -> _Element | None:
    """The first element at this path of names."""
    for name in path.split("/"):
        element = next(_all(element, name), None)
    return element


def _text(element: _Element | None, path: str) -> str:
    """The text at this path of names; empty if there is none."""
    found = _one(element, path)
    return "" if found is None else _joined(found)


def _joined(element: _Element) -> str:
    return " ".join((element.text or "").split())


def _currency(element: _Element) -> str:
    amount = _one(element, "Amt")
    if amount is None or not (currency := amount.get("Ccy")):
        raise Refused(_line(element), f"{_name(element)} has no amount with a currency")
    return currency


def _number(amount: _Element) -> Decimal:
    text = _joined(amount)
    if not _NUMBER.fullmatch(text):
        raise Refused(_line(amount), f"{text[:40] or 'nothing'} is no amount")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Refused(_line(amount), f"{text[:40]} is no amount") from error


def _signed(element: _Element, currency: str) -> int:
    """The amount of an entry or a balance, below zero for a debit."""
    amount = _one(element, "Amt")
    if amount is None:
        raise Refused(_line(element), f"{_name(element)} has no amount")
    size = minor_units(_number(amount), currency, _line(amount))
    match _text(element, "CdtDbtInd"):
        case "CRDT":
            return size
        case "DBIT":
            return -size
        case other:
            raise Refused(_line(element), f"{other or 'nothing'} is neither CRDT nor DBIT")


def _date(element: _Element, name: str) -> date | None:
    """The day at `name`, by the bank's own clock; None if there is none. Raises Refused."""
    found = _one(element, name)
    if found is None:
        return None
    text = _text(found, "Dt") or _text(found, "DtTm")
    try:
        if len(text) <= _DAY_LENGTH_MAX:
            return date.fromisoformat(text[:10])
        return datetime.fromisoformat(text).date()
    except ValueError as error:
        raise Refused(_line(found), f"{text[:40] or 'nothing'} is no date") from error
