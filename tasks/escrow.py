"""Escrow: pots are released when their window closes."""

from app.money.escrow import actions as escrow
from tasks.sweeps import sweep_in_batches


async def release_escrow(limit: int) -> int:
    """Release pots whose window has closed; returns how many."""
    return await sweep_in_batches(
        "release-escrow",
        batch=escrow.release_due,
        pick=escrow.next_due,
        act=escrow.release,
        limit=limit,
    )
