"""Refunds: `POST /refund` and `GET /refund`.

A refund at Paystack has no reference, and nothing keeps it from being made twice. So we put our
reference into its `merchant_note`, and find a refund by that note among those of its charge.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from app.edge.gateways.http import Answered, Client, Denied, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.paystack import chargebacks, charges
from app.edge.gateways.paystack.amounts import from_wire, to_wire
from app.edge.gateways.paystack.wire import (
    LIVE,
    REASON_LENGTH_MAX,
    Amount,
    Domain,
    list_page,
    read,
    read_data,
    read_list,
    refused,
)
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundCharge,
    FoundInstruction,
    MoneyOutStatus,
    NewRefund,
    NoSuchCharge,
    NoSuchInstruction,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat

# One word, so that it can be found in a note, and too long to be there by chance.
_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{16,100}")

# `needs-attention` is not final: the payer's bank did not take the money, and Paystack waits for
# another account. Every other word (`pending`, `processing`, and new ones) is not final either.
_STATUSES: Final = {"processed": MoneyOutStatus.SUCCEEDED, "failed": MoneyOutStatus.FAILED}
_NEEDS_ATTENTION: Final = frozenset({"needs-attention", "needs_attention"})


class _NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    transaction: str
    amount: int
    currency: str
    merchant_note: str
    customer_note: str


class _Of(msgspec.Struct, frozen=True, kw_only=True):
    """The charge of a refund, where a list has more than its id."""

    id: int | str | None = None
    reference: str = ""


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a refund."""

    id: int | str
    domain: Domain
    status: str
    amount: Amount
    currency: str
    reason: Fact = None
    deducted_amount: Fact = None
    bank_reference: Fact = None
    refunded_at: Fact = None
    transaction: _Of | int | str | None = None
    transaction_reference: str | None = None
    created_at: Fact = None
    created: Fact = msgspec.field(name="createdAt", default=None)


async def start(client: Client, new: NewRefund) -> Accepted | Refused | Unknown:
    """`POST /refund`. Every call that arrives makes a refund: see the port."""
    request = _request(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/refund",
        operation="refund",
        reference=new.reference,
        repeat=Repeat.NEVER,
        body=request,
        send_before=new.send_before,
    )
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            return _begun(new, request, read_data(body, _Refund))


async def find(
    client: Client, reference: str, *, charge_reference: str
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """The refund of a charge that has our reference in its note."""
    if not _REFERENCE.fullmatch(reference):
        return NoSuchInstruction()  # start() sends no such reference
    listed = await _of_charge(client, charge_reference, reference)
    return listed if isinstance(listed, Unknown) else _pick(reference, charge_reference, listed)


async def find_all(client: Client, charge_reference: str) -> list[FoundInstruction] | Unknown:
    """All refunds of a charge."""
    listed = await _of_charge(client, charge_reference, charge_reference)
    if isinstance(listed, Unknown):
        return listed
    rows = {str(row.get("id")): row for row in listed}  # the list may grow between its pages
    found = [refund for row in rows.values() if (refund := _read_row(row))]
    if len(found) < len(rows):
        return Unknown(reason=f"a refund of {charge_reference} makes no sense")
    return [msgspec.structs.replace(each, charge_reference=charge_reference) for each in found]


async def list_span(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundInstruction] | Unknown:
    """`GET /refund`."""
    return await list_page(client, "/refund", span, cursor, _read_row)


async def _of_charge(client: Client, charge_reference: str, about: str) -> list[Row] | Unknown:
    """`GET /refund?transaction={id}`, page by page. The charge is looked up first, for its id."""
    charge = await charges.find(client, charge_reference)
    match charge:
        case Unknown():
            return charge
        case NoSuchCharge():  # this may be another account than where it was made
            return Unknown(reason=f"Paystack does not know the charge {charge_reference}")
        case FoundCharge():
            pass
    listed = await read_list(
        client,
        "/refund",
        operation="refunds",
        reference=about,
        filters={"transaction": charge.gateway_id},
    )
    if not listed and charge.data["status"] == charges.REVERSED:
        return await _none_listed(client, charge)
    return listed


async def _none_listed(client: Client, charge: FoundCharge) -> list[Row] | Unknown:
    """The charge was given back in full, but not by refunds: look whether the bank has taken it."""
    found = await chargebacks.find_of(client, charge)
    if isinstance(found, Unknown):
        return found
    if sum(each.money.amount for each in found if each.is_taken) >= charge.money.amount:
        return []
    return Unknown(reason="the charge is refunded, but the list of its refunds is empty")


def _request(new: NewRefund) -> _NewRefund | Refused:
    if not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"reference {new.reference!r}: one word of 16 to 100 letters, digits")
    if not charges.is_reference(new.charge_reference):
        return Refused(reason=f"there is no charge {new.charge_reference!r} at Paystack")
    wire = to_wire(new.money)
    if not wire:
        return Refused(reason=f"{new.money} cannot be refunded at Paystack")
    return _NewRefund(
        transaction=new.charge_reference,
        amount=wire,
        currency=new.money.currency,
        merchant_note=new.reference,
        customer_note=new.reason,
    )


