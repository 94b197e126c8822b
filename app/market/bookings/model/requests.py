"""Requests about bookings."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.wire import Input, Name
from app.market.bookings.model.bookings import PARTS_MAX, UNITS_PER_BOOKING_MAX
from app.market.inventory.model import Label
from app.market.vouchers.model import Code

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


class WantedPart(Input, frozen=True):
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
    passengers: Annotated[list[NewPassenger], Meta(max_length=UNITS_PER_BOOKING_MAX)] = (
        msgspec.field(default_factory=list[NewPassenger])
    )


class Reserve(WantedPart, frozen=True):
    """One stay or trip; or several `parts` that are held, paid and confirmed together.

    With `partsStandAlone` the guest wants the parts that hosts accept, though others decline;
    without it a host who declines, or does not answer, ends the whole booking; one who cancels what
    was confirmed ends only the own part. A `voucherCode` lowers the price of those parts
    that the voucher is for.
    """

    hold_duration_minutes: Minutes = 15
    parts: Annotated[list[WantedPart], Meta(max_length=PARTS_MAX)] = msgspec.field(
        default_factory=list[WantedPart]
    )
    parts_stand_alone: bool = False
    voucher_code: Code | None = None


class Passengers(Input, frozen=True):
    """All passengers of a booking. They replace those that were named before."""

    passengers: Annotated[list[NewPassenger], Meta(max_length=UNITS_PER_BOOKING_MAX)]


class Decision(Input, frozen=True):
    """The reason for a decision, in the words of the person who decides."""

    reason: Reason = ""
