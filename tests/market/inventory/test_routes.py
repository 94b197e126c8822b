"""Listings through HTTP: what hosts can do, what anybody can see, and what is refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.foundation.db import Violated, execute, transaction
from app.foundation.money import Money
from app.people.accounts.model import Principal
from tests.market import make
from tests.market.listings import a_stay, a_trip, fields_of, the_day

STAY: dict[str, Any] = {
    "kind": "stay",
    "title": "Lagoon House 🌊",
    "place": "Lagos",
    "zone": "Africa/Lagos",
    "price": {"amount": 10_000, "currency": "NGN"},
    "policy": "moderate",
    "checkInTime": "15:00:00",
    "checkOutTime": "11:00:00",
}


async def test_a_host_offers_a_stay_and_anybody_sees_it(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    made = await as_host.post(
        "/api/listings", json={**STAY, "fee": {"amount": 5, "currency": "NGN"}}
    )
    assert made.status_code == 201, made.text
    seen = await anybody.get(f"/api/listings/{made.json()['id']}")
    assert seen.json() == made.json()
    assert seen.json()["hostId"] == str(host.id)
    assert seen.json()["price"] == {"amount": 10_000, "currency": "NGN"}
    assert seen.json()["fee"] == {"amount": 5, "currency": "NGN"}
    assert seen.json()["title"] == "Lagoon House 🌊"
    assert seen.json()["respondWithinHours"] == 24
    assert (await as_host.get("/api/host/listings")).json()["listings"] == [made.json()]


async def test_a_zone_that_is_not_one_of_the_listing_s_country_is_warned_about(
    as_host: httpx.AsyncClient,
) -> None:
    """A program that guesses zones by coordinates says Asia/Riyadh of Nairobi."""
    nairobi = STAY | {"place": "Nairobi", "zone": "Asia/Riyadh"}
    silent = (await as_host.post("/api/listings", json=nairobi)).json()
    assert (silent["country"], silent["warnings"]) == (None, []), "nobody has said where it is"
    made = await as_host.post("/api/listings", json=nairobi | {"country": "KE"})
    assert made.status_code == 201, "it may be right all the same"
    warning = "zone: Asia/Riyadh is not a zone of KE, which has Africa/Nairobi"
    assert made.json()["warnings"] == [warning]
    path = f"/api/listings/{silent['id']}"
    changed = await as_host.patch(path, json={"country": "KE"})
    assert (changed.json()["country"], changed.json()["warnings"]) == ("KE", [warning])
    assert (await as_host.get(path)).json()["warnings"] == []
    right = await as_host.post(
        "/api/listings", json=nairobi | {"country": "KE", "zone": "Africa/Nairobi"}
    )
    assert right.json()["warnings"] == []


async def test_an_idempotency_key_makes_one_listing_of_two_requests(
    as_host: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await as_host.post("/api/listings", json=STAY, headers=key)
    second = await as_host.post("/api/listings", json=STAY, headers=key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len((await as_host.get("/api/host/listings")).json()["listings"]) == 1


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"country": "XX"}, {"country"}),
        ({"country": "ke"}, {"country"}),
        ({"zone": "localtime"}, {"zone"}),
        ({"zone": "Mars", "price": {"amount": 0, "currency": "NGN"}}, {"zone", "price.amount"}),
        ({"fee": {"amount": 1, "currency": "EUR"}, "deposit": {"amount": 1, "currency": "USD"}},
         {"fee.currency", "deposit.currency"}),
        ({"price": {"amount": 5, "currency": "XXX"}}, {"price.currency"}),
        ({"price": {"amount": 1_000, "currency": "NGN"},
          "deposit": {"amount": 10_001, "currency": "NGN"}}, {"deposit.amount"}),
        ({"price": {"amount": -1, "currency": "n"}, "title": " ", "policy": "none", "zzz": 1},
         {"price.amount", "price.currency", "title", "policy", "zzz"}),
        ({"price": {"amount": 10**15 + 1, "currency": "NGN"}}, {"price.amount"}),
        ({"checkInTime": "15:00:00Z", "checkOutTime": "25:00:00"}, {"checkInTime", "checkOutTime"}),
        ({"checkInTime": None, "arrivalDate": "2030-01-01"}, {"checkInTime", "arrivalDate"}),
        ({"kind": "trip"}, {"checkInTime", "checkOutTime", "destination", "departureDate",
                            "departureTime", "arrivalDate", "arrivalTime"}),
        ({"respondWithinHours": 169, "title": "x" * 201}, {"respondWithinHours", "title"}),
    ],
)  # fmt: skip
async def test_a_listing_that_cannot_be_is_refused_with_every_field(
    as_host: httpx.AsyncClient, changes: dict[str, Any], wrong: set[str]
) -> None:
    assert fields_of(await as_host.post("/api/listings", json={**STAY, **changes})) == wrong


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2020-02-02"])
async def test_a_trip_must_depart_in_the_time_to_come(as_host: httpx.AsyncClient, day: str) -> None:
    trip = {
        **STAY, "kind": "trip", "destination": "Abuja", "checkInTime": None, "checkOutTime": None,
        "departureDate": day, "departureTime": "00:00:00", "arrivalDate": day,
        "arrivalTime": "23:00:00",
    }  # fmt: skip
    assert "departureDate" in fields_of(await as_host.post("/api/listings", json=trip))


async def test_only_its_host_changes_a_listing(
    as_host: httpx.AsyncClient,
    as_other_host: httpx.AsyncClient,
    as_guest: httpx.AsyncClient,
    host: Principal,
) -> None:
    path = f"/api/listings/{(await a_stay(host)).id}"
    for client in (as_other_host, as_guest):
        assert (await client.patch(path, json={"title": "Mine"})).status_code == 403
        assert (await client.post(f"{path}/units", json={"rooms": {"count": 1}})).status_code == 403
        assert (await client.get(f"{path}/blocked-dates")).status_code == 403
    assert (await as_host.patch(path, json={"title": "Mine"})).json()["title"] == "Mine"
    unknown = f"/api/listings/{uuid4()}"
    assert (await as_host.patch(unknown, json={"title": "Mine"})).status_code == 404
    del as_guest.headers["Authorization"]
    assert (await as_guest.patch(path, json={})).status_code == 401


async def test_a_change_keeps_what_it_does_not_name(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    listing = await a_stay(host, weekend_price=Money(20_000, "NGN"))
    path = f"/api/listings/{listing.id}"
    before = (await as_host.get(path)).json()
    changes = {"weekendPrice": None, "respondWithinHours": 2, "checkInTime": "16:30:00"}
    after = (await as_host.patch(path, json=changes)).json()
    assert after == {**before, **changes}
    assert (await as_host.get(path)).json() == after
    wrong = {"price": {"amount": 0, "currency": "EUR"}, "destination": "Here"}
    expected = {"price.currency", "price.amount", "destination"}
    assert fields_of(await as_host.patch(path, json=wrong)) == expected


@pytest.mark.parametrize("name", ["kind", "currency", "zone", "departureDate"])
async def test_what_bookings_are_dated_and_priced_by_cannot_change(
    as_host: httpx.AsyncClient, host: Principal, name: str
) -> None:
    path = f"/api/listings/{(await a_stay(host)).id}"
    assert fields_of(await as_host.patch(path, json={name: "x"})) == {name}


async def test_the_database_itself_keeps_a_listing_what_it_is(pool: None, host: Principal) -> None:
    trip = await a_trip(host)
    sql = "UPDATE listings SET departure_date = departure_date + 1 WHERE id = %(id)s"
    async with transaction() as tx:
        with pytest.raises(Violated, match="listings_fixed_at_creation"):
            await execute(tx, sql, id=trip.id)


async def test_a_bus_of_sixty_seats_comes_from_one_call(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient, host: Principal
) -> None:
    trip = await a_trip(host, seats=0)
    plan = {
        "seats": {
            "rows": 15, "columns": "AB_CD", "firstClassRows": 2,
            "firstClassPrice": {"amount": 9_000, "currency": "XAF"},
        }
    }  # fmt: skip
    made = await as_host.post(f"/api/listings/{trip.id}/units", json=plan)
    assert made.status_code == 201, made.text
    seats = made.json()["units"]
    assert [seat["label"] for seat in seats[:4]] == ["1A", "1B", "1C", "1D"]
    assert (len(seats), seats[-1]["label"]) == (60, "15D")
    assert seats[0] == {
        "label": "1A", "class": "first", "price": {"amount": 9_000, "currency": "XAF"},
        "seatRow": 1, "seatColumn": 1, "active": True,
    }  # fmt: skip
    free = (await anybody.get("/api/bookings/reserve", params={"tripId": str(trip.id)})).json()
    assert free["freeUnits"] == len(free["units"]) == 60
    assert [free["units"][n]["price"]["amount"] for n in (0, 7, 8)] == [9_000, 9_000, 5_000]


async def test_units_are_added_all_or_none(as_host: httpx.AsyncClient, host: Principal) -> None:
    path = f"/api/listings/{(await a_stay(host, rooms=2)).id}/units"
    taken = await as_host.post(path, json={"units": [{"label": "Attic"}, {"label": "Room 2"}]})
    assert (taken.status_code, taken.json()["code"]) == (409, "label_taken")
    too_many = await as_host.post(path, json={"rooms": {"count": 499, "prefix": "R"}})
    assert (too_many.status_code, too_many.json()["code"]) == (409, "listing_full")
    assert len((await as_host.get(path)).json()["units"]) == 2
    fill = await as_host.post(path, json={"rooms": {"count": 498, "prefix": "R"}})
    assert len(fill.json()["units"]) == 500
    wrong = {"units": [{"label": "a/b", "price": {"amount": 1, "currency": "NGN"}}, {"class": "X"}]}
    expected = {"units[0].label", "units[1].label", "units[1].class"}
    assert fields_of(await as_host.post(path, json=wrong)) == expected
    wrong = {"units": [{"label": "x", "price": {"amount": 0, "currency": "EUR"}}]}
    expected = {"units[0].price.currency", "units[0].price.amount"}
    assert fields_of(await as_host.post(path, json=wrong)) == expected


async def test_a_unit_changes_class_price_and_whether_it_is_sold(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    listing = await a_stay(host, rooms=2)
    path = f"/api/listings/{listing.id}/units/Room 1"
    price = {"amount": 77, "currency": "NGN"}
    changed = (await as_host.patch(path, json={"class": "suite", "price": price})).json()
    assert (changed["class"], changed["price"], changed["active"]) == ("suite", price, True)
    changed = (await as_host.patch(path, json={"price": None, "active": False})).json()
    assert (changed["class"], changed["price"], changed["active"]) == ("suite", None, False)
    assert (await as_host.patch(f"{path}9", json={"active": True})).status_code == 404
    day = await the_day() + timedelta(days=1)  # where the stay is, today may be over
    dates = {"checkIn": str(day), "checkOut": str(day + timedelta(days=1))}
    free = (await as_host.get(f"/api/listings/{listing.id}/availability", params=dates)).json()
    assert [unit["label"] for unit in free["units"]] == ["Room 2"]


async def test_overrides_price_the_nights_that_they_cover_until_they_are_deleted(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    listing = await a_stay(host, rooms=1, amount=100)
    path, day = f"/api/listings/{listing.id}", await the_day() + timedelta(days=5)
    price = {"amount": 7, "currency": "NGN"}
    new = {"firstSlot": str(day), "lastSlot": str(day + timedelta(days=1)), "price": price}
    made = await as_host.post(f"{path}/price-overrides", json=new)
    assert made.json() == {**new, "id": made.json()["id"]}
    assert (await as_host.get(f"{path}/price-overrides")).json() == {"overrides": [made.json()]}
    dates = {"checkIn": str(day), "checkOut": str(day + timedelta(days=3))}

    async def price_now() -> int:
        reply = await as_host.get(f"{path}/availability", params=dates)
        return reply.json()["units"][0]["price"]["amount"]

    assert await price_now() == 7 + 7 + 100
    override = f"{path}/price-overrides/{made.json()['id']}"
    assert (await as_host.delete(override)).status_code == 204
    assert (await as_host.delete(override)).status_code == 404
    assert await price_now() == 300


async def test_blocked_dates_take_units_off_sale(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    listing = await a_stay(host, rooms=3)
    path, day = f"/api/listings/{listing.id}", await the_day() + timedelta(days=5)
    dates = {"checkIn": str(day), "checkOut": str(day + timedelta(days=2))}

    async def free_now() -> list[str]:
        reply = await as_host.get(f"{path}/availability", params=dates)
        return [unit["label"] for unit in reply.json()["units"]]

    one = {"firstSlot": str(day), "lastSlot": str(day), "unit": "Room 2", "reason": "paint"}
    made = await as_host.post(f"{path}/blocked-dates", json=one)
    assert made.json() == {**one, "id": made.json()["id"]}
    assert await free_now() == ["Room 1", "Room 3"]
    last_night = str(day + timedelta(days=1))
    everything = {"firstSlot": last_night, "lastSlot": last_night}
    made = await as_host.post(f"{path}/blocked-dates", json=everything)
    assert await free_now() == []
    assert [
        block["unit"] for block in (await as_host.get(f"{path}/blocked-dates")).json()["blocks"]
    ] == ["Room 2", None]
    assert (await as_host.delete(f"{path}/blocked-dates/{made.json()['id']}")).status_code == 204
    assert await free_now() == ["Room 1", "Room 3"]
    wrong = {"firstSlot": "2030-01-02", "lastSlot": "2030-01-01", "unit": "Cellar"}
    expected = {"lastSlot", "unit"}
    assert fields_of(await as_host.post(f"{path}/blocked-dates", json=wrong)) == expected
    wrong = {"firstSlot": "0001-01-01", "lastSlot": "9999-12-31"}
    expected = {"firstSlot", "lastSlot"}
    assert fields_of(await as_host.post(f"{path}/blocked-dates", json=wrong)) == expected


async def test_a_listing_has_so_many_overrides_and_blocks_and_no_more(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    listing = await a_stay(host)
    async with transaction() as tx:
        for table in ("price_overrides (price, ", "blocked_dates (reason, "):
            await execute(
                tx,
                f"INSERT INTO {table} listing_id, first_slot, last_slot) "
                "SELECT 1, %(id)s, '2030-01-01', '2030-01-01' FROM generate_series(1, 500)",
                id=listing.id,
            )
    days = {"firstSlot": "2030-01-01", "lastSlot": "2030-01-01"}
    path = f"/api/listings/{listing.id}"
    full = await as_host.post(f"{path}/blocked-dates", json=days)
    assert (full.status_code, full.json()["code"]) == (409, "listing_full")
    new = {**days, "price": {"amount": 1, "currency": "NGN"}}
    full = await as_host.post(f"{path}/price-overrides", json=new)
    assert (full.status_code, full.json()["code"]) == (409, "listing_full")


async def test_a_host_pages_through_listings_of_every_state(
    as_host: httpx.AsyncClient, host: Principal
) -> None:
    async with transaction() as tx:
        made = [str((await make.stay(tx, host, rooms=0)).id) for _ in range(5)]
    await as_host.patch(f"/api/listings/{made[1]}", json={"state": "closed"})
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 2}
    for _ in range(3):
        page = (await as_host.get("/api/host/listings", params=params)).json()
        seen += [listing["id"] for listing in page["listings"]]
        params["cursor"] = page["nextCursor"]
    assert (seen, params["cursor"]) == (made, None)
    assert made[1] not in [
        listing["id"] for listing in (await as_host.get("/api/listings")).json()["listings"]
    ]


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 30])
async def test_an_id_that_no_row_can_have_is_refused(
    as_host: httpx.AsyncClient, host: Principal, number: str
) -> None:
    path = f"/api/listings/{(await a_stay(host)).id}/blocked-dates/{number}"
    assert (await as_host.delete(path)).status_code in {404, 422}