def _begun(new: NewRefund, request: _NewRefund, reply: _Refund | None) -> Accepted | Unknown:
    if reply is None or (_charge_reference(reply), reply.amount, reply.currency) != (
        new.charge_reference,
        request.amount,
        request.currency,
    ):
        return Unknown(reason="the reply to the refund makes no sense")
    return Accepted(gateway_id=str(reply.id), status=_status(reply), data=_facts(reply))


def _pick(
    reference: str, charge_reference: str, listed: list[Row]
) -> FoundInstruction | NoSuchInstruction | Unknown:
    refunds = [read(each, _Refund) for each in _noted(reference, listed)]
    ours = [refund for refund in refunds if refund]
    if len(ours) < len(refunds):
        return Unknown(reason=f"a refund noted {reference} makes no sense")
    return _found(reference, charge_reference, ours) if ours else NoSuchInstruction()


def _noted(reference: str, listed: Iterable[Row]) -> Iterable[Row]:
    """Refunds with our reference, each once: the list may grow while its pages are read."""
    ours = [each for each in listed if reference in str(each.get("merchant_note")).split()]
    return {each.get("id"): each for each in ours}.values()


def _found(
    reference: str, charge_reference: str, ours: Sequence[_Refund]
) -> FoundInstruction | Unknown:
    """All that is paid out under our reference.

    No two refunds should have it. If they do, all that have not failed are added up: the amount
    then differs from what was instructed, and the caller sees that.
    """
    counted = [each for each in ours if _status(each) is not MoneyOutStatus.FAILED] or ours[:1]
    open_first = sorted(counted, key=lambda each: _status(each) is MoneyOutStatus.SUCCEEDED)
    refund = open_first[0]
    money = from_wire(sum(each.amount for each in counted), refund.currency)
    if money is None or len({each.currency for each in counted}) > 1:
        return Unknown(reason=f"the amount refunded under {reference} makes no sense")
    return FoundInstruction(
        reference=reference,
        gateway_id=str(refund.id),
        status=_status(refund),
        money=money,
        failure=_failure(refund),
        live=refund.domain == LIVE,
        fee=0,
        at=instant(refund.created or refund.created_at),
        charge_reference=charge_reference,
        charge_id=_charge_id(refund),
        data=_facts(refund),
    )


def _read_row(row: Row) -> FoundInstruction | None:
    """A refund of a list. The note of one of ours is one word: its reference."""
    refund, note = read(row, _Refund), str(row.get("merchant_note"))
    reference = note if _REFERENCE.fullmatch(note) else ""
    found = _found(reference, _charge_reference(refund), [refund]) if refund else None
    return found if isinstance(found, FoundInstruction) else None


def _charge_reference(refund: _Refund) -> str:
    charge = refund.transaction
    return charge.reference if isinstance(charge, _Of) else refund.transaction_reference or ""


def _charge_id(refund: _Refund) -> str:
    charge = refund.transaction
    return str(charge.id if isinstance(charge, _Of) else charge or "")


def _status(refund: _Refund) -> MoneyOutStatus:
    return _STATUSES.get(refund.status, MoneyOutStatus.PENDING)


def _failure(refund: _Refund) -> str:
    if refund.status in _NEEDS_ATTENTION:
        return "Paystack needs another account of the payer: retry the refund on its dashboard"
    if _status(refund) is MoneyOutStatus.FAILED:
        return str(refund.reason or refund.status)[:REASON_LENGTH_MAX]
    return ""


def _facts(refund: _Refund) -> Facts:
    """Paystack's words and amounts, kept as evidence."""
    return {
        "status": refund.status,
        "domain": refund.domain,
        "amount": refund.amount,
        "deducted_amount": refund.deducted_amount,
        "reason": refund.reason,
        "bank_reference": refund.bank_reference,
        "refunded_at": refund.refunded_at,
    }
