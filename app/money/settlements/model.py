"""Settlements: the months, what a host has in each, and its lines.

Amounts are signed minor units. What is taken from a host counts as a positive fee, refund,
chargeback or debt: `net` is `gross` less all of these, and `other`.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from app.foundation.errors import NotFound
from app.foundation.money import SignedMoney
from app.foundation.wire import Output
from app.money.ledger.model import PostingKind


class Column(StrEnum):
    """A column of a settlement that a posting on a host's account counts in."""

    EARNED = "earned"  # gross, with the platform's fee and the guest's part taken off it
    GATEWAY_FEES = "gateway_fees"
    REFUNDS = "refunds"
    CHARGEBACKS = "chargebacks"
    DEBTS = "debts"
    OTHER = "other"
    PAID = "paid"


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `settlement_months`: which entries of the ledger the settlements are made of.

    The lines of those up to `done_entry` are written.
    """

    month: date
    first_entry: int
    last_entry: int
    done_entry: int


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a line, or of a settlement: the sums of its lines'."""

    gross: int = 0
    platform_fee: int = 0
    gateway_fees: int = 0
    refunds: int = 0
    chargebacks: int = 0
    debts: int = 0
    other: int = 0
    paid: int = 0

    @property
    def net(self) -> int:
        taken = self.platform_fee + self.gateway_fees + self.refunds + self.chargebacks + self.debts
        return self.gross - taken + self.other


class Line(Columns, frozen=True, kw_only=True):
    """A row of `settlement_lines`: what a transaction of the ledger is to a host."""

    transaction_id: int
    host_id: UUID
    currency: str
    kind: PostingKind
    source_id: UUID
    booking_id: UUID | None
    memo: str
    at: datetime


class Settlement(Columns, frozen=True, kw_only=True):
    """A row of `settlements`."""

    id: UUID
    month: date
    host_id: UUID
    currency: str
    carried_over: int
    balance: int
    lines: int


class SettlementFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which settlements to show; None asks for any."""

    month: date | None = None
    host_id: UUID | None = None
    currency: str | None = None


class NoSuchSettlement(NotFound):
    title = "There is no such settlement"


# ---- replies ------------------------------------------------------------------------------------


class _AmountsReply(Output, frozen=True):
    gross: SignedMoney
    platform_fee: SignedMoney
    gateway_fees: SignedMoney
    refunds: SignedMoney
    chargebacks: SignedMoney
    debts: SignedMoney
    other: SignedMoney
    net: SignedMoney
    paid: SignedMoney


class SettlementReply(_AmountsReply, frozen=True):
    """A host's month (`2026-10`, in UTC) in one currency.

    `gross` is what guests, and vouchers of the platform, had paid for what was released this month.
    `refunds` is what guests got back of it before the host was paid, `debts` what they got back
    after, `chargebacks` what banks took. `net` is `gross` less these and the fees, and `other`,
    such as a correction by hand. `paid` is what arrived on the host's account; `balance` is
    `carriedOver` and `net` less `paid`, and below zero it is what the host owes.
    """

    id: UUID
    month: str
    host_id: UUID
    currency: str
    carried_over: SignedMoney
    balance: SignedMoney
    line_count: int


class SettlementLineReply(_AmountsReply, frozen=True):
    """What one transaction of the ledger is to the host.

    `at` is when it happened: before the settlement's month if it became known later. `sourceId` is
    what it is about; for what was paid, the transfer.
    """

    transaction_id: int
    at: datetime
    kind: PostingKind
    what: str
    memo: str
    source_id: UUID
    booking_id: UUID | None


class SettlementPage(Output, frozen=True):
    """The newest month first; `nextCursor` is null on the last page."""

    settlements: list[SettlementReply]
    next_cursor: str | None


class SettlementWithLines(Output, frozen=True):
    """A settlement with a page of its lines, oldest first; `nextCursor` is null on the last."""

    settlement: SettlementReply
    lines: list[SettlementLineReply]
    next_cursor: str | None
