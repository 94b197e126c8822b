"""Flutterwave's payouts to our bank account, which it calls settlements: `GET /v3/settlements`."""

from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from app.edge.gateways.flutterwave.amounts import from_wire
from app.edge.gateways.flutterwave.wire import REASON_LENGTH_MAX, list_page, read, text
from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.port import Fact, FoundPayout, MoneyOutStatus, Unknown

# Every other word (`pending`, `processing`, and new ones) may still become either.
_STATUSES: Final = {
    "completed": MoneyOutStatus.SUCCEEDED,
    "failed": MoneyOutStatus.FAILED,
}


class _Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a settlement. `net_amount` is what the bank gets.

    Its fees and refunds are those of its charges, and are posted with these.
    """

    id: int | str
    status: str
    currency: str
    net_amount: Decimal
    gross_amount: Decimal | None = None
    app_fee: Decimal | None = None
    disburse_ref: Fact = None
    due_date: Fact = None
    processed_date: Fact = None
    created_at: Fact = None


async def list_span(
    client: Client, span: Span, cursor: str | None, *, live: bool
) -> Page[FoundPayout] | Unknown:
    """`GET /v3/settlements`."""
    return await list_page(client, "/v3/settlements", span, cursor, partial(_read_row, live=live))


def _read_row(row: Row, *, live: bool) -> FoundPayout | None:
    settlement = read(row, _Settlement)
    if settlement is None:
        return None
    money = from_wire(settlement.net_amount, settlement.currency)
    if money is None:
        return None
    status = _STATUSES.get(settlement.status.lower(), MoneyOutStatus.PENDING)
    return FoundPayout(
        gateway_id=str(settlement.id),
        reference=str(settlement.disburse_ref or settlement.id),
        status=status,
        money=money,
        fee=0,
        arrives_at=instant(settlement.processed_date or settlement.due_date),
        failure=settlement.status[:REASON_LENGTH_MAX] if status is MoneyOutStatus.FAILED else "",
        live=live,
        at=instant(settlement.created_at),
        data={
            "status": settlement.status,
            "net_amount": str(settlement.net_amount),
            "gross_amount": text(settlement.gross_amount),
            "app_fee": text(settlement.app_fee),
        },
    )
