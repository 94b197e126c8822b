"""What the rules of a stay's host make of its calendar, of its free units, and of a search."""

from datetime import date, timedelta
from typing import Any

import httpx

from app.foundation.db import transaction
from app.market.inventory.model import ListingReply
from app.market.stay_rules.model import NewSeason, NewStayRules, Weekday
from app.people.accounts.model import Principal
from tests.market import make
from tests.market.listings import a_stay, a_trip, the_day


async def a_monday() -> date:
    """A Monday that is a week away or a few days more."""
    day = await the_day() + timedelta(days=7)
    return day + timedelta(days=(7 - day.weekday()) % 7)


async def availability(
    client: httpx.AsyncClient, stay: ListingReply, **dates: date
) -> dict[str, Any]:
    names = {"first": "from", "last": "to", "check_in": "checkIn", "check_out": "checkOut"}
    params = {names[name]: str(day) for name, day in dates.items()}
    reply = await client.get(f"/api/listings/{stay.id}/availability", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_calendar_says_on_which_days_guests_arrive_and_leave_and_for_how_long(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    monday = await a_monday()
    fair = NewSeason(
        name="Fair", first_day=monday, last_day=monday + timedelta(days=1), nights_min=3
    )
    rules = NewStayRules(
        nights_min=2,
        nights_max=8,
        departure_days=[Weekday.THURSDAY, Weekday.SUNDAY],
        notice_days=5,
        ahead_days=(monday - await the_day()).days + 4,
        seasons=(fair,),
    )
    stay = await a_stay(host, rules=rules, zone="UTC")  # whose today is that of `the_day`
    seen = await availability(anybody, stay, first=monday, last=monday + timedelta(days=6))
    assert [night["nightsMin"] for night in seen["nights"]] == [3, 5, 4, 3, 2, 5]
    assert [night["nightsMax"] for night in seen["nights"]] == [6, 5, 8, 7, 6, 8]
    assert [night["mayArrive"] for night in seen["nights"]] == [True] * 5 + [False]
    assert [night["mayDepart"] for night in seen["nights"]] == [False] * 3 + [True] + [False] * 2
    assert seen["rulesInWords"][0] == "Stays of 2 to 8 nights"
    assert seen["rulesInWords"][-1].startswith("Fair, ")


async def test_nights_beside_other_guests_are_not_free(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    monday = await a_monday()
    stay = await a_stay(host, rooms=2, rules=NewStayRules(nights_between=2))
    async with transaction() as tx:
        await make.claim(tx, stay, "Room 1", monday + timedelta(days=4))
        await make.claim(tx, stay, "Room 2", monday - timedelta(days=1))
        await make.claim(tx, stay, "Room 2", monday + timedelta(days=9))
        await make.claim(tx, stay, "Room 2", monday + timedelta(days=5), held_for_s=-1)
    seen = await availability(anybody, stay, first=monday, last=monday + timedelta(days=9))
    assert [night["freeUnits"] for night in seen["nights"]] == [1, 1, 1, 1, 1, 1, 1, 1, 1]
    async with transaction() as tx:
        await make.claim(tx, stay, "Room 2", monday + timedelta(days=2))
    seen = await availability(anybody, stay, first=monday, last=monday + timedelta(days=9))
    assert [night["freeUnits"] for night in seen["nights"]] == [1, 1, 0, 0, 0, 1, 1, 1, 1]
    dates = {"check_in": monday + timedelta(days=7), "check_out": monday + timedelta(days=9)}
    free = await availability(anybody, stay, **dates)
    assert [unit["label"] for unit in free["units"]] == ["Room 1"]
    dates = {"check_in": monday + timedelta(days=5), "check_out": monday + timedelta(days=7)}
    free = await availability(anybody, stay, **dates)
    assert [unit["label"] for unit in free["units"]] == ["Room 2"]


async def test_for_dates_against_the_rules_nothing_is_free_and_the_reply_says_why(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    monday = await a_monday()
    stay = await a_stay(host, rooms=1, rules=NewStayRules(nights_min=3, notice_hours=1))
    dates = {"check_in": monday, "check_out": monday + timedelta(days=2)}
    seen = await availability(anybody, stay, **dates)
    assert (seen["freeUnits"], seen["units"]) == (0, [])
    assert seen["refusedBecause"] == [
        {"field": "checkOut", "message": "a stay is at least 3 nights"}
    ]
    assert seen["rulesInWords"] == [
        "Stays of at least 3 nights", "At least 1 hour before check-in"
    ]  # fmt: skip
    seen = await availability(anybody, stay, **dates | {"check_out": monday + timedelta(days=3)})
    assert (seen["freeUnits"], seen["refusedBecause"]) == (1, [])
    trip = await a_trip(host, seats=4)
    assert (await availability(anybody, trip))["rulesInWords"] is None


async def test_a_search_leaves_out_stays_whose_rules_forbid_the_dates(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    monday = await a_monday()
    await a_stay(host, title="Free")
    await a_stay(host, title="Two nights", rules=NewStayRules(nights_max=2))
    await a_stay(host, title="A week", rules=NewStayRules(nights_min=7))
    await a_stay(host, title="Fridays", rules=NewStayRules(arrival_days=[Weekday.FRIDAY]))
    await a_stay(host, title="Soon", rules=NewStayRules(ahead_days=3))
    apart = await a_stay(host, title="Apart", rooms=1, rules=NewStayRules(nights_between=1))
    near = await a_stay(host, title="Near", rooms=1)
    async with transaction() as tx:
        await make.claim(tx, apart, "Room 1", monday + timedelta(days=2))
        await make.claim(tx, near, "Room 1", monday + timedelta(days=2))

    async def titles(first: int, nights: int, **more: Any) -> list[str]:
        check_in = monday + timedelta(days=first)
        params = {"checkIn": str(check_in), "checkOut": str(check_in + timedelta(days=nights))}
        found = await anybody.get("/api/listings", params=params | more)
        return [listing["title"] for listing in found.json()["listings"]]

    assert await titles(0, 2) == ["Free", "Two nights", "Near"]
    assert await titles(4, 2) == ["Free", "Two nights", "Fridays", "Apart", "Near"]
    assert await titles(5, 7, units=2) == ["Free", "A week"]
    everything = (await anybody.get("/api/listings")).json()["listings"]
    assert len(everything) == 7, "without dates no rule forbids anything"
    assert everything[1]["rulesInWords"] == ["Stays of at most 2 nights"]
    assert everything[1]["rules"]["nightsMax"] == 2
    assert (everything[0]["rules"], everything[0]["rulesInWords"]) == (None, [])


async def test_pages_of_a_search_go_on_behind_stays_that_are_left_out(
    anybody: httpx.AsyncClient, host: Principal
) -> None:
    monday = await a_monday()
    for nth in range(9):
        rules = NewStayRules(nights_min=7) if nth % 3 else None
        await a_stay(host, title=str(nth), rooms=1, rules=rules)
    params = {"checkIn": str(monday), "checkOut": str(monday + timedelta(days=2)), "limit": "1"}
    found, cursor = [], None
    while True:
        page = (
            await anybody.get(
                "/api/listings", params=params | ({"cursor": cursor} if cursor else {})
            )
        ).json()
        found += [listing["title"] for listing in page["listings"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert found == ["0", "3", "6"]
