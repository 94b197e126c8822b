"""What operators do with jobs. Each action is recorded, with its reason, in its transaction."""

import math
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from app.foundation import audit, locks, paging, queue
from app.foundation.alerts import Severity, Sighting, raise_alerts, resolve_alerts_but
from app.foundation.audit import SYSTEM, Actor, Change, Subject
from app.foundation.db import Tx, Violated, plan_for_values
from app.foundation.locks import Lease
from app.foundation.retention import Batch
from app.foundation.settings import settings
from app.operations.jobs import rules
from app.operations.jobs.model import (
    ABANDONED_KEPT,
    DEAD_LETTERS_KEPT,
    RUNS_KEPT,
    SCHEDULE_KEPT,
    SUCCEEDED_KEPT,
    Health,
    Job,
    JobFilter,
    JobNotFound,
    JobNotOver,
    JobOver,
    JobPage,
    JobWithPast,
    LockNotHeld,
    Pause,
    PauseKind,
    PeriodicJobNotFound,
    Redrive,
    Run,
    RunFilter,
    RunPage,
    SameJobQueued,
    Triggered,
)
from app.operations.jobs.queries import health as figures
from app.operations.jobs.queries import jobs as queries
from app.operations.jobs.queries import retention
from app.operations.jobs.queries.jobs import Touched

_UNKNOWN_TASK: Final = "unknown_task"
_PERIODIC_MAX: Final = 1_000
_EVENTS_PER_JOB: Final = 3  # queued, started, succeeded


# ---- read ----------------------------------------------------------------------------------------


