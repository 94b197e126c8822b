"""What a request to book asks for, whether the offer allows it, and the booking it makes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.edge.notifications.model import BookingFacts
from app.foundation.errors import FieldError, Invalid
from app.foundation.money import Money
from app.foundation.states import MoveRefused
from app.market.bookings.model import (
    CLAIMS_PER_BOOKING_MAX,
    Booking,
    BookingState,
    DatesBlocked,
    ListingClosed,
    LocalInstant,
    NewPassenger,
    OwnListing,
    Passenger,
    PassengerRow,
    Reserve,
    Terms,
    Tier,
)
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Kind, ListingState, Offer, OfferedUnit, Policy
from app.market.stay_rules import rules as host_rules
from app.money.escrow.model import Holding, Windows
from app.money.payments.model import Payment

# A guest who cancels at least so long before the booking begins gets so much of rental and fee back
# (in hundredths of a percent). Hours, not days of a calendar: 24 h also when the clocks change.
_TIERS: Final = {
    Policy.FLEXIBLE: ((timedelta(hours=24), 10_000), (timedelta(0), 5_000)),
    Policy.MODERATE: ((timedelta(days=5), 10_000), (timedelta(hours=24), 5_000)),
    Policy.STRICT: ((timedelta(days=7), 5_000),),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request to book, whichever of its alternative fields were used.

    It asks for units by their labels, or (None) for `count` units, no matter which.
    """

    listing_id: UUID
    labels: list[str] | None
    count: int
    check_in: date | None
    check_out: date | None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A request that the offer allows; only the units are still to be chosen."""

    asked: Asked
    offer: Offer
    dates: Sequence[date]
    booking_id: UUID
    guest_id: UUID
    hold: timedelta
    commission_bps: int


def read(request: Reserve) -> Asked:
    """What a request asks for. Raises Invalid, naming every field that contradicts another."""
    ids = {"listingId": request.listing_id, "tripId": request.trip_id}
    amounts = {
        "seatNumbers": request.seat_numbers,
        "seatCount": request.seat_count,
        "units": request.units,
        "unitCount": request.unit_count,
    }
    labels = request.seat_numbers or request.units
    inventory_rules.refuse(
        [
            *_exactly_one(ids),
            *_exactly_one(amounts),
            *_repeated("seatNumbers" if request.seat_numbers else "units", labels or []),
            *_passenger_errors(request.passengers, labels),
        ]
    )
    listing_id = request.listing_id or request.trip_id
    if listing_id is None:
        raise Invalid.field("listingId", "is required")
    return Asked(
        listing_id=listing_id,
        labels=labels,
        count=len(labels) if labels else request.seat_count or request.unit_count or 0,
        check_in=request.check_in,
        check_out=request.check_out,
    )


def slots(asked: Asked, offer: Offer, guest_id: UUID) -> list[date]:
    """The slots that are asked for, in order.

    Raises ListingClosed, OwnListing, TripDeparted, Invalid if they cannot be booked, and what of
    the host's rules is broken (StayRuleBroken).
    """
    if offer.state is not ListingState.OPEN:
        raise ListingClosed("The host has closed this listing.")
    if offer.host_id == guest_id:
        raise OwnListing("Log in as a guest to book it.")
    inventory_rules.check_dates(offer, asked.check_in, asked.check_out, now=offer.now)
    if offer.rules and asked.check_in and asked.check_out:
        place = host_rules.place(offer.zone, offer.check_in_time, offer.now)
        host_rules.check(offer.rules, asked.check_in, asked.check_out, place)
    dates = inventory_rules.slots_of(offer, asked.check_in, asked.check_out)
    if asked.count * len(dates) > CLAIMS_PER_BOOKING_MAX:
        raise Invalid.field("checkOut", f"units times nights: at most {CLAIMS_PER_BOOKING_MAX}")
    return dates


def units_by_label(asked: Asked, offer: Offer) -> list[OfferedUnit]:
    """The units asked for by label. Raises Invalid for unknown ones, DatesBlocked."""
    known = {unit.label for unit in offer.units if unit.active}
    field = "seatNumbers" if offer.kind is Kind.TRIP else "units"
    inventory_rules.refuse(
        [
            FieldError(field=f"{field}[{index}]", message=f"there is no {label} here")
            for index, label in enumerate(asked.labels or [])
            if label not in known
        ]
    )
    blocked = {block.unit_id for block in offer.blocks}
    if None in blocked or any(unit.id in blocked for unit in offer.units):
        raise DatesBlocked("The host does not sell some of these units on some of these dates.")
    return offer.units


def held(order: Order, units: Sequence[OfferedUnit]) -> Booking:
    """The booking of these units, held, with price, terms and instants frozen as of the offer."""
    asked, offer, dates = order.asked, order.offer, order.dates
    quote = inventory_rules.quote(offer, units, dates)
    if quote.total == 0:
        raise Invalid.field("listingId", "costs nothing, and so cannot be paid for")
    check_in_at, check_out_at = inventory_rules.instants(offer, asked.check_in, asked.check_out)
    if check_in_at >= check_out_at:  # a clock change swallowed the night between them
        raise Invalid.field("checkOut", "is not after check-in on these dates")
    return Booking(
        id=order.booking_id,
        guest_id=order.guest_id,
        host_id=offer.host_id,
        listing_id=offer.id,
        kind=offer.kind,
        state=BookingState.HELD,
        unit_ids=[unit.id for unit in units],
        first_slot=dates[0],
        last_slot=dates[-1],
        check_in_at=check_in_at,
        check_out_at=check_out_at,
        currency=quote.currency,
        rental=quote.rental,
        fee=quote.fee,
        deposit=quote.deposit,
        total=quote.total,
        lines=quote.lines,
        terms=_terms(order, check_in_at),
        expires_at=offer.now + order.hold,
        respond_by=None,
        created_at=offer.now,
        updated_at=offer.now,
    )


def holding(booking: Booking, payment: Payment) -> Holding:
    """What a charge paid for: the host's fee belongs to the rental."""
    return Holding(
        booking_id=booking.id,
        payment_id=payment.id,
        guest_id=booking.guest_id,
        host_id=booking.host_id,
        gateway=payment.gateway,
        currency=booking.currency,
        rental=booking.rental + booking.fee,
        deposit=booking.deposit,
        commission_bps=booking.terms.commission_bps,
    )


