"""Search: what it finds, that its pages hold every row once, and that its work is bounded."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.foundation.db import execute, plan_for_values, transaction
from app.foundation.money import Money
from app.market.availability import queries
from app.market.availability.model import Search
from app.market.inventory.model import Kind
from app.people.accounts.model import Principal
from tests.make import today
from tests.market import make


async def find(client: httpx.AsyncClient, **params: Any) -> list[str]:
    """The titles on the first page."""
    reply = await client.get("/api/listings", params=params)
    assert reply.status_code == 200, reply.text
    return [listing["title"] for listing in reply.json()["listings"]]


@pytest.fixture
async def day(pool: None) -> date:
    async with transaction() as tx:
        return await today(tx) + timedelta(days=20)


async def test_search_finds_by_words_place_currency_and_price(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    async with transaction() as tx:
        await make.stay(tx, host, title="Blue House", amount=100)
        await make.stay(tx, host, title="Red House", place="Accra", price=Money(200, "GHS"))
        await make.stay(tx, host, title="Red Tent", amount=300)
        await make.trip(tx, host, title="Red Bus")
    assert await find(anybody) == ["Blue House", "Red House", "Red Tent"]
    assert await find(anybody, q="red") == ["Red House", "Red Tent"]
    assert await find(anybody, q="RED house") == ["Red House"]
    assert await find(anybody, q="!!! ' --") == []
    assert await find(anybody, place="lagos") == ["Blue House", "Red Tent"]
    assert await find(anybody, currency="GHS") == ["Red House"]
    assert await find(anybody, currency="NGN", priceMin=101) == ["Red Tent"]
    assert await find(anybody, currency="NGN", priceMin=100, priceMax=299) == ["Blue House"]
    assert await find(anybody, kind="trip", q="yaoundé") == ["Red Bus"]


async def test_search_with_dates_finds_what_has_enough_free_units(
    anybody: httpx.AsyncClient, host: Principal, day: date
) -> None:
    async with transaction() as tx:
        await make.stay(tx, host, title="Empty", rooms=2)
        half = await make.stay(tx, host, title="Half", rooms=2)
        await make.claim(tx, half, "Room 2", day + timedelta(days=1))
        full = await make.stay(tx, host, title="Full", rooms=1)
        await make.claim(tx, full, "Room 1", day, held_for_s=60)
        lapsed = await make.stay(tx, host, title="Lapsed", rooms=1)
        await make.claim(tx, lapsed, "Room 1", day, held_for_s=-60)
        await make.stay(tx, host, title="Roomless", rooms=0)
    dates = {"checkIn": str(day), "checkOut": str(day + timedelta(days=2))}
    assert await find(anybody, **dates) == ["Empty", "Half", "Lapsed"]
    assert await find(anybody, **dates, units=2) == ["Empty"]
    assert await find(anybody, units=2) == ["Empty", "Half"]
    later = {"checkIn": str(day + timedelta(days=2)), "checkOut": str(day + timedelta(days=3))}
    assert await find(anybody, **later) == ["Empty", "Half", "Full", "Lapsed"]


async def test_trips_come_by_departure_and_not_after_it(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    async with transaction() as tx:
        late = await make.trip(tx, host, title="Late", seats=4, departs_in_days=9)
        early = await make.trip(tx, host, title="Early", seats=4, departs_in_days=2)
        sold_out = await make.trip(tx, host, title="Sold out", seats=4, departs_in_days=3)
        assert late.departure_date
        assert sold_out.departure_date
        for label in ("1A", "1B", "1C", "1D"):
            await make.claim(tx, sold_out, label, sold_out.departure_date)
    assert await find(anybody, kind="trip") == ["Early", "Late"]
    assert await find(anybody, date=str(late.departure_date)) == ["Late"]
    assert await find(anybody, date=str(late.departure_date), units=5) == []
    assert await find(anybody, date=str(sold_out.departure_date)) == []
    async with transaction() as tx:
        assert early.departure_time
        shift = "UPDATE business_clock SET movable = true, shift = '3 days'"
        await execute(tx, shift)
    assert await find(anybody, kind="trip") == ["Late"]


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"priceMin": 1}, {"currency"}),
        ({"priceMin": 2, "priceMax": 1, "currency": "NGN"}, {"priceMax"}),
        ({"checkIn": "2030-01-01"}, {"checkOut"}),
        ({"checkIn": "0001-01-01", "checkOut": "9999-12-31", "priceMax": 1},
         {"checkIn", "checkOut", "currency"}),
        ({"kind": "trip", "checkIn": "2030-01-01"}, {"checkIn"}),
        ({"kind": "stay", "date": "2030-01-01"}, {"date"}),
        ({"limit": 101, "units": 0, "q": " ", "cursor": "x" * 501, "currency": "eur"},
         {"limit", "units", "q", "cursor", "currency"}),
        ({"limit": "ten", "kind": "tour"}, {"limit", "kind"}),
        ({"cursor": "made-up"}, {"cursor"}),
        ({"cursor": "WzFd"}, {"cursor"}),
    ],
)  # fmt: skip
async def test_a_search_that_makes_no_sense_is_refused(
    anybody: httpx.AsyncClient, params: dict[str, Any], wrong: set[str]
) -> None:
    reply = await anybody.get("/api/listings", params=params)
    assert reply.status_code == 422, reply.text
    assert {error["field"] for error in reply.json()["errors"]} == wrong


@pytest.mark.parametrize("kind", ["stay", "trip"])
async def test_pages_hold_every_listing_once_while_others_are_added(
    anybody: httpx.AsyncClient, host: Principal, kind: str
) -> None:
    async def add(number: int) -> str:
        async with transaction() as tx:
            if kind == "stay":
                return str((await make.stay(tx, host, rooms=0, title=f"{number}")).id)
            days = 5 + number % 3
            return str((await make.trip(tx, host, seats=4, departs_in_days=days)).id)

    made = [await add(number) for number in range(11)]
    seen: list[str] = []
    params: dict[str, Any] = {"kind": kind, "limit": 3}
    while True:
        page = (await anybody.get("/api/listings", params=params)).json()
        seen += [listing["id"] for listing in page["listings"]]
        if page["nextCursor"] is None:
            break
        params["cursor"] = page["nextCursor"]
        if len(seen) < 10:
            await add(len(seen))
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)
    other = {"kind": "trip" if kind == "stay" else "stay", "cursor": params["cursor"]}
    assert (await anybody.get("/api/listings", params=other)).status_code == 422


async def many_listings(host: Principal, *, count: int) -> None:
    """Stays and trips with units and claims, as many of each, made by the database itself."""
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO listings (id, host_id, kind, title, place, zone, currency, price, policy,
                                  check_in_time, check_out_time)
            SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, %(host_id)s,
                   'stay', 'House ' || n, 'Town ' || n %% 500, 'UTC', 'EUR', n, 'strict', '15:00',
                   '11:00'
              FROM generate_series(1, %(count)s) AS n""",
            host_id=host.id,
            count=count,
        )
        await execute(
            tx,
            """
            INSERT INTO listings (id, host_id, kind, title, place, destination, zone, currency,
                                  price, policy, departure_date, departure_time, arrival_date,
                                  arrival_time, arrival_zone)
            SELECT ('00000000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, %(host_id)s,
                   'trip', 'Bus ' || n, 'Town ' || n %% 500, 'City', 'UTC', 'EUR', n, 'strict',
                   current_date + n %% 365, '08:00', current_date + n %% 365, '12:00', 'UTC'
              FROM generate_series(1, %(count)s) AS n""",
            host_id=host.id,
            count=count,
        )
        await execute(
            tx,
            """
            INSERT INTO units (listing_id, label)
            SELECT id, 'U' || n FROM listings, generate_series(1, 3) AS n""",
        )
    async with transaction() as tx:
        for table in ("listings", "units", "claims", "blocked_dates"):
            await execute(tx, f"ANALYZE {table}")
        await execute(tx, "SELECT gin_clean_pending_list('listings_words')")


