"""The ledger: accounts, entries, postings.

Amounts are signed minor units: positive is owed to, or held for, the owner of the account. So
`gateway_clearing` mirrors the cash at a gateway with the opposite sign.
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


_K = AccountKind
OF_BOOKING: Final = frozenset({_K.ESCROW_RENTAL, _K.ESCROW_DEPOSIT})
OWNED: Final = OF_BOOKING | {_K.HOST_PAYABLE, _K.GUEST_REFUNDABLE}  # these two by a person
AT_GATEWAY: Final = frozenset({_K.GATEWAY_CLEARING, _K.GATEWAY_FEES})

# For people; an account at a gateway also says which.
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
    }
)


class PostingKind(StrEnum):
    """What happened, and whose id `source_id` is."""

    CHARGE = "charge"  # the payment
    UNAPPLIED_CHARGE = "unapplied_charge"  # the payment: late or double
    GATEWAY_FEE = "gateway_fee"  # the payment, the instruction or the chargeback
    DIVISION = "division"  # the pot
    HOST_DEBIT = "host_debit"  # the refund past the payout that the host bears
    PLATFORM_DEBIT = "platform_debit"  # the same, where the platform bears it
    REFUND = "refund"  # the instruction
    REFUND_REVERSAL = "refund_reversal"  # the instruction
    REFUND_KEPT = "refund_kept"  # the instruction: it came back, and a bank has given it already
    TRANSFER = "transfer"  # the instruction
    TRANSFER_REVERSAL = "transfer_reversal"  # the instruction
    CHARGEBACK = "chargeback"  # this and the next two: the chargeback
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    CHARGEBACK_RECOVERY = "chargeback_recovery"
    ADJUSTMENT = "adjustment"  # the admin's request


class Account(msgspec.Struct, frozen=True):
    """Whose money. It exists in the ledger from its first entry on.

    Raises ValueError for an owner or a gateway where the kind has none, or none where it has one.
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
        """For people: `Escrow of the rental`, `Clearing at Paystack`."""
        return f"{_NAMES[self.kind]} {(self.gateway or '').capitalize()}".strip()


class Entry(msgspec.Struct, frozen=True):
    """So many minor units on an account, with a sign."""

    account: Account
    amount: int


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction to be written. Its entries sum to zero per currency."""

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
    """An account as it stands in the ledger. `balance` is in minor units, with a sign."""

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
    """How far the ledger has come, and the transactions that may still be adding to that."""

    entry_id: int
    writers: list[str]  # virtual transaction ids


class AlreadyPosted(Conflict):
    """There is a posting of this kind and source: the money has moved, once."""

    title = "This is in the ledger already"


class NoSuchLedgerAccount(NotFound):
    title = "There is no such account in the ledger"


class NothingBooked(NotFound):
    """No money has moved for this booking, if there is such a booking."""

    title = "The ledger has nothing of this booking"


# ---- requests -----------------------------------------------------------------------------------

ENTRIES_MAX: Final = 20


class AdjustmentEntry(Input, frozen=True):
    """One side of an adjustment: the account, and what is added to it."""

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
    """A correction by hand, of other accounts than escrow. Its entries sum to zero per currency."""

    entries: Annotated[list[AdjustmentEntry], Meta(min_length=2, max_length=ENTRIES_MAX)]
    reason: ShortReason
    booking_id: Annotated[UUID | None, Meta(description="In whose statement it shall be")] = None


# ---- replies ------------------------------------------------------------------------------------


class LedgerAccount(Output, frozen=True):
    """An account: `ownerId` is a booking of escrow accounts, else a person's account.

    `balance` is positive if it is owed to, or held for, the owner.
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
    """An entry of an account, with what happened."""

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
    """One side of a transaction. `balance` is the account's after it, within the statement."""

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
    """What all transactions of a statement come to on one account."""

    account_id: int
    account_kind: AccountKind
    account: str
    total: SignedMoney


class Statement(Output, frozen=True):
    """All that the ledger knows of a booking, in its order. `sum` is zero in each currency."""

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
