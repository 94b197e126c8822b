"""What listings cost, when they are, and what may be offered."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.foundation.errors import Invalid
from app.foundation.money import AMOUNT_MAX, Money
from app.market.inventory import rules
from app.market.inventory.model import (
    Kind,
    Listing,
    ListingState,
    NewUnit,
    NewUnits,
    Offer,
    OfferedPrice,
    OfferedUnit,
    Policy,
    PriceTooHigh,
    RoomPlan,
    SeatPlan,
    TripDeparted,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
THURSDAY = date(2026, 3, 5)


def offer(**fields: Any) -> Offer:
    base = {
        "id": UUID(int=1), "host_id": UUID(int=2), "kind": Kind.STAY, "state": ListingState.OPEN,
        "title": "A house", "description": "", "place": "Lagos", "destination": None,
        "zone": "Africa/Lagos", "country": None, "currency": "NGN", "price": 100,
        "weekend_price": None, "fee": 0,
        "deposit": 0, "policy": Policy.STRICT, "request_to_book": False, "respond_within_h": 24,
        "check_in_time": time(15), "check_out_time": time(11), "departure_date": None,
        "departure_time": None, "arrival_date": None, "arrival_time": None, "arrival_zone": None,
        "units": [], "overrides": [], "blocks": [], "now": NOW,
    }  # fmt: skip
    return Offer(**{**base, **fields})


def bus(**fields: Any) -> Offer:
    trip = {
        "kind": Kind.TRIP, "destination": "Abuja", "check_in_time": None, "check_out_time": None,
        "departure_date": date(2026, 3, 7), "departure_time": time(8),
        "arrival_date": date(2026, 3, 7), "arrival_time": time(16), "arrival_zone": "Africa/Lagos",
    }  # fmt: skip
    return offer(**{**trip, **fields})


def unit(price: int | None = None, *, number: int = 1) -> OfferedUnit:
    return OfferedUnit(
        id=number, label=f"Room {number}", unit_class="standard", price=price, active=True
    )


def override(first: date, last: date, price: int, *, number: int = 1) -> OfferedPrice:
    return OfferedPrice(id=number, first_slot=first, last_slot=last, price=price)


def fields_of(error: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {field.field for field in error.value.errors}


def nights(first: date, count: int) -> list[date]:
    return rules.slots_of(offer(), first, first + timedelta(days=count))


@pytest.mark.parametrize(
    ("fields", "own_price", "expected"),
    [
        ({}, None, 400),
        ({"weekend_price": 150}, None, 100 + 150 + 150 + 100),
        ({"weekend_price": 150}, 300, 1200),
        ({"overrides": [override(THURSDAY, THURSDAY, 70)]}, None, 370),
        ({"overrides": [override(THURSDAY, THURSDAY, 70)]}, 300, 970),
        (
            {"weekend_price": 150, "overrides": [override(date(2026, 3, 6), date(2026, 3, 6), 7)]},
            None,
            100 + 7 + 150 + 100,
        ),
        (
            {"overrides": [
                override(THURSDAY, date(2026, 3, 8), 20, number=9),
                override(THURSDAY, date(2026, 3, 6), 50, number=3),
            ]},
            None,
            80,
        ),
        (
            {"overrides": [
                override(date(2026, 1, 1), date(2026, 3, 4), 1),
                override(date(2026, 3, 9), date(2026, 3, 31), 1),
            ]},
            None,
            400,
        ),
    ],
    ids=[
        "listing", "weekend is Friday and Saturday", "a unit's price beats the weekend",
        "override", "override beats the unit's price", "override beats the weekend",
        "the newest override wins", "overrides beside the stay do not count",
    ],
)  # fmt: skip
def test_four_nights_from_thursday_cost(
    fields: dict[str, Any], own_price: int | None, expected: int
) -> None:
    assert rules.quote(offer(**fields), [unit(own_price)], nights(THURSDAY, 4)).rental == expected


@pytest.mark.parametrize(
    ("day", "expected"), [(6, 100), (7, 150), (8, 150), (9, 100)], ids=["Fri", "Sat", "Sun", "Mon"]
)
def test_a_trip_has_weekend_prices_on_saturday_and_sunday(day: int, expected: int) -> None:
    trip = bus(departure_date=date(2026, 3, day), weekend_price=150)
    assert rules.quote(trip, [unit()], rules.slots_of(trip, None, None)).rental == expected


def test_fee_and_deposit_are_charged_once_however_many_units() -> None:
    quote = rules.quote(
        offer(fee=7, deposit=50), [unit(), unit(30, number=2)], nights(date(2026, 3, 9), 2)
    )
    assert [line.amount for line in quote.lines] == [200, 60]
    assert [line.unit_id for line in quote.lines] == [1, 2]
    assert (quote.rental, quote.fee, quote.deposit, quote.total) == (260, 7, 50, 317)


@pytest.mark.parametrize(("most", "deposit"), [(None, 50), (5, 50), (3, 30), (1, 10)])
def test_a_deposit_is_at_most_so_many_times_the_rental(most: int | None, deposit: int) -> None:
    cheap = offer(deposit=50)
    quote = rules.quote(cheap, [unit(10)], [THURSDAY], deposit_multiple_max=most)
    assert (quote.rental, quote.deposit, quote.total) == (10, deposit, 10 + deposit)


def test_a_listing_asks_for_no_deposit_above_the_limit() -> None:
    listing = offer(price=100, deposit=301)
    assert rules.deposit_errors(listing, 4) == []
    assert [error.field for error in rules.deposit_errors(listing, 3)] == ["deposit.amount"]


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [("KWD", 12_345, "37.035 KWD"), ("XOF", 12_345, "37,035 XOF"), ("EUR", 12_345, "370.35 EUR")],
)
def test_amounts_are_minor_units_whatever_the_exponent(
    currency: str, amount: int, shown: str
) -> None:
    quote = rules.quote(offer(currency=currency, price=amount), [unit()], nights(THURSDAY, 3))
    assert str(Money(quote.total, quote.currency)) == shown


def test_a_total_above_the_largest_amount_is_refused() -> None:
    high = offer(price=AMOUNT_MAX)
    assert rules.quote(high, [unit()], [THURSDAY]).total == AMOUNT_MAX
    with pytest.raises(PriceTooHigh):
        rules.quote(high, [unit()], nights(THURSDAY, 2))
    with pytest.raises(PriceTooHigh):
        rules.quote(offer(price=AMOUNT_MAX, fee=1), [unit()], [THURSDAY])


@pytest.mark.parametrize(
    ("zone", "dates", "times", "begins", "ends"),
    [
        ("Africa/Lagos", ("2026-03-28", "2026-03-30"), ("15:00", "11:00"),
         "2026-03-28T14:00Z", "2026-03-30T10:00Z"),
        ("Europe/Berlin", ("2026-03-28", "2026-03-29"), ("15:00", "11:00"),
         "2026-03-28T14:00Z", "2026-03-29T09:00Z"),
        ("Europe/Berlin", ("2026-03-28", "2026-03-29"), ("15:00", "02:30"),
         "2026-03-28T14:00Z", "2026-03-29T01:30Z"),
        ("Europe/Berlin", ("2026-10-24", "2026-10-25"), ("15:00", "02:30"),
         "2026-10-24T13:00Z", "2026-10-25T00:30Z"),
        ("Europe/Berlin", ("2026-10-24", "2026-10-26"), ("15:00", "11:00"),
         "2026-10-24T13:00Z", "2026-10-26T10:00Z"),
        ("America/New_York", ("2026-03-07", "2026-03-08"), ("15:00", "02:30"),
         "2026-03-07T20:00Z", "2026-03-08T07:30Z"),
        ("America/New_York", ("2026-11-01", "2026-11-02"), ("01:30", "11:00"),
         "2026-11-01T05:30Z", "2026-11-02T16:00Z"),
    ],
    ids=[
        "Lagos has no summer time", "Berlin changes in between", "Berlin skips 02:30",
        "Berlin has 02:30 twice", "Berlin a day later", "New York skips 02:30",
        "New York has 01:30 twice",
    ],
)  # fmt: skip
def test_a_stay_begins_and_ends_by_the_wall_clock_of_its_place(
    zone: str, dates: tuple[str, str], times: tuple[str, str], begins: str, ends: str
) -> None:
    check_in, check_out = map(time.fromisoformat, times)
    stay = offer(zone=zone, check_in_time=check_in, check_out_time=check_out)
    assert rules.instants(stay, *map(date.fromisoformat, dates)) == (
        datetime.fromisoformat(begins),
        datetime.fromisoformat(ends),
    )


def test_a_trip_arrives_by_the_wall_clock_of_its_destination() -> None:
    ferry = bus(zone="Europe/Berlin", arrival_zone="America/New_York")
    assert rules.instants(ferry, None, None) == (
        datetime(2026, 3, 7, 7, tzinfo=UTC),
        datetime(2026, 3, 7, 21, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        (None, None, {"checkIn", "checkOut"}),
        (THURSDAY, None, {"checkOut"}),
        (THURSDAY, THURSDAY, {"checkOut"}),
        (THURSDAY, date(2026, 3, 4), {"checkOut"}),
        (date(2026, 3, 1), THURSDAY, {"checkIn"}),
        (THURSDAY, THURSDAY + timedelta(days=366), {"checkOut"}),
        (date(2029, 3, 1), date(2029, 3, 6), {"checkOut"}),
        (date.min, date.max, {"checkIn", "checkOut"}),
        (date.max, date.min, {"checkOut"}),
    ],
)
def test_dates_that_a_stay_cannot_have_are_refused(
    first: date | None, last: date | None, wrong: set[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_dates(offer(), first, last, now=NOW)
    assert fields_of(refused) == wrong


def test_tonight_and_a_whole_year_and_three_years_ahead_can_be_asked_for() -> None:
    today = NOW.date()
    rules.check_dates(offer(), today, today + timedelta(days=1), now=NOW)
    rules.check_dates(offer(), today, today + timedelta(days=365), now=NOW)
    rules.check_dates(offer(), date(2029, 3, 1), date(2029, 3, 2), now=NOW)


def test_the_past_begins_where_the_stay_is() -> None:
    late = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)  # in Lagos it is already the sixth
    with pytest.raises(Invalid):
        rules.check_dates(offer(), THURSDAY, date(2026, 3, 8), now=late)
    rules.check_dates(offer(zone="America/New_York"), THURSDAY, date(2026, 3, 8), now=late)


def test_a_trip_takes_no_dates_and_nobody_after_its_departure() -> None:
    rules.check_dates(bus(), None, None, now=NOW)
    with pytest.raises(Invalid) as refused:
        rules.check_dates(bus(), THURSDAY, date(2026, 3, 7), now=NOW)
    assert fields_of(refused) == {"checkIn", "checkOut"}
    with pytest.raises(TripDeparted):
        rules.check_dates(bus(), None, None, now=datetime(2026, 3, 7, 7, tzinfo=UTC))
    rules.check_dates(bus(), None, None, now=datetime(2026, 3, 7, 6, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("listing", "wrong"),
    [
        (offer(), set()),
        (bus(), set()),
        (offer(zone="Mars/Olympus", currency="XXX", price=0, weekend_price=0),
         {"zone", "price.currency", "price.amount", "weekendPrice.amount"}),
        (offer(check_in_time=None, check_out_time=None, destination="Abuja"),
         {"checkInTime", "checkOutTime", "destination"}),
        (bus(deposit=1, check_in_time=time(1), arrival_zone="Nowhere"),
         {"deposit", "checkInTime", "arrivalZone"}),
        (bus(destination=None, departure_date=None, departure_time=None, arrival_date=None,
             arrival_time=None, arrival_zone=None),
         {"destination", "departureDate", "departureTime", "arrivalDate", "arrivalTime",
          "arrivalZone"}),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_with_a_listing_is_named(
    listing: Listing, wrong: set[str]
) -> None:
    assert {error.field for error in rules.listing_errors(listing)} == wrong


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, set()),
        ({"departure_date": date(2026, 3, 1), "arrival_date": date(2026, 3, 1)}, {"departureDate"}),
        ({"departure_date": date(2029, 4, 1), "arrival_date": date(2029, 4, 1)}, {"departureDate"}),
        ({"arrival_time": time(8)}, {"arrivalTime"}),
        ({"arrival_time": time(10), "arrival_zone": "Asia/Tokyo"}, {"arrivalTime"}),
        ({"arrival_time": time(7), "arrival_zone": "America/New_York"}, set()),
        ({"arrival_date": date(2026, 6, 1)}, {"arrivalDate"}),
        ({"departure_date": date.min, "arrival_date": date.max}, {"departureDate", "arrivalDate"}),
    ],
)
def test_a_trip_departs_in_the_future_and_arrives_after_that(
    fields: dict[str, Any], wrong: set[str]
) -> None:
    assert {error.field for error in rules.trip_time_errors(bus(**fields), now=NOW)} == wrong


def test_a_seat_plan_leaves_the_aisle_out_and_counts_it() -> None:
    plan = SeatPlan(rows=15, columns="AB_CD", first_class_rows=2, first_class_price=Money(9, "NGN"))
    seats = rules.planned_units(NewUnits(seats=plan))
    assert len(seats) == 60
    assert [seat.label for seat in seats[:5]] == ["1A", "1B", "1C", "1D", "2A"]
    assert seats[-1].label == "15D"
    assert [seat.seat_column for seat in seats[:4]] == [1, 2, 4, 5]
    assert {seat.unit_class for seat in seats[:8]} == {"first"}
    assert {(seat.unit_class, seat.price) for seat in seats[8:]} == {("standard", None)}


@pytest.mark.parametrize(
    ("new", "wrong"),
    [
        (NewUnits(), {"units"}),
        (NewUnits(rooms=RoomPlan(count=1), seats=SeatPlan(rows=1, columns="A")), {"units"}),
        (NewUnits(units=[NewUnit(label="1A"), NewUnit(label="1B"), NewUnit(label="1A")]),
         {"units[2].label"}),
        (NewUnits(seats=SeatPlan(rows=1, columns="__", first_class_rows=2)),
         {"seats.columns", "seats.firstClassRows"}),
        (NewUnits(seats=SeatPlan(rows=125, columns="AABCD")), {"seats.columns", "seats.rows"}),
    ],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(new: NewUnits, wrong: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        rules.planned_units(new)
    assert fields_of(refused) == wrong


def test_what_is_closed_or_has_departed_is_not_on_sale() -> None:
    assert rules.is_on_sale(offer())
    assert rules.is_on_sale(bus())
    assert not rules.is_on_sale(msgspec.structs.replace(offer(), state=ListingState.CLOSED))
    assert not rules.is_on_sale(bus(now=datetime(2026, 3, 7, 8, tzinfo=UTC)))
