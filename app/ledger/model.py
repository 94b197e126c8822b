"""The ledger: accounts, entries, postings.

Amounts are signed minor units: positive is owed to, or held for, the owner of the account. So
`gateway_clearing` mirrors the cash at a gateway with the opposite sign.
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from app.errors import Conflict
from app.gateways.port import GatewayName


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
# Owned: escrow by a booking, the others by an account.
OWNED: Final = frozenset(
    {_K.ESCROW_RENTAL, _K.ESCROW_DEPOSIT, _K.HOST_PAYABLE, _K.GUEST_REFUNDABLE}
)
AT_GATEWAY: Final = frozenset({_K.GATEWAY_CLEARING, _K.GATEWAY_FEES})


class PostingKind(StrEnum):
    """What happened, and whose id `source_id` is."""

    CHARGE = "charge"  # the payment
    UNAPPLIED_CHARGE = "unapplied_charge"  # the payment: late or double
    GATEWAY_FEE = "gateway_fee"  # the payment or the instruction
    DIVISION = "division"  # the pot
    HOST_DEBIT = "host_debit"  # the row that caused it: a refund past the payout
    REFUND = "refund"  # the instruction
    REFUND_REVERSAL = "refund_reversal"  # the instruction
    TRANSFER = "transfer"  # the instruction
    TRANSFER_REVERSAL = "transfer_reversal"  # the instruction
    CHARGEBACK = "chargeback"
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


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How far the ledger has come, and the transactions that may still be adding to that."""

    entry_id: int
    writers: list[str]  # virtual transaction ids


class AlreadyPosted(Conflict):
    """There is a posting of this kind and source: the money has moved, once."""

    title = "This is in the ledger already"
