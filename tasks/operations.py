"""Housekeeping: old rows are deleted, locks that hang are taken away, and the laws are checked."""

import time
from functools import partial
from typing import Final, Protocol

from app.edge.calls import actions as calls
from app.foundation import idempotency, limits
from app.foundation.db import Tx, transaction
from app.foundation.retention import Batch
from app.money.reconciliation import actions as reconciliation
from app.operations.invariants import actions as invariants
from app.operations.jobs import actions as jobs
from app.people.accounts import actions as accounts
from app.people.mail_links import actions as mail_links
from tasks.sweeps import in_turn

_SPENT_S_MAX: Final = 60.0  # on each kind of row


class _Forget(Protocol):
    """A function that deletes one batch of one kind of row."""

    async def __call__(self, tx: Tx, *, limit: int) -> Batch: ...


_FORGET: Final[tuple[_Forget, ...]] = (
    idempotency.forget_old,
    limits.forget_full,
    accounts.forget_old,
    mail_links.forget_old,
    jobs.forget_succeeded,
    jobs.forget_unsuccessful,
    jobs.forget_runs,
    calls.forget_old,
    reconciliation.forget_movements,
    reconciliation.forget_runs,
    reconciliation.forget_hours,
    reconciliation.forget_differences,
)


async def cleanup(limit: int) -> int:
    """Delete rows past their time, in batches of `limit` rows; returns how many.

    Each kind of row has a time limit; what is left then is for the next run.
    """
    return await in_turn(*(partial(_in_batches, forget, limit) for forget in _FORGET))


async def cleanup_locks(limit: int) -> int:  # noqa: ARG001  there are never many locks
    """Take job locks away from jobs that hang; returns how many."""
    async with transaction() as tx:
        return await jobs.release_expired(tx)


async def check_tasks(limit: int) -> int:  # noqa: ARG001  there are never many tasks
    """Alert about tasks that have queued jobs and that no living worker knows; returns how many."""
    async with transaction() as tx:
        return await jobs.alert_unknown_tasks(tx)


async def check_invariants(limit: int) -> int:
    """Audit the books, and alert about every law that is broken; returns how many are.

    Each alert names up to `limit` of the rows that break its law.
    """
    async with transaction() as tx:
        audit = await invariants.audit(tx)
    async with transaction() as tx:
        return await invariants.alert(tx, audit, shown_max=limit)


async def _in_batches(forget: _Forget, limit: int) -> int:
    give_up_at = time.monotonic() + _SPENT_S_MAX
    total, more = 0, True
    while more and time.monotonic() < give_up_at:
        async with transaction() as tx:
            batch = await forget(tx, limit=limit)
        total, more = total + batch.deleted, batch.more
    return total
