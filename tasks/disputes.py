"""Disputes: operators are alerted of those that nobody decides."""

from app.foundation.db import transaction
from app.market.disputes import actions as disputes


async def check_disputes(limit: int) -> int:
    """Alert about disputes that are open for two weeks; returns how many."""
    async with transaction() as tx:
        return await disputes.alert_undecided(tx, limit=limit)
