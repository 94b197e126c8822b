"""Refunds: `POST /v3/transactions/{id}/refund`, and `GET /v3/refunds`.

A refund at Flutterwave has no reference, nothing keeps it from being made twice, and the list of
refunds cannot be filtered by charge. So we put our references of the refund and of its charge into
its `comments`, and find a refund by them among all since the charge.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from app.edge.gateways.flutterwave import charges
from app.edge.gateways.flutterwave.amounts import from_wire, to_wire
from app.edge.gateways.flutterwave.charges import Transaction
from app.edge.gateways.flutterwave.wire import (
    REASON_LENGTH_MAX,
    Refusal,
    conclude,
    read,
    read_list,
    read_rows,
    refused,
)
from app.edge.gateways.http import Attempt, Client
from app.edge.gateways.lists import Page, Row, Span, instant, page_of
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundInstruction,
    MoneyOutStatus,
    NewRefund,
    NoSuchCharge,
    NoSuchInstruction,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat

_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{16,100}")
_COMMENTS = re.compile(
    r"(?P<reference>[A-Za-z0-9._=-]{16,100}) of (?P<charge>[A-Za-z0-9._=-]+):.*", re.DOTALL
)

# Longer words (`completed-bank-transfer`, `pending-momo`) are not documented, but were reported.
# Every other word (`new`, `processing`, and new ones) may still become either.
_COMPLETED: Final = "completed"
_FAILED: Final = "failed"


class _NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    amount: Decimal
    comments: str


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a new refund. Its status is not reliable: it is `completed` at once."""

    id: int | str
    tx_id: int | str
    amount_refunded: Decimal
    status: Fact = None


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a refund in a list."""

    id: int | str
    tx_id: int | str
    amount_refunded: Decimal
    status: str
    comments: str | None = None
    destination: Fact = None
    created_at: Fact = None

    @property
    def verdict(self) -> MoneyOutStatus:
        if self.status.startswith(_COMPLETED):
            return MoneyOutStatus.SUCCEEDED
        return MoneyOutStatus.FAILED if self.status.startswith(_FAILED) else MoneyOutStatus.PENDING


async def start(client: Client, new: NewRefund) -> Accepted | Refused | Unknown:
    """`POST` a refund of the attempt that paid. Every call that arrives makes a refund."""
    wire = to_wire(new.money)
    if not wire or not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"{new.money} cannot be refunded as {new.reference!r}")
    charge = await charges.find_attempt(client, new.charge_reference, new.charge_id)
    match charge:
        case Unknown(reason=reason):  # the refund was not asked for: that is conclusive
            return Refused(reason=f"the charge could not be looked up: {reason}")
        case NoSuchCharge():
            return Refused(reason=f"there is no charge {new.charge_reference!r} at Flutterwave")
        case Transaction(currency=currency) if currency != new.money.currency:
            return Refused(reason=f"the charge is in {currency}")
        case Transaction():
            pass
    attempt = await client.call(
        "POST",
        f"/v3/transactions/{charge.id}/refund",
        operation="refund",
        reference=new.reference,
        repeat=Repeat.NEVER,
        body=_NewRefund(
            amount=wire, comments=f"{new.reference} of {new.charge_reference}: {new.reason}"
        ),
        send_before=new.send_before,
    )
    return _begun(charge, wire, attempt)


async def find(
    client: Client, reference: str, *, charge_reference: str, charge_id: str | None, live: bool
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """The refund that has our reference, among all since its charge."""
    if not _REFERENCE.fullmatch(reference):
        return NoSuchInstruction()  # start() sends no such reference
    charge = await _charge(client, charge_reference, charge_id)
    if isinstance(charge, Unknown):
        return charge
    listed = await read_list(
        client,
        "/v3/refunds",
        operation="refunds",
        reference=reference,
        is_enough=lambda row: reference_in(row.get("comments")) == reference,
        filters=_since(charge),
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, charge, listed, live=live)


async def find_all(
    client: Client, charge_reference: str, *, charge_id: str | None, live: bool
) -> list[FoundInstruction] | Unknown:
    """All refunds of a charge, among all since it."""
    charge = await _charge(client, charge_reference, charge_id)
    if isinstance(charge, Unknown):
        return charge
    listed = await read_list(
        client,
        "/v3/refunds",
        operation="refunds",
        reference=charge_reference,
        filters=_since(charge),
    )
    if isinstance(listed, Unknown):
        return listed
    rows = [row for row in listed if str(row.get("tx_id")) == str(charge.id)]
    found = [refund for row in rows if (refund := _read_row(row, charge, live=live))]
    if len(found) < len(rows):
        return Unknown(reason=f"a refund of {charge_reference} makes no sense")
    return found


async def _charge(
    client: Client, charge_reference: str, charge_id: str | None
) -> Transaction | Unknown:
    charge = await charges.find_attempt(client, charge_reference, charge_id)
    if isinstance(charge, NoSuchCharge):  # this may be another account than where it was made
        return Unknown(reason=f"Flutterwave does not know the charge {charge_reference}")
    return charge


async def list_span(
    client: Client, span: Span, cursor: str | None, *, live: bool
) -> Page[FoundInstruction] | Unknown:
    """`GET /v3/refunds`. Each refund's charge is looked up for its currency."""
    page = await read_rows(client, "/v3/refunds", span, cursor)
    if isinstance(page, Unknown):
        return page
    charges_by_id: dict[str, Transaction] = {}
    for charge_id in {str(row.get("tx_id")) for row in page.rows}:
        charge = await _charge(client, charge_id, charge_id)
        if isinstance(charge, Unknown):
            return charge
        charges_by_id[charge_id] = charge
    return page_of(
        page.rows,
        lambda row: _read_row(row, charges_by_id[str(row.get("tx_id"))], live=live),
        page.next_cursor,
    )


