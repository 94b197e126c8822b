"""What may be offered, what it costs, and when it is. Pure: amounts are minor units.

The price of a unit for one slot is the first of these that exists:
1. the newest price override of the listing that covers the slot (a host who names a date means it),
2. the unit's own price (a suite costs the same at the weekend unless an override says otherwise),
3. the listing's weekend price: a stay's Friday and Saturday nights, a trip's Saturday and Sunday,
4. the listing's price.
Fee and deposit are charged once per booking.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from app import clock
from app.errors import FieldError, Invalid
from app.inventory.model import (
    AHEAD_DAYS_MAX,
    NIGHTS_MAX,
    PRICE_MIN,
    Kind,
    Line,
    Listing,
    Offer,
    OfferedUnit,
    PriceTooHigh,
    Quote,
    TripDeparted,
)
from app.money import AMOUNT_MAX, EXPONENTS, Money

_STAY_WEEKEND = (4, 5)  # the nights of Friday and Saturday
_TRIP_WEEKEND = (5, 6)  # departures on Saturday and Sunday
_STAY_FIELDS = ("check_in_time", "check_out_time")
_TRIP_FIELDS = (
    "destination", "departure_date", "departure_time", "arrival_date", "arrival_time",
    "arrival_zone",
)  # fmt: skip
_TRIP_DURATION_MAX = timedelta(days=60)
_YEARS = range(2000, 2200)  # dates that survive every conversion to UTC and every addition below


def quote(offer: Offer, units: Sequence[OfferedUnit], slots: Sequence[date]) -> Quote:
    """The price of these units for these slots. Raises PriceTooHigh above `AMOUNT_MAX`."""
    amounts = amounts_by_price(offer, {unit.price for unit in units}, slots)
    lines = [Line(unit_id=u.id, label=u.label, amount=amounts[u.price]) for u in units]
    rental = sum(line.amount for line in lines)
    total = rental + offer.fee + offer.deposit
    if total > AMOUNT_MAX:
        raise PriceTooHigh(f"The total would be {total}; at most {AMOUNT_MAX} can be charged.")
    return Quote(
        lines=lines,
        rental=rental,
        fee=offer.fee,
        deposit=offer.deposit,
        total=total,
        currency=offer.currency,
    )


def amounts_by_price(
    offer: Offer, prices: Iterable[int | None], slots: Sequence[date]
) -> dict[int | None, int]:
    """What a unit with each of these own prices (None: none) costs for all slots together."""
    overrides = _override_by_slot(offer, slots)
    return {
        price: sum(
            overrides[slot] if slot in overrides else _price_without_override(offer, price, slot)
            for slot in slots
        )
        for price in prices
    }


def _override_by_slot(offer: Offer, slots: Sequence[date]) -> dict[date, int]:
    """The overriding price of each slot that has one: oldest first, so that the newest stays."""
    return {
        slot: override.price
        for override in sorted(offer.overrides, key=lambda override: override.id)
        for slot in slots
        if override.first_slot <= slot <= override.last_slot
    }


def _price_without_override(listing: Listing, unit_price: int | None, slot: date) -> int:
    if unit_price is not None:
        return unit_price
    weekend = _STAY_WEEKEND if listing.kind is Kind.STAY else _TRIP_WEEKEND
    if listing.weekend_price is not None and slot.weekday() in weekend:
        return listing.weekend_price
    return listing.price


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
    if listing.kind is Kind.TRIP:
        return _trip_instants(listing)
    if not (first and last and listing.check_in_time and listing.check_out_time):
        raise ValueError("a stay has no instants without dates: call check_dates first")
    return (
        clock.instant(first, listing.check_in_time, listing.zone),
        clock.instant(last, listing.check_out_time, listing.zone),
    )


def _trip_instants(trip: Listing) -> tuple[datetime, datetime]:
    if not (trip.departure_date and trip.arrival_date and trip.arrival_zone):
        raise ValueError("a trip has a departure and an arrival")
    if trip.departure_time is None or trip.arrival_time is None:
        raise ValueError("a trip has a departure and an arrival")
    return (
        clock.instant(trip.departure_date, trip.departure_time, trip.zone),
        clock.instant(trip.arrival_date, trip.arrival_time, trip.arrival_zone),
    )


def check_dates(
    listing: Listing, check_in: date | None, check_out: date | None, *, now: datetime
) -> None:
    """Whether a booking may ask for these dates at this instant.

    A stay needs both, in order, at most 365 nights, not before today in the listing's zone and
    not beyond three years; a trip has a date of its own and takes none. Raises Invalid naming
    checkIn and checkOut, TripDeparted.
    """
    if listing.kind is Kind.TRIP:
        _check_trip_dates(listing, check_in, check_out, now)
        return
    today = clock.local_date(now, listing.zone)
    refuse(list(_range_errors("checkIn", check_in, "checkOut", check_out, today)))


def _check_trip_dates(
    trip: Listing, check_in: date | None, check_out: date | None, now: datetime
) -> None:
    given = {"checkIn": check_in, "checkOut": check_out}
    refuse([_error(name, "a trip has its own date") for name, day in given.items() if day])
    departure_at, _ = _trip_instants(trip)
    if departure_at <= now:
        raise TripDeparted("Seats are sold until the departure.")


def _range_errors(
    first_name: str, first: date | None, last_name: str, last: date | None, today: date
) -> Iterable[FieldError]:
    latest = today + timedelta(days=AHEAD_DAYS_MAX)
    if first is None:
        yield _error(first_name, "is required for a stay")
    elif first < today:
        yield _error(first_name, f"is in the past; today is {today}")
    if last is None:
        yield _error(last_name, "is required for a stay")
    elif last > latest:
        yield _error(last_name, f"must not be after {latest}")
    if first and last and first >= last:
        yield _error(last_name, f"must be after {first_name}")
    if first and last and (last - first).days > NIGHTS_MAX:
        yield _error(last_name, f"a stay is at most {NIGHTS_MAX} nights")


def refuse(errors: Sequence[FieldError]) -> None:
    """Raise Invalid with all errors, if there are any."""
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors=errors)


def currency_errors(currency: str, amounts: Mapping[str, Money | None]) -> list[FieldError]:
    """The amounts, by field name, that are not in the listing's currency."""
    return [
        _error(f"{name}.currency", f"must be {currency}, the currency of the listing")
        for name, money in amounts.items()
        if money and money.currency != currency
    ]


