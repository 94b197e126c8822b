"""What may be offered, what it costs, and when it takes place. Amounts are in minor units.

The price of a unit for one slot is the first of these that exists:
1. the newest price override of the listing that covers the slot (a host who names a date means it),
2. the unit's own price (a suite costs the same at the weekend unless an override says otherwise),
3. the listing's weekend price: a stay's Friday and Saturday nights, a trip's Saturday and Sunday,
4. the listing's price.
Fee and deposit are charged once per booking.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from app.foundation import clock
from app.foundation.errors import FieldError, Invalid
from app.foundation.money import AMOUNT_MAX, EXPONENTS, Money
from app.market.inventory.model import (
    PRICE_MIN,
    UNITS_MAX,
    Kind,
    Listing,
    ListingReply,
    ListingState,
    NewUnit,
    NewUnits,
    Offer,
    OfferedUnit,
    PriceLine,
    PriceTooHigh,
    Quote,
    RoomPlan,
    SeatPlan,
    TripDeparted,
    WallClock,
)
from app.market.stay_rules import rules as host_rules
from app.market.stay_rules.model import AHEAD_DAYS_MAX, NIGHTS_MAX

_STAY_WEEKEND = (4, 5)  # the nights of Friday and Saturday
_TRIP_WEEKEND = (5, 6)  # departures on Saturday and Sunday
_STAY_FIELDS = ("check_in_time", "check_out_time")
_ONLY_OF_STAYS = (*_STAY_FIELDS, "rules")
_TRIP_FIELDS = (
    "destination", "departure_date", "departure_time", "arrival_date", "arrival_time",
    "arrival_zone",
)  # fmt: skip
_TRIP_DURATION_MAX = timedelta(days=60)
_YEARS = range(2000, 2200)  # in these no conversion to UTC and no addition below can overflow


def quote(offer: Offer, units: Sequence[OfferedUnit], slots: Sequence[date]) -> Quote:
    """The price of these units for these slots. Raises PriceTooHigh above `AMOUNT_MAX`."""
    amounts = amounts_by_price(offer, {unit.price for unit in units}, slots)
    lines = [PriceLine.of(u.id, u.label, amounts[u.price]) for u in units]
    rental = sum(line.amount for line in lines)
    total = rental + offer.fee + offer.deposit
    if total > AMOUNT_MAX:
        raise PriceTooHigh.field("listingId", f"comes to {total}; at most {AMOUNT_MAX} are charged")
    fee, deposit, code = offer.fee, offer.deposit, offer.currency
    return Quote(lines=lines, rental=rental, fee=fee, deposit=deposit, total=total, currency=code)


def amounts_by_price(
    offer: Offer, prices: Iterable[int | None], slots: Sequence[date]
) -> dict[int | None, list[int]]:
    """What a unit costs for each slot, for each of these prices of its own (or None)."""
    overrides = _override_by_slot(offer, slots)
    return {
        price: [
            overrides[slot] if slot in overrides else _price_without_override(offer, price, slot)
            for slot in slots
        ]
        for price in prices
    }


def _override_by_slot(offer: Offer, slots: Sequence[date]) -> dict[date, int]:
    """The overriding price of each slot that has one. Newer overrides replace older ones."""
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
        refuse([_error(name, "a trip has its own date") for name, day in given.items() if day])
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
    """Errors for the amounts, by field name, that are not in the listing's currency."""
    return [
        _error(f"{name}.currency", f"must be {currency}, the currency of the listing")
        for name, money in amounts.items()
        if money and money.currency != currency
    ]


def money_errors(listing: Listing, prices: Mapping[str, Money | None]) -> list[FieldError]:
    """Errors for prices, by field name, that are in another currency or below the minimum."""
    amounts = {name: money.amount for name, money in prices.items() if money}
    return currency_errors(listing.currency, prices) + price_errors(amounts)


def unit_prices(new: NewUnits) -> dict[str, Money | None]:
    """The prices of new units, by field name."""
    prices = {f"units[{nth}].price": unit.price for nth, unit in enumerate(new.units or ())}
    if new.seats:
        prices["seats.firstClassPrice"] = new.seats.first_class_price
    if new.rooms:
        prices["rooms.price"] = new.rooms.price
    return prices


def price_errors(prices: Mapping[str, int | None]) -> list[FieldError]:
    """Errors for prices, by field name, that are below the minimum: zero could not be paid."""
    return [
        _error(f"{name}.amount", f"must be at least {PRICE_MIN}")
        for name, price in prices.items()
        if price is not None and price < PRICE_MIN
    ]


