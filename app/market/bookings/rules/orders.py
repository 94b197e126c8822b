"""What a request to book asks for, whether the offers allow it, and the booking it makes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Final
from uuid import UUID

import msgspec

from app.foundation.errors import FieldError, Invalid
from app.market.bookings.model import (
    CLAIMS_PER_BOOKING_MAX,
    Booking,
    BookingState,
    DatesBlocked,
    ListingClosed,
    NewPassenger,
    OwnListing,
    Reserve,
    Terms,
    Tier,
    WantedPart,
)
from app.market.claims.model import Pick, Wanted
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Kind, ListingState, Offer, OfferedUnit, Policy
from app.market.stay_rules import rules as host_rules

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


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of which booking something is: `part_of` is None for the first of `parts`.

    `listed`: the request has a list of parts, and does not say at its top what it wants.
    """

    booking_id: UUID
    part_of: UUID | None = None
    part: int = 1
    parts: int = 1
    stand_alone: bool = False
    listed: bool = False

    @property
    def named(self) -> int | None:
        """The number by which a refusal names it; None if the request has no list of parts."""
        return self.part if self.listed else None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a request that the offer allows; only the units are still to be chosen."""

    asked: Asked
    offer: Offer
    dates: Sequence[date]
    place: Place
    guest_id: UUID
    hold: timedelta
    commission_bps: int
    deposit_multiple_max: int
    passengers: Sequence[NewPassenger]

    @property
    def pick(self) -> Pick:
        """Any units that it asks for."""
        rules_of_stay = self.offer.rules
        wanted = Wanted(
            listing_id=self.offer.id,
            first=self.dates[0],
            last=self.dates[-1],
            gap=rules_of_stay.nights_between if rules_of_stay else 0,
        )
        return Pick(wanted=wanted, count=self.asked.count, part=self.place.named)


def wanted_parts(request: Reserve) -> list[WantedPart]:
    """The parts that a request asks for, one or several. Raises Invalid if it says both."""
    if not request.parts:
        return [request]
    of_one = {field.name: field.encode_name for field in msgspec.structs.fields(WantedPart)}
    inventory_rules.refuse(
        [
            FieldError(field=encoded, message="cannot stand beside parts")
            for name, encoded in of_one.items()
            if getattr(request, name)
        ]
    )
    return list(request.parts)


def read(request: WantedPart) -> Asked:
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
            *passenger_errors(request.passengers, labels),
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


def check_together(orders: Sequence[Order]) -> None:
    """Check that parts can be one booking, with one payment. Raises Invalid, which names a part.

    They are of one currency. Two of the same listing are not at the same time: that would be one
    part with more units.
    """
    first = orders[0].offer.currency
    errors = [
        FieldError(
            field=f"parts[{number}].listingId",
            message=f"is sold in {order.offer.currency}, and the first part in {first}",
        )
        for number, order in enumerate(orders)
        if order.offer.currency != first
    ]
    errors += [
        FieldError(
            field=f"parts[{number}].listingId",
            message=f"is at the same time as part {other + 1}: ask there for more units",
        )
        for (other, one), (number, order) in combinations(enumerate(orders), 2)
        if one.offer.id == order.offer.id and set(one.dates) & set(order.dates)
    ]
    inventory_rules.refuse(errors)
    if sum(order.asked.count * len(order.dates) for order in orders) > CLAIMS_PER_BOOKING_MAX:
        raise Invalid.field("parts", f"units times nights: at most {CLAIMS_PER_BOOKING_MAX}")


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
    most = order.deposit_multiple_max
    quote = inventory_rules.quote(offer, units, dates, deposit_multiple_max=most)
    if quote.total == 0:
        raise Invalid.field("listingId", "costs nothing, and so cannot be paid for")
    check_in_at, check_out_at = inventory_rules.instants(offer, asked.check_in, asked.check_out)
    if check_in_at >= check_out_at:  # a clock change swallowed the night between them
        raise Invalid.field("checkOut", "is not after check-in on these dates")
    return Booking(
        id=order.place.booking_id,
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
        part_of=order.place.part_of,
        part=order.place.part,
        parts=order.place.parts,
        stand_alone=order.place.stand_alone,
    )


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
        commission_on_deposit=True,
        nights_between=offer.rules.nights_between if offer.rules else 0,
    )


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


def passenger_errors(
    passengers: Sequence[NewPassenger], labels: Sequence[str] | None
) -> Iterable[FieldError]:
    seats = [passenger.seat for passenger in passengers]
    for index, seat in enumerate(seats):
        where = f"passengers[{index}].seat"
        if labels is None or seat not in labels:
            yield FieldError(field=where, message=f"{seat} is not one of the booking's units")
        elif seat in seats[:index]:
            yield FieldError(field=where, message=f"{seat} is named twice")
