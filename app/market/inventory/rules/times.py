"""When what is offered takes place, and for which dates it may be asked."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from app.foundation import clock
from app.foundation.errors import FieldError
from app.market.inventory.model import (
    Kind,
    Listing,
    TripDeparted,
    WallClock,
)
from app.market.inventory.rules.errors import error, refuse
from app.market.stay_rules.model import AHEAD_DAYS_MAX, NIGHTS_MAX

_TRIP_DURATION_MAX = timedelta(days=60)
_YEARS = range(2000, 2200)  # in these no conversion to UTC and no addition below can overflow


def slots_of(listing: Listing, first: date | None, last: date | None) -> list[date]:
    """The slots of a booking: the nights from check-in to check-out, or a trip's departure date."""
    if listing.departure_date is not None:
        return [listing.departure_date]
    if first is None or last is None:
        raise ValueError("a stay has no slots without dates: call check_dates first")
    return clock.nights(first, last)


def instants(listing: Listing, first: date | None, last: date | None) -> tuple[datetime, datetime]:
    """When a booking begins and ends, in UTC: check-in and check-out, or departure and arrival.

    A local time that a clock change skips or repeats is read as `clock.instant` says.
    """
    local = wall_clock(listing, first, last)
    return instant(local.begins, local.begins_zone), instant(local.ends, local.ends_zone)


def instant(local: datetime, zone: str) -> datetime:
    """The instant of a date and time on a wall, in UTC."""
    return clock.instant(local.date(), local.time(), zone)


def wall_clock(listing: Listing, first: date | None, last: date | None) -> WallClock:
    """What was agreed on: governments may change the instant that this is."""
    if listing.kind is Kind.TRIP:
        return _trip_wall_clock(listing)
    times = listing.check_in_time, listing.check_out_time
    if not (first and last) or times[0] is None or times[1] is None:
        raise ValueError("a stay has no instants without dates: call check_dates first")
    return WallClock(
        begins=datetime.combine(first, times[0]),
        begins_zone=listing.zone,
        ends=datetime.combine(last, times[1]),
        ends_zone=listing.zone,
    )


def _trip_wall_clock(trip: Listing) -> WallClock:
    if not (trip.departure_date and trip.departure_time is not None):
        raise ValueError("a trip has a departure")
    if not (trip.arrival_date and trip.arrival_zone and trip.arrival_time is not None):
        raise ValueError("a trip has an arrival")
    return WallClock(
        begins=datetime.combine(trip.departure_date, trip.departure_time),
        begins_zone=trip.zone,
        ends=datetime.combine(trip.arrival_date, trip.arrival_time),
        ends_zone=trip.arrival_zone,
    )


def check_dates(
    listing: Listing, check_in: date | None, check_out: date | None, *, now: datetime
) -> None:
    """Check that these dates can be booked at this instant.

    A stay needs both dates, in order: at most 365 nights, not before today in the listing's zone,
    and at most three years ahead. A trip has its own date and takes none. Raises Invalid, which
    names checkIn and checkOut, and TripDeparted.
    """
    check_given_dates(listing, check_in, check_out, now=now)
    if has_departed(listing, now):
        raise TripDeparted("Seats are sold until the departure.")


def check_given_dates(
    listing: Listing, check_in: date | None, check_out: date | None, *, now: datetime
) -> None:
    """Check that these dates can be looked at. Unlike in `check_dates`, a trip may have departed.

    Raises Invalid.
    """
    if listing.kind is Kind.TRIP:
        given = {"checkIn": check_in, "checkOut": check_out}
        refuse([error(name, "a trip has its own date") for name, day in given.items() if day])
        return
    today = clock.local_date(now, listing.zone)
    refuse(list(range_errors("checkIn", check_in, "checkOut", check_out, today)))


def has_departed(listing: Listing, now: datetime) -> bool:
    return listing.kind is Kind.TRIP and instants(listing, None, None)[0] <= now


def range_errors(
    first_name: str, first: date | None, last_name: str, last: date | None, today: date
) -> Iterator[FieldError]:
    """What is wrong with the check-in and check-out dates of a stay, by the names of the fields."""
    latest = today + timedelta(days=AHEAD_DAYS_MAX)
    if first is None:
        yield error(first_name, "is required for a stay")
    elif first < today:
        yield error(first_name, f"is in the past; today is {today}")
    if last is None:
        yield error(last_name, "is required for a stay")
    elif last > latest:
        yield error(last_name, f"must not be after {latest}")
    if first and last and first >= last:
        yield error(last_name, f"must be after {first_name}")
    if first and last and (last - first).days > NIGHTS_MAX:
        yield error(last_name, f"a stay is at most {NIGHTS_MAX} nights")


def trip_time_errors(trip: Listing, *, now: datetime) -> list[FieldError]:
    """What is wrong with the departure and arrival of a new trip that has no other errors."""
    errors = year_errors({"departureDate": trip.departure_date, "arrivalDate": trip.arrival_date})
    if errors:
        return errors
    departure_at, arrival_at = instants(trip, None, None)
    if departure_at <= now:
        errors.append(error("departureDate", "the departure is in the past"))
    if departure_at > now + timedelta(days=AHEAD_DAYS_MAX):
        errors.append(error("departureDate", "the departure is more than three years ahead"))
    if arrival_at <= departure_at:
        errors.append(error("arrivalTime", "must be after the departure"))
    elif arrival_at > departure_at + _TRIP_DURATION_MAX:
        errors.append(error("arrivalDate", f"a trip takes at most {_TRIP_DURATION_MAX.days} days"))
    return errors


def slot_range_errors(first_slot: date, last_slot: date) -> list[FieldError]:
    """What is wrong with the range of a price override or of blocked dates."""
    errors = year_errors({"firstSlot": first_slot, "lastSlot": last_slot})
    if last_slot < first_slot:
        errors.append(error("lastSlot", "must not be before firstSlot"))
    return errors


def year_errors(days: Mapping[str, date | None]) -> list[FieldError]:
    """Errors for dates, by field name, that lie too far in the past or future to compute with."""
    return [
        error(name, f"must be between {_YEARS.start} and {_YEARS.stop - 1}")
        for name, day in days.items()
        if day and day.year not in _YEARS
    ]
