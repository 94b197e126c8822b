"""The ledger's housekeeping: sums of its busy accounts, so that a balance is no long sum."""

import asyncio
from typing import Final

import structlog

from app.foundation.db import transaction
from app.money.ledger import actions as ledger

_log = structlog.get_logger(__name__)
_TRIES: Final = 50
_WAIT_S: Final = 0.2


async def checkpoint_ledger(limit: int) -> int:
    """Sum up busy accounts, of each so many entries at the most; returns how many accounts.

    No posting waits for it: it waits, between transactions, for those to end that were writing
    when it began. If one does not, the last checkpoints go on serving until the next run.
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
