"""Reserving a stay whose host has set rules: each refusal by its code, and what is kept empty."""

import asyncio
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.foundation.db import Violated, execute, fetch_values, transaction
from app.foundation.money import Money
from app.market.inventory.model import ListingReply
from app.people.accounts.model import Principal, Role
from tests import make
from tests.market import make as market

ROOM: Any = {"units": ["Room 1"]}


class World:
    """A host with a guest house, two guests, and the next Monday that is a week away."""

    host: Principal
    guests: list[Principal]
    stay: ListingReply
    monday: date


@pytest.fixture
async def world(pool: None) -> World:
    world = World()
    async with transaction() as tx:
        world.host = await make.account(tx, Role.GUEST, Role.HOST)
        world.guests = [await make.account(tx) for _ in range(8)]
        world.stay = await market.stay(
            tx, world.host, rooms=2, zone="UTC", price=Money(10_000, "NGN")
        )
        in_a_week = await make.today(tx) + timedelta(days=7)
        world.monday = in_a_week + timedelta(days=(7 - in_a_week.weekday()) % 7)
    return world


async def put_rules(api: httpx.AsyncClient, world: World, **rules: Any) -> None:
    reply = await api.patch(
        f"/api/listings/{world.stay.id}", json={"rules": rules}, headers=make.bearer(world.host)
    )
    assert reply.status_code == 200, reply.text


async def book(
    api: httpx.AsyncClient, world: World, first: int, nights: int, *, nth: int = 0, **what: Any
) -> httpx.Response:
    """Reserve nights, the first of them so many days after the Monday."""
    check_in = world.monday + timedelta(days=first)
    check_out = check_in + timedelta(days=nights)
    body = (what or ROOM) | {
        "listingId": str(world.stay.id), "checkIn": str(check_in), "checkOut": str(check_out)
    }  # fmt: skip
    headers = make.bearer(world.guests[nth])
    return await api.post("/api/bookings/reserve", json=body, headers=headers)


def refused(reply: httpx.Response) -> tuple[str, list[str]]:
    """The code of a 422, and the fields that it names."""
    assert reply.status_code == 422, reply.text
    return reply.json()["code"], [error["field"] for error in reply.json()["errors"]]


@pytest.mark.parametrize(
    ("rules", "first", "nights", "code", "field"),
    [
        ({"nightsMin": 3}, 0, 2, "stay_too_short", "checkOut"),
        ({"nightsMax": 3}, 0, 4, "stay_too_long", "checkOut"),
        ({"arrivalDays": ["friday"]}, 3, 2, "no_arrival_on_this_day", "checkIn"),
        ({"departureDays": ["friday"]}, 0, 3, "no_departure_on_this_day", "checkOut"),
        ({"noticeDays": 60}, 0, 2, "notice_too_short", "checkIn"),
        ({"aheadDays": 6}, 0, 2, "too_far_ahead", "checkIn"),
    ],
)
@pytest.mark.parametrize("what", [{"units": ["Room 1"]}, {"unitCount": 1}])
async def test_a_stay_against_a_rule_is_refused_with_the_rule_and_the_field(
    api: httpx.AsyncClient, world: World, *, rules: dict[str, Any], first: int, nights: int,
    code: str, field: str, what: dict[str, Any],
) -> None:  # fmt: skip
    await put_rules(api, world, **rules)
    assert refused(await book(api, world, first, nights, **what)) == (code, [field])
    async with transaction() as tx:
        assert not await fetch_values(tx, UUID, "SELECT booking_id FROM claims")
    await put_rules(api, world)
    assert (await book(api, world, first, nights, **what)).status_code == 201


async def test_a_season_of_the_arrival_replaces_the_rules_that_it_gives(
    api: httpx.AsyncClient, world: World
) -> None:
    week = {"name": "Fair", "firstDay": str(world.monday), "nightsMin": 3,
            "lastDay": str(world.monday + timedelta(days=6))}  # fmt: skip
    await put_rules(api, world, nightsMax=4, seasons=[week])
    assert refused(await book(api, world, 6, 2)) == ("stay_too_short", ["checkOut"])
    assert refused(await book(api, world, 6, 5)) == ("stay_too_long", ["checkOut"])
    assert (await book(api, world, 6, 3)).status_code == 201
    assert (await book(api, world, 9, 1)).status_code == 201


async def test_a_booking_stays_valid_when_the_rules_change(
    api: httpx.AsyncClient, world: World
) -> None:
    booking = (await book(api, world, 0, 1)).json()
    await put_rules(api, world, nightsMin=5, nightsBetween=2)
    who = make.bearer(world.guests[0])
    assert (await api.get(f"/api/bookings/{booking['id']}", headers=who)).json() == booking
    cancelled = await api.post(f"/api/bookings/{booking['id']}/cancel", headers=who, json={})
    assert cancelled.status_code == 200, cancelled.text


# ---- nights between guests ----------------------------------------------------------------------


async def test_nights_between_guests_stay_empty_before_and_after(
    api: httpx.AsyncClient, world: World
) -> None:
    await put_rules(api, world, nightsBetween=2)
    assert (await book(api, world, 10, 3)).status_code == 201
    for first, nights, fields in ((14, 2, ["checkIn"]), (7, 2, ["checkOut"])):
        reply = await book(api, world, first, nights, nth=1)
        assert refused(reply) == ("nights_between_guests", fields)
        assert reply.json()["unavailableSeats"] == ["Room 1"]
        assert reply.json()["alternativeSeats"] == ["Room 2"]
        assert "2 nights are kept empty between guests" in reply.json()["detail"]
    taken = await book(api, world, 12, 2, nth=1)
    assert (taken.status_code, taken.json()["code"]) == (409, "units_taken")
    assert (await book(api, world, 15, 1, nth=1)).status_code == 201
    assert (await book(api, world, 6, 2, nth=1)).status_code == 201
    between = await book(api, world, 9, 1, nth=2)
    assert refused(between) == ("nights_between_guests", ["checkIn", "checkOut"])
    assert (await book(api, world, 8, 1, nth=2, units=["Room 2"])).status_code == 201


