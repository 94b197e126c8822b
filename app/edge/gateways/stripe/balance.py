"""What changes our balance beside charges and instructions: payouts to our bank, and the rest."""

import re
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from app.edge.gateways.http import Client, Denied
from app.edge.gateways.lists import Page, Row, Span, instant, page_of
from app.edge.gateways.port import (
    Facts,
    FoundChange,
    FoundPayout,
    MoneyOutStatus,
    NoSuchInstruction,
    Unknown,
)
from app.edge.gateways.stripe.amounts import from_wire
from app.edge.gateways.stripe.wire import (
    REASON_LENGTH_MAX,
    Amount,
    Id,
    list_page,
    look_up_refused,
    read,
    read_one,
)
from app.foundation.money import AMOUNT_MAX

# `paid` can become `failed` for some days; `in_transit` and `pending` are under way.
_STATUSES: Final = {
    "paid": MoneyOutStatus.SUCCEEDED,
    "failed": MoneyOutStatus.FAILED,
    "canceled": MoneyOutStatus.FAILED,
}
# What another list has: that of charges, refunds, transfers, disputes or payouts.
# https://docs.stripe.com/reports/balance-transaction-types
_LISTED: Final = frozenset(
    {
        "charge",
        "payment",
        "refund",
        "payment_refund",
        "refund_failure",
        "payment_failure_refund",
        "transfer",
        "transfer_refund",
        "transfer_cancel",
        "transfer_failure",
        "payout",
        "payout_cancel",
        "payout_failure",
    }
)
_DISPUTE: Final = "dp_"
_ACCOUNT = re.compile(r"acct_[A-Za-z0-9_]{1,100}")
_PAYOUT = re.compile(r"po_[A-Za-z0-9_]{1,100}")
_FEES: Final = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})


class _Payout(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a payout to our bank account."""

    id: Id
    status: str
    amount: Amount
    currency: str
    livemode: bool
    created: int | None = None
    arrival_date: int | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    statement_descriptor: str | None = None
    trace_id: msgspec.Raw | None = None


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a balance transaction. `net` is what is added to our balance, or taken."""

    id: Id
    type: str
    net: Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
    currency: str
    created: int | None = None
    source: str | None = None
    description: str | None = None


async def list_payouts(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundPayout] | Unknown:
    """`GET /v1/payouts`."""
    return await list_page(client, "/v1/payouts", span, cursor, _read_payout)


async def find_payout_of(
    client: Client, account_id: str, payout_id: str
) -> FoundPayout | NoSuchInstruction | Unknown:
    """`GET /v1/payouts/{id}` of a connected account: from there to its owner's bank."""
    if not (_ACCOUNT.fullmatch(account_id) and _PAYOUT.fullmatch(payout_id)):
        return NoSuchInstruction()
    row = await read_one(
        client,
        f"/v1/payouts/{payout_id}",
        operation="find_payout",
        reference=payout_id,
        on_behalf_of=account_id,
    )
    match row:
        case Unknown():
            return row
        case Denied(status=HTTPStatus.NOT_FOUND):
            return NoSuchInstruction()
        case Denied():
            return look_up_refused(row)
        case _:
            return _read_payout(row) or Unknown(reason=f"the payout {payout_id} makes no sense")


async def list_changes(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundChange] | Unknown:
    """`GET /v1/balance_transactions`, without those that another list has."""
    page = await list_page(client, "/v1/balance_transactions", span, cursor, lambda row: row)
    if isinstance(page, Unknown):
        return page
    return page_of(filter(_is_unlisted, page.rows), _read_change, page.next_cursor)


def _is_unlisted(row: Row) -> bool:
    """Whether no other list has it. An adjustment may be of a dispute, which has its list."""
    return row.get("type") not in _LISTED and not str(row.get("source")).startswith(_DISPUTE)


def _read_payout(row: Row) -> FoundPayout | None:
    payout = read(row, _Payout)
    money = from_wire(payout.amount, payout.currency) if payout else None
    if payout is None or money is None:
        return None
    status = _STATUSES.get(payout.status, MoneyOutStatus.PENDING)
    is_failed = status is MoneyOutStatus.FAILED
    failure = payout.failure_message or payout.failure_code or payout.status
    return FoundPayout(
        gateway_id=payout.id,
        reference=payout.statement_descriptor or payout.id,
        status=status,
        money=money,
        fee=0,  # it is a change of its own
        arrives_at=instant(payout.arrival_date),
        failure=failure[:REASON_LENGTH_MAX] if is_failed else "",
        live=payout.livemode,
        at=instant(payout.created),
        data={"status": payout.status, "amount": payout.amount, "currency": payout.currency},
    )


def _read_change(row: Row) -> FoundChange | None:
    change = read(row, _Change)
    money = from_wire(abs(change.net), change.currency) if change else None
    if change is None or money is None:
        return None
    return FoundChange(
        gateway_id=change.id,
        what=change.type,
        amount=money.amount if change.net > 0 else -money.amount,
        currency=money.currency,
        is_fee=change.type in _FEES,
        at=instant(change.created),
        data=_facts(change),
    )


def _facts(change: _Change) -> Facts:
    """Stripe's words and amounts, kept as evidence."""
    return {
        "type": change.type,
        "net": change.net,
        "currency": change.currency,
        "source": change.source,
        "description": (change.description or "")[:REASON_LENGTH_MAX] or None,
    }