async def read_jobs(tx: Tx, wanted: JobFilter, *, limit: int, cursor: str | None) -> JobPage:
    """A page of jobs, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_row_id(cursor)
    await plan_for_values(tx)
    tasks = queue.names_of(wanted.task) if wanted.task else None
    jobs = await queries.list_jobs(tx, wanted, tasks=tasks, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(jobs, limit, by=lambda job: job.id)
    return JobPage(jobs=[_shown(job) for job in page], next_cursor=next_cursor)


async def read_job(tx: Tx, job_id: int) -> JobWithPast:
    """A job with its arguments and its past, secrets left out. Raises JobNotFound."""
    job = await _find(tx, job_id)
    secrets = settings().secrets
    return JobWithPast(
        job=job,
        arguments=rules.redacted(await queries.arguments(tx, job_id), secrets),
        failures=[
            replace(
                failure,
                error=rules.redacted_text(failure.error, secrets),
                traceback=rules.redacted_text(failure.traceback, secrets),
            )
            for failure in await queries.failures(tx, job_id)
        ],
        events=await queries.events(tx, job_id),
    )


async def read_runs(tx: Tx, wanted: RunFilter, *, limit: int, cursor: str | None) -> RunPage:
    """A page of runs of periodic jobs, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_row_id(cursor)
    await plan_for_values(tx)
    runs = await figures.runs(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(runs, limit, by=lambda run: run.id)
    return RunPage(runs=[_without_secrets(run) for run in page], next_cursor=next_cursor)


async def read_health(tx: Tx) -> Health:
    """The health of periodic jobs, queues and workers."""
    stalled_s = settings().worker_stalled_seconds
    await plan_for_values(tx)
    last_runs = await figures.runs(tx, RunFilter(newest=True), limit=_PERIODIC_MAX)
    return rules.health(
        await figures.timetables(tx),
        {run.name: _without_secrets(run) for run in last_runs},
        await figures.queues(tx),
        await figures.workers(tx, stalled_s=stalled_s),
        await figures.unknown_tasks(tx, stalled_s=stalled_s),
        paused_tasks=[p.name for p in await queries.pauses(tx) if p.kind is PauseKind.TASK],
        now=await figures.server_time(tx),
    )


async def _find(tx: Tx, job_id: int) -> Job:
    if job := await queries.find_job(tx, job_id):
        return _shown(job)
    raise JobNotFound(f"There is no job {job_id}.")


def _shown(job: Job) -> Job:
    if job.error is None:
        return job
    return replace(job, error=rules.redacted_text(job.error, settings().secrets))


def _without_secrets(run: Run) -> Run:
    if run.error is None:
        return run
    return replace(run, error=rules.redacted_text(run.error, settings().secrets))


# ---- one job ------------------------------------------------------------------------------------


async def retry_job(tx: Tx, job_id: int, *, by: Actor, reason: str) -> Job:
    """Queue a job again that gave up, was cancelled or aborted, or waits for a later time.

    It is started at once. If it fails, it is tried again as often as its task still allows; a dead
    letter is tried this one time. Raises JobNotFound, JobNotOver, SameJobQueued.
    """
    try:
        touched = await queries.retry(tx, job_id)
    except Violated as error:
        if error.constraint != "procrastinate_jobs_queueing_lock_idx_v1":
            raise
        raise SameJobQueued(
            "Another job with the same queueing lock is queued, and does the same."
        ) from error
    if touched is None:
        job = await _find(tx, job_id)
        raise JobNotOver(f"Job {job_id} is {job.status}.")
    await _record(tx, "retry_job", [touched], after="todo", by=by, reason=reason)
    await queue.announce(tx, [touched.queue])
    return await _find(tx, job_id)


async def retry_dead(tx: Tx, wanted: Redrive, *, by: Actor) -> list[int]:
    """Queue dead letters again, the oldest first; returns their ids."""
    tasks = queue.names_of(wanted.task) if wanted.task else None
    touched = await queries.retry_dead(tx, tasks=tasks, queue=wanted.queue, limit=wanted.limit)
    await _record(tx, "retry_job", touched, after="todo", by=by, reason=wanted.reason)
    await queue.announce(tx, sorted({job.queue for job in touched}))
    return sorted(job.id for job in touched)


async def cancel_job(tx: Tx, job_id: int, *, by: Actor, reason: str) -> Job:
    """Cancel a job that waits or gave up; one that runs is asked to end.

    Raises JobNotFound, JobOver.
    """
    touched = await queries.cancel(tx, job_id)
    if touched is None:
        job = await _find(tx, job_id)
        raise JobOver(f"Job {job_id} is {job.status}.")
    after = "abort requested" if touched.was == "doing" else "cancelled"
    await _record(tx, "cancel_job", [touched], after=after, by=by, reason=reason)
    await queue.announce(tx, [touched.queue])  # for the jobs that wait for its lock
    return await _find(tx, job_id)


async def _record(
    tx: Tx, action: str, jobs: Sequence[Touched], *, after: str, by: Actor, reason: str
) -> None:
    await audit.record_all(
        tx,
        by=by,
        action=action,
        changes=[
            Change(
                subject=Subject("job", job.id),
                before={"task": job.task, "status": job.was, "attempts": job.attempts},
                after={"status": after},
            )
            for job in jobs
        ],
        reason=reason,
    )


# ---- queues and tasks ---------------------------------------------------------------------------


async def pause(tx: Tx, kind: PauseKind, name: str, *, by: Actor, reason: str) -> list[Pause]:
    """Start no more jobs of a queue or task; running ones go on. Returns all that is paused."""
    for each in _names(kind, name):
        if await queries.pause(tx, kind, each):
            subject = Subject(kind, each)
            await audit.record(tx, by=by, action=f"pause_{kind}", subject=subject, reason=reason)
    return await queries.pauses(tx)


async def resume(tx: Tx, kind: PauseKind, name: str, *, by: Actor, reason: str) -> list[Pause]:
    """Start the waiting jobs of a queue or task at once. Returns all that is still paused."""
    for each in _names(kind, name):
        if await queries.resume(tx, kind, each):
            subject = Subject(kind, each)
            await audit.record(tx, by=by, action=f"resume_{kind}", subject=subject, reason=reason)
            await queue.announce(tx, await queries.queues_with(tx, kind, each))
    return await queries.pauses(tx)


def _names(kind: PauseKind, name: str) -> Sequence[str]:
    """A queue has one name; a task that was renamed has jobs queued under all of its names."""
    return queue.names_of(name) if kind is PauseKind.TASK else (name,)


async def read_pauses(tx: Tx) -> list[Pause]:
    return await queries.pauses(tx)


# ---- periodic jobs ------------------------------------------------------------------------------


async def trigger(tx: Tx, name: str, *, by: Actor, reason: str) -> Triggered:
    """Queue a periodic job to run now. Raises PeriodicJobNotFound."""
    name = rules.ALIASES.get(name, name)
    if not await figures.knows(tx, name):
        raise PeriodicJobNotFound(f"No worker knows a periodic job {name[:100]}.")
    now = await figures.server_time(tx)
    after_run_id = await figures.newest_run_id(tx, name)
    # Rounded up: a job must not look late before it was asked for.
    job_id = await queue.enqueue_run(tx, name, timestamp=math.ceil(now.timestamp()))
    await audit.record(
        tx,
        by=by,
        action="run_job",
        subject=Subject("periodic_job", name),
        after={"jobId": job_id},
        reason=reason,
    )
    return Triggered(name=name, job_id=job_id, after_run_id=after_run_id)


async def find_run(tx: Tx, triggered: Triggered) -> Run | None:
    """The run of a triggered job; None while the job is still queued."""
    await plan_for_values(tx)
    for run in await figures.runs(tx, RunFilter(name=triggered.name), limit=10):
        if run.job_id == triggered.job_id and run.id > triggered.after_run_id:
            return _without_secrets(run)
    return None


async def alert_unknown_tasks(tx: Tx) -> int:
    """Alert operators of each task with waiting jobs that no worker knows; returns how many."""
    unknown = await figures.unknown_tasks(tx, stalled_s=settings().worker_stalled_seconds)
    sightings = [
        Sighting(
            kind=_UNKNOWN_TASK,
            severity=Severity.WARNING,
            subject=task.name,
            details={"jobs": task.jobs},
        )
        for task in unknown
    ]
    await raise_alerts(tx, sightings)
    await resolve_alerts_but(tx, _UNKNOWN_TASK, [task.name for task in unknown])
    return len(unknown)


# ---- locks --------------------------------------------------------------------------------------


async def release_lock(tx: Tx, lease_id: UUID, *, by: Actor, reason: str) -> None:
    """Take a job lock away from its holder, which can write nothing more. Raises LockNotHeld."""
    lease = await locks.end(tx, lease_id)
    if lease is None:
        raise LockNotHeld("Read the list of locks again.")
    await _record_release(tx, [lease], by=by, reason=reason)


async def release_expired(tx: Tx) -> int:
    """Take away the locks that their holders have not renewed; returns how many."""
    ended = await locks.end_expired(tx)
    await _record_release(tx, ended, by=SYSTEM, reason="the lease was not renewed")
    return len(ended)


async def _record_release(tx: Tx, leases: Sequence[Lease], *, by: Actor, reason: str) -> None:
    await audit.record_all(
        tx,
        by=by,
        action="release_job_lock",
        changes=[
            Change(
                subject=Subject("job_lock", lease.name),
                before={"instance": lease.instance, "acquiredAt": lease.acquired_at},
            )
            for lease in leases
        ],
        reason=reason,
    )


# ---- retention ----------------------------------------------------------------------------------


async def forget_succeeded(tx: Tx, *, limit: int) -> Batch:
    """Delete about `limit` jobs that succeeded; the batch counts their events."""
    events = _EVENTS_PER_JOB * limit
    return await retention.forget_succeeded(tx, kept=SUCCEEDED_KEPT, limit=events)


async def forget_unsuccessful(tx: Tx, *, limit: int) -> Batch:
    """Delete old dead letters, and what was cancelled."""
    deleted = await retention.forget_unsuccessful(
        tx, dead_kept=DEAD_LETTERS_KEPT, abandoned_kept=ABANDONED_KEPT, limit=limit
    )
    return Batch.of(deleted, limit=limit)


async def forget_runs(tx: Tx, *, limit: int) -> Batch:
    """Delete old runs, and timetables of removed periodic jobs; the batch counts runs."""
    await retention.forget_timetables(tx, kept=SCHEDULE_KEPT)
    return Batch.of(await retention.forget_runs(tx, kept=RUNS_KEPT, limit=limit), limit=limit)
