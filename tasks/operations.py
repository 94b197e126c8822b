"""Housekeeping: nothing grows without bound."""

from collections.abc import Awaitable, Callable

from app import idempotency, queue
from app.accounts import actions as accounts
from app.db import Tx, transaction

_BATCHES_MAX = 100


async def cleanup(limit: int) -> int:
    """Delete what is past its time, in batches of `limit` rows; returns how many."""
    total = 0
    for forget in (_forget_keys, _forget_sessions, _forget_jobs):
        total += await _in_batches(forget, limit)
    return total


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
