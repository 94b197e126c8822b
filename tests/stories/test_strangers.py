"""What strangers ask for, however much it is, keeps nobody else from being served."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.foundation import db
from app.foundation.db import execute, fetch_value, reading, transaction
from app.foundation.errors import Unavailable
from app.foundation.settings import settings
from app.people.accounts.model import Principal, Role
from tests import make
from tests.application import the_app, transport_to
from tests.size import FULL

STRANGERS = 50
LISTINGS, UNITS = (1_000, 500) if FULL else (40, 100)
PATIENCE_S = 5  # on a machine of its own it is much less than 1


@pytest.fixture
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _read_for_long() -> bool:
    """Whether a read that takes 5 s was answered; each is ended after a second."""
    try:
        async with reading() as tx:
            await execute(tx, "SELECT pg_sleep(5)")
    except Unavailable:
        return False
    return True


async def test_fifty_heavy_reads_of_strangers_delay_neither_readiness_nor_a_reservation(
    api: httpx.AsyncClient,
) -> None:
    async with transaction() as tx:
        host, guest = await make.account(tx, Role.HOST), await make.account(tx)
        trip_id = await make.trip(tx, host, seats=40)
    readers = [asyncio.create_task(_read_for_long()) for _ in range(STRANGERS)]
    begun = time.monotonic()
    while not all(reader.done() for reader in readers):
        before = time.monotonic()
        assert (await api.get("/health/ready")).status_code == 200
        body = {"tripId": str(trip_id), "seatCount": 1, "holdDurationMinutes": 5}
        reply = await api.post("/api/bookings/reserve", json=body, headers=make.bearer(guest))
        assert reply.status_code == 201, reply.text
        assert time.monotonic() - before < PATIENCE_S
        await asyncio.sleep(0.2)
    assert not any(reader.result() for reader in readers)
    assert time.monotonic() - begun < STRANGERS / 2, "not one after the other"


async def _fill_place(host: Principal) -> None:
    """A place with many guest houses of many rooms, with statistics as after a day."""
    async with transaction() as tx:
        await execute(tx, "SET LOCAL statement_timeout = 0")
        await execute(
            tx,
            """
            WITH listed AS (
                INSERT INTO listings (
                    id, host_id, kind, title, place, zone, currency, price, deposit, policy,
                    check_in_time, check_out_time)
                SELECT gen_random_uuid(), %(host_id)s, 'stay', 'Guest house', 'Ikeja',
                       'Africa/Lagos', 'NGN', 2000000, 0, 'flexible', '15:00', '11:00'
                  FROM generate_series(1, %(listings)s)
             RETURNING id
            )
            INSERT INTO units (listing_id, label)
            SELECT id, 'Room ' || n FROM listed, generate_series(1, %(units)s) AS n""",
            host_id=host.id,
            listings=LISTINGS,
            units=UNITS,
        )
        await execute(tx, "ANALYZE listings, units")


@pytest.mark.timeout(600)
async def test_fifty_searches_of_a_huge_place_delay_neither_readiness_nor_a_reservation(
    api: httpx.AsyncClient,
) -> None:
    async with transaction() as tx:
        host, guest = await make.account(tx, Role.HOST), await make.account(tx)
        trip_id = await make.trip(tx, host, seats=400)
        first = await make.today(tx) + timedelta(days=1)
    await _fill_place(host)
    sought = {"place": "Ikeja", "checkIn": str(first), "checkOut": str(first + timedelta(days=90))}

    async def search() -> int:
        return (await api.get("/api/listings", params=sought | {"units": 60})).status_code

    searches = [asyncio.create_task(search()) for _ in range(STRANGERS)]
    waited: list[float] = []
    while not all(each.done() for each in searches):
        before = time.monotonic()
        assert (await api.get("/health/ready")).status_code == 200
        body = {"tripId": str(trip_id), "seatCount": 1, "holdDurationMinutes": 5}
        reply = await api.post("/api/bookings/reserve", json=body, headers=make.bearer(guest))
        assert reply.status_code == 201, reply.text
        waited.append(time.monotonic() - before)
        await asyncio.sleep(0.05)
    codes = Counter(each.result() for each in searches)
    print(f"{LISTINGS} x {UNITS}: {dict(codes)}, others at most {max(waited, default=0):.2f} s")
    assert set(codes) <= {200, 503}, codes
    assert max(waited, default=0) < PATIENCE_S


async def test_a_reader_changes_nothing(pool: None) -> None:
    with pytest.raises(Unavailable):
        async with reading() as tx:
            await execute(tx, "UPDATE business_clock SET movable = movable")
    async with reading() as tx:
        assert await fetch_value(tx, str, "SHOW transaction_read_only") == "on"


async def test_what_others_do_is_not_limited_to_a_second(pool: None) -> None:
    async with transaction() as tx:
        assert await fetch_value(tx, str, "SHOW statement_timeout") == "15s"
        assert await fetch_value(tx, str, "SHOW transaction_read_only") == "off"


@pytest.mark.parametrize(
    ("nights", "units", "status"), [(90, 60, 200), (91, 1, 422), (1, 61, 422), (364, 500, 422)]
)
async def test_a_search_is_for_few_enough_nights_and_units(
    api: httpx.AsyncClient, nights: int, units: int, status: int
) -> None:
    async with transaction() as tx:
        first = await make.today(tx) + timedelta(days=1)
    dates = {"checkIn": str(first), "checkOut": str(first + timedelta(days=nights))}
    reply = await api.get("/api/listings", params=dates | {"units": units})
    assert reply.status_code == status, reply.text


async def _ask(path: str, *, of: str, **more: Any) -> httpx.Response:
    transport = transport_to(the_app())
    transport.client = (of, 5000)
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        return await client.request(more.pop("method", "GET"), path, **more)


async def test_who_reads_too_often_is_limited_and_others_are_not(
    pool: None, no_scale: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMITS_SCALE", "0.01")
    settings.cache_clear()
    codes = [(await _ask("/api/listings", of="203.0.113.1")).status_code for _ in range(8)]
    assert codes == [200] * 6 + [429] * 2
    last = await _ask("/api/listings", of="203.0.113.1")
    assert int(last.headers["retry-after"]) <= 10
    assert last.headers["ratelimit-policy"] == '"search";q=6;w=60'
    assert last.headers["ratelimit"].startswith('"search";r=0;t=')
    assert last.json()["code"] == "limited"
    other = await _ask("/api/listings", of="203.0.113.2")
    assert (other.status_code, other.headers["ratelimit"][:14]) == (200, '"search";r=5;t')


async def test_readiness_needs_no_reader(api: httpx.AsyncClient) -> None:
    async with reading(), reading():
        assert (await api.get("/health/ready")).status_code == 200
        with pytest.raises(Unavailable):
            async with db.reading():
                pass
