"""MT940, a statement in fields with tags (SWIFT). The package mt-940 reads what is in a field.

Splitting a file into fields is our own: a refusal names the line, which the package does not keep,
and a field that it does not know must not vanish.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from mt940 import models, tags
from mt940.options import Options

from app.money.bank_statements.model import Balance, FileEntry, FileStatement, Format, Part
from app.money.bank_statements.rules.amounts import (
    Refused,
    account_of,
    minor_units,
    reference_of,
    required,
)

_FIELD: Final = re.compile(r":(\d{2}[A-Z]?|NS):")
_ENVELOPE: Final = re.compile(
    r"\{[1235]:[^{}]*(\{[^{}]*\}[^{}]*)*\}|\{4:|^-\}?$|-\}\s*$", re.MULTILINE
)
_AMOUNT: Final = re.compile(r"\d{1,14},\d{0,3}|\d{1,15}")  # 15d: a comma, which may be the last
_SUBFIELD: Final = re.compile(r"\?(\d{2})")
_PURPOSE: Final = frozenset({*range(20, 30), *range(60, 64)})
_NAMES: Final = frozenset({32, 33})
_KEYWORD: Final = re.compile(r"(?:EREF|KREF|MREF)\+([^?\s]{1,35})|/EREF/([^/]{1,35})/")
_IGNORED: Final = frozenset(
    {"13", "13D", "21", "34F", "64", "65", "90C", "90D", "NS"}  # nothing that is booked
)
# Without its options the package (5.1.1) takes an entry marked RC, which is a debit, for money in.
_OPTIONS: Final = Options.all()


class _Field(msgspec.Struct, frozen=True):
    line: int
    tag: str
    text: str


def read(data: bytes) -> list[FileStatement]:
    """The statements of a file. Raises Refused."""
    fields = list(_fields(_decoded(data)))
    starts = [number for number, field in enumerate(fields) if field.tag == "20"]
    if not starts or starts[0] != 0:
        raise Refused(fields[0].line if fields else 0, "a statement begins with :20:")
    ends = [*starts[1:], len(fields)]
    return [_statement(fields[start:end]) for start, end in zip(starts, ends, strict=True)]


def _decoded(data: bytes) -> str:
    """Text. SWIFT's own characters are ASCII; banks write UTF-8 or Windows' Latin beyond them."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fields(text: str) -> Iterator[_Field]:
    """The fields, each with the lines that continue it; without the envelope of a message."""
    line, tag, lines = 0, "", list[str]()
    for number, raw in enumerate(text.split("\n"), start=1):
        content = _ENVELOPE.sub("", raw).rstrip()
        begun = _FIELD.match(content)
        if begun:
            if tag:
                yield _Field(line, tag, "\n".join(lines))
            line, tag, lines = number, begun[1], [content[begun.end() :]]
        elif content.strip() in ("", "-"):
            continue
        elif not tag:
            raise Refused(number, "it is no MT940: a field begins with a tag such as :20:")
        else:
            lines.append(content)
    if tag:
        yield _Field(line, tag, "\n".join(lines))


def _statement(fields: Sequence[_Field]) -> FileStatement:
    first = fields[0]
    opening, closing = _only(fields, "60"), _only(fields, "62")
    before = required(_balance(opening), "opening", first.line)
    after = required(_balance(closing), "closing", first.line)
    currency = _currency(opening)
    if (other := _currency(closing)) != currency:
        raise Refused(after.line, f"the balances are in {currency} and {other}")
    account, number = _only(fields, "25"), _only(fields, "28")
    return FileStatement(
        format=Format.MT940,
        account=account_of(
            account.text if account else "", currency, account.line if account else first.line
        ),
        currency=currency,
        number="/".join(filter(None, (first.text.strip(), number.text.strip() if number else ""))),
        opening=before,
        closing=after,
        entries=tuple(_entries(fields, currency)),
    )


def _only(fields: Sequence[_Field], tag: str) -> _Field | None:
    """The field with this number, with any letter after it. Raises Refused if there are two."""
    found = [field for field in fields if field.tag[:2] == tag]
    if len(found) > 1:
        raise Refused(found[1].line, f"a second :{found[1].tag}: in one statement")
    return found[0] if found else None


def _entries(fields: Sequence[_Field], currency: str) -> Iterator[FileEntry]:
    """An entry for each :61:, with the :86: that follows it. The last :86: may be of no entry."""
    for number, field in enumerate(fields):
        if field.tag == "61":
            after = fields[number + 1] if number + 1 < len(fields) else None
            said = after.text if after and after.tag == "86" else ""
            yield _entry(field, said, currency)
        elif field.tag[:2] not in ("20", "25", "28", "60", "62", "86") and (
            field.tag not in _IGNORED
        ):
            raise Refused(field.line, f"the field :{field.tag}: is not one of an MT940")


