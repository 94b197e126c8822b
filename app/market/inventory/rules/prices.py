"""What an offer costs. Amounts are in minor units.

The price of a unit for one slot is the first of these that exists:
1. the newest price override of the listing that covers the slot (a host who names a date means it),
2. the unit's own price (a suite costs the same at the weekend unless an override says otherwise),
3. the listing's weekend price: a stay's Friday and Saturday nights, a trip's Saturday and Sunday,
4. the listing's price.
Fee and deposit are charged once per booking.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from app.foundation.money import AMOUNT_MAX
from app.market.inventory.model import (
    Kind,
    Listing,
    Offer,
    OfferedUnit,
    PriceLine,
    PriceTooHigh,
    Quote,
)

_STAY_WEEKEND = (4, 5)  # the nights of Friday and Saturday
_TRIP_WEEKEND = (5, 6)  # departures on Saturday and Sunday


def quote(
    offer: Offer,
    units: Sequence[OfferedUnit],
    slots: Sequence[date],
    *,
    deposit_multiple_max: int | None = None,
) -> Quote:
    """The price of these units for these slots. Raises PriceTooHigh above `AMOUNT_MAX`.

    The deposit is at most so many times the rental (None: whatever the listing says): an override
    may sell a night for less than the price by which the deposit was allowed.
    """
    amounts = amounts_by_price(offer, {unit.price for unit in units}, slots)
    lines = [PriceLine.of(u.id, u.label, amounts[u.price]) for u in units]
    rental = sum(line.amount for line in lines)
    deposit = offer.deposit
    if deposit_multiple_max is not None:
        deposit = min(deposit, rental * deposit_multiple_max)
    total = rental + offer.fee + deposit
    if total > AMOUNT_MAX:
        raise PriceTooHigh.field("listingId", f"comes to {total}; at most {AMOUNT_MAX} are charged")
    return Quote(
        lines=lines,
        rental=rental,
        fee=offer.fee,
        deposit=deposit,
        total=total,
        currency=offer.currency,
    )


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
