"""Every periodic job on one page: name, when (UTC), what it does, and how much of it per run."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import msgspec

from app.foundation import locks
from app.foundation.settings import settings
from tasks.bank_statements import check_payouts
from tasks.bookings import complete_bookings, decline_unanswered, expire_holds
from tasks.chargebacks import find_chargebacks, reconcile_chargebacks
from tasks.checkout import reconcile_payments
from tasks.disputes import check_disputes
from tasks.escrow import release_escrow
from tasks.ledger import checkpoint_ledger
from tasks.movements import ask_for_facts
from tasks.notifications import send_notifications
from tasks.operations import check_invariants, check_tasks, cleanup, cleanup_locks
from tasks.payees import check_wallets, resolve_payout_accounts
from tasks.reconciliation import reconcile_gateways, reconcile_last_hours
from tasks.runner.handlers import add_task
from tasks.runner.timers import Timer, task_of
from tasks.sending import process_refunds, resolve_unknown, retry_failed_transfers
from tasks.settlements import calculate_settlements
from tasks.webhooks import retry_webhooks


class Periodic(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the schedule. `run` takes the limit and returns how much it did.

    It runs under the job's lock: a second process that wants to run it meanwhile skips it, and logs
    that. After an outage the last tick is made up for if it is at most `within` ago.
    """

    name: str
    cron: str
    run: Callable[[int], Awaitable[int]]
    limit: int
    within: timedelta = timedelta(hours=1)


SCHEDULE: Final = (
    Periodic(name="expire-holds", cron="*/5 * * * *", run=expire_holds, limit=500),
    Periodic(name="release-escrow", cron="* * * * *", run=release_escrow, limit=10_000),
    Periodic(name="complete-bookings", cron="* * * * *", run=complete_bookings, limit=1_000),
    Periodic(name="process-refunds", cron="*/10 * * * *", run=process_refunds, limit=100),
    Periodic(name="retry-failed-transfers", cron="5 * * * *", run=retry_failed_transfers, limit=10),
    Periodic(name="resolve-unknown", cron="* * * * *", run=resolve_unknown, limit=100),
    Periodic(
        name="resolve-payout-accounts", cron="* * * * *", run=resolve_payout_accounts, limit=100
    ),
    Periodic(
        name="check-wallets",
        cron="10 4 * * *",
        run=check_wallets,
        limit=200,
        within=timedelta(hours=12),
    ),
    Periodic(name="ask-for-facts", cron="* * * * *", run=ask_for_facts, limit=100),
    Periodic(name="refund-timeouts", cron="*/5 * * * *", run=decline_unanswered, limit=50),
    Periodic(name="retry-webhooks", cron="*/5 * * * *", run=retry_webhooks, limit=100),
    Periodic(
        name="reconcile-payments",
        cron="40 */6 * * *",
        run=reconcile_payments,
        limit=500,
        within=timedelta(hours=6),
    ),
    Periodic(
        name="reconcile-chargebacks",
        cron="50 * * * *",
        run=reconcile_chargebacks,
        limit=500,
    ),
    Periodic(
        name="find-chargebacks",
        cron="20 2 * * *",
        run=find_chargebacks,
        limit=1,
        within=timedelta(hours=12),
    ),
    Periodic(
        name="reconcile-gateways",
        cron="0 2 * * *",
        run=reconcile_gateways,
        limit=1,
        within=timedelta(hours=12),
    ),
    Periodic(name="reconcile-last-hours", cron="*/15 * * * *", run=reconcile_last_hours, limit=1),
    Periodic(
        name="check-disputes",
        cron="25 7 * * *",
        run=check_disputes,
        limit=1_000,
        within=timedelta(hours=12),
    ),
    Periodic(name="send-notifications", cron="* * * * *", run=send_notifications, limit=200),
    Periodic(name="checkpoint-ledger", cron="27 * * * *", run=checkpoint_ledger, limit=500_000),
    Periodic(
        name="calculate-settlements",
        cron="30 0 1 * *",
        run=calculate_settlements,
        limit=5_000,
        within=timedelta(days=27),
    ),
    Periodic(
        name="check-payouts",
        cron="10 6 * * *",
        run=check_payouts,
        limit=1_000,
        within=timedelta(hours=12),
    ),
    Periodic(name="check-invariants", cron="*/15 * * * *", run=check_invariants, limit=20),
    Periodic(name="cleanup", cron="17 * * * *", run=cleanup, limit=1_000),
    Periodic(name="cleanup-locks", cron="*/5 * * * *", run=cleanup_locks, limit=1_000),
    Periodic(name="check-tasks", cron="*/5 * * * *", run=check_tasks, limit=1_000),
)


def _timer(job: Periodic) -> Timer:
    return Timer(name=job.name, cron=job.cron, within=job.within, run=lambda: _alone(job))


async def _alone(job: Periodic) -> int:
    async with locks.held(job.name, settings().direct_url):
        return await job.run(job.limit)


TIMERS: Final = tuple(_timer(job) for job in SCHEDULE)

for _known in TIMERS:
    add_task(task_of(_known))
