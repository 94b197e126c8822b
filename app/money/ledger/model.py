"""The ledger: accounts, entries, postings.

Amounts are signed minor units. A positive amount is owed to, or held for, the owner of the account.
So `gateway_clearing` is the money that lies at a gateway, with the opposite sign.
"""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import EXPONENTS, SignedMoney
from app.foundation.wire import Input, Output, ShortReason


class AccountKind(StrEnum):
    GATEWAY_CLEARING = "gateway_clearing"
    ESCROW_RENTAL = "escrow_rental"
    ESCROW_DEPOSIT = "escrow_deposit"
    HOST_PAYABLE = "host_payable"
    GUEST_REFUNDABLE = "guest_refundable"
    PLATFORM_REVENUE = "platform_revenue"
    GATEWAY_FEES = "gateway_fees"
    CHARGEBACK_LOSSES = "chargeback_losses"
    EXCHANGE = "exchange"  # what a gateway has exchanged: one side in each currency
    BANK = "bank"
    VOUCHERS = "vouchers"  # below zero by what vouchers have cost the platform


_K = AccountKind
OF_BOOKING: Final = frozenset({_K.ESCROW_RENTAL, _K.ESCROW_DEPOSIT})
OF_PERSON: Final = frozenset({_K.HOST_PAYABLE, _K.GUEST_REFUNDABLE})
OWNED: Final = OF_BOOKING | OF_PERSON
AT_GATEWAY: Final = frozenset({_K.GATEWAY_CLEARING, _K.GATEWAY_FEES})

# Names that people read. That of an account at a gateway ends with the gateway.
_NAMES: Final = MappingProxyType(
    {
        _K.GATEWAY_CLEARING: "Clearing at",
        _K.ESCROW_RENTAL: "Escrow of the rental",
        _K.ESCROW_DEPOSIT: "Escrow of the deposit",
        _K.HOST_PAYABLE: "Owed to the host",
        _K.GUEST_REFUNDABLE: "Owed to the guest",
        _K.PLATFORM_REVENUE: "Revenue of the platform",
        _K.GATEWAY_FEES: "Fees of",
        _K.CHARGEBACK_LOSSES: "Losses by chargebacks",
        _K.EXCHANGE: "Exchanged by gateways",
        _K.BANK: "Our bank account",
        _K.VOUCHERS: "Paid by vouchers",
    }
)


class PostingKind(StrEnum):
    """What a posting records. The comment says which row the posting's `source_id` is the id of."""

    CHARGE = "charge"  # payment
    UNAPPLIED_CHARGE = "unapplied_charge"  # payment that came late or twice, and is owed back
    GATEWAY_FEE = "gateway_fee"  # payment, instruction, chargeback or payout
    FEE_CORRECTION = (
        "fee_correction"  # an id that follows from its charge or instruction, and the count
    )
    EXCHANGE = "exchange"  # payment whose money the gateway settled in another currency
    SPLIT = "split"  # pot that was split from another, whose money it has a part of
    DIVISION = "division"  # pot
    HOST_DEBIT = "host_debit"  # late refund whose cost the host bears
    PLATFORM_DEBIT = "platform_debit"  # late refund whose cost the platform bears
    REFUND = "refund"  # instruction
    REFUND_REVERSAL = "refund_reversal"  # instruction
    REFUND_KEPT = "refund_kept"  # instruction that came back after the bank had paid the guest
    TRANSFER = "transfer"  # instruction
    TRANSFER_REVERSAL = "transfer_reversal"  # instruction
    PARTIAL_REVERSAL = "partial_reversal"  # an id that follows from the instruction and the part
    TAKEN_IN = "taken_in"  # what was taken in: a refund that was made at the gateway without us
    CHARGEBACK = "chargeback"  # chargeback
    CHARGEBACK_REVERSAL = "chargeback_reversal"  # chargeback
    CHARGEBACK_RECOVERY = "chargeback_recovery"  # chargeback
    PAYOUT = "payout"  # payout that is expected at our bank
    PAYOUT_REVERSAL = "payout_reversal"  # payout that is expected at our bank
    GATEWAY_CHARGE = "gateway_charge"  # an id that follows from the gateway's id of it
    ADJUSTMENT = "adjustment"  # an admin's request, which gets an id of its own


class Account(msgspec.Struct, frozen=True):
    """Whose money it is. The row of an account is inserted with its first entry.

    Raises ValueError if the owner or the gateway is missing though accounts of this kind have one,
    or given though they have none.
    """

    kind: AccountKind
    currency: str
    owner_id: UUID | None = None
    gateway: GatewayName | None = None

    def __post_init__(self) -> None:
        if (self.owner_id is not None) != (self.kind in OWNED):
            raise ValueError(f"{self.kind} has {'an' if self.kind in OWNED else 'no'} owner")
        if (self.gateway is not None) != (self.kind in AT_GATEWAY):
            raise ValueError(f"{self.kind} has {'a' if self.kind in AT_GATEWAY else 'no'} gateway")

    @property
    def name(self) -> str:
        """The name that people read: `Escrow of the rental`, `Clearing at Paystack`."""
        return f"{_NAMES[self.kind]} {(self.gateway or '').capitalize()}".strip()


