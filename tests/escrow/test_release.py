"""A booking's money from the charge to its end: held, released, paid out, given back."""

from datetime import timedelta
from typing import Any

import msgspec

from app.db import fetch_all, transaction
from tests.shop import Shop


class Balance(msgspec.Struct, frozen=True):
    kind: str
    amount: int


async def balances(shop: Shop) -> dict[str, int]:
    """Every account kind's balance that is not zero."""
    async with transaction() as tx:
        rows = await fetch_all(
            tx,
            Balance,
            """
            SELECT kind, sum(amount)::bigint AS amount
              FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
             GROUP BY kind HAVING sum(amount) <> 0""",
        )
    return {row.kind: row.amount for row in rows}


async def pots(shop: Shop, booking: dict[str, Any]) -> list[str]:
    return await shop.values(
        "SELECT kind || ' ' || state FROM pots WHERE booking_id = %(id)s ORDER BY kind DESC",
        id=booking["id"],
    )


async def test_what_is_paid_is_held_in_two_pots(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    assert await pots(shop, booking) == ["rental held", "deposit held"]
    held = await balances(shop)
    assert held["escrow_rental"] == 4_000_000
    assert held["escrow_deposit"] == 500_000
    assert held["gateway_clearing"] == -4_500_000 - held["gateway_fees"]


async def test_nothing_is_released_before_its_window_has_closed(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(minutes=59))
    assert await shop.sweep("release-escrow") == 0
    await shop.forward(timedelta(minutes=2))
    assert await shop.sweep("release-escrow") == 1
    assert await pots(shop, booking) == ["rental releasing", "deposit held"]


async def test_a_trip_is_paid_out_an_hour_after_arrival(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    await shop.paid(booking)
    assert await pots(shop, booking) == ["rental held"]
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=-1))
    assert await shop.sweep("release-escrow") == 0
    await shop.forward(timedelta(seconds=2))
    assert await shop.sweep("release-escrow") == 1
    assert await shop.sweep("complete-bookings") == 1
    assert await shop.state(booking) == "completed"
