"""Paystack's payouts to our bank account, which it calls settlements: `GET /settlement`."""

from typing import Final

import msgspec

from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.paystack.amounts import fee_from_wire, from_wire
from app.edge.gateways.paystack.wire import (
    LIVE,
    REASON_LENGTH_MAX,
    Amount,
    Domain,
    list_page,
    read,
)
from app.edge.gateways.port import Fact, FoundPayout, MoneyOutStatus, Unknown

# Every other word (`pending`, `processing`, and new ones) may still become either.
_STATUSES: Final = {"success": MoneyOutStatus.SUCCEEDED, "failed": MoneyOutStatus.FAILED}


class _Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a settlement. `effective_amount` is what the bank gets.

    `total_fees` are those of its charges, and are posted with these.
    """

    id: int | str
    domain: Domain
    status: str
    currency: str
    effective_amount: Amount
    deductions: Amount | None = None
    total_fees: Fact = None
    settlement_date: Fact = None
    settled_by: Fact = None
    created: Fact = msgspec.field(name="createdAt", default=None)


async def list_span(client: Client, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
    """`GET /settlement`."""
    return await list_page(client, "/settlement", span, cursor, _read_row)


def _read_row(row: Row) -> FoundPayout | None:
    settlement = read(row, _Settlement)
    if settlement is None:
        return None
    money = from_wire(settlement.effective_amount, settlement.currency)
    if money is None:
        return None
    status = _STATUSES.get(settlement.status, MoneyOutStatus.PENDING)
    return FoundPayout(
        gateway_id=str(settlement.id),
        reference=str(settlement.id),
        status=status,
        money=money,
        fee=fee_from_wire(settlement.deductions or 0, settlement.currency),
        arrives_at=instant(settlement.settlement_date),
        failure=settlement.status[:REASON_LENGTH_MAX] if status is MoneyOutStatus.FAILED else "",
        live=settlement.domain == LIVE,
        at=instant(settlement.created),
        data={
            "status": settlement.status,
            "effective_amount": settlement.effective_amount,
            "total_fees": settlement.total_fees,
            "deductions": settlement.deductions,
        },
    )