class Entry(msgspec.Struct, frozen=True):
    """An amount on an account, in signed minor units."""

    account: Account
    amount: int


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of the ledger that is to be written. Its entries sum to zero per currency."""

    kind: PostingKind
    source_id: UUID
    booking_id: UUID | None
    entries: tuple[Entry, ...]
    memo: str


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts to show; None asks for any."""

    id: int | None = None
    kind: AccountKind | None = None
    owner_id: UUID | None = None
    currency: str | None = None


class FoundAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `ledger_accounts` with its balance, in signed minor units."""

    id: int
    kind: AccountKind
    currency: str
    owner_id: UUID | None
    gateway: GatewayName | None
    balance: int

    @property
    def account(self) -> Account:
        return Account(self.kind, self.currency, owner_id=self.owner_id, gateway=self.gateway)


class FoundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its transaction and its account."""

    id: int
    amount: int
    transaction_id: int
    at: datetime
    kind: PostingKind
    source_id: UUID
    booking_id: UUID | None
    memo: str
    account_id: int
    account_kind: AccountKind
    currency: str
    owner_id: UUID | None
    gateway: GatewayName | None

    @property
    def account(self) -> Account:
        return Account(
            self.account_kind, self.currency, owner_id=self.owner_id, gateway=self.gateway
        )


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry that could be seen, and the transactions that were writing entries then."""

    entry_id: int
    writers: list[str]  # virtual transaction ids of Postgres


class AlreadyPosted(Conflict):
    """The ledger has a posting of this kind and source already: money moves once."""

    title = "This is in the ledger already"


class NoSuchLedgerAccount(NotFound):
    title = "There is no such account in the ledger"


class NothingBooked(NotFound):
    """The ledger has no posting of this booking, or there is no such booking."""

    title = "The ledger has nothing of this booking"


# ---- requests -----------------------------------------------------------------------------------

ENTRIES_MAX: Final = 20


class AdjustmentEntry(Input, frozen=True):
    """One side of an adjustment: an account, and the amount that is added to it."""

    kind: AccountKind
    amount: SignedMoney
    owner_id: UUID | None = None
    gateway: GatewayName | None = None

    def __post_init__(self) -> None:
        if self.amount.amount == 0:
            raise ValueError("moves nothing")
        if self.amount.currency not in EXPONENTS:
            raise ValueError(f"the currency must be one of {', '.join(EXPONENTS)}")
        _ = self.account  # has the owner and the gateway of its kind

    @property
    def account(self) -> Account:
        return Account(
            self.kind, self.amount.currency, owner_id=self.owner_id, gateway=self.gateway
        )


class NewAdjustment(Input, frozen=True):
    """A correction by an admin. Its entries sum to zero per currency, and none is of escrow."""

    entries: Annotated[list[AdjustmentEntry], Meta(min_length=2, max_length=ENTRIES_MAX)]
    reason: ShortReason
    booking_id: Annotated[UUID | None, Meta(description="In whose statement it shall be")] = None


# ---- replies ------------------------------------------------------------------------------------


class LedgerAccount(Output, frozen=True):
    """An account. `ownerId` is a booking for escrow, else the account of a person.

    `balance` is positive if the money is owed to the owner or held for the owner.
    """

    id: int
    kind: AccountKind
    name: str
    owner_id: UUID | None
    gateway: GatewayName | None
    balance: SignedMoney

    @classmethod
    def of(cls, found: FoundAccount) -> "LedgerAccount":
        return cls(
            id=found.id,
            kind=found.kind,
            name=found.account.name,
            owner_id=found.owner_id,
            gateway=found.gateway,
            balance=SignedMoney(amount=found.balance, currency=found.currency),
        )


class LedgerAccountPage(Output, frozen=True):
    """Oldest first; `nextCursor` is null on the last page."""

    accounts: list[LedgerAccount]
    next_cursor: str | None


class LedgerEntry(Output, frozen=True):
    """An entry of an account, with the transaction that it belongs to."""

    id: int
    transaction_id: int
    at: datetime
    kind: PostingKind
    what: str
    memo: str
    source_id: UUID
    booking_id: UUID | None
    amount: SignedMoney


class LedgerEntryPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    entries: list[LedgerEntry]
    next_cursor: str | None


class StatementEntry(Output, frozen=True):
    """One side of a transaction. `balance` is what the account then holds of this booking."""

    account_id: int
    account_kind: AccountKind
    account: str
    amount: SignedMoney
    balance: SignedMoney


class StatementTransaction(Output, frozen=True):
    """What happened, in plain words, and between which accounts."""

    id: int
    at: datetime
    kind: PostingKind
    what: str
    memo: str
    source_id: UUID
    entries: list[StatementEntry]


class StatementTotal(Output, frozen=True):
    """The sum of a statement's entries on one account."""

    account_id: int
    account_kind: AccountKind
    account: str
    total: SignedMoney


class Statement(Output, frozen=True):
    """Every transaction of a booking, oldest first. `sum` is zero in each currency."""

    booking_id: UUID
    transactions: list[StatementTransaction]
    totals: list[StatementTotal]
    sum: list[SignedMoney]


class Adjustment(Output, frozen=True):
    """An adjustment as it was posted; `id` is the source of its transaction."""

    id: UUID
    booking_id: UUID | None
    reason: str
    entries: list[AdjustmentEntry]
