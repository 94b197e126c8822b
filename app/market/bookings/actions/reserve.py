"""Reserve: hold units for a guest, with price and terms frozen."""

from datetime import timedelta
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.registry import refused_by_all
from app.foundation.db import Tx
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.foundation.settings import settings
from app.market.bookings import queries, rules
from app.market.bookings.actions.passengers import replace_passengers
from app.market.bookings.model import Booking, Reserve
from app.market.claims import actions as claims
from app.market.claims.model import Wanted
from app.market.inventory import actions as inventory
from app.market.inventory.model import OfferedUnit


async def reserve(tx: Tx, *, guest_id: UUID, request: Reserve) -> Booking:
    """Hold all units that are asked for, or none, with price and terms frozen on the booking.

    Raises UnitsTaken or SoldOut, which name what is free instead; StayRuleBroken, which names a
    rule of the host; Invalid for a request that contradicts itself or the listing; ListingNotFound,
    ListingClosed, DatesBlocked, OwnListing, TripDeparted.
    """
    asked = rules.read(request)
    offer = await inventory.read_offer(
        tx, asked.listing_id, asked.labels, asked.check_in, asked.check_out
    )
    dates = rules.slots(asked, offer, guest_id)
    order = rules.Order(
        asked=asked,
        offer=offer,
        dates=dates,
        booking_id=uuid_utils.compat.uuid7(),
        guest_id=guest_id,
        hold=timedelta(minutes=request.hold_duration_minutes),
        commission_bps=settings().commission_bps,
    )
    if asked.labels is None:
        booking = await _hold_any(tx, order)
    else:
        booking = await _hold_named(tx, order)
    if request.passengers:
        await replace_passengers(tx, booking, request.passengers)
    return booking


async def _hold_named(tx: Tx, order: rules.Order) -> Booking:
    booking = _payable(rules.held(order, rules.units_by_label(order.asked, order.offer)))
    await claims.keep_apart(tx, booking.span)
    claimed = await queries.hold(tx, booking)
    if len(claimed) < booking.span.size:
        listing_id = booking.listing_id
        raise await claims.units_taken(tx, booking.id, listing_id, booking.span, claimed)
    return booking


async def _hold_any(tx: Tx, order: rules.Order) -> Booking:
    async def hold(units: list[OfferedUnit]) -> Booking | None:
        booking = _payable(rules.held(order, units))
        claimed = await queries.hold(tx, booking)
        return booking if len(claimed) == booking.span.size else None

    rules_of_stay = order.offer.rules
    wanted = Wanted(
        listing_id=order.offer.id,
        first=order.dates[0],
        last=order.dates[-1],
        gap=rules_of_stay.nights_between if rules_of_stay else 0,
    )
    return await claims.claim_any(tx, wanted=wanted, count=order.asked.count, claim=hold)


def _payable(booking: Booking) -> Booking:
    """The booking, if a gateway can charge its total and pay its parts: else a hold is useless.

    Raises Invalid.
    """
    total = Money(booking.total, booking.currency)
    if reason := refused_by_all(total, parts=rules.parts(booking)):
        raise Invalid.field("listingId", f"cannot be paid so: {reason}")
    return booking
