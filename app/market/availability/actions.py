"""Find what is free: search listings; show a seat map, free units, or a calendar of one listing."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.foundation import paging
from app.foundation.db import Tx, now, plan_for_values
from app.foundation.errors import Invalid
from app.market.availability import queries, rules
from app.market.availability.model import Availability, Search, UnitState
from app.market.inventory import actions as inventory
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import (
    Kind,
    Listing,
    ListingNotFound,
    ListingPage,
)

# A page of a search looks at WINDOWS_MAX times WINDOW listings at most, however few of them fit: so
# no search takes long.
WINDOW: Final = 250
WINDOWS_MAX: Final = 4


async def search(tx: Tx, wanted: Search, *, limit: int, cursor: str | None) -> ListingPage:
    """Open listings that fit: stays in the order of their ids, trips by departure and id.

    Looks at a bounded number of listings: if few of them fit, the page is short and has a cursor.
    Raises Invalid.
    """
    await plan_for_values(tx)  # which filters are used decides which index is best
    moment = await now(tx)
    rules.check_search(wanted, now=moment)
    after = _place(cursor, wanted.kind) if cursor else None
    found, after = await _find(tx, wanted, after, limit, now=moment)
    shown = [listing for listing in found if not inventory_rules.has_departed(listing, moment)]
    return ListingPage(
        listings=[inventory_rules.reply(listing, moment) for listing in shown],
        next_cursor=paging.write_cursor(after.departure_date, after.id) if after else None,
    )


async def _find(
    tx: Tx, wanted: Search, after: queries.Place | None, limit: int, *, now: datetime
) -> tuple[list[Listing], queries.Place | None]:
    """Up to `limit` fitting listings, and the place where the next page begins, None at the end."""
    found: list[Listing] = []
    read_places = queries.read_stays if wanted.kind is Kind.STAY else queries.read_trips
    for _ in range(WINDOWS_MAX):
        places = await read_places(tx, wanted, after=after, limit=WINDOW)
        ids = await _allowed(tx, wanted, [place.id for place in places], now)
        found += await queries.read_fitting(tx, wanted, ids, limit=limit + 1 - len(found))
        if len(found) > limit:
            last = found[limit - 1]
            return found[:limit], queries.Place(departure_date=last.departure_date, id=last.id)
        if len(places) < WINDOW:
            return found, None
        after = places[-1]
    return found, after


async def _allowed(tx: Tx, wanted: Search, ids: list[UUID], now: datetime) -> list[UUID]:
    """Those of these listings whose rules allow the dates that are asked for."""
    if wanted.first is None or wanted.last is None:
        return ids
    dates = wanted.first, wanted.last
    ruled = await queries.read_ruled(tx, ids)
    refused = {stay.id for stay in ruled if rules.refusals(stay, *dates, now=now)}
    return [each for each in ids if each not in refused]


def _place(cursor: str, kind: Kind) -> queries.Place:
    departure_date, listing_id = paging.read_cursor(cursor, tuple[date | None, UUID])
    if (departure_date is None) != (kind is Kind.STAY):
        raise Invalid.field("cursor", "is not a cursor of this list")
    return queries.Place(departure_date=departure_date, id=listing_id)


async def read_availability(
    tx: Tx, listing_id: UUID, *, check_in: date | None, check_out: date | None
) -> Availability:
    """The seat map of a trip, or the units of a stay that are free in all nights.

    A closed listing or a departed trip has no free units. Raises ListingNotFound, Invalid.
    """
    offer = await inventory.read_offer(tx, listing_id, [], check_in, check_out)
    inventory_rules.check_given_dates(offer, check_in, check_out, now=offer.now)
    slots = inventory_rules.slots_of(offer, check_in, check_out)
    end = slots[-1] + timedelta(days=1)
    found = await queries.read_units_now(tx, listing_id, slots[0], end, gap=rules.gap(offer))
    units = rules.priced(offer, found, slots)
    if offer.kind is Kind.TRIP:
        free = [unit for unit in units if unit.state is UnitState.FREE]
        return Availability(listing_id=listing_id, free_units=len(free), units=units)
    refused = rules.refusals(offer, slots[0], end, now=offer.now)
    free = [unit for unit in units if unit.state is UnitState.FREE and not refused]
    return Availability(
        listing_id=listing_id,
        free_units=len(free),
        units=free,
        rules_in_words=inventory_rules.reply(offer, offer.now).rules_in_words,
        refused_because=refused,
    )


async def read_free_seats(tx: Tx, trip_id: UUID) -> Availability:
    """The seats of a trip that can be booked now. Raises ListingNotFound."""
    if (await inventory.find_listing(tx, trip_id)).kind is not Kind.TRIP:
        raise ListingNotFound("There is no trip with this id.")
    seats = await read_availability(tx, trip_id, check_in=None, check_out=None)
    free = [seat for seat in seats.units or () if seat.state is UnitState.FREE]
    return msgspec.structs.replace(seats, units=free)


async def read_calendar(
    tx: Tx, listing_id: UUID, *, first: date | None, last: date | None
) -> Availability:
    """How many units of a stay are free in each night from `first` to the one before `last`.

    Raises ListingNotFound, Invalid.
    """
    offer = await inventory.read_offer(tx, listing_id, [], None, None)
    first, last = rules.check_calendar(offer, first, last)
    nights = await queries.count_free_by_night(tx, listing_id, first, last, gap=rules.gap(offer))
    return Availability(
        listing_id=listing_id,
        nights=rules.calendar(offer, nights, now=offer.now),
        rules_in_words=inventory_rules.reply(offer, offer.now).rules_in_words,
    )