def parts(booking: Booking) -> list[int]:
    """The parts of a booking's total that are held apart, and may go to different people."""
    return [booking.rental + booking.fee, booking.deposit]


def windows(booking: Booking) -> Windows:
    """From when on pots may be disputed: the rental from check-in, or from arrival for a trip."""
    is_trip = booking.kind is Kind.TRIP
    return Windows(
        rental_opens_at=booking.check_out_at if is_trip else booking.check_in_at,
        deposit_opens_at=booking.check_out_at,
    )


def seat_ids(booking: Booking, passengers: Sequence[NewPassenger]) -> list[int]:
    """The unit of each passenger. Raises Invalid for seats not of this booking or named twice."""
    by_label = {line.label: line.unit_id for line in booking.lines}
    inventory_rules.refuse(list(_passenger_errors(passengers, list(by_label))))
    return [by_label[passenger.seat] for passenger in passengers]


def passengers(booking: Booking, rows: Sequence[PassengerRow]) -> list[Passenger]:
    """The passengers of a booking, each with the label of their unit."""
    labels = {line.unit_id: line.label for line in booking.lines}
    return [
        Passenger(
            seat=labels[row.unit_id], name=row.name, document=row.document, contact=row.contact
        )
        for row in rows
    ]


def facts(booking: Booking, *, reason: str) -> BookingFacts:
    """The facts of a mail about a booking."""
    stated = BookingFacts(
        booking_id=booking.id,
        listing_title=booking.terms.title,
        unit_labels=booking.labels,
        check_in_at=booking.check_in_at,
        check_out_at=booking.check_out_at,
        total=Money(amount=booking.total, currency=booking.currency),
        zone=booking.terms.zone,
    )
    if booking.terms.check_out_zone:
        stated["arrival_zone"] = booking.terms.check_out_zone
    if reason:
        stated["reason"] = reason
    if booking.split_from:
        stated["given_back"] = True
    if booking.respond_by:
        stated["respond_by"] = booking.respond_by
    return stated


