"""Trips in many currencies: the currency decides the gateway that a trip is paid through."""

from typing import Any

from app.foundation.db import transaction
from tests import make
from tests.shop import Shop

EUROS = 4_500
DINARS = 10_050  # 10.050 dinars: at Stripe the last of three decimals must be 0
SHILLINGS = 150_000  # whole shillings
NAIRA = 500_000


async def trip_in_euros(shop: Shop, **more: Any) -> dict[str, str]:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="EUR", price=EUROS, **more)
    return await shop.reserve("1A", trip_id=trip_id)


async def trip_in_dinars(shop: Shop, **more: Any) -> dict[str, str]:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="KWD", price=DINARS, **more)
    return await shop.reserve("1A", trip_id=trip_id)


async def trip_in_shillings(shop: Shop, **more: Any) -> dict[str, str]:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="UGX", price=SHILLINGS, **more)
    return await shop.reserve("1A", trip_id=trip_id)


async def trip_in_naira(shop: Shop, **more: Any) -> dict[str, str]:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="NGN", price=NAIRA, **more)
    return await shop.reserve("1A", trip_id=trip_id)


async def trip_at(shop: Shop, gateway: str, **more: Any) -> dict[str, str]:
    """A trip in a currency that is paid through this gateway."""
    trips = {"stripe": trip_in_euros, "paystack": trip_in_naira, "flutterwave": trip_in_shillings}
    return await trips[gateway](shop, **more)
