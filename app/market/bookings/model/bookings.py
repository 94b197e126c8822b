"""Bookings and their parts: states and moves, terms, rows."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.foundation.wire import Output
from app.market.claims.model import Sought, Span
from app.market.inventory.model import Kind, Policy, PriceLine

UNITS_PER_BOOKING_MAX: Final = 60
CLAIMS_PER_BOOKING_MAX: Final = 1_000
PARTS_MAX: Final = 8  # of a booking as it is made


class BookingState(StrEnum):
    HELD = "held"
    AWAITING_PAYMENT = "awaiting_payment"
    AWAITING_HOST = "awaiting_host"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    EXPIRED = "expired"
    DECLINED = "declined"
    CANCELLED = "cancelled"


_S = BookingState
MOVES: Final = MappingProxyType(
    {
        _S.HELD: frozenset({_S.AWAITING_PAYMENT, _S.EXPIRED, _S.CANCELLED}),
        _S.AWAITING_PAYMENT: frozenset({_S.AWAITING_HOST, _S.CONFIRMED, _S.EXPIRED, _S.CANCELLED}),
        _S.AWAITING_HOST: frozenset({_S.CONFIRMED, _S.DECLINED, _S.CANCELLED}),
        _S.CONFIRMED: frozenset({_S.COMPLETED, _S.CANCELLED}),
        _S.COMPLETED: frozenset[BookingState](),
        _S.EXPIRED: frozenset({_S.AWAITING_HOST, _S.CONFIRMED}),  # paid late, and still free
        _S.DECLINED: frozenset[BookingState](),
        _S.CANCELLED: frozenset[BookingState](),
    }
)
UNPAID: Final = frozenset({_S.HELD, _S.AWAITING_PAYMENT})
ENDED: Final = frozenset({_S.EXPIRED, _S.DECLINED, _S.CANCELLED})  # without a stay or journey
_WHOLE_STATES: Final = (
    _S.HELD, _S.AWAITING_PAYMENT, _S.AWAITING_HOST, _S.CONFIRMED, _S.COMPLETED,
)  # fmt: skip
_CODE_BITS: Final = range(45, -1, -5)
_CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Tier(Output, frozen=True):
    """A guest who cancels before `until` gets this part of rental and fee back."""

    until: datetime
    back_bps: int  # in hundredths of a percent


class Terms(Output, frozen=True):
    """What was agreed when the booking was made. Later changes of the listing do not change it.

    `cancellation` says what the guest gets back until when, the earliest first; after the last
    instant it is nothing. So later changes of what a policy means do not change it either.
    """

    title: str
    place: str
    zone: str
    policy: Policy
    cancellation: list[Tier]
    request_to_book: bool
    respond_within_hours: int
    commission_bps: int  # what the platform keeps of the host's share, in hundredths of a percent
    # By the clocks of `zone`, and the end by those of `check_out_zone`, without an offset. None in
    # bookings made before these were kept.
    check_in_local: str | None = None
    check_out_local: str | None = None
    check_out_zone: str | None = None
    voucher: str | None = None  # the name of what has lowered the price
    commission_on_deposit: bool = False  # what the host keeps of it bears commission as well
    nights_between: int = 0  # kept empty between this stay and others in the same rooms


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `bookings`: a booking of one part, or one of its parts.

    Amounts are minor units; `last_slot` is the last night. `part_of` is the first part of its
    booking, whose id is that of the booking; it is None in the first part itself. `part` is its
    number, and `parts` (of the first part) how many there are. `stand_alone` (of the first part):
    the guest wants what hosts accept, though others decline. `split_from` is the part that this one
    was split from, to be given back. `discount` is what of rental and fee a voucher pays.
    """

    id: UUID
    guest_id: UUID
    host_id: UUID
    listing_id: UUID
    kind: Kind
    state: BookingState
    unit_ids: list[int]
    first_slot: date
    last_slot: date
    check_in_at: datetime
    check_out_at: datetime
    currency: str
    rental: int
    fee: int
    deposit: int
    total: int
    lines: list[PriceLine]
    terms: Terms
    expires_at: datetime | None
    respond_by: datetime | None
    created_at: datetime
    updated_at: datetime
    part_of: UUID | None = None
    part: int = 1
    parts: int = 1
    stand_alone: bool = False
    split_from: UUID | None = None
    discount: int = 0

    @property
    def whole_id(self) -> UUID:
        """The id of the booking that this is a part of: that of its first part."""
        return self.part_of or self.id

    @property
    def sought(self) -> Sought:
        """What this part claims."""
        is_alone = self.parts == 1 and self.part == 1
        return Sought(
            booking_id=self.id,
            listing_id=self.listing_id,
            span=self.span,
            part=None if is_alone else self.part,
        )

    @property
    def span(self) -> Span:
        return Span(
            unit_ids=tuple(self.unit_ids),
            first=self.first_slot,
            last=self.last_slot,
            gap=self.terms.nights_between,
        )

    @property
    def labels(self) -> list[str]:
        return [line.label for line in self.lines]


def code_of(whole_id: UUID) -> str:
    """What people say and type instead of a booking's id: ten letters and digits of it.

    The last 50 bits of the id in Crockford's base 32, which has no I, L, O and U.
    """
    number, letters = whole_id.int, _CODE_ALPHABET
    return "".join([letters[number >> bits & 31] for bits in _CODE_BITS])


def state_of(parts: Sequence[Booking]) -> BookingState:
    """The state of a booking of several parts: of those that are in different states, what lives.

    While any host has not answered, the booking waits; then it is what its living parts are.
    """
    states = {part.state for part in parts}
    for state in _WHOLE_STATES:
        if state in states:
            return state
    return parts[0].state if len(states) == 1 else BookingState.CANCELLED


class LocalInstant(msgspec.Struct, frozen=True, kw_only=True):
    """An instant to come, and the local time that was agreed on: its bookings, and a few of them.

    `is_begin`: these bookings begin then; else they end.
    """

    is_begin: bool
    zone: str
    local: datetime  # without an offset
    at: datetime
    bookings: int
    ids: list[UUID]


class CorrectedTimes(msgspec.Struct, frozen=True, kw_only=True):
    """A booking before and after its instants were put where its local times are now."""

    before: Booking
    after: Booking


class PassengerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `passengers`."""

    unit_id: int
    name: str
    document: str
    contact: str
