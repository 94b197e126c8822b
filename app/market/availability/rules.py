"""What units cost for the asked slots, and which calendars and searches make sense."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from app.foundation.errors import FieldError, Invalid
from app.foundation.money import Money
from app.market.availability.model import (
    CALENDAR_NIGHTS_MAX,
    SEARCH_NIGHTS_MAX,
    FreeNight,
    NightAvailability,
    Search,
    UnitAvailability,
    UnitNow,
    UnitState,
)
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Kind, Listing, Offer
from app.market.stay_rules import rules as host_rules


def priced(offer: Offer, units: Sequence[UnitNow], slots: Sequence[date]) -> list[UnitAvailability]:
    """Units with their price for all slots. If the listing is not on sale, none of them is free."""
    amounts = inventory_rules.amounts_by_price(offer, {unit.price for unit in units}, slots)
    free = UnitState.FREE if inventory_rules.is_on_sale(offer) else UnitState.BLOCKED
    return [
        UnitAvailability(
            label=unit.label,
            unit_class=unit.unit_class,
            state=free if unit.state is UnitState.FREE else unit.state,
            price=Money(sum(amounts[unit.price]), offer.currency),
            seat_row=unit.seat_row,
            seat_column=unit.seat_column,
        )
        for unit in units
    ]


def gap(listing: Listing) -> int:
    """How many nights stay empty between two guests of one of its units."""
    return listing.rules.nights_between if listing.rules else 0


def refusals(stay: Listing, check_in: date, check_out: date, *, now: datetime) -> list[FieldError]:
    """Which of a stay's rules forbid these dates, each with the date that is wrong."""
    if stay.rules is None:
        return []
    place = host_rules.place(stay.zone, stay.check_in_time, now)
    broken = host_rules.breaches(stay.rules, check_in, check_out, place)
    return [error for problem in broken for error in problem.errors]


def calendar(
    stay: Listing, nights: Sequence[FreeNight], *, now: datetime
) -> list[NightAvailability]:
    """Nights in their order, without a break, with what the rules say of their dates."""
    place = host_rules.place(stay.zone, stay.check_in_time, now)
    end = nights[-1].date + timedelta(days=1)
    days = host_rules.calendar(stay.rules, nights[0].date, end, place)
    return [
        NightAvailability(
            date=night.date,
            free_units=night.free_units,
            may_arrive=day.may_arrive,
            may_depart=day.may_depart,
            nights_min=day.nights_min,
            nights_max=day.nights_max,
        )
        for night, day in zip(nights, days, strict=True)
    ]


def check_calendar(listing: Listing, first: date | None, last: date | None) -> tuple[date, date]:
    """The range of a stay's calendar, from `first` to the night before `last`. Raises Invalid."""
    if first is None or last is None:
        raise Invalid.field("from" if first is None else "to", "is required with the other")
    errors = inventory_rules.year_errors({"from": first, "to": last})
    if listing.kind is Kind.TRIP:
        errors.append(_error("from", "a trip has no calendar, but one date"))
    if not 0 < (last - first).days <= CALENDAR_NIGHTS_MAX:
        errors.append(_error("to", f"must be 1 to {CALENDAR_NIGHTS_MAX} days after from"))
    inventory_rules.refuse(errors)
    return first, last


def check_search(wanted: Search, *, now: datetime) -> None:
    """Check the parameters of a search. Raises Invalid, naming those that contradict others."""
    errors: list[FieldError] = []
    if wanted.kind is Kind.TRIP:
        days = {"checkIn": wanted.first, "checkOut": wanted.last}
        errors += [_error(name, "is for stays") for name, day in days.items() if day]
    elif wanted.departure_date:
        errors.append(_error("date", "is for trips"))
    elif wanted.first or wanted.last:
        yesterday = now.date() - timedelta(days=1)  # it may still be yesterday where the stay is
        errors += inventory_rules.range_errors(
            "checkIn", wanted.first, "checkOut", wanted.last, yesterday
        )
        if wanted.first and wanted.last and (wanted.last - wanted.first).days > SEARCH_NIGHTS_MAX:
            message = f"must be at most {SEARCH_NIGHTS_MAX} days after checkIn in a search"
            errors.append(_error("checkOut", message))
    low, high = wanted.price_min, wanted.price_max
    if wanted.currency is None and (low is not None or high is not None):
        errors.append(_error("currency", "is required with priceMin and priceMax"))
    if low is not None and high is not None and low > high:
        errors.append(_error("priceMax", "must not be below priceMin"))
    inventory_rules.refuse(errors)


def _error(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)
