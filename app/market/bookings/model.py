"""Bookings: states and moves, rows, requests, replies, and this room's problems."""

from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.audit import ActorRole
from app.foundation.errors import Conflict, Forbidden, NotFound
from app.foundation.money import Money
from app.foundation.wire import Input, Name, Output
from app.market.claims.model import Span
from app.market.inventory.model import Kind, Label, Policy, PriceLine

UNITS_PER_BOOKING_MAX: Final = 60
CLAIMS_PER_BOOKING_MAX: Final = 1_000


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


# ---- requests -----------------------------------------------------------------------------------

Labels = Annotated[
    list[Label], Meta(min_length=1, max_length=UNITS_PER_BOOKING_MAX, examples=[["1A", "1B"]])
]
Count = Annotated[int, Meta(ge=1, le=UNITS_PER_BOOKING_MAX)]
Minutes = Annotated[int, Meta(ge=1, le=60, description="How long the units are held unpaid")]
Reason = Annotated[str, Meta(max_length=500)]


class NewPassenger(Input, frozen=True):
    """A passenger and the label of the unit."""

    seat: Label
    name: Name
    document: Annotated[str, Meta(max_length=100)] = ""
    contact: Annotated[str, Meta(max_length=200)] = ""


class Reserve(Input, frozen=True):
    """A trip: `listingId` (or `tripId`) and `seatNumbers` or `seatCount`. A stay: `listingId`,
    `checkIn`, `checkOut`, and `units` or `unitCount`. A count takes any free units.
    """

    listing_id: UUID | None = None
    trip_id: UUID | None = None
    seat_numbers: Labels | None = None
    seat_count: Count | None = None
    units: Labels | None = None
    unit_count: Count | None = None
    check_in: date | None = None
    check_out: date | None = None
    hold_duration_minutes: Minutes = 15
    passengers: Annotated[list[NewPassenger], Meta(max_length=UNITS_PER_BOOKING_MAX)] = (
        msgspec.field(default_factory=list[NewPassenger])
    )


class Passengers(Input, frozen=True):
    """All passengers of a booking. They replace those that were named before."""

    passengers: Annotated[list[NewPassenger], Meta(max_length=UNITS_PER_BOOKING_MAX)]


class Decision(Input, frozen=True):
    """The reason for a decision, in the words of the person who decides."""

    reason: Reason = ""


# ---- replies ------------------------------------------------------------------------------------


class Price(Output, frozen=True):
    """What the guest pays: rental and fee, and a deposit that is given back."""

    rental: Money
    fee: Money
    deposit: Money
    total: Money


class BookingReply(Output, frozen=True):
    """A booking as its guest, its host and admins see it."""

    id: UUID
    guest_id: UUID
    host_id: UUID
    listing_id: UUID
    kind: Kind
    state: BookingState
    units: list[PriceLine]
    first_slot: date
    last_slot: date
    check_in_at: datetime
    check_out_at: datetime
    price: Price
    terms: Terms
    expires_at: datetime | None
    respond_by: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, booking: Booking) -> "BookingReply":
        def money(amount: int) -> Money:
            return Money(amount=amount, currency=booking.currency)

        return cls(
            id=booking.id,
            guest_id=booking.guest_id,
            host_id=booking.host_id,
            listing_id=booking.listing_id,
            kind=booking.kind,
            state=booking.state,
            units=booking.lines,
            first_slot=booking.first_slot,
            last_slot=booking.last_slot,
            check_in_at=booking.check_in_at,
            check_out_at=booking.check_out_at,
            price=Price(
                rental=money(booking.rental),
                fee=money(booking.fee),
                deposit=money(booking.deposit),
                total=money(booking.total),
            ),
            terms=booking.terms,
            expires_at=booking.expires_at,
            respond_by=booking.respond_by,
            created_at=booking.created_at,
            updated_at=booking.updated_at,
        )


class BookingPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    bookings: list[BookingReply]
    next_cursor: str | None


class Move(Output, frozen=True):
    """One move of a booking: when, from what, to what, by whom, why."""

    at: datetime
    was: BookingState | None
    state: BookingState
    actor: ActorRole
    reason: str


class History(Output, frozen=True):
    booking_id: UUID
    moves: list[Move]


class Passenger(Output, frozen=True):
    seat: str
    name: str
    document: str
    contact: str


class PassengerList(Output, frozen=True):
    passengers: list[Passenger]


# ---- problems -----------------------------------------------------------------------------------


class BookingNotFound(NotFound):
    """There is no such booking, or the asker has no role in it."""

    title = "There is no such booking"


class NotYourPart(Forbidden):
    """The asker has a role in the booking, but only the other side may do this."""

    title = "This is for the other side to do"


class OwnListing(Forbidden):
    title = "Hosts cannot book their own listing"


class AnswerTooLate(Conflict):
    """The host's time to answer is over."""

    title = "The time to answer is over"


class ListingClosed(Conflict):
    title = "The listing takes no bookings"


class DatesBlocked(Conflict):
    title = "The host does not sell these dates"


class Departed(Conflict):
    title = "The journey or stay has begun"
