"""Housekeeping: nothing grows without bound, and the laws are looked at on live data."""

from collections.abc import Awaitable, Callable
from functools import partial

from app import idempotency, queue
from app.accounts import actions as accounts
from app.db import Tx, transaction
from app.invariants import actions as invariants
from tasks.sweeps import in_turn

_BATCHES_MAX = 100


async def cleanup(limit: int) -> int:
    """Delete what is past its time, in batches of `limit` rows; returns how many."""
    return await in_turn(
        *(
            partial(_in_batches, forget, limit)
            for forget in (_forget_keys, _forget_sessions, _forget_jobs)
        )
    )


async def check_invariants(limit: int) -> int:
    """Audit the books, and alert about every law that is broken; returns how many are.

    Of the rows that break a law an alert names `limit` at the most.
    """
    async with transaction() as tx:
        audit = await invariants.audit(tx)
    async with transaction() as tx:
        return await invariants.alert(tx, audit, shown_max=limit)


async def _in_batches(forget: Callable[[Tx, int], Awaitable[int]], limit: int) -> int:
    total = 0
    for _ in range(_BATCHES_MAX):
        async with transaction() as tx:
            count = await forget(tx, limit)
        total += count
        if count < limit:
            break
    return total


async def _forget_keys(tx: Tx, limit: int) -> int:
    return await idempotency.forget_old(tx, limit=limit)


async def _forget_sessions(tx: Tx, limit: int) -> int:
    return await accounts.cleanup(tx, limit=limit)


async def _forget_jobs(tx: Tx, limit: int) -> int:
    return await queue.forget_finished(tx, limit=limit)
