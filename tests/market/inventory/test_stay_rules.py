"""Rules of a stay through HTTP: hosts set and change them, and anybody reads them."""

from typing import Any

import httpx
import pytest

from app.people.accounts.model import Principal
from tests.market.listings import a_stay, a_trip, fields_of

STAY: dict[str, Any] = {
    "kind": "stay", "title": "Lagoon House", "place": "Lagos", "zone": "Africa/Lagos",
    "price": {"amount": 10_000, "currency": "NGN"}, "policy": "moderate",
    "checkInTime": "15:00:00", "checkOutTime": "11:00:00",
}  # fmt: skip
SUMMER: dict[str, Any] = {
    "name": "Summer", "firstDay": "2028-07-01", "lastDay": "2028-08-31", "nightsMin": 7,
    "arrivalDays": ["saturday"],
}  # fmt: skip
RULES: dict[str, Any] = {
    "nightsMin": 2, "nightsMax": 14, "arrivalDays": ["friday", "saturday"],
    "departureDays": ["saturday", "sunday", "monday"], "noticeDays": 2, "noticeHours": 3,
    "aheadDays": 365, "nightsBetween": 1, "seasons": [SUMMER],
}  # fmt: skip
WORDS = [
    "Stays of 2 to 14 nights",
    "Arrival on Friday or Saturday",
    "Departure on Monday, Saturday or Sunday",
    "At least 2 days and 3 hours before check-in",
    "Arrival at most 365 days ahead",
    "1 night is kept empty between guests",
    "Summer, 1 July to 31 August 2028: stays of 7 to 14 nights, arrival on Saturday",
]


async def test_a_host_offers_a_stay_with_rules_and_anybody_reads_them(
    as_host: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    made = await as_host.post("/api/listings", json=STAY | {"rules": RULES})
    assert made.status_code == 201, made.text
    seen = (await anybody.get(f"/api/listings/{made.json()['id']}")).json()
    assert seen == made.json()
    assert seen["rulesInWords"] == WORDS
    whole = SUMMER | {"nightsMax": None, "departureDays": None}
    assert seen["rules"] == RULES | {"seasons": [whole]}
    again = await as_host.post("/api/listings", json=STAY | {"rules": seen["rules"]})
    assert again.json()["rules"] == seen["rules"], "what is read can be sent"
    assert (await as_host.get("/api/host/listings")).json()["listings"][0] == seen


async def test_a_host_changes_the_rules_as_a_whole_and_takes_them_away(
    as_host: httpx.AsyncClient, as_other_host: httpx.AsyncClient, host: Principal
) -> None:
    path = f"/api/listings/{(await a_stay(host)).id}"
    assert (await as_host.patch(path, json={"rules": RULES})).json()["rulesInWords"] == WORDS
    assert (await as_host.patch(path, json={"title": "Other"})).json()["rulesInWords"] == WORDS
    other = await as_host.patch(path, json={"rules": {"nightsMin": 3}})
    assert other.json()["rulesInWords"] == ["Stays of at least 3 nights"]
    assert (await as_other_host.patch(path, json={"rules": None})).status_code == 403
    none = (await as_host.patch(path, json={"rules": None})).json()
    assert (none["rules"], none["rulesInWords"]) == (None, [])


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"nightsMin": 0, "nightsMax": 366, "noticeDays": -1, "noticeHours": 169, "aheadDays": 0,
          "nightsBetween": 8, "zzz": 1},
         {"rules.nightsMin", "rules.nightsMax", "rules.noticeDays", "rules.noticeHours",
          "rules.aheadDays", "rules.nightsBetween", "rules.zzz"}),
        ({"arrivalDays": [], "departureDays": ["someday"]},
         {"rules.arrivalDays", "rules.departureDays[0]"}),
        ({"nightsMin": 3, "nightsMax": 2}, {"rules.nightsMax"}),
        ({"noticeDays": 9, "aheadDays": 8}, {"rules.aheadDays"}),
        ({"seasons": [SUMMER, SUMMER | {"zzz": 1, "name": " ", "firstDay": "July"}]},
         {"rules.seasons[1].zzz", "rules.seasons[1].name", "rules.seasons[1].firstDay"}),
        ({"seasons": [SUMMER, SUMMER | {"firstDay": "2028-08-31", "lastDay": "2028-09-09"}]},
         {"rules.seasons[1].firstDay"}),
        ({"seasons": [SUMMER | {"firstDay": "0001-01-01", "lastDay": "9999-12-31"}]},
         {"rules.seasons[0].firstDay", "rules.seasons[0].lastDay"}),
        ({"seasons": [SUMMER] * 51}, {"rules.seasons"}),
        ("none", {"rules"}),
    ],
)  # fmt: skip
async def test_rules_that_make_no_sense_are_refused_with_every_field(
    as_host: httpx.AsyncClient, host: Principal, rules: Any, wrong: set[str]
) -> None:
    path = f"/api/listings/{(await a_stay(host)).id}"
    assert fields_of(await as_host.patch(path, json={"rules": rules})) == wrong
    assert fields_of(await as_host.post("/api/listings", json=STAY | {"rules": rules})) == wrong


async def test_a_trip_has_no_such_rules(as_host: httpx.AsyncClient, host: Principal) -> None:
    path = f"/api/listings/{(await a_trip(host)).id}"
    assert fields_of(await as_host.patch(path, json={"rules": {"nightsMin": 2}})) == {"rules"}
    assert (await as_host.patch(path, json={"rules": None})).status_code == 200
