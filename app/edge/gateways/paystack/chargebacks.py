"""Chargebacks: `GET /dispute`. Paystack takes the money once we, or a time-out, accept one."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.paystack import charges
from app.edge.gateways.paystack.amounts import from_wire
from app.edge.gateways.paystack.wire import (
    LIVE,
    REASON_LENGTH_MAX,
    Amount,
    Domain,
    list_page,
    read,
    read_list,
)
from app.edge.gateways.port import (
    ChargebackStatus,
    Fact,
    Facts,
    FoundCharge,
    FoundChargeback,
    NoSuchCharge,
    Unknown,
)
from app.foundation.money import Money

_RESOLVED: Final = "resolved"

# How a resolved dispute ended. From an unknown word nothing can be concluded.
_RESOLUTIONS: Final = {
    "declined": ChargebackStatus.WON,
    "merchant-accepted": ChargebackStatus.LOST,
    "auto-accepted": ChargebackStatus.LOST,  # nobody answered in time
}


class _Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """The charge that a dispute is about."""

    id: int | str
    reference: str
    amount: Amount
    currency: str
    requested_amount: Amount | None = None


class _Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a dispute. Without an amount of its own it is about the whole charge."""

    id: int | str
    domain: Domain
    status: str
    transaction: _Transaction
    refund_amount: Amount | None = None
    currency: str | None = None
    resolution: Fact = None
    category: Fact = None
    due_at: Fact = msgspec.field(name="dueAt", default=None)
    resolved_at: Fact = msgspec.field(name="resolvedAt", default=None)
    created: Fact = msgspec.field(name="createdAt", default=None)

    @property
    def verdict(self) -> ChargebackStatus:
        if self.status != _RESOLVED:
            return ChargebackStatus.OPEN
        return _RESOLUTIONS.get(str(self.resolution), ChargebackStatus.OPEN)


async def find(client: Client, charge_reference: str) -> list[FoundChargeback] | Unknown:
    """All chargebacks of a charge. The charge is looked up first, for its id."""
    charge = await charges.find(client, charge_reference)
    match charge:
        case Unknown():
            return charge
        case NoSuchCharge():
            return []
        case FoundCharge():
            return await find_of(client, charge)


async def find_of(client: Client, charge: FoundCharge) -> list[FoundChargeback] | Unknown:
    """`GET /dispute?transaction={id}`, page by page."""
    listed = await read_list(
        client,
        "/dispute",
        operation="find_chargebacks",
        reference=charge.reference,
        filters={"transaction": charge.gateway_id},
    )
    return listed if isinstance(listed, Unknown) else _all(charge.reference, listed)


async def list_span(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundChargeback] | Unknown:
    """`GET /dispute`."""
    return await list_page(client, "/dispute", span, cursor, _read_row)


def _all(charge_reference: str, listed: list[Row]) -> list[FoundChargeback] | Unknown:
    """Read listed rows; a row may be on two pages if the list grows meanwhile."""
    rows = {str(each.get("id")): each for each in listed}
    found = [chargeback for each in rows.values() if (chargeback := _read_row(each))]
    if len(found) < len(rows) or any(each.charge_reference != charge_reference for each in found):
        return Unknown(reason=f"a chargeback of {charge_reference} makes no sense")
    return found


def _read_row(row: Row) -> FoundChargeback | None:
    dispute = read(row, _Dispute)
    money = _money(dispute) if dispute else None
    if dispute is None or money is None:
        return None
    return FoundChargeback(
        gateway_id=str(dispute.id),
        charge_reference=dispute.transaction.reference,
        status=dispute.verdict,
        money=money,
        is_taken=dispute.verdict is ChargebackStatus.LOST,
        fee=None,
        reason=str(dispute.category or "")[:REASON_LENGTH_MAX],
        evidence_due_at=_due_at(dispute),
        live=dispute.domain == LIVE,
        at=instant(dispute.created),
        data=_facts(dispute),
    )


def _money(dispute: _Dispute) -> Money | None:
    """What the bank wants, at most what the guest was asked for: see `charges`.

    When we decline a dispute we may set its refund amount to 0: that is what the bank got, not what
    it wanted.
    """
    charge = dispute.transaction
    if dispute.currency not in (None, charge.currency):
        return None
    is_lost = dispute.verdict is ChargebackStatus.LOST
    wanted = dispute.refund_amount if is_lost else dispute.refund_amount or None
    amounts = [wanted, charge.requested_amount, charge.amount]
    return from_wire(min(each for each in amounts if each is not None), charge.currency)


def _due_at(dispute: _Dispute) -> datetime | None:
    """Until when evidence is accepted; None if the dispute has no readable time."""
    try:
        due_at = datetime.fromisoformat(str(dispute.due_at))
    except ValueError:
        return None
    return due_at if due_at.tzinfo else due_at.replace(tzinfo=UTC)


def _facts(dispute: _Dispute) -> Facts:
    """Paystack's words and amounts, kept as evidence."""
    return {
        "status": dispute.status,
        "resolution": dispute.resolution,
        "domain": dispute.domain,
        "refund_amount": dispute.refund_amount,
        "currency": dispute.currency,
        "category": dispute.category,
        "transaction": dispute.transaction.id,
        "resolved_at": dispute.resolved_at,
    }
