"""Sweeps over bookings: holds that ran out, requests nobody answered."""

from collections.abc import Awaitable, Callable

from app.bookings import actions as bookings
from app.db import Tx, transaction


async def expire_holds(limit: int) -> int:
    """Expire unpaid bookings past their deadline; returns how many."""
    return await _repeat(bookings.expire_next, limit)


async def decline_unanswered(limit: int) -> int:
    """Decline requests past `respond_by`, and mark their money for refund; returns how many."""
    return await _repeat(bookings.decline_next_unanswered, limit)


async def complete_bookings(limit: int) -> int:
    """Complete bookings that are over and settled; returns how many."""
    async with transaction() as tx:
        return await bookings.complete_over(tx, limit=limit)


async def _repeat(step: Callable[[Tx], Awaitable[bool]], limit: int) -> int:
    """One transaction per booking: a crash loses none, and no two bookings' locks meet."""
    for done in range(limit):
        async with transaction() as tx:
            if not await step(tx):
                return done
    return limit
