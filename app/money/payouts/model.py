"""Payouts and debts of hosts: rows, and what hosts see of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import GatewayName
from app.foundation.money import Money
from app.foundation.wire import Output
from app.money.instructions.model import InstructionState, WaitsFor


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A host's share of a pot (`source_id`), which is to be transferred. In minor units.

    `of_charge` is the most that may be sent as the money of its charge; None if there is no limit.
    The rest is a transfer from our balance.
    """

    source_id: UUID
    booking_id: UUID
    payment_id: UUID
    host_id: UUID
    gateway: GatewayName
    amount: int
    currency: str
    reason: str
    of_charge: int | None = None


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `host_debts`. In minor units."""

    id: UUID
    host_id: UUID
    booking_id: UUID
    amount: int
    currency: str
    recovered: int
    reason: str
    created_at: datetime

    @property
    def left(self) -> int:
        return self.amount - self.recovered

    def money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.currency)


class Recovery(msgspec.Struct, frozen=True):
    """What is kept back from the payout of one pot towards one debt. In minor units."""

    debt_id: UUID
    source_id: UUID
    booking_id: UUID
    amount: int


class KeptBack(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `debt_recoveries`, without the id of its debt."""

    booking_id: UUID
    amount: int
    at: datetime


class DebtWithRecoveries(Debt, frozen=True, kw_only=True):
    recoveries: list[KeptBack]


class RecoveryReply(Output, frozen=True):
    """What was kept back from the payout of a booking."""

    booking_id: UUID
    amount: Money
    at: datetime


class DebtReply(Output, frozen=True):
    """What a host owes for money that was given back after the payout.

    It is kept back from the next payouts.
    """

    id: UUID
    booking_id: UUID
    amount: Money
    recovered: Money
    left: Money
    reason: str
    created_at: datetime
    recoveries: list[RecoveryReply]

    @classmethod
    def of(cls, debt: DebtWithRecoveries) -> "DebtReply":
        return cls(
            id=debt.id,
            booking_id=debt.booking_id,
            amount=debt.money(debt.amount),
            recovered=debt.money(debt.recovered),
            left=debt.money(debt.left),
            reason=debt.reason,
            created_at=debt.created_at,
            recoveries=[
                RecoveryReply(
                    booking_id=kept.booking_id, amount=debt.money(kept.amount), at=kept.at
                )
                for kept in debt.recoveries
            ],
        )


class DebtPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    debts: list[DebtReply]
    next_cursor: str | None


class HostTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer to a host, with what was kept back for debts. In minor units."""

    id: UUID
    booking_id: UUID
    state: InstructionState
    gateway: GatewayName
    amount: int
    currency: str
    kept_back: int
    reason: str
    failure: str | None
    next_try_at: datetime | None
    not_before: datetime | None
    waits_for: WaitsFor | None
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None
    cancelled_because: str | None = None


class HostTransferReply(Output, frozen=True):
    """A transfer as its host sees it. `explanation` says why it has not arrived, or is null.

    `waitsFor` says what it waits for before it is sent, and `notBefore` until when at least. While
    it waits for the gateway's `minimum`, `missing` is how much more there must be to be paid.
    `togetherWith` are the transfers that went with it, as one on the host's account.
    """

    id: UUID
    booking_id: UUID
    state: InstructionState
    gateway: GatewayName
    amount: Money
    kept_back: Annotated[Money, Meta(description="For debts: without them it would be larger")]
    reason: str
    explanation: str | None
    waits_for: WaitsFor | None
    not_before: datetime | None
    missing: Money | None
    together_with: list[UUID]
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None


class HostTransferPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    transfers: list[HostTransferReply]
    next_cursor: str | None


class HostBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a host's money of one currency is. In minor units."""

    currency: str
    owed: int
    on_its_way: int
    waiting: int
    too_small: int
    held: int
    came_back: int
    debt: int


class BalanceReply(Output, frozen=True):
    """What has been released to a host and has not arrived, and what the host owes.

    `owed` is the sum of what is on its way, what waits for a payout account, what waits because it
    is less than the gateway sends at once, what is held for another reason, and what came back.
    """

    owed: Money
    on_its_way: Money
    waiting_for_account: Money
    waiting_for_minimum: Money
    held: Money
    came_back: Money
    debt: Money

    @classmethod
    def of(cls, balance: HostBalance) -> "BalanceReply":
        def money(amount: int) -> Money:
            return Money(amount=amount, currency=balance.currency)

        return cls(
            owed=money(balance.owed),
            on_its_way=money(balance.on_its_way),
            waiting_for_account=money(balance.waiting),
            waiting_for_minimum=money(balance.too_small),
            held=money(balance.held),
            came_back=money(balance.came_back),
            debt=money(balance.debt),
        )


class BalanceList(Output, frozen=True):
    """One per currency in which there is anything."""

    balances: list[BalanceReply]
