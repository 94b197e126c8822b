"""What may be offered, what it costs, and when it takes place."""

from app.market.inventory.rules.errors import (
    refuse,
)
from app.market.inventory.rules.listings import (
    NEW_HOST_LISTINGS_MAX,
    check_new_host,
    currency_errors,
    deposit_errors,
    is_on_sale,
    listing_errors,
    money_errors,
    price_errors,
    reply,
    warnings,
)
from app.market.inventory.rules.prices import (
    amounts_by_price,
    quote,
)
from app.market.inventory.rules.times import (
    check_dates,
    check_given_dates,
    has_departed,
    instant,
    instants,
    range_errors,
    slot_range_errors,
    slots_of,
    trip_time_errors,
    wall_clock,
    year_errors,
)
from app.market.inventory.rules.units import (
    planned_units,
    unit_prices,
)

__all__ = [
    "NEW_HOST_LISTINGS_MAX",
    "amounts_by_price",
    "check_dates",
    "check_given_dates",
    "check_new_host",
    "currency_errors",
    "deposit_errors",
    "has_departed",
    "instant",
    "instants",
    "is_on_sale",
    "listing_errors",
    "money_errors",
    "planned_units",
    "price_errors",
    "quote",
    "range_errors",
    "refuse",
    "reply",
    "slot_range_errors",
    "slots_of",
    "trip_time_errors",
    "unit_prices",
    "wall_clock",
    "warnings",
    "year_errors",
]
