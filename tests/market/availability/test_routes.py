"""What is free through HTTP: seat maps, the units of a stay, calendars."""

from datetime import date, time, timedelta
from typing import Any

import httpx

from app.foundation.db import execute, fetch_value, transaction
from app.market.inventory.model import ListingReply
from app.people.accounts.model import Principal
from tests.market import make
from tests.market.listings import a_stay, a_trip, fields_of, the_day


async def claim(listing: ListingReply, label: str, slot: date, **how: Any) -> None:
    async with transaction() as tx:
        await make.claim(tx, listing, label, slot, **how)


async def test_a_seat_map_shows_the_state_of_every_seat(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    trip = await a_trip(host, seats=8)
    assert trip.departure_date
    day = trip.departure_date
    await claim(trip, "1A", day)
    await claim(trip, "1B", day, held_for_s=900)
    await claim(trip, "1C", day, held_for_s=-1)
    await claim(trip, "2A", day + timedelta(days=1))
    block = {"firstSlot": str(day), "lastSlot": str(day), "unit": "1D"}
    await as_host.post(f"/api/listings/{trip.id}/blocked-dates", json=block)
    seen = (await anybody.get(f"/api/listings/{trip.id}/availability")).json()
    states = {seat["label"]: seat["state"] for seat in seen["units"]}
    assert states == {
        "1A": "taken", "1B": "held", "1C": "free", "1D": "blocked",
        "2A": "free", "2B": "free", "2C": "free", "2D": "free",
    }  # fmt: skip
    assert (seen["units"][2]["seatRow"], seen["units"][2]["seatColumn"]) == (1, 4)
    free = (await anybody.get("/api/bookings/reserve", params={"tripId": str(trip.id)})).json()
    assert [seat["label"] for seat in free["units"]] == ["1C", "2A", "2B", "2C", "2D"]
    assert seen["freeUnits"] == free["freeUnits"] == 5


async def test_a_stay_shows_the_units_that_are_free_in_all_nights(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    stay, day = await a_stay(host, rooms=4, amount=100), await the_day() + timedelta(days=30)
    await claim(stay, "Room 1", day + timedelta(days=1))
    await claim(stay, "Room 2", day + timedelta(days=3))
    await claim(stay, "Room 3", day - timedelta(days=1))
    await claim(stay, "Room 4", day - timedelta(days=3), nights=10, held_for_s=60)
    dates = {"checkIn": str(day), "checkOut": str(day + timedelta(days=3))}
    seen = (await anybody.get(f"/api/listings/{stay.id}/availability", params=dates)).json()
    assert [unit["label"] for unit in seen["units"]] == ["Room 2", "Room 3"]
    assert seen["units"][0]["price"] == {"amount": 300, "currency": "NGN"}


async def test_a_calendar_counts_free_units_for_a_year_without_a_row_per_night(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    stay, day = await a_stay(host, rooms=3), await the_day()
    path = f"/api/listings/{stay.id}"
    await claim(stay, "Room 1", day + timedelta(days=2), nights=2)
    await claim(stay, "Room 2", day + timedelta(days=3), held_for_s=60)
    await claim(stay, "Room 3", day + timedelta(days=3), held_for_s=-60)
    for first, last, unit in ((3, 4, "Room 1"), (4, 5, "Room 1"), (6, 7, None), (-9, 0, None)):
        block = {"firstSlot": str(day + timedelta(days=first)), "unit": unit,
                 "lastSlot": str(day + timedelta(days=last))}  # fmt: skip
        assert (await as_host.post(f"{path}/blocked-dates", json=block)).status_code == 201
    year = {"from": str(day), "to": str(day + timedelta(days=366))}
    nights = (await anybody.get(f"{path}/availability", params=year)).json()["nights"]
    assert [night["freeUnits"] for night in nights[:9]] == [0, 3, 2, 1, 2, 2, 0, 0, 3]
    assert (len(nights), nights[0]["date"]) == (366, str(day))
    assert {night["freeUnits"] for night in nights[9:]} == {3}
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM claims") == 4


async def test_dates_that_make_no_sense_are_refused(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    stay, trip = await a_stay(host), await a_trip(host)
    path = f"/api/listings/{stay.id}/availability"
    asked: list[tuple[dict[str, str], set[str]]] = [
        ({}, {"checkIn", "checkOut"}),
        ({"checkIn": "0001-01-01", "checkOut": "9999-12-31"}, {"checkIn", "checkOut"}),
        ({"from": "9999-12-30", "to": "9999-12-31"}, {"from", "to"}),
        ({"from": "2030-01-01"}, {"to"}),
        ({"from": "2030-01-01", "to": "2031-01-03"}, {"to"}),
        ({"from": "2030-01-01", "to": "2030-01-01"}, {"to"}),
    ]
    for dates, wrong in asked:
        assert fields_of(await anybody.get(path, params=dates)) == wrong
    of_trip = f"/api/listings/{trip.id}/availability"
    dates = {"checkIn": "2030-01-01", "checkOut": "2030-01-02"}
    assert fields_of(await anybody.get(of_trip, params=dates)) == {"checkIn", "checkOut"}
    for wrong_path in (f"{path}?checkIn=tomorrow", "/api/bookings/reserve?tripId=7"):
        assert (await anybody.get(wrong_path)).status_code == 422
    reply = await anybody.get("/api/bookings/reserve", params={"tripId": str(stay.id)})
    assert reply.status_code == 404


async def test_nothing_is_free_of_a_closed_listing_or_a_departed_trip(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    closed = await a_trip(host, seats=4)
    reply = await as_host.patch(f"/api/listings/{closed.id}", json={"state": "closed"})
    assert reply.json()["state"] == "closed"
    departed = await a_trip(host, seats=4, departs_in_days=1, departure_time=time(8))
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = '3 days'")
    for trip in (closed, departed):
        free = (await anybody.get("/api/bookings/reserve", params={"tripId": str(trip.id)})).json()
        assert (free["freeUnits"], free["units"]) == (0, [])
        seats = (await anybody.get(f"/api/listings/{trip.id}/availability")).json()["units"]
        assert {seat["state"] for seat in seats} == {"blocked"}
