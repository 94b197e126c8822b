"""HTTP of what is free: search, seat map, free units, calendar."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from app.foundation.asgi import public_read
from app.foundation.db import reading
from app.foundation.limited import by_address
from app.foundation.limits import SEARCH
from app.foundation.money import AMOUNT_MAX
from app.foundation.web import PageCursor, PageSize
from app.market.availability import actions
from app.market.availability.model import SEARCH_UNITS_MAX, Availability, Search
from app.market.inventory.model import Kind, ListingPage

Words = Annotated[str | None, QueryParameter(min_length=1, max_length=200, pattern=r"\S")]
UnitCount = Annotated[
    int | None, QueryParameter(ge=1, le=SEARCH_UNITS_MAX, description="At least so many free units")
]
CurrencyCode = Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$")]


@get(
    "/api/listings",
    exclude_from_auth=True,
    guards=[by_address(SEARCH)],
    middleware=[public_read],
    tags=["listings"],
    summary="Find open listings by words, place, dates, price and free units",
)
async def search(
    *,
    q: Words = None,
    place: Words = None,
    kind: FromQuery[Kind | None] = None,
    check_in: Annotated[date | None, QueryParameter(name="checkIn")] = None,
    check_out: Annotated[date | None, QueryParameter(name="checkOut")] = None,
    departure_date: Annotated[date | None, QueryParameter(name="date")] = None,
    units: UnitCount = None,
    currency: CurrencyCode = None,
    price_min: Annotated[int | None, QueryParameter(name="priceMin", ge=0, le=AMOUNT_MAX)] = None,
    price_max: Annotated[int | None, QueryParameter(name="priceMax", ge=0, le=AMOUNT_MAX)] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> ListingPage:
    """Open listings: stays, the oldest first, or trips to come, by their departure.

    `kind` is `stay` unless said, or `trip` if `date` is given. `q` looks for words in title, place
    and destination; `place` is the whole place (of departure), upper or lower case. With dates,
    and for trips always, only listings with `units` (else 1) free units, and stays whose hosts'
    rules allow the dates. Prices are per unit and
    slot before weekends and overrides. One page looks at 1,000 listings at the most, so where
    few fit it may be short, or empty, and still have a `nextCursor`. A search is for 90 nights
    at the most.
    """
    chosen = kind or (Kind.TRIP if departure_date else Kind.STAY)
    wanted = Search(
        kind=chosen,
        words=q,
        place=place,
        first=check_in,
        last=check_out,
        departure_date=departure_date,
        units=units or (1 if check_in or chosen is Kind.TRIP else None),
        currency=currency,
        price_min=price_min,
        price_max=price_max,
    )
    async with reading() as tx:
        return await actions.search(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/listings/{listing_id:uuid}/availability",
    exclude_from_auth=True,
    guards=[by_address(SEARCH)],
    middleware=[public_read],
    tags=["availability"],
    summary="What is free: a seat map, rooms for given nights, or a calendar",
)
async def read_availability(
    listing_id: FromPath[UUID],
    check_in: Annotated[date | None, QueryParameter(name="checkIn")] = None,
    check_out: Annotated[date | None, QueryParameter(name="checkOut")] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> Availability:
    """A trip: its seat map. A stay: with `checkIn` and `checkOut` the units that are free in all
    nights, each with its price for them; with `from` and `to` (at most 366 nights, `to` excluded)
    how many units are free in each night, and what the host's rules say of each day. Prices are
    without fee and deposit.
    """
    async with reading() as tx:
        if first or last:
            return await actions.read_calendar(tx, listing_id, first=first, last=last)
        return await actions.read_availability(
            tx, listing_id, check_in=check_in, check_out=check_out
        )


@get(
    "/api/bookings/reserve",
    exclude_from_auth=True,
    guards=[by_address(SEARCH)],
    middleware=[public_read],
    tags=["availability"],
    summary="The seats of a trip that can be booked now",
)
async def read_free_seats(
    trip_id: Annotated[UUID, QueryParameter(name="tripId")],
) -> Availability:
    async with reading() as tx:
        return await actions.read_free_seats(tx, trip_id)


routes: Final = [search, read_availability, read_free_seats]
