"""Refunds: `POST /v1/refunds` and `GET /v1/refunds` of a charge; ours have our reference."""

import re
from functools import partial
from typing import Final

import msgspec
from msgspec import structs

from app.edge.gateways.http import Answered, Attempt, Client, Denied, Form, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundInstruction,
    MoneyOutStatus,
    NewRefund,
    NoSuchCharge,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat
from app.edge.gateways.stripe import charges
from app.edge.gateways.stripe.amounts import from_wire, to_wire
from app.edge.gateways.stripe.charges import Balance, exchanged
from app.edge.gateways.stripe.wire import (
    REASON_LENGTH_MAX,
    Amount,
    Id,
    form,
    list_page,
    read,
    read_list,
    refused,
)

_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")

# `requires_action` waits for the guest to give an account. `succeeded` may still become `failed`.
_STATUSES: Final = {
    "succeeded": MoneyOutStatus.SUCCEEDED,
    "failed": MoneyOutStatus.FAILED,
    "canceled": MoneyOutStatus.FAILED,
}
_NEEDS_ACTION: Final = "requires_action"
_WITH_BALANCE: Final = {"expand[]": "data.balance_transaction"}


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    reference: Fact = None
    charge_reference: Fact = None


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a refund."""

    id: Id
    status: str | None  # null for old refunds
    amount: Amount
    currency: str
    created: int | None = None
    charge: Fact = None
    balance_transaction: Balance | str | None = None
    reason: Fact = None
    failure_reason: Fact = None
    metadata: _Metadata | None = None

    @property
    def verdict(self) -> MoneyOutStatus:
        return _STATUSES.get(self.status or "", MoneyOutStatus.PENDING)


async def start(client: Client, new: NewRefund) -> Accepted | Refused | ReferenceTaken | Unknown:
    """`POST /v1/refunds` for the attempt that paid; a second call makes no second refund."""
    wire = to_wire(new.money)
    if not wire or not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"{new.money} cannot be refunded at Stripe as {new.reference!r}")
    charge_id = new.charge_id or await charges.find_id(client, new.charge_reference)
    if isinstance(charge_id, Refused):
        return charge_id
    attempt = await client.call(
        "POST",
        "/v1/refunds",
        operation="refund",
        reference=new.reference,
        body=_request(new, charge_id, wire),
        idempotency_key=new.reference,
        repeat=Repeat.SAFE,
        send_before=new.send_before,
    )
    return _begun(new, attempt, wire)


async def find(
    client: Client, reference: str, *, charge_reference: str, charge_id: str | None, live: bool
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /v1/refunds?charge=…`: the refund of the charge that has our reference."""
    if not _REFERENCE.fullmatch(reference):
        return NoSuchInstruction()  # start() sends no such reference
    found = await find_all(client, charge_reference, charge_id=charge_id, live=live)
    if isinstance(found, Unknown):
        return found
    ours = [each for each in found if each.reference == reference]
    if len(ours) > 1:
        return Unknown(reason=f"there are several refunds {reference}")
    return ours[0] if ours else NoSuchInstruction()


async def find_all(
    client: Client, charge_reference: str, *, charge_id: str | None, live: bool
) -> list[FoundInstruction] | Unknown:
    """`GET /v1/refunds?charge=…`: all refunds of a charge."""
    if charge_id is None:
        charge = await charges.find_attempt(client, charge_reference)
        if isinstance(charge, NoSuchCharge):  # this may be another account than where it was made
            return Unknown(reason=f"Stripe does not know the charge {charge_reference}")
        if isinstance(charge, Unknown):
            return charge
        charge_id, live = charge.id, charge.livemode
    listed = await read_list(
        client,
        "/v1/refunds",
        operation="find_refund",
        reference=charge_reference,
        filters={"charge": charge_id, **_WITH_BALANCE},
    )
    if isinstance(listed, Unknown):
        return listed
    found = [refund for row in listed if (refund := _read_row(row, live=live))]
    if len(found) < len(listed):
        return Unknown(reason=f"a refund of {charge_reference} makes no sense")
    return [structs.replace(each, charge_reference=charge_reference) for each in found]


async def list_span(
    client: Client, span: Span, cursor: str | None, *, live: bool
) -> Page[FoundInstruction] | Unknown:
    """`GET /v1/refunds`. A refund does not say whether it is live: our key does."""
    read_row = partial(_read_row, live=live)
    return await list_page(client, "/v1/refunds", span, cursor, read_row, filters=_WITH_BALANCE)


def _read_row(row: Row, *, live: bool) -> FoundInstruction | None:
    refund = read(row, _Refund)
    found = _found(refund, live=live) if refund else None
    return found if isinstance(found, FoundInstruction) else None


def _request(new: NewRefund, charge_id: str, wire: int) -> Form:
    return form(
        {
            "charge": charge_id,
            "amount": wire,
            "metadata": {
                "reference": new.reference,
                "charge_reference": new.charge_reference,
                "reason": new.reason,  # Stripe's own `reason` knows three words
            },
        }
    )


def _begun(
    new: NewRefund, attempt: Attempt, wire: int
) -> Accepted | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            refund = read(body, _Refund)
            if refund is None or (refund.amount, refund.currency) != (
                wire,
                new.money.currency.lower(),
            ):
                return Unknown(reason="the reply to the refund makes no sense")
            return Accepted(gateway_id=refund.id, status=refund.verdict, data=_facts(refund))


def _found(refund: _Refund, *, live: bool) -> FoundInstruction | Unknown:
    """`live` is that of its charge, or of our key: a refund does not say it."""
    money = from_wire(refund.amount, refund.currency)
    if money is None:
        return Unknown(reason=f"{refund.amount} does not fit {refund.currency}: not an amount")
    ours = refund.metadata or _Metadata()
    return FoundInstruction(
        reference=str(ours.reference or ""),
        gateway_id=refund.id,
        status=refund.verdict,
        money=money,
        settled=exchanged(refund.balance_transaction, refund.currency),
        failure=_failure(refund),
        live=live,
        fee=0,
        at=instant(refund.created),
        charge_reference=str(ours.charge_reference or ""),
        charge_id=str(refund.charge or ""),
        data=_facts(refund),
    )


def _failure(refund: _Refund) -> str:
    if refund.status == _NEEDS_ACTION:
        return "Stripe waits for the guest to say where the money goes"
    if refund.verdict is MoneyOutStatus.FAILED:
        return str(refund.failure_reason or refund.status)[:REASON_LENGTH_MAX]
    return ""


def _facts(refund: _Refund) -> Facts:
    """Stripe's words and amounts, kept as evidence."""
    return {
        "status": refund.status,
        "amount": refund.amount,
        "currency": refund.currency,
        "charge": refund.charge,
        "failure_reason": refund.failure_reason,
    }