def tiers(policy: Policy, check_in_at: datetime) -> list[Tier]:
    """What a policy means for a booking that begins at this instant."""
    return [
        Tier(until=check_in_at - before, back_bps=back_bps) for before, back_bps in _TIERS[policy]
    ]


def _terms(order: Order, check_in_at: datetime) -> Terms:
    offer, asked = order.offer, order.asked
    local = inventory_rules.wall_clock(offer, asked.check_in, asked.check_out)
    return Terms(
        title=offer.title,
        place=offer.place,
        zone=offer.zone,
        policy=offer.policy,
        cancellation=tiers(offer.policy, check_in_at),
        request_to_book=offer.request_to_book,
        respond_within_hours=offer.respond_within_h,
        commission_bps=order.commission_bps,
        check_in_local=local.begins.isoformat(),
        check_out_local=local.ends.isoformat(),
        check_out_zone=local.ends_zone,
        nights_between=offer.rules.nights_between if offer.rules else 0,
    )


def is_misplaced(known: LocalInstant) -> bool:
    """Whether an instant is not the local time that was agreed on, as clocks go by now."""
    return inventory_rules.instant(known.local, known.zone) != known.at


def at_local_times(booking: Booking, known: Iterable[LocalInstant]) -> Booking:
    """A booking with its instants, and those of its terms, where its local times are now."""
    begins, ends = booking.check_in_at, booking.check_out_at
    for each in known:
        at = inventory_rules.instant(each.local, each.zone)
        begins, ends = (at, ends) if each.is_begin else (begins, at)
    moved = begins - booking.check_in_at
    tiers = [
        msgspec.structs.replace(tier, until=tier.until + moved)
        for tier in booking.terms.cancellation
    ]
    return msgspec.structs.replace(
        booking,
        check_in_at=begins,
        check_out_at=ends,
        terms=msgspec.structs.replace(booking.terms, cancellation=tiers),
    )


def check_asked_of_host(booking: Booking) -> None:
    """Whether a booking waits for its host's answer. Raises MoveRefused."""
    if booking.state is not BookingState.AWAITING_HOST:
        raise MoveRefused(f"The booking is {booking.state}.")


def _exactly_one(fields: Mapping[str, object]) -> Iterable[FieldError]:
    given = [name for name, value in fields.items() if value is not None]
    if not given:
        yield FieldError(field=next(iter(fields)), message=f"give one of {', '.join(fields)}")
    for name in given[1:]:
        yield FieldError(field=name, message=f"cannot stand beside {given[0]}")


def _repeated(field: str, labels: Sequence[str]) -> Iterable[FieldError]:
    for index, label in enumerate(labels):
        if label in labels[:index]:
            yield FieldError(field=f"{field}[{index}]", message=f"{label} is named twice")


def _passenger_errors(
    passengers: Sequence[NewPassenger], labels: Sequence[str] | None
) -> Iterable[FieldError]:
    seats = [passenger.seat for passenger in passengers]
    for index, seat in enumerate(seats):
        where = f"passengers[{index}].seat"
        if labels is None or seat not in labels:
            yield FieldError(field=where, message=f"{seat} is not one of the booking's units")
        elif seat in seats[:index]:
            yield FieldError(field=where, message=f"{seat} is named twice")
