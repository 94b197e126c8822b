"""Reserving through the API: what a buyer asks, and what comes back."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.foundation.db import execute, fetch_value, fetch_values, transaction
from app.people.accounts.model import Principal, Role
from tests import make


class World:
    """A host with a bus of eight seats and a guest house of two rooms, and two guests."""

    host: Principal
    guest: Principal
    other: Principal
    trip_id: UUID
    stay_id: UUID


@pytest.fixture
async def world(pool: None) -> World:
    world = World()
    async with transaction() as tx:
        world.host = await make.account(tx, Role.GUEST, Role.HOST)
        world.guest = await make.account(tx)
        world.other = await make.account(tx)
        world.trip_id = await make.trip(tx, world.host, seats=8)
        world.stay_id = await make.stay(tx, world.host, rooms=2)
    return world


async def reserve(
    api: httpx.AsyncClient, who: Principal, key: str = "", **body: Any
) -> httpx.Response:
    headers = make.bearer(who) | ({"idempotency-key": key} if key else {})
    body = {name: str(v) if isinstance(v, UUID | date) else v for name, v in body.items()}
    return await api.post("/api/bookings/reserve", json=body, headers=headers)


async def test_a_guest_holds_two_seats(api: httpx.AsyncClient, world: World) -> None:
    reply = await reserve(api, world.guest, tripId=world.trip_id, seatNumbers=["1A", "1B"])
    assert reply.status_code == 201, reply.text
    booking = reply.json()
    assert booking["state"] == "held"
    assert [unit["label"] for unit in booking["units"]] == ["1A", "1B"]
    assert booking["price"]["total"] == {"amount": 1_000_000, "currency": "NGN"}
    assert booking["createdAt"].endswith("Z")
    seen = await api.get(f"/api/bookings/{booking['id']}", headers=make.bearer(world.guest))
    assert seen.json() == booking


async def test_second_buyer_of_a_seat_gets_409_with_what_is_free(
    api: httpx.AsyncClient, world: World
) -> None:
    await reserve(api, world.guest, tripId=world.trip_id, seatNumbers=["1A"])
    reply = await reserve(api, world.other, tripId=world.trip_id, seatNumbers=["1A", "1B"])
    assert reply.status_code == 409
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["code"] == "units_taken"
    assert problem["unavailableSeats"] == ["1A"]
    assert problem["alternativeSeats"][0] == "1C"  # 1B is asked for already
    again = await reserve(api, world.other, tripId=world.trip_id, seatNumbers=["1B"])
    assert again.status_code == 201, "what was refused has held nothing"


async def test_an_expired_hold_is_free_at_once(api: httpx.AsyncClient, world: World) -> None:
    await reserve(api, world.guest, tripId=world.trip_id, seatNumbers=["1A"], holdDurationMinutes=1)
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = '61 seconds'")
    reply = await reserve(api, world.other, tripId=world.trip_id, seatNumbers=["1A"])
    assert reply.status_code == 201


async def test_any_seats_until_none_is_left(api: httpx.AsyncClient, world: World) -> None:
    for _ in range(2):
        reply = await reserve(api, world.guest, tripId=world.trip_id, seatCount=3)
        assert reply.status_code == 201, reply.text
    reply = await reserve(api, world.guest, tripId=world.trip_id, seatCount=3)
    assert reply.status_code == 409
    assert reply.json()["alternativeSeats"] == ["2C", "2D"]


async def test_nights_overlap_but_do_not_touch(api: httpx.AsyncClient, world: World) -> None:
    day = date.today() + timedelta(days=30)  # noqa: DTZ011

    async def nights(first: int, last: int) -> int:
        reply = await reserve(
            api,
            world.guest,
            listingId=world.stay_id,
            units=["Room 1"],
            checkIn=day + timedelta(days=first),
            checkOut=day + timedelta(days=last),
        )
        return reply.status_code

    assert await nights(0, 3) == 201
    assert await nights(2, 5) == 409
    assert await nights(3, 5) == 201


async def test_the_same_key_gets_the_same_booking(api: httpx.AsyncClient, world: World) -> None:
    first = await reserve(api, world.guest, "k-1", tripId=world.trip_id, seatNumbers=["1A"])
    second = await reserve(api, world.guest, "k-1", tripId=world.trip_id, seatNumbers=["1A"])
    assert second.status_code == 201
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    changed = await reserve(api, world.guest, "k-1", tripId=world.trip_id, seatNumbers=["1B"])
    assert changed.status_code == 422
    assert changed.json()["code"] == "key_reused"
    others = await reserve(api, world.other, "k-1", tripId=world.trip_id, seatNumbers=["1B"])
    assert others.status_code == 201, "a key is its owner's"


async def test_one_key_sent_twenty_times_at_once_books_once(
    api: httpx.AsyncClient, world: World
) -> None:
    replies = await asyncio.gather(
        *(
            reserve(api, world.guest, "k-2", tripId=world.trip_id, seatNumbers=["1A"])
            for _ in range(20)
        )
    )
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} <= {"key_busy"}
    assert len({reply.json()["id"] for reply in replies if reply.status_code == 201}) == 1
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM bookings") == 1


async def test_two_hundred_clients_for_the_same_ten_seats(
    api: httpx.AsyncClient, world: World
) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, world.host, seats=10)
    labels = ["1A", "1B", "1C", "1D", "2A", "2B", "2C", "2D", "3A", "3B"]
    replies = await asyncio.gather(
        *(
            reserve(api, world.guest, tripId=trip_id, seatNumbers=[labels[n % 10]])
            for n in range(200)
        )
    )
    assert sum(reply.status_code == 201 for reply in replies) == 10
    for n, reply in enumerate(replies):
        if reply.status_code != 201:
            assert reply.status_code == 409, reply.text
            assert reply.json()["unavailableSeats"] == [labels[n % 10]]
    async with transaction() as tx:
        sold = await fetch_values(tx, int, "SELECT unit_id FROM claims")
    assert len(sold) == len(set(sold)) == 10


async def test_two_hundred_clients_for_any_of_ten_seats(
    api: httpx.AsyncClient, world: World
) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, world.host, seats=10)
    replies = await asyncio.gather(
        *(reserve(api, world.guest, tripId=trip_id, seatCount=1) for _ in range(200))
    )
    codes = [reply.status_code for reply in replies]
    assert (codes.count(201), codes.count(409)) == (10, 190), set(codes)
