"""Transfers to connected accounts: `POST /v1/transfers`, and `GET /v1/transfers` of a group."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from app.edge.gateways.days import Row, listing
from app.edge.gateways.http import Answered, Attempt, Denied, Form, Line, Unclear
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundInstruction,
    Listing,
    MoneyOutStatus,
    NewTransfer,
    NoSuchCharge,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat
from app.edge.gateways.stripe import charges
from app.edge.gateways.stripe.amounts import from_wire, to_wire
from app.edge.gateways.stripe.charges import Charge
from app.edge.gateways.stripe.wire import Amount, Id, form, read, read_day, read_list, refused

_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")


class _Marks(msgspec.Struct, frozen=True, kw_only=True):
    reference: Fact = None


class _Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a transfer. It has no status: it was made, or there is none."""

    id: Id
    amount: Amount
    amount_reversed: Amount
    currency: str
    destination: Fact
    livemode: bool
    source_transaction: Fact = None
    metadata: _Marks | None = None

    @property
    def verdict(self) -> MoneyOutStatus:
        if self.amount_reversed >= self.amount:
            return MoneyOutStatus.REVERSED
        return MoneyOutStatus.SUCCEEDED


async def start(line: Line, new: NewTransfer) -> Accepted | Refused | ReferenceTaken | Unknown:
    """`POST /v1/transfers`, from the charge; the same once more is the same transfer.

    With its `source_transaction` a transfer needs no balance: it waits for the charge's money,
    which takes days to become available.
    """
    wire = to_wire(new.money)
    if not wire or not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"{new.money} cannot be transferred by Stripe as {new.reference!r}")
    charge = await charges.find_attempt(line, new.charge_reference)
    match charge:
        case Unknown(reason=reason):  # conclusive of the transfer: it was not asked for
            return Refused(reason=f"the charge could not be looked up: {reason}")
        case NoSuchCharge():
            return Refused(reason=f"there is no charge {new.charge_reference!r} at Stripe")
        case Charge():
            pass
    attempt = await line.call(
        "POST",
        "/v1/transfers",
        operation="transfer",
        reference=new.reference,
        body=_request(new, charge, wire),
        idempotency_key=new.reference,
        repeat=Repeat.SAFE,
        send_before=new.send_before,
    )
    return _begun(new, attempt, wire)


async def find(
    line: Line, reference: str, *, charge_reference: str
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /v1/transfers?transfer_group=…`: of the charge's the one that bears our reference."""
    if not (_REFERENCE.fullmatch(reference) and charges.is_reference(charge_reference)):
        return NoSuchInstruction()  # start() sends no such reference
    listed = await read_list(
        line,
        "/v1/transfers",
        operation="find_transfer",
        reference=reference,
        filters={"transfer_group": charge_reference},
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, listed)


async def list_day(line: Line, day: date) -> Listing[FoundInstruction] | Unknown:
    """`GET /v1/transfers`."""
    rows = await read_day(line, "/v1/transfers", day)
    return rows if isinstance(rows, Unknown) else listing(rows, _read_row)


def _read_row(row: Row) -> FoundInstruction | None:
    transfer = read(row, _Transfer)
    found = _found(str(_reference_of(row) or ""), transfer) if transfer else None
    return found if isinstance(found, FoundInstruction) else None


def _request(new: NewTransfer, charge: Charge, wire: int) -> Form:
    return form(
        {
            "amount": wire,
            "currency": new.money.currency.lower(),
            "destination": new.recipient,
            "source_transaction": charge.id,
            "transfer_group": new.charge_reference,
            "description": new.reason,
            "metadata": {"reference": new.reference},
        }
    )


def _begun(
    new: NewTransfer, attempt: Attempt, wire: int
) -> Accepted | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Unclear(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            made = read(body, _Transfer)
            if made is None or (made.amount, made.currency, made.destination) != (
                wire,
                new.money.currency.lower(),
                new.recipient,
            ):
                return Unknown(reason="the answer to the transfer makes no sense")
            return Accepted(gateway_id=made.id, status=made.verdict, data=_facts(made))


def _pick(
    reference: str, listed: Sequence[dict[str, Any]]
) -> FoundInstruction | NoSuchInstruction | Unknown:
    marked = [each for each in listed if _reference_of(each) == reference]
    transfers = [transfer for each in marked if (transfer := read(each, _Transfer))]
    if len(transfers) < len(marked) or len(transfers) > 1:
        return Unknown(reason=f"what bears the reference {reference} makes no sense")
    return _found(reference, transfers[0]) if transfers else NoSuchInstruction()


def _reference_of(listed: dict[str, Any]) -> Fact:
    marks = read(listed.get("metadata"), _Marks)
    return marks.reference if marks else None


def _found(reference: str, transfer: _Transfer) -> FoundInstruction | Unknown:
    """One that was taken back in part pays out less than was instructed, for the caller to see."""
    is_back = transfer.verdict is MoneyOutStatus.REVERSED
    paid_out = transfer.amount - (0 if is_back else transfer.amount_reversed)
    money = from_wire(paid_out, transfer.currency)
    if money is None:
        return Unknown(reason=f"{paid_out} does not fit {transfer.currency}: not an amount")
    return FoundInstruction(
        reference=reference,
        gateway_id=transfer.id,
        status=transfer.verdict,
        money=money,
        failure="reversed at Stripe" if is_back else "",
        live=transfer.livemode,
        fee=None,
        data=_facts(transfer),
    )


def _facts(transfer: _Transfer) -> Facts:
    """Stripe's words and wire amounts, as evidence."""
    return {
        "amount": transfer.amount,
        "amount_reversed": transfer.amount_reversed,
        "currency": transfer.currency,
        "destination": transfer.destination,
        "source_transaction": transfer.source_transaction,
    }
