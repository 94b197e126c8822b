"""Bookings: expire holds that ran out, decline unanswered requests, complete what is over."""

from app.market.bookings import actions as bookings
from tasks.sweeps import sweep, sweep_in_batches


async def expire_holds(limit: int) -> int:
    """Expire unpaid bookings past their deadline; returns how many."""
    return await sweep(
        "expire-holds", pick=bookings.next_unpaid, act=bookings.expire_unpaid, limit=limit
    )


async def decline_unanswered(limit: int) -> int:
    """Decline requests past `respond_by` and queue their refunds; returns how many."""
    return await sweep(
        "refund-timeouts",
        pick=bookings.next_unanswered,
        act=bookings.decline_unanswered,
        limit=limit,
    )


async def complete_bookings(limit: int) -> int:
    """Complete bookings that are over and settled; returns how many."""
    return await sweep_in_batches(
        "complete-bookings",
        batch=bookings.complete_over,
        pick=bookings.next_over,
        act=bookings.complete,
        limit=limit,
    )
