"""Every periodic job on one page: name, when (UTC), what it does, and how much of it per run."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from procrastinate import JobContext

from app import queue
from tasks.bookings import complete_bookings, decline_unanswered, expire_holds
from tasks.checkout import reconcile_payments
from tasks.escrow import (
    process_refunds,
    release_escrow,
    resolve_unknown,
    retry_failed_transfers,
)
from tasks.ledger import checkpoint_ledger
from tasks.notifications import send_notifications
from tasks.operations import check_invariants, cleanup
from tasks.payouts import resolve_payout_accounts
from tasks.webhooks import retry_webhooks

_log = structlog.get_logger(__name__)


class Periodic(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the schedule. `run` takes the limit and returns how much it did."""

    name: str
    cron: str
    run: Callable[[int], Awaitable[int]]
    limit: int


SCHEDULE: Final = (
    Periodic(name="expire-holds", cron="*/5 * * * *", run=expire_holds, limit=500),
    Periodic(name="release-escrow", cron="* * * * *", run=release_escrow, limit=10_000),
    Periodic(name="complete-bookings", cron="* * * * *", run=complete_bookings, limit=1_000),
    Periodic(name="process-refunds", cron="*/10 * * * *", run=process_refunds, limit=100),
    Periodic(name="retry-failed-transfers", cron="5 * * * *", run=retry_failed_transfers, limit=10),
    Periodic(name="resolve-unknown", cron="* * * * *", run=resolve_unknown, limit=100),
    Periodic(
        name="resolve-payout-accounts", cron="*/5 * * * *", run=resolve_payout_accounts, limit=100
    ),
    Periodic(name="refund-timeouts", cron="*/5 * * * *", run=decline_unanswered, limit=50),
    Periodic(name="retry-webhooks", cron="*/5 * * * *", run=retry_webhooks, limit=100),
    Periodic(name="reconcile-payments", cron="40 */6 * * *", run=reconcile_payments, limit=500),
    Periodic(name="send-notifications", cron="* * * * *", run=send_notifications, limit=200),
    Periodic(name="checkpoint-ledger", cron="27 * * * *", run=checkpoint_ledger, limit=500_000),
    Periodic(name="check-invariants", cron="*/15 * * * *", run=check_invariants, limit=20),
    Periodic(name="cleanup", cron="17 * * * *", run=cleanup, limit=1_000),
)


def register(job: Periodic) -> None:
    """Put a line into the queue's own scheduler: once per tick, however many workers."""

    async def run(context: JobContext, timestamp: int) -> None:
        with structlog.contextvars.bound_contextvars(
            job_id=context.job.id, job=job.name, tick=timestamp
        ):
            _log.info("periodic job done", count=await job.run(job.limit))

    # A tick that finds the one before it still queued adds nothing to it.
    task = queue.broker.task(
        name=job.name, queue="periodic", queueing_lock=job.name, pass_context=True
    )(run)
    queue.broker.periodic(cron=job.cron, periodic_id=job.name)(task)


for _job in SCHEDULE:
    register(_job)