def listing_errors(listing: Listing) -> list[FieldError]:
    """Everything that is wrong with a listing, apart from when a trip departs."""
    errors: list[FieldError] = []
    if listing.currency not in EXPONENTS:
        errors.append(_error("price.currency", f"must be one of {', '.join(EXPONENTS)}"))
    if not clock.is_zone(listing.zone):
        errors.append(_error("zone", "is not an IANA time zone"))
    if listing.arrival_zone is not None and not clock.is_zone(listing.arrival_zone):
        errors.append(_error("arrivalZone", "is not an IANA time zone"))
    errors += price_errors({"price": listing.price, "weekendPrice": listing.weekend_price})
    if listing.country is not None and not clock.is_country(listing.country):
        errors.append(_error("country", "is not a country of ISO 3166-1"))
    return errors + _kind_errors(listing) + _rule_errors(listing)


def _rule_errors(listing: Listing) -> list[FieldError]:
    """What is wrong with the rules of a listing, apart from those of a trip, which has none."""
    if listing.rules is None:
        return []
    return year_errors(host_rules.days(listing.rules)) or host_rules.errors(listing.rules)


def reply(listing: Listing, now: datetime) -> ListingReply:
    """A listing as everybody sees it at this instant."""
    words = host_rules.in_words(listing.rules, clock.local_date(now, listing.zone))
    return ListingReply.of(listing, rules_in_words=words)


def warnings(listing: Listing) -> list[str]:
    """What looks wrong in a listing, though it is allowed.

    Programs that guess a zone by its place are wrong near borders, and some far from them.
    """
    zones = clock.zones_of(listing.country) if listing.country else frozenset[str]()
    if not zones or listing.zone in zones:
        return []
    known = ", ".join(clock.own_zones(listing.country or "")[:5])
    return [f"zone: {listing.zone} is not a zone of {listing.country}, which has {known}"]


def _kind_errors(listing: Listing) -> list[FieldError]:
    """Errors for fields that listings of this kind need or must not have."""
    is_stay = listing.kind is Kind.STAY
    needed, foreign = (_STAY_FIELDS, _TRIP_FIELDS) if is_stay else (_TRIP_FIELDS, _ONLY_OF_STAYS)
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
    """What is wrong with the departure and arrival of a new trip that has no other errors."""
    errors = year_errors({"departureDate": trip.departure_date, "arrivalDate": trip.arrival_date})
    if errors:
        return errors
    departure_at, arrival_at = instants(trip, None, None)
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
    errors = year_errors({"firstSlot": first_slot, "lastSlot": last_slot})
    if last_slot < first_slot:
        errors.append(_error("lastSlot", "must not be before firstSlot"))
    return errors


def planned_units(new: NewUnits) -> list[NewUnit]:
    """The units that a request asks for. Raises Invalid, naming every field that is wrong."""
    given = [plan for plan in (new.units, new.seats, new.rooms) if plan is not None]
    if len(given) != 1:
        raise Invalid.field("units", "send exactly one of units, seats and rooms")
    if new.seats:
        refuse(list(_seat_plan_errors(new.seats)))
        return _seats(new.seats)
    if new.rooms:
        return _rooms(new.rooms)
    units = new.units or []
    first: dict[str, int] = {}
    twice = [nth for nth, unit in enumerate(units) if first.setdefault(unit.label, nth) < nth]
    refuse([_error(f"units[{nth}].label", "is the label of a unit before it") for nth in twice])
    return units


def _seat_plan_errors(plan: SeatPlan) -> Iterator[FieldError]:
    letters = plan.columns.replace("_", "")
    if not letters:
        yield _error("seats.columns", "must name at least one column")
    if len(set(letters)) < len(letters):
        yield _error("seats.columns", "must not name a column twice")
    if plan.rows * len(letters) > UNITS_MAX:
        yield _error("seats.rows", f"a listing has at most {UNITS_MAX} units")
    if plan.first_class_rows > plan.rows:
        yield _error("seats.firstClassRows", "must not be more than rows")


def _seats(plan: SeatPlan) -> list[NewUnit]:
    """Seats row by row. The aisle takes up a column number, so that a seat map can show it."""
    return [
        NewUnit(
            label=f"{row}{letter}",
            unit_class="first" if row <= plan.first_class_rows else "standard",
            price=plan.first_class_price if row <= plan.first_class_rows else None,
            seat_row=row,
            seat_column=column,
        )
        for row in range(1, plan.rows + 1)
        for column, letter in enumerate(plan.columns, start=1)
        if letter != "_"
    ]


def _rooms(plan: RoomPlan) -> list[NewUnit]:
    return [
        NewUnit(label=f"{plan.prefix}{number}", unit_class=plan.unit_class, price=plan.price)
        for number in range(1, plan.count + 1)
    ]


def is_on_sale(offer: Offer) -> bool:
    """Whether a listing's units can be sold now: it is open, and a trip has not departed."""
    return offer.state is ListingState.OPEN and not has_departed(offer, offer.now)


def year_errors(days: Mapping[str, date | None]) -> list[FieldError]:
    """Errors for dates, by field name, that lie too far in the past or future to compute with."""
    return [
        _error(name, f"must be between {_YEARS.start} and {_YEARS.stop - 1}")
        for name, day in days.items()
        if day and day.year not in _YEARS
    ]


def _error(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)


def _wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
