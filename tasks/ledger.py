"""The ledger: checkpoints of its busy accounts, so that a balance never sums all entries."""

import asyncio
from typing import Final

import structlog

from app.foundation.db import transaction
from app.money.ledger import actions as ledger

_log = structlog.get_logger(__name__)
_TRIES: Final = 50
_WAIT_S: Final = 0.2


async def checkpoint_ledger(limit: int) -> int:
    """Write checkpoints of busy accounts, `limit` entries of each at most; returns how many.

    No posting waits for this. It waits itself, between transactions, until the postings that were
    being written when it began have ended. If one does not end, the old checkpoints serve until the
    next run.
    """
    async with transaction() as tx:
        mark = await ledger.mark(tx)
    for _ in range(_TRIES):
        async with transaction() as tx:
            done = await ledger.checkpoint(tx, mark, limit=limit)
        if done is not None:
            return done
        await asyncio.sleep(_WAIT_S)
    _log.warning("ledger checkpoint put off: a posting is still open")
    return 0
