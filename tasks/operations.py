"""Housekeeping: nothing grows without bound, and the laws are looked at on live data."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from app.edge.calls import actions as calls
from app.foundation import idempotency
from app.foundation.db import Tx, transaction
from app.operations.invariants import actions as invariants
from app.operations.jobs import actions as jobs
from app.operations.jobs.queries.retention import Batch
from app.people.accounts import actions as accounts
from tasks.sweeps import in_turn

_SPENT_S_MAX: Final = 60.0  # on each kind of row
_EVENTS_PER_JOB: Final = 3  # queued, started, succeeded


async def cleanup(limit: int) -> int:
    """Delete what is past its time, in batches of `limit` rows; returns how many.

    What it does not come to within its time is left to the next run.
    """
    return await in_turn(
        *(
            partial(_in_batches, forget, limit)
            for forget in (
                _forget_keys,
                _forget_sessions,
                _forget_done,
                _forget_other_jobs,
                _forget_runs,
                _forget_calls,
            )
        )
    )


async def cleanup_locks(limit: int) -> int:  # noqa: ARG001  there are never many
    """Take job locks away from those that hang; returns how many."""
    async with transaction() as tx:
        return await jobs.release_expired(tx)


async def check_tasks(limit: int) -> int:  # noqa: ARG001  nor of these
    """Alert about queued jobs that no living worker can do; returns of how many tasks."""
    async with transaction() as tx:
        return await jobs.tell_unknown_tasks(tx)


async def check_invariants(limit: int) -> int:
    """Audit the books, and alert about every law that is broken; returns how many are.

    Of the rows that break a law an alert names `limit` at the most.
    """
    async with transaction() as tx:
        audit = await invariants.audit(tx)
    async with transaction() as tx:
        return await invariants.alert(tx, audit, shown_max=limit)


async def _in_batches(forget: Callable[[Tx, int], Awaitable[Batch]], limit: int) -> int:
    give_up_at = time.monotonic() + _SPENT_S_MAX
    total, more = 0, True
    while more and time.monotonic() < give_up_at:
        async with transaction() as tx:
            batch = await forget(tx, limit)
        total, more = total + batch.deleted, batch.more
    return total


async def _forget_keys(tx: Tx, limit: int) -> Batch:
    return _batch(await idempotency.forget_old(tx, limit=limit), limit)


async def _forget_sessions(tx: Tx, limit: int) -> Batch:
    return _batch(await accounts.cleanup(tx, limit=limit), limit)


async def _forget_done(tx: Tx, limit: int) -> Batch:
    return await jobs.forget_succeeded(tx, limit=_EVENTS_PER_JOB * limit)


async def _forget_other_jobs(tx: Tx, limit: int) -> Batch:
    return _batch(await jobs.forget_unsuccessful(tx, limit=limit), limit)


async def _forget_runs(tx: Tx, limit: int) -> Batch:
    return _batch(await jobs.forget_runs(tx, limit=limit), limit)


async def _forget_calls(tx: Tx, limit: int) -> Batch:
    return _batch(await calls.forget_old(tx, limit=limit), limit)


def _batch(deleted: int, limit: int) -> Batch:
    return Batch(deleted=deleted, more=deleted >= limit)