def _read_row(row: Row, charge: Transaction, *, live: bool) -> FoundInstruction | None:
    refund, reference = read(row, _Refund), reference_in(row.get("comments"))
    found = _found(reference or "", charge, refund, live=live) if refund else None
    return found if isinstance(found, FoundInstruction) else None


def reference_in(comments: object) -> str | None:
    """Our reference of a refund; None if the refund is not ours."""
    ours = _COMMENTS.fullmatch(comments) if isinstance(comments, str) else None
    return ours["reference"] if ours else None


def charge_in(comments: object) -> str | None:
    """Our reference of the charge that is refunded; None if the refund is not ours."""
    ours = _COMMENTS.fullmatch(comments) if isinstance(comments, str) else None
    return ours["charge"] if ours else None


def _since(charge: Transaction) -> dict[str, str]:
    """A filter for the days since a charge, and one before: the zone of those days is unknown."""
    try:
        day = date.fromisoformat(charge.created_at[:10])
    except ValueError:
        return {}
    return {"from": (day - timedelta(days=1)).isoformat()}


def _begun(charge: Transaction, wire: Decimal, attempt: Attempt) -> Accepted | Refused | Unknown:
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return refused(refusal)
        case reply:
            begun = read(reply.get("data"), _Begun)
            if begun is None or (str(begun.tx_id), begun.amount_refunded) != (str(charge.id), wire):
                return Unknown(reason="the reply to the refund makes no sense")
            return Accepted(
                gateway_id=str(begun.id),
                status=MoneyOutStatus.PENDING,
                data={"status": begun.status, "amount": str(begun.amount_refunded)},
            )


def _pick(
    reference: str, charge: Transaction, listed: Sequence[Row], *, live: bool
) -> FoundInstruction | NoSuchInstruction | Unknown:
    of_charge = [row for row in listed if str(row.get("tx_id")) == str(charge.id)]
    ours = [row for row in of_charge if reference_in(row.get("comments")) == reference]
    refunds = [refund for row in ours if (refund := read(row, _Refund))]
    if len(refunds) < len(ours) or len(refunds) > 1:
        return Unknown(reason=f"what has the reference {reference} makes no sense")
    if refunds:
        return _found(reference, charge, refunds[0], live=live)
    if any("comments" not in row for row in of_charge):
        return Unknown(reason=f"Flutterwave does not say whether a refund of it is {reference}")
    return NoSuchInstruction()


def _found(
    reference: str, charge: Transaction, refund: _Refund, *, live: bool
) -> FoundInstruction | Unknown:
    """A found refund, in the currency of its charge: a refund has none of its own."""
    money = from_wire(refund.amount_refunded, charge.currency)
    if money is None:
        return Unknown(reason=f"{refund.amount_refunded} {charge.currency} is not an amount")
    return FoundInstruction(
        reference=reference,
        gateway_id=str(refund.id),
        status=refund.verdict,
        money=money,
        failure=_failure(refund),
        live=live,
        fee=0,
        at=instant(refund.created_at),
        charge_reference=charge.tx_ref,
        charge_id=str(charge.id),
        data=_facts(refund),
    )


def _failure(refund: _Refund) -> str:
    return refund.status[:REASON_LENGTH_MAX] if refund.verdict is MoneyOutStatus.FAILED else ""


def _facts(refund: _Refund) -> Facts:
    """Flutterwave's words and amounts, kept as evidence."""
    return {
        "status": refund.status,
        "amount": str(refund.amount_refunded),
        "tx_id": str(refund.tx_id),
        "destination": refund.destination,
        "created_at": refund.created_at,
    }