WANTED = Search(
    kind=Kind.STAY, words=None, place=None, first=None, last=None, departure_date=None,
    units=None, currency=None, price_min=None, price_max=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({}, "listings_stays"),
        ({"place": "town 7"}, "listings_stays_in_place"),
        ({"words": "777"}, "listings_words"),
        ({"kind": Kind.TRIP}, "listings_departures"),
        ({"kind": Kind.TRIP, "place": "town 7"}, "listings_departures_from_place"),
        ({"kind": Kind.TRIP, "departure_date": date(2030, 1, 1)}, "listings_departures"),
    ],
)
async def test_every_search_walks_an_index_and_never_the_table(
    host: Principal, fields: dict[str, Any], index: str
) -> None:
    await many_listings(host, count=5_000)
    wanted = Search(
        **{**{name: getattr(WANTED, name) for name in Search.__struct_fields__}, **fields}
    )
    async with transaction() as tx:
        await plan_for_values(tx)
        await execute(tx, "LOAD 'auto_explain'")
        await execute(tx, "SET LOCAL auto_explain.log_min_duration = 0")
        await execute(tx, "SET LOCAL client_min_messages = log")
        plans: list[str] = []
        tx.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        is_stay = wanted.kind is Kind.STAY
        read_places = queries.read_stays if is_stay else queries.read_trips
        places = await read_places(tx, wanted, after=None, limit=250)
        ids = [place.id for place in places] or [UUID(int=1)]
        await queries.read_fitting(tx, wanted, ids, limit=21)
    assert f"using {index} " in plans[0] or f"on {index} " in plans[0], plans[0]
    assert "Seq Scan on listings" not in "".join(plans)