async def test_any_room_is_one_that_is_not_too_near_to_others(
    api: httpx.AsyncClient, world: World
) -> None:
    await put_rules(api, world, nightsBetween=1)
    assert (await book(api, world, 0, 2)).status_code == 201
    any_room = {"unitCount": 1}
    second = await book(api, world, 2, 2, nth=1, **any_room)
    assert [unit["label"] for unit in second.json()["units"]] == ["Room 2"]
    third = await book(api, world, 4, 1, nth=2, unitCount=2)
    assert refused(third) == ("nights_between_guests", ["checkIn", "checkOut"])
    assert third.json()["alternativeSeats"] == ["Room 1"]
    assert (await book(api, world, 5, 1, nth=2, unitCount=2)).status_code == 201
    sold_out = await book(api, world, 5, 1, nth=3, **any_room)
    assert (sold_out.status_code, sold_out.json()["code"]) == (409, "sold_out")


async def test_nights_beside_a_hold_are_free_when_it_has_run_out(
    api: httpx.AsyncClient, world: World
) -> None:
    await put_rules(api, world, nightsBetween=1)
    assert (await book(api, world, 0, 2, holdDurationMinutes=1, **ROOM)).status_code == 201
    assert (await book(api, world, 2, 2, nth=1)).status_code == 422
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = '61 seconds'")
    assert (await book(api, world, 2, 2, nth=1)).status_code == 201


async def test_blocked_dates_may_lie_beside_guests(api: httpx.AsyncClient, world: World) -> None:
    await put_rules(api, world, nightsBetween=1)
    day = str(world.monday + timedelta(days=2))
    block = await api.post(
        f"/api/listings/{world.stay.id}/blocked-dates",
        json={"firstSlot": day, "lastSlot": day},
        headers=make.bearer(world.host),
    )
    assert block.status_code == 201
    assert (await book(api, world, 0, 2)).status_code == 201


@pytest.mark.parametrize("what", [{"units": ["Room 1"]}, {"unitCount": 1}])
async def test_guests_at_the_same_moment_never_come_too_near(
    api: httpx.AsyncClient, world: World, *, what: dict[str, Any]
) -> None:
    """Eight guests want one night each, in a row: with two nights between, every third fits."""
    await put_rules(api, world, nightsBetween=2)
    async with transaction() as tx:
        await execute(tx, "UPDATE units SET active = false WHERE label = 'Room 2'")
    for first in range(0, 120, 24):
        replies = await asyncio.gather(
            *(book(api, world, first + nth, 1, nth=nth, **what) for nth in range(8))
        )
        assert {reply.status_code for reply in replies} == {201, 422}
        got = [nth for nth, reply in enumerate(replies) if reply.status_code == 201]
        assert all(later - earlier > 2 for earlier, later in pairwise(got)), got


async def test_guests_of_several_rooms_at_the_same_moment_never_wait_for_each_other_for_ever(
    api: httpx.AsyncClient, world: World
) -> None:
    await put_rules(api, world, nightsBetween=1)
    asks: list[dict[str, Any]] = [
        {"units": ["Room 1", "Room 2"]}, {"units": ["Room 2", "Room 1"]}, {"unitCount": 2},
        {"unitCount": 1}, {"units": ["Room 2"]}, {"units": ["Room 1"]},
    ]  # fmt: skip
    for first in range(0, 60, 12):
        replies = await asyncio.gather(
            *(book(api, world, first + nth % 3, 2, nth=nth, **ask) for nth, ask in enumerate(asks))
        )
        assert {reply.status_code for reply in replies} <= {201, 409, 422}
        assert any(reply.status_code == 201 for reply in replies)


# ---- what the database refuses by itself --------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        '{"nightsMin": 3, "nightsMax": 2}',
        '{"nightsMin": 0}',
        '{"nightsMax": 366}',
        '{"nightsBetween": 8}',
        '{"seasons": [{"firstDay": "2027-07-02", "lastDay": "2027-07-01"}]}',
        (
            '{"seasons": [{"firstDay": "2027-07-01", "lastDay": "2027-07-09"}, '
            '{"firstDay": "2027-07-09", "lastDay": "2027-08-01"}]}'
        ),
        '{"seasons": [{"firstDay": "2027-07-01", "lastDay": "2027-07-09", "nightsMin": -1}]}',
    ],
)
async def test_the_database_refuses_rules_that_make_no_sense(world: World, rules: str) -> None:
    async with transaction() as tx:
        with pytest.raises(Violated, match="listings_rules_sound"):
            await execute(tx, "UPDATE listings SET rules = %(rules)s::jsonb", rules=rules)


async def test_the_database_refuses_rules_of_a_trip(world: World) -> None:
    async with transaction() as tx:
        await make.trip(tx, world.host)
        with pytest.raises(Violated, match="listings_rules_of_stay"):
            await execute(tx, "UPDATE listings SET rules = '{}' WHERE kind = 'trip'")
