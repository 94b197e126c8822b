"""Payouts: accounts that money goes to, debts, and what is to be transferred."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from app.errors import Invalid, NotFound
from app.gateways.port import GatewayName, RecipientKind
from app.instructions.model import InstructionState
from app.money import Currency, Money
from app.wire import Input, Name, Output

# Letters too: an IBAN. At least six, of which all but the last four can be hidden.
AccountNumber = Annotated[
    str, Meta(pattern=r"^[0-9A-Za-z]{6,34}$", examples=["0123456789", "233241234567"])
]
BankCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z_-]{2,20}$",
        description="As the gateway lists it; of mobile money: the operator's",
        examples=["058", "MTN"],
    ),
]


class PayoutAccountState(StrEnum):
    PENDING = "pending"  # committed; the gateway may not know of it yet
    ACTIVE = "active"
    REFUSED = "refused"  # the gateway does not know such an account
    REPLACED = "replaced"  # another one took its place
    REMOVED = "removed"


_S = PayoutAccountState
MOVES: Final = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.ACTIVE, _S.REFUSED, _S.REPLACED, _S.REMOVED}),
        _S.ACTIVE: frozenset({_S.REPLACED, _S.REMOVED}),
        _S.REFUSED: frozenset({_S.REMOVED}),
        _S.REPLACED: frozenset({_S.REMOVED}),
        _S.REMOVED: frozenset[PayoutAccountState](),
    }
)


class Payee(NamedTuple):
    """Who is paid through which gateway in which currency: what a payout account is for."""

    host_id: UUID
    gateway: GatewayName
    currency: str


class NewPayoutAccount(Input, frozen=True):
    """Where a host's money of one currency is to go."""

    holder: Name
    kind: RecipientKind
    account_number: AccountNumber
    bank_code: BankCode
    currency: Currency


class PayoutAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `payout_accounts`. `recipient` is the gateway's code for it."""

    id: UUID
    host_id: UUID
    gateway: GatewayName
    currency: str
    kind: RecipientKind
    holder: str
    account_number: str
    bank_code: str
    account_name: str | None
    bank_name: str | None
    recipient: str | None
    state: PayoutAccountState
    failure: str | None
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def payee(self) -> Payee:
        return Payee(self.host_id, self.gateway, self.currency)

    @property
    def masked_number(self) -> str:
        return f"•••• {self.account_number[-4:]}"


class PayoutAccountReply(Output, frozen=True):
    """A payout account as its host sees it; the name is the owner's as the bank has it."""

    id: UUID
    state: PayoutAccountState
    gateway: GatewayName
    currency: str
    kind: RecipientKind
    holder: str
    account_number: Annotated[str, Meta(description="All but the last four hidden")]
    bank_code: str
    account_name: str | None
    bank_name: str | None
    failure: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: PayoutAccount) -> "PayoutAccountReply":
        return cls(
            id=account.id,
            state=account.state,
            gateway=account.gateway,
            currency=account.currency,
            kind=account.kind,
            holder=account.holder,
            account_number=account.masked_number,
            bank_code=account.bank_code,
            account_name=account.account_name,
            bank_name=account.bank_name,
            failure=account.failure,
            created_at=account.created_at,
            updated_at=account.updated_at,
        )


class PayoutAccountPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    accounts: list[PayoutAccountReply]
    next_cursor: str | None


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A host's share of a pot (`source_id`), in minor units, to be transferred."""

    source_id: UUID
    booking_id: UUID
    payment_id: UUID
    host_id: UUID
    gateway: GatewayName
    amount: int
    currency: str
    reason: str


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `host_debts`: what is left of it is `amount - recovered`."""

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
    """What is kept back of one payout (of a booking) towards one debt."""

    debt_id: UUID
    source_id: UUID
    booking_id: UUID
    amount: int


class KeptBack(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `debt_recoveries`, of a debt that is known."""

    booking_id: UUID
    amount: int
    at: datetime


class DebtWithRecoveries(Debt, frozen=True, kw_only=True):
    recoveries: list[KeptBack]


class RecoveryReply(Output, frozen=True):
    """What was kept back of the payout of a booking."""

    booking_id: UUID
    amount: Money
    at: datetime


class DebtReply(Output, frozen=True):
    """What a host owes for a refund past the payout; the next payouts are smaller by it."""

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
    """A transfer to a host, and what was kept back from it for debts. Minor units."""

    id: UUID
    booking_id: UUID
    state: InstructionState
    amount: int
    currency: str
    kept_back: int
    reason: str
    failure: str | None
    next_try_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None


class HostTransferReply(Output, frozen=True):
    """A transfer as its host sees it. `explanation` says what keeps it, if anything does."""

    id: UUID
    booking_id: UUID
    state: InstructionState
    amount: Money
    kept_back: Annotated[Money, Meta(description="For debts, from what it would have been")]
    reason: str
    explanation: str | None
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None


class HostTransferPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    transfers: list[HostTransferReply]
    next_cursor: str | None


class HostBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a host's money of one currency is. Minor units."""

    currency: str
    owed: int
    on_its_way: int
    waiting: int
    came_back: int
    debt: int


class BalanceReply(Output, frozen=True):
    """What has been released to a host and has not arrived, and what the host owes.

    `owed` is the sum of what is on its way, waits for a payout account, and came back.
    """

    owed: Money
    on_its_way: Money
    waiting_for_account: Money
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
            came_back=money(balance.came_back),
            debt=money(balance.debt),
        )


class BalanceList(Output, frozen=True):
    """One per currency in which there is anything."""

    balances: list[BalanceReply]


class NoSuchPayoutAccount(NotFound):
    title = "There is no such payout account"


class AccountRefused(Invalid):
    """422: the gateway does not pay to such an account; the detail has its own words."""

    title = "The gateway refused this account"
