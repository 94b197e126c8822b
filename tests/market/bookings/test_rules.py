"""When a booking begins and ends, what it may ask for, and what it is frozen as."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.db import execute, transaction
from app.foundation.errors import Invalid
from app.market.bookings import rules
from app.market.bookings.model import NewPassenger, Reserve
from tests import make
from tests.shop import Shop

LISTING = uuid4()


# ---- what a request may say ---------------------------------------------------------------------


def _refused(request: Reserve) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        rules.read(request)
    return [error.field for error in refusal.value.errors]


def test_a_request_names_one_listing_and_one_amount() -> None:
    assert _refused(Reserve()) == ["listingId", "seatNumbers"]
    both = Reserve(listing_id=LISTING, trip_id=LISTING, seat_count=1, units=["A"], unit_count=2)
    assert _refused(both) == ["tripId", "units", "unitCount"]


def test_a_seat_is_asked_for_once() -> None:
    request = Reserve(trip_id=LISTING, seat_numbers=["1A", "1B", "1A"])
    assert _refused(request) == ["seatNumbers[2]"]
    assert _refused(Reserve(listing_id=LISTING, units=["R", "R"])) == ["units[1]"]


def test_passengers_sit_on_the_seats_that_are_asked_for() -> None:
    there = NewPassenger(seat="1A", name="A")
    elsewhere = NewPassenger(seat="9Z", name="A")
    request = Reserve(trip_id=LISTING, seat_numbers=["1A"], passengers=[there, there, elsewhere])
    assert _refused(request) == ["passengers[1].seat", "passengers[2].seat"]
    uncertain = Reserve(trip_id=LISTING, seat_count=1, passengers=[there])
    assert _refused(uncertain) == ["passengers[0].seat"]


@given(
    labels=st.lists(st.sampled_from(["1A", "1B", "1C"]), unique=True, min_size=1),
    as_trip=st.booleans(),
)
def test_both_names_of_a_field_mean_the_same(labels: list[str], as_trip: bool) -> None:
    named: dict[str, Any] = {"trip_id": LISTING} if as_trip else {"listing_id": LISTING}
    asked = rules.read(Reserve(**named, seat_numbers=labels))
    assert asked == rules.read(Reserve(**named, units=labels))
    assert (asked.listing_id, asked.labels, asked.count) == (LISTING, labels, len(labels))


# ---- instants -----------------------------------------------------------------------------------


async def _set_clock(shop: Shop, moment: str) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            "UPDATE business_clock SET movable = true, shift = %(moment)s::timestamptz - now()",
            moment=moment,
        )


async def _stay(shop: Shop, zone: str, **more: Any) -> Any:
    async with transaction() as tx:
        return await make.stay(tx, shop.host, zone=zone, **more)


async def _reserve_nights(shop: Shop, listing_id: Any, first: str, last: str) -> dict[str, Any]:
    body = {"listingId": listing_id, "units": ["Room 1"], "checkIn": first, "checkOut": last}
    reply = await shop.post(shop.guest, "/api/bookings/reserve", body)
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.parametrize(
    ("dates", "instants", "nights"),
    [
        (("2027-03-27", "2027-03-28"), ("2027-03-27T14:00:00Z", "2027-03-28T09:00:00Z"), 1),
        (("2027-03-26", "2027-03-30"), ("2027-03-26T14:00:00Z", "2027-03-30T09:00:00Z"), 4),
        (("2027-10-30", "2027-10-31"), ("2027-10-30T13:00:00Z", "2027-10-31T10:00:00Z"), 1),
        (("2027-10-31", "2027-11-02"), ("2027-10-31T14:00:00Z", "2027-11-02T10:00:00Z"), 2),
    ],
)
async def test_a_stay_over_a_clock_change_keeps_its_local_times_and_its_nights(
    shop: Shop, dates: tuple[str, str], instants: tuple[str, str], nights: int
) -> None:
    await _set_clock(shop, "2027-03-01 12:00Z")
    listing_id = await _stay(shop, "Europe/Berlin", price=10_000, deposit=0)
    booking = await _reserve_nights(shop, listing_id, *dates)
    assert (booking["checkInAt"], booking["checkOutAt"]) == instants
    assert booking["price"]["rental"]["amount"] == 10_000 * nights
    assert await shop.count("SELECT count(*) FROM claims") == nights


async def test_instants_stay_frozen_though_check_in_moves(shop: Shop) -> None:
    await _set_clock(shop, "2027-03-01 12:00Z")
    listing_id = await _stay(shop, "Europe/Berlin")
    booking = await _reserve_nights(shop, listing_id, "2027-03-27", "2027-03-29")
    reply = await shop.api.patch(
        f"/api/listings/{listing_id}",
        json={"checkInTime": "20:00:00", "checkOutTime": "06:00:00"},
        headers=make.bearer(shop.host),
    )
    assert reply.status_code == 200, reply.text
    seen = await shop.get(shop.guest, f"/api/bookings/{booking['id']}")
    assert seen["checkInAt"] == "2027-03-27T14:00:00Z"
    later = await _reserve_nights(shop, listing_id, "2027-03-29", "2027-03-30")
    assert later["checkInAt"] == "2027-03-29T18:00:00Z"


async def _paid_state(shop: Shop, booking: dict[str, Any]) -> str:
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    return await shop.state(booking)


async def test_a_room_for_tonight_can_be_had_after_check_in_time(shop: Shop) -> None:
    await _set_clock(shop, "2027-03-01 20:00+01")
    listing_id = await _stay(shop, "Africa/Lagos")
    booking = await _reserve_nights(shop, listing_id, "2027-03-01", "2027-03-02")
    assert await _paid_state(shop, booking) == "confirmed"
    assert await shop.values("SELECT reason FROM instructions") == []


async def test_a_host_has_time_to_answer_a_request_for_tonight(shop: Shop) -> None:
    await _set_clock(shop, "2027-03-01 20:00+01")
    listing_id = await _stay(shop, "Africa/Lagos", request_to_book=True)
    booking = await _reserve_nights(shop, listing_id, "2027-03-01", "2027-03-02")
    assert await _paid_state(shop, booking) == "awaiting_host"
    seen = await shop.get(shop.guest, f"/api/bookings/{booking['id']}")
    assert seen["respondBy"] == seen["checkOutAt"]
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/accept")
    assert reply.status_code == 200, reply.text


async def test_a_night_paid_for_after_hold_and_check_in_goes_back(shop: Shop) -> None:
    await _set_clock(shop, "2027-03-01 14:50+01")
    listing_id = await _stay(shop, "Africa/Lagos")
    booking = await _reserve_nights(shop, listing_id, "2027-03-01", "2027-03-02")
    payment = await shop.pending(booking)
    await shop.forward(timedelta(minutes=31))
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "expired"
    assert await shop.values("SELECT reason FROM instructions") == ["late payment"]


async def test_a_seat_paid_for_after_the_departure_goes_back(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    departs_at = datetime.fromisoformat(booking["checkInAt"])
    await _set_clock(shop, str(departs_at - timedelta(minutes=10)))
    other = await shop.reserve("1B")
    payment = await shop.pending(other)
    await shop.forward(timedelta(minutes=11))
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(other) == "expired"
    assert await shop.values("SELECT reason FROM instructions") == ["late payment"]


async def test_today_is_what_the_calendar_shows_where_the_stay_is(shop: Shop) -> None:
    await _set_clock(shop, "2027-03-01 23:30Z")  # the 2nd in Auckland, the 1st in Honolulu
    for zone, today in (("Pacific/Auckland", 2), ("Pacific/Honolulu", 1)):
        listing_id = await _stay(shop, zone)
        day = date(2027, 3, today)
        yesterday = {
            "listingId": listing_id,
            "unitCount": 1,
            "checkIn": day - timedelta(days=1),
            "checkOut": day,
        }
        reply = await shop.post(shop.guest, "/api/bookings/reserve", yesterday)
        assert reply.status_code == 422
        assert [error["field"] for error in reply.json()["errors"]] == ["checkIn"]
        await _reserve_nights(shop, listing_id, str(day), str(day + timedelta(days=1)))


def test_times_of_a_booking_are_told_in_utc() -> None:
    moment = datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert msgspec.json.encode(moment) == b'"2027-03-01T12:00:00Z"'
