"""What one guest may hold unpaid, whatever is asked for at once; over HTTP."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.foundation.db import execute, fetch_value, transaction
from app.foundation.settings import settings
from app.market.bookings import actions as bookings
from app.market.bookings.model.quotas import (
    ABANDONED_MAX,
    HOLDS_MAX,
    SLOTS_MAX,
    UNITS_MAX,
    CoolingDown,
    Standing,
)
from app.market.bookings.rules.quotas import check_cool_down
from app.people.accounts.model import Principal, Role
from tests import make, paid

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _people() -> tuple[Principal, Principal]:
    async with transaction() as tx:
        return await make.account(tx, Role.HOST), await make.account(tx)


async def _trip(host: Principal, seats: int = 60) -> UUID:
    async with transaction() as tx:
        return await make.trip(tx, host, seats=seats)


async def _reserve(
    api: httpx.AsyncClient, guest: Principal, trip_id: UUID, *, seats: int, **more: Any
) -> httpx.Response:
    body = {"tripId": str(trip_id), "seatCount": seats, **more}
    return await api.post("/api/bookings/reserve", json=body, headers=make.bearer(guest))


async def _held(guest: Principal) -> int:
    sql = """
        SELECT count(*) FROM claims c JOIN bookings b ON b.id = c.booking_id
         WHERE b.guest_id = %(guest_id)s"""
    async with transaction() as tx:
        return await fetch_value(tx, int, sql, guest_id=guest.id) or 0


async def test_fifty_requests_at_once_hold_exactly_the_quota_of_a_sale(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    trip_id = await _trip(host)
    seats = UNITS_MAX // HOLDS_MAX
    replies = await asyncio.gather(*(_reserve(api, guest, trip_id, seats=seats) for _ in range(50)))
    codes = [reply.status_code for reply in replies]
    assert codes.count(201) == HOLDS_MAX, [reply.text for reply in replies]
    assert set(codes) == {201, 409}
    assert await _held(guest) == HOLDS_MAX * seats == UNITS_MAX


async def test_fifty_requests_for_many_seats_each_hold_no_more_than_the_quota(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    trip_id = await _trip(host)
    await asyncio.gather(*(_reserve(api, guest, trip_id, seats=7) for _ in range(50)))
    assert await _held(guest) == UNITS_MAX // 7 * 7


async def test_who_holds_too_much_is_refused_and_told_when_there_is_more(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    trip_id = await _trip(host)
    first = await _reserve(api, guest, trip_id, seats=UNITS_MAX, holdDurationMinutes=10)
    assert first.status_code == 201
    reply = await _reserve(api, guest, trip_id, seats=1)
    assert (reply.status_code, reply.json()["code"]) == (409, "quota_reached")
    assert 590 <= int(reply.headers["retry-after"]) <= 600
    elsewhere = await _reserve(api, guest, await _trip(host), seats=1)
    assert elsewhere.status_code == 201, "the quota of units is per listing"


async def test_another_guest_is_not_refused_for_what_one_holds(api: httpx.AsyncClient) -> None:
    host, guest = await _people()
    trip_id = await _trip(host)
    await _reserve(api, guest, trip_id, seats=UNITS_MAX)
    async with transaction() as tx:
        other = await make.account(tx)
    assert (await _reserve(api, other, trip_id, seats=UNITS_MAX)).status_code == 201


async def test_rooms_count_for_each_night(api: httpx.AsyncClient) -> None:
    host, guest = await _people()
    async with transaction() as tx:
        stay_id = await make.stay(tx, host, rooms=20)
        today = await make.today(tx)

    async def sleep(rooms: int, nights: int) -> httpx.Response:
        begin = today + timedelta(days=3)
        body = {
            "listingId": str(stay_id),
            "unitCount": rooms,
            "checkIn": begin.isoformat(),
            "checkOut": (begin + timedelta(days=nights)).isoformat(),
        }
        return await api.post("/api/bookings/reserve", json=body, headers=make.bearer(guest))

    refused = await sleep(10, SLOTS_MAX // 10 + 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
    assert "retry-after" not in refused.headers, "waiting does not help: it is too much at once"
    assert (await sleep(10, SLOTS_MAX // 10)).status_code == 201


async def test_fifty_requests_at_once_hold_exactly_the_quota_of_nights(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    async with transaction() as tx:
        stay_id = await make.stay(tx, host, rooms=50)
        today = await make.today(tx)
    nights = SLOTS_MAX // 4  # four bookings of one room are all that may be held
    body = {
        "listingId": str(stay_id),
        "unitCount": 1,
        "checkIn": str(today + timedelta(days=3)),
        "checkOut": str(today + timedelta(days=3 + nights)),
    }
    headers = make.bearer(guest)
    replies = await asyncio.gather(
        *(api.post("/api/bookings/reserve", json=body, headers=headers) for _ in range(50))
    )
    assert [reply.status_code for reply in replies].count(201) == 4
    assert await _held(guest) == SLOTS_MAX


async def test_a_group_buys_a_whole_bus_in_steps_for_what_is_paid_does_not_count(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    trip_id = await _trip(host, seats=52)
    refused = await _reserve(api, guest, trip_id, seats=52)
    assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
    assert f"at most {UNITS_MAX} seats" in refused.json()["detail"]
    assert "then reserve the rest: what is paid for does not count" in refused.json()["detail"]
    for seats in (UNITS_MAX, UNITS_MAX, 52 - 2 * UNITS_MAX):
        reply = await _reserve(api, guest, trip_id, seats=seats)
        assert reply.status_code == 201, reply.text
        async with transaction() as tx:
            await paid.pay(tx, await bookings.lock(tx, UUID(reply.json()["id"])))
    assert await _held(guest) == 52


async def test_parts_of_one_booking_count_for_their_listings(api: httpx.AsyncClient) -> None:
    host, guest = await _people()
    full, other = await _trip(host), await _trip(host)
    await _reserve(api, guest, full, seats=UNITS_MAX - 1)

    async def both(seats: int) -> httpx.Response:
        parts = [
            {"tripId": str(full), "seatCount": seats},
            {"tripId": str(other), "seatCount": UNITS_MAX},
        ]
        return await api.post(
            "/api/bookings/reserve", json={"parts": parts}, headers=make.bearer(guest)
        )

    assert (await both(2)).json()["code"] == "quota_reached"
    assert (await both(1)).status_code == 201


async def _let_run_out(guest: Principal) -> None:
    sql = """
        UPDATE bookings SET expires_at = business_now() - interval '1 second'
         WHERE guest_id = %(guest_id)s AND expires_at > business_now()"""
    async with transaction() as tx:
        await execute(tx, sql, guest_id=guest.id)


async def test_who_lets_holds_run_out_again_and_again_waits_longer_each_time(
    api: httpx.AsyncClient,
) -> None:
    host, guest = await _people()
    trip_id = await _trip(host)
    for _ in range(ABANDONED_MAX):
        assert (await _reserve(api, guest, trip_id, seats=2)).status_code == 201
        await _let_run_out(guest)
    reply = await _reserve(api, guest, trip_id, seats=2)
    assert (reply.status_code, reply.json()["code"]) == (409, "cooling_down")
    assert 1_790 <= int(reply.headers["retry-after"]) <= 1_800


def _standing(abandoned: int, since_the_last: timedelta) -> Standing:
    return Standing(
        holds=0,
        units=None,
        slots=0,
        next_end=None,
        abandoned=abandoned,
        abandoned_at=NOW - since_the_last,
    )


@pytest.mark.parametrize(
    ("abandoned", "waits_min"), [(2, 0), (3, 30), (4, 60), (5, 120), (6, 240), (7, 360), (99, 360)]
)
def test_the_cool_down_doubles_up_to_six_hours(abandoned: int, waits_min: int) -> None:
    check_cool_down(_standing(abandoned, timedelta(minutes=waits_min)), NOW)
    if waits_min:
        with pytest.raises(CoolingDown) as refusal:
            check_cool_down(_standing(abandoned, timedelta(minutes=waits_min - 1)), NOW)
        assert refusal.value.retry_after_s == 60


async def test_refused_requests_use_up_the_limit_too(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMITS_SCALE", "0.1")
    settings.cache_clear()
    host, guest = await _people()
    trip_id = await _trip(host, seats=4)
    codes = [(await _reserve(api, guest, trip_id, seats=9)).status_code for _ in range(8)]
    assert codes == [409] * 6 + [429] * 2
