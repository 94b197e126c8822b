"""Transfers to connected accounts: `POST /v1/transfers`, and `GET /v1/transfers` of a group."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from app.edge.gateways import conclusions
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Form, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundInstruction,
    MoneyOutStatus,
    NewTransfer,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat
from app.edge.gateways.stripe import charges
from app.edge.gateways.stripe.amounts import from_wire, to_wire
from app.edge.gateways.stripe.wire import (
    Amount,
    Id,
    form,
    list_page,
    look_up_refused,
    read,
    read_list,
    read_one,
    refused,
)

_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")
_ID = re.compile(r"tr_[A-Za-z0-9_]{1,100}")


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    reference: Fact = None


class _Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a transfer. It has no status: it is there once it was made."""

    id: Id
    amount: Amount
    amount_reversed: Amount
    currency: str
    destination: Fact
    livemode: bool
    created: int | None = None
    transfer_group: Fact = None
    source_transaction: Fact = None
    metadata: _Metadata | None = None

    @property
    def verdict(self) -> MoneyOutStatus:
        if self.amount_reversed >= self.amount:
            return MoneyOutStatus.REVERSED
        return MoneyOutStatus.SUCCEEDED


async def start(client: Client, new: NewTransfer) -> Accepted | Refused | ReferenceTaken | Unknown:
    """`POST /v1/transfers`, from the charge; a second call makes no second transfer.

    With a `source_transaction` a transfer needs no balance: it waits for the charge's money, which
    takes days to become available. All transfers of one charge are at most the charge. What our
    balance pays has none, and is found by its `transfer_group` all the same.
    """
    wire = to_wire(new.money)
    if not wire or not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"{new.money} cannot be transferred by Stripe as {new.reference!r}")
    charge_id = None if new.from_balance else await _charge_id(client, new)
    if isinstance(charge_id, Refused):
        return charge_id
    attempt = await client.call(
        "POST",
        "/v1/transfers",
        operation="transfer",
        reference=new.reference,
        body=_request(new, charge_id, wire),
        idempotency_key=new.reference,
        repeat=Repeat.SAFE,
        send_before=new.send_before,
    )
    return _begun(new, attempt, wire)


async def _charge_id(client: Client, new: NewTransfer) -> str | Refused:
    return new.charge_id or await charges.find_id(client, new.charge_reference)


async def find(
    client: Client, reference: str, *, charge_reference: str
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /v1/transfers?transfer_group=…`: the transfer of the charge with our reference."""
    if not (_REFERENCE.fullmatch(reference) and charges.is_reference(charge_reference)):
        return NoSuchInstruction()  # start() sends no such reference
    listed = await read_list(
        client,
        "/v1/transfers",
        operation="find_transfer",
        reference=reference,
        filters={"transfer_group": charge_reference},
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, listed)


async def find_by_id(
    client: Client, transfer_id: str
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /v1/transfers/{id}`."""
    if not _ID.fullmatch(transfer_id):
        return NoSuchInstruction()
    row = await read_one(
        client,
        f"/v1/transfers/{transfer_id}",
        operation="find_transfer",
        reference=transfer_id,
    )
    match row:
        case Unknown():
            return row
        case Denied(status=HTTPStatus.NOT_FOUND):
            return NoSuchInstruction()
        case Denied():
            return look_up_refused(row)
        case _:
            return _read_row(row) or Unknown(reason=f"the transfer {transfer_id} makes no sense")


async def list_span(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundInstruction] | Unknown:
    """`GET /v1/transfers`."""
    return await list_page(client, "/v1/transfers", span, cursor, _read_row)


def _read_row(row: Row) -> FoundInstruction | None:
    transfer = read(row, _Transfer)
    found = _found(str(_reference_of(row) or ""), transfer) if transfer else None
    return found if isinstance(found, FoundInstruction) else None


def _request(new: NewTransfer, charge_id: str | None, wire: int) -> Form:
    return form(
        {
            "amount": wire,
            "currency": new.money.currency.lower(),
            "destination": new.recipient,
            **({"source_transaction": charge_id} if charge_id else {}),
            "transfer_group": new.charge_reference,
            "description": new.reason,
            "metadata": {"reference": new.reference},
        }
    )


def _begun(
    new: NewTransfer, attempt: Attempt, wire: int
) -> Accepted | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt, is_keyed=True)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            transfer = read(body, _Transfer)
            if transfer is None or (transfer.amount, transfer.currency, transfer.destination) != (
                wire,
                new.money.currency.lower(),
                new.recipient,
            ):
                return Unknown(reason="the reply to the transfer makes no sense")
            return Accepted(gateway_id=transfer.id, status=transfer.verdict, data=_facts(transfer))


def _pick(
    reference: str, listed: Sequence[dict[str, Any]]
) -> FoundInstruction | NoSuchInstruction | Unknown:
    ours = [each for each in listed if _reference_of(each) == reference]
    transfers = [transfer for each in ours if (transfer := read(each, _Transfer))]
    if len(transfers) < len(ours) or len(transfers) > 1:
        return Unknown(reason=f"what has the reference {reference} makes no sense")
    return _found(reference, transfers[0]) if transfers else NoSuchInstruction()


def _reference_of(listed: dict[str, Any]) -> Fact:
    metadata = read(listed.get("metadata"), _Metadata)
    return metadata.reference if metadata else None


def _found(reference: str, transfer: _Transfer) -> FoundInstruction | Unknown:
    """A found transfer: parts of it may have been reversed."""
    money = from_wire(transfer.amount, transfer.currency)
    returned = from_wire(transfer.amount_reversed, transfer.currency)
    if money is None or returned is None:
        return Unknown(reason=f"{transfer.amount} does not fit {transfer.currency}: not an amount")
    is_back = transfer.verdict is MoneyOutStatus.REVERSED
    return FoundInstruction(
        reference=reference,
        gateway_id=transfer.id,
        status=transfer.verdict,
        money=money,
        returned=returned.amount,
        failure="reversed at Stripe" if is_back else "",
        live=transfer.livemode,
        fee=0,
        at=instant(transfer.created),
        charge_reference=str(transfer.transfer_group or ""),
        charge_id=str(transfer.source_transaction or ""),
        recipient=str(transfer.destination or ""),
        data=_facts(transfer),
    )


def _facts(transfer: _Transfer) -> Facts:
    """Stripe's words and amounts, kept as evidence."""
    return {
        "amount": transfer.amount,
        "amount_reversed": transfer.amount_reversed,
        "currency": transfer.currency,
        "destination": transfer.destination,
        "source_transaction": transfer.source_transaction,
    }
