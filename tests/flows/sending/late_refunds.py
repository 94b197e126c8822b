"""Refunds after the host has been paid, and the debts that hosts have because of them."""

from datetime import timedelta
from typing import Any

from app.foundation.db import transaction
from tests import make
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop

FARE = 500_000  # of which the host gets 450,000


async def refund(
    shop: Shop, booking: dict[str, Any], amount: int, *, cost: str = "host", **more: Any
) -> Any:
    body = {
        "amount": {"amount": amount, "currency": more.pop("currency", "NGN")},
        "reason": "The seat was broken",
        "atWhoseCost": cost,
    }
    path = f"/api/admin/bookings/{booking['id']}/refunds"
    return await shop.post(shop.admin, path, body, **more)


async def travelled(shop: Shop, *seats: str) -> list[dict[str, Any]]:
    """Bookings whose fare has arrived at the host."""
    await add_account(shop)
    await release_fares(shop, *seats)
    await follow(shop)
    return list(reversed((await shop.get(shop.guest, "/api/bookings"))["bookings"]))


async def debts(shop: Shop) -> list[dict[str, Any]]:
    return (await shop.get(shop.host, "/api/host/debts"))["debts"]


async def another_trip(shop: Shop, *seats: str) -> None:
    """Fares of another bus are released to the host."""
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host)
    for seat in seats:
        booking = await shop.reserve(seat, trip_id=trip_id)
        await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == len(seats)
