"""Replies about bookings."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.foundation.audit import ActorRole
from app.foundation.money import Money
from app.foundation.wire import Output
from app.market.bookings.model.bookings import Booking, BookingState, Terms, code_of, state_of
from app.market.inventory.model import Kind, PriceLine


class Price(Output, frozen=True):
    """What the guest pays: rental and fee, less a discount; and a deposit that is given back."""

    rental: Money
    fee: Money
    discount: Money
    deposit: Money
    total: Money


class BookingReply(Output, frozen=True):
    """A booking as its guest, its host and admins see it.

    One of several parts has `parts`, and its `state`, its price and the instants are those of all
    of them; the rest is that of the first part. A part by itself says by `part` and `partOf` which
    of which booking it is; one that is given back says by `splitFrom` of which part it was. `code`
    is what people say or type: that of the booking, the same for all its parts.
    """

    id: UUID
    code: str
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
    part: int | UnsetType = UNSET
    part_of: UUID | UnsetType = UNSET
    split_from: UUID | UnsetType = UNSET
    parts: list["BookingReply"] | UnsetType = UNSET
    parts_stand_alone: bool | UnsetType = UNSET

    @classmethod
    def of(cls, booking: Booking) -> "BookingReply":
        """A booking of one part, or one part of several."""
        is_alone = booking.part == booking.parts == 1
        return cls(
            id=booking.id,
            code=code_of(booking.whole_id),
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
            price=_price(booking),
            terms=booking.terms,
            expires_at=booking.expires_at,
            respond_by=booking.respond_by,
            created_at=booking.created_at,
            updated_at=booking.updated_at,
            part=UNSET if is_alone else booking.part,
            part_of=UNSET if is_alone else booking.whole_id,
            split_from=booking.split_from or UNSET,
        )

    @classmethod
    def of_whole(cls, parts: Sequence[Booking]) -> "BookingReply":
        """A booking with all its parts, the first one first."""
        first = cls.of(parts[0])
        if len(parts) == 1:
            return first
        return msgspec.structs.replace(
            first,
            state=state_of(parts),
            check_in_at=min(part.check_in_at for part in parts),
            check_out_at=max(part.check_out_at for part in parts),
            price=_price_of_all(parts),
            respond_by=min((part.respond_by for part in parts if part.respond_by), default=None),
            updated_at=max(part.updated_at for part in parts),
            part=UNSET,
            part_of=UNSET,
            parts=[cls.of(part) for part in parts],
            parts_stand_alone=parts[0].stand_alone,
        )


def _price(booking: Booking) -> Price:
    currency = booking.currency
    return Price(
        rental=Money(booking.rental, currency),
        fee=Money(booking.fee, currency),
        discount=Money(booking.discount, currency),
        deposit=Money(booking.deposit, currency),
        total=Money(booking.total, currency),
    )


def _price_of_all(parts: Sequence[Booking]) -> Price:
    def money(amounts: Iterable[int]) -> Money:
        return Money(amount=sum(amounts), currency=parts[0].currency)

    return Price(
        rental=money(part.rental for part in parts),
        fee=money(part.fee for part in parts),
        discount=money(part.discount for part in parts),
        deposit=money(part.deposit for part in parts),
        total=money(part.total for part in parts),
    )


class BookingPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    bookings: list[BookingReply]
    next_cursor: str | None


class Move(Output, frozen=True):
    """One move of a booking, or of the part `bookingId`: when, from what, to what, by whom, why."""

    booking_id: UUID
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