def _balance(field: _Field | None) -> Balance | None:
    if field is None:
        return None
    read = _parsed(field, tags.FinalOpeningBalance())
    if not field.text.strip().endswith(str(read["amount"])):  # the package reads 1.00 as 1
        raise Refused(field.line, f":{field.tag}:{field.text[:60]} is not formed as SWIFT has it")
    return Balance(
        line=field.line,
        on=_date(read, field),
        amount=_signed(read, str(read["status"]).upper(), str(read["currency"]), field),
    )


def _currency(field: _Field | None) -> str:
    if field is None:
        return ""
    return str(_parsed(field, tags.FinalOpeningBalance())["currency"])


def _entry(field: _Field, said: str, currency: str) -> FileEntry:
    """An entry: `C` and `RD` (a debit that is reversed) are money in, `D` and `RC` money out."""
    read = _parsed(field, tags.Statement())
    if not read["id"]:  # the package does not require it: it would read 1.00NTRF as 1
        raise Refused(field.line, f":61:{field.text[:60]} is not formed as SWIFT has it")
    mark = str(read["status"]).upper()
    amount = _signed(read, mark, currency, field)
    value_on = _date(read, field)
    return FileEntry(
        line=field.line,
        booked_on=_booked_on(read, value_on, field),
        value_on=value_on,
        amount=amount,
        is_reversal=mark.startswith("R"),
        bank_reference=reference_of(read.get("bank_reference") or ""),
        parts=(_part(read, said, amount),),
    )


def _parsed(field: _Field, tag: tags.Tag) -> dict[str, Any]:
    """What the package finds in a field. Raises Refused if it is not formed as SWIFT has it."""
    try:
        return dict(tag.parse(models.Transactions(options=_OPTIONS), field.text))
    except RuntimeError as error:
        raise Refused(
            field.line, f":{field.tag}:{field.text[:60]} is not formed as SWIFT has it"
        ) from error


def _signed(read: dict[str, Any], mark: str, currency: str, field: _Field) -> int:
    text = str(read["amount"])
    if not _AMOUNT.fullmatch(text):
        raise Refused(field.line, f"{text or 'nothing'} is no amount: write 1500,00")
    try:
        number = Decimal(text.replace(",", ".").rstrip("."))
    except InvalidOperation as error:
        raise Refused(field.line, f"{text} is no amount") from error
    size = minor_units(number, currency, field.line)
    return size if mark in ("C", "RD") else -size


def _date(read: dict[str, Any], field: _Field) -> date:
    try:
        return date(2000 + int(read["year"]), int(read["month"]), int(read["day"]))
    except ValueError as error:
        raise Refused(field.line, f"{field.text[:10]} begins with no date") from error


def _booked_on(read: dict[str, Any], value_on: date, field: _Field) -> date:
    """The day of an entry, which is written without its year: that nearest to the value date."""
    month, day = str(read.get("entry_month") or ""), str(read.get("entry_day") or "")
    if not (month.strip() and day.strip()):
        return value_on
    days: list[date] = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            days.append(date(year, int(month), int(day)))
        except ValueError:  # 29 February is in one of them at most
            continue
    if not days:
        raise Refused(field.line, f"{month}{day} is no month and day")
    return min(days, key=lambda each: abs((each - value_on).days))


def _part(read: dict[str, Any], said: str, amount: int) -> Part:
    """What is said of an entry, in `?20` subfields, in /EREF/ ones, or in plain lines."""
    purpose, name = _subfields(said)
    unbroken = purpose.replace("\n", "")
    keywords = [one or other for one, other in _KEYWORD.findall(unbroken)]
    own = reference_of(read.get("customer_reference") or "")
    details = str(read.get("extra_details") or "")
    return Part(
        amount=amount,
        references=tuple(filter(None, (own, *map(reference_of, keywords)))),
        text=" ".join(" ".join((details, purpose)).split()),
        counterparty=" ".join(name.split()),
    )


def _subfields(said: str) -> tuple[str, str]:
    """The purpose and the name in a :86:; all of it is purpose if it has no `?20` subfields.

    A word may be cut where a subfield or a line ends; so the lines of subfields are put together.
    """
    if not _SUBFIELD.search(said):
        return said, ""
    _, *pieces = _SUBFIELD.split(said.replace("\n", ""))
    pairs = list(zip(pieces[::2], pieces[1::2], strict=True))
    purpose = "\n".join(text for code, text in pairs if int(code) in _PURPOSE)
    return purpose, "".join(text for code, text in pairs if int(code) in _NAMES)