def price_errors(prices: Mapping[str, int | None]) -> list[FieldError]:
    """The prices, by field name, that are nothing: nobody could pay a booking that is free."""
    return [
        _error(f"{name}.amount", f"must be at least {PRICE_MIN}")
        for name, price in prices.items()
        if price is not None and price < PRICE_MIN
    ]


def listing_errors(listing: Listing) -> list[FieldError]:
    """Everything that is wrong with a listing, apart from when a trip departs."""
    errors: list[FieldError] = []
    if listing.currency not in EXPONENTS:
        errors.append(_error("price.currency", f"must be one of {', '.join(sorted(EXPONENTS))}"))
    if not clock.is_zone(listing.zone):
        errors.append(_error("zone", "is not an IANA time zone"))
    if listing.arrival_zone is not None and not clock.is_zone(listing.arrival_zone):
        errors.append(_error("arrivalZone", "is not an IANA time zone"))
    errors += price_errors({"price": listing.price, "weekendPrice": listing.weekend_price})
    return errors + _kind_errors(listing)


def _kind_errors(listing: Listing) -> list[FieldError]:
    """Fields that the kind needs and lacks, or has and must not have."""
    is_stay = listing.kind is Kind.STAY
    needed, foreign = (_STAY_FIELDS, _TRIP_FIELDS) if is_stay else (_TRIP_FIELDS, _STAY_FIELDS)
    errors = [
        _error(_wire(name), f"is required for a {listing.kind}")
        for name in needed
        if getattr(listing, name) is None
    ]
    errors += [
        _error(_wire(name), f"a {listing.kind} has none")
        for name in foreign
        if getattr(listing, name) is not None
    ]
    if not is_stay and listing.deposit:
        errors.append(_error("deposit", "a trip has none"))
    return errors


def trip_time_errors(trip: Listing, *, now: datetime) -> list[FieldError]:
    """What is wrong with when a new trip departs and arrives; for one without other errors."""
    days = {"departureDate": trip.departure_date, "arrivalDate": trip.arrival_date}
    errors = [
        _error(name, f"must be between {_YEARS.start} and {_YEARS.stop - 1}")
        for name, day in days.items()
        if day and day.year not in _YEARS
    ]
    if errors:
        return errors
    departure_at, arrival_at = _trip_instants(trip)
    if departure_at <= now:
        errors.append(_error("departureDate", "the departure is in the past"))
    if departure_at > now + timedelta(days=AHEAD_DAYS_MAX):
        errors.append(_error("departureDate", "the departure is more than three years ahead"))
    if arrival_at <= departure_at:
        errors.append(_error("arrivalTime", "must be after the departure"))
    elif arrival_at > departure_at + _TRIP_DURATION_MAX:
        errors.append(_error("arrivalDate", f"a trip takes at most {_TRIP_DURATION_MAX.days} days"))
    return errors


def slot_range_errors(first_slot: date, last_slot: date) -> list[FieldError]:
    """What is wrong with the range of a price override or of blocked dates."""
    days = {"firstSlot": first_slot, "lastSlot": last_slot}
    errors = [
        _error(name, f"must be between {_YEARS.start} and {_YEARS.stop - 1}")
        for name, day in days.items()
        if day.year not in _YEARS
    ]
    if last_slot < first_slot:
        errors.append(_error("lastSlot", "must not be before firstSlot"))
    return errors


def _error(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)


def _wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
