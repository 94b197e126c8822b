"""What may be offered, and how a listing is shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from app.foundation import clock
from app.foundation.errors import FieldError
from app.foundation.money import EXPONENTS, Money
from app.market.inventory.model import (
    PRICE_MIN,
    Kind,
    Listing,
    ListingReply,
    ListingState,
    NewHostQuota,
    Offer,
)
from app.market.inventory.rules.errors import error, wire
from app.market.inventory.rules.times import has_departed, year_errors
from app.market.stay_rules import rules as host_rules

NEW_HOST_LISTINGS_MAX: Final = 20  # without a completed booking; times LIMITS_SCALE
NEW_HOST_UNITS_MAX: Final = 1_000

_STAY_FIELDS = ("check_in_time", "check_out_time")
_ONLY_OF_STAYS = (*_STAY_FIELDS, "rules")
_TRIP_FIELDS = (
    "destination", "departure_date", "departure_time", "arrival_date", "arrival_time",
    "arrival_zone",
)  # fmt: skip


def currency_errors(currency: str, amounts: Mapping[str, Money | None]) -> list[FieldError]:
    """Errors for the amounts, by field name, that are not in the listing's currency."""
    return [
        error(f"{name}.currency", f"must be {currency}, the currency of the listing")
        for name, money in amounts.items()
        if money and money.currency != currency
    ]


def money_errors(listing: Listing, prices: Mapping[str, Money | None]) -> list[FieldError]:
    """Errors for prices, by field name, that are in another currency or below the minimum."""
    amounts = {name: money.amount for name, money in prices.items() if money}
    return currency_errors(listing.currency, prices) + price_errors(amounts)


def price_errors(prices: Mapping[str, int | None]) -> list[FieldError]:
    """Errors for prices, by field name, that are below the minimum: zero could not be paid."""
    return [
        error(f"{name}.amount", f"must be at least {PRICE_MIN}")
        for name, price in prices.items()
        if price is not None and price < PRICE_MIN
    ]


def deposit_errors(listing: Listing, multiple_max: int) -> list[FieldError]:
    """Whether a deposit is more than so many times the price of a night."""
    most = listing.price * multiple_max
    if listing.deposit <= most:
        return []
    most_text = Money(most, listing.currency)
    return [error("deposit.amount", f"must be at most {most_text}, {multiple_max} times the price")]


def listing_errors(listing: Listing) -> list[FieldError]:
    """Everything that is wrong with a listing, apart from when a trip departs."""
    errors: list[FieldError] = []
    if listing.currency not in EXPONENTS:
        errors.append(error("price.currency", f"must be one of {', '.join(EXPONENTS)}"))
    if not clock.is_zone(listing.zone):
        errors.append(error("zone", "is not an IANA time zone"))
    if listing.arrival_zone is not None and not clock.is_zone(listing.arrival_zone):
        errors.append(error("arrivalZone", "is not an IANA time zone"))
    errors += price_errors({"price": listing.price, "weekendPrice": listing.weekend_price})
    if listing.country is not None and not clock.is_country(listing.country):
        errors.append(error("country", "is not a country of ISO 3166-1"))
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
        error(wire(name), f"is required for a {listing.kind}")
        for name in needed
        if getattr(listing, name) is None
    ]
    errors += [
        error(wire(name), f"a {listing.kind} has none")
        for name in foreign
        if getattr(listing, name) is not None
    ]
    if not is_stay and listing.deposit:
        errors.append(error("deposit", "a trip has none"))
    return errors


def is_on_sale(offer: Offer) -> bool:
    """Whether a listing's units can be sold now: it is open, and a trip has not departed."""
    return offer.state is ListingState.OPEN and not has_departed(offer, offer.now)


def check_new_host(*, listings: int, units: int, scale: float) -> None:
    """Refuse what a host offers without a completed booking, beyond the quotas times `scale`.

    Raises NewHostQuota.
    """
    until = "Until a booking of yours is completed you can offer"
    if listings > NEW_HOST_LISTINGS_MAX * scale:
        raise NewHostQuota(f"{until} {NEW_HOST_LISTINGS_MAX} listings.")
    if units > NEW_HOST_UNITS_MAX * scale:
        raise NewHostQuota(f"{until} {NEW_HOST_UNITS_MAX} units.")
