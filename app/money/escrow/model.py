"""Escrow: pots, their windows, and how they are divided."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Conflict
from app.foundation.money import Money


class PotKind(StrEnum):
    RENTAL = "rental"
    DEPOSIT = "deposit"


class PotState(StrEnum):
    HELD = "held"
    DISPUTED = "disputed"
    RELEASING = "releasing"  # divided: the host's share is on its way (and the guest's, if any)
    RELEASED = "released"
    REFUNDING = "refunding"  # divided: all of it is on its way back to the guest
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"  # the guest's bank has taken all of it


_S = PotState
MOVES: Final = MappingProxyType(
    {
        _S.HELD: frozenset({_S.DISPUTED, _S.RELEASING, _S.REFUNDING, _S.REFUNDED, _S.CHARGED_BACK}),
        _S.DISPUTED: frozenset({_S.HELD}),
        _S.RELEASING: frozenset({_S.RELEASED}),
        _S.RELEASED: frozenset[PotState](),
        _S.REFUNDING: frozenset({_S.REFUNDED}),
        _S.REFUNDED: frozenset[PotState](),
        _S.CHARGED_BACK: frozenset[PotState](),
    }
)


class Pot(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `pots`. Amounts are in minor units; the three shares are null until it is divided.

    It can be disputed while `opens_at <= now < closes_at`; both are null until the booking is
    confirmed. `charged_back` is what the guest's bank has taken of it before it was divided,
    `given_back` what somebody has refunded of it at the gateway, without us, before that. While a
    chargeback of its charge is open, it is `contested`, and cannot be divided.

    `amount` is what the guest has paid. `voucher` is what of the price a voucher pays at the cost
    of the platform, and `from_voucher` what of that was added as the pot was divided.
    """

    id: UUID
    booking_id: UUID
    kind: PotKind
    state: PotState
    payment_id: UUID
    guest_id: UUID
    host_id: UUID
    gateway: GatewayName
    amount: int
    currency: str
    commission_bps: int
    opens_at: datetime | None
    closes_at: datetime | None
    to_guest: int | None
    commission: int | None
    to_host: int | None
    created_at: datetime
    updated_at: datetime
    divided_at: datetime | None
    charged_back: int = 0
    given_back: int = 0
    contested: bool = False
    commission_on_deposit: bool = False
    voucher: int = 0
    from_voucher: int | None = None
    kept_fee: int = 0  # what of `commission` is the gateway's fee, kept from the guest's share

    @property
    def left(self) -> int:
        """What is to be divided, or was: all that the guest has not got by other ways."""
        return self.amount - self.charged_back - self.given_back

    @property
    def is_undivided(self) -> bool:
        return self.state in (_S.HELD, _S.DISPUTED)

    def money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.currency)


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a charge paid for: how much of it is rental (with the host's fee), how much deposit.

    `booking_id` is that of the part, `part` its number in the booking. `voucher` is what of the
    rental a voucher pays at the cost of the platform, and the guest does not.
    """

    booking_id: UUID
    part: int = 1
    payment_id: UUID
    guest_id: UUID
    host_id: UUID
    gateway: GatewayName
    currency: str
    rental: int
    deposit: int
    commission_bps: int
    commission_on_deposit: bool
    voucher: int = 0


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The instants from which the pots of a booking may be disputed."""

    rental_opens_at: datetime
    deposit_opens_at: datetime


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets how much of a pot, and why.

    The three shares sum to what is left of the pot and what a voucher adds, `from_voucher`.
    `commission` has in it what is less than the gateway's step, and can be paid to nobody; and
    `kept_fee`, what the guest does not get back since the gateway keeps it of the charge.
    """

    pot: Pot
    to_guest: int
    commission: int
    to_host: int
    reason: str
    from_voucher: int = 0
    kept_fee: int = 0
    automatic: bool = False  # no person asked for it: its refund waits at the refund gate

    @property
    def state(self) -> PotState:
        is_shared = self.to_host or self.commission > self.kept_fee or not self.to_guest
        return PotState.RELEASING if is_shared else PotState.REFUNDING


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A pot, and the new one that gets a part of what is held in it."""

    pot: Pot
    into: Pot


class NothingHeld(Conflict):
    """The booking has no such pot: nothing was paid for it, or there is no deposit."""

    title = "Nothing of this kind is held"


class NotYetOpen(Conflict):
    """The window opens at `opensAt`, which is null while the booking is not confirmed."""

    title = "It cannot be disputed yet"


class WindowClosed(Conflict):
    """The window was open until `closesAt`."""

    title = "The time to dispute is over"


class AlreadyDisputed(Conflict):
    """A dispute about the pot is open, or there were as many as are allowed."""

    title = "This is disputed already"
