"""The queue: every job's arguments as a frozen struct, and enqueue().

A job's name and fields are a contract with jobs that are queued already. A job that is renamed
keeps its old name among its `aliases`; a field keeps its name, and a new one has a default.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Final
from uuid import UUID

import msgspec

from app.foundation.db import Tx, execute, fetch_new_value, json

PERIODIC: Final = "periodic"  # the queue of jobs that run by the clock


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all job arguments. `name` is what the queue stores; `queue` says who runs it.

    `aliases` are names that the job once had: what is queued under them is done as well.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    queue: ClassVar[str] = "default"


def names_of(task: str) -> tuple[str, ...]:
    """All names of the job that has this name or alias; a task that is no job has its own alone."""
    for job in Job.__subclasses__():
        if task in (names := (job.name, *job.aliases)):
            return names
    return (task,)


class SettlePayment(Job, frozen=True):
    """Ask the gateway what became of a charge, and record the answer."""

    name = "settle-payment"
    queue = "money"

    payment_id: UUID


class StartCharge(Job, frozen=True):
    """Start a charge at its gateway, whose answer the guest's request did not get in time."""

    name = "start-charge"
    queue = "money"

    payment_id: UUID
    return_url: str | None


class CloseCheckout(Job, frozen=True):
    """Close the page of a charge that is not to be paid any more, and look the charge up."""

    name = "close-checkout"
    queue = "money"

    payment_id: UUID


class ProcessWebhook(Job, frozen=True):
    """Act on a stored webhook event."""

    name = "process-webhook"
    queue = "money"

    event_id: UUID


class SendInstruction(Job, frozen=True):
    """Send a queued refund or transfer to its gateway."""

    name = "send-instruction"
    aliases = ("carry-out",)
    queue = "money"

    instruction_id: UUID


class RetryInstruction(Job, frozen=True):
    """Send a refund or transfer again whose attempt of this number has failed."""

    name = "retry-instruction"
    queue = "money"

    instruction_id: UUID
    attempt: int


class LookUpInstruction(Job, frozen=True):
    """Ask the gateway what became of a refund or transfer, and record the answer."""

    name = "look-up-instruction"
    aliases = ("look-up",)
    queue = "money"

    instruction_id: UUID


class NotifyAccount(Job, frozen=True):
    """Notify an account by mail of what happened to it, once per kind and source."""

    name = "notify-account"

    account_id: UUID
    kind: str
    source_id: UUID
    facts: dict[str, str] = {}
    address: str | None = None  # where the mail goes, if not to the address of the account


class MailReset(Job, frozen=True):
    """Mail a link for a new password, if an account has this address.

    Whether one has is found out by the job: so the request takes as long for any address.
    """

    name = "mail-reset"
    queue = "mail"

    email: str


class AdmitRefunds(Job, frozen=True):
    """Admit automatic refunds through the refund gate, as many as this run still may."""

    name = "admit-refunds"
    aliases = ("let-out",)
    queue = "money"


class TakeInCharge(Job, frozen=True):
    """Take in a charge that a gateway has and we have not, or one more under a reference."""

    name = "take-in-charge"
    queue = "money"

    gateway: str
    reference: str
    charge_id: str


class TakeInRefunds(Job, frozen=True):
    """Take in the refunds of a charge that somebody has made at its gateway."""

    name = "take-in-refunds"
    queue = "money"

    payment_id: UUID


class LookUpChargebacks(Job, frozen=True):
    """Ask the gateway which chargebacks of a charge there are, and record the answer."""

    name = "look-up-chargebacks"
    queue = "money"

    payment_id: UUID


class ReconcileGateway(Job, frozen=True):
    """Compare what a gateway lists of a day (UTC) with what is here and in the ledger."""

    name = "reconcile-gateway"
    queue = "money"

    gateway: str
    day: date


class SendNotification(Job, frozen=True):
    """Deliver one notification."""

    name = "send-notification"
    queue = "mail"

    notification_id: UUID


async def enqueue(tx: Tx, job: Job) -> None:
    """Queue a job in the caller's transaction: it runs after that commits, or never."""
    await enqueue_all(tx, [job])


async def enqueue_all(tx: Tx, jobs: Sequence[Job]) -> None:
    """Queue jobs in the caller's transaction, in one round trip; see enqueue()."""
    if jobs:
        await _insert(tx, [(job.queue, job.name, msgspec.to_builtins(job)) for job in jobs])


async def enqueue_later(tx: Tx, job: Job, wait: timedelta) -> None:
    """Queue a job in the caller's transaction, to run so long after now (by the real clock)."""
    await execute(
        tx,
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
        VALUES (%(queue)s, %(name)s, %(args)s, clock_timestamp() + %(wait)s)""",
        queue=job.queue,
        name=job.name,
        args=json(msgspec.to_builtins(job)),
        wait=wait,
    )
    await announce(tx, [job.queue])


async def enqueue_run(tx: Tx, name: str, *, timestamp: int) -> int:
    """Queue a run of a periodic job for this time (Unix seconds); returns the id of the queued run.

    If a run is queued already, or waits for a retry, that one starts now and none is added.
    """
    job_id = await fetch_new_value(
        tx,
        int,
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
        VALUES (%(queue)s, %(name)s::text, %(name)s::text, %(args)s)
            ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = NULL
        RETURNING id""",
        queue=PERIODIC,
        name=name,
        args=json({"timestamp": timestamp}),
    )
    await announce(tx, [PERIODIC])
    return job_id


async def announce(tx: Tx, queues: Sequence[str]) -> None:
    """Wake the workers of these queues when a job became ready without being queued.

    (A job that is queued wakes them by itself.)
    """
    await execute(tx, "SELECT runner.announce(%(queues)s)", queues=list(queues))


async def _insert(tx: Tx, jobs: Sequence[tuple[str, str, object]]) -> None:
    await execute(
        tx,
        "SELECT runner.enqueue(%(queues)s, %(tasks)s, %(args)s::jsonb[])",
        queues=[queue for queue, _, _ in jobs],
        tasks=[task for _, task, _ in jobs],
        args=[json(args) for _, _, args in jobs],
    )
