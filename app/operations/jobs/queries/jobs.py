"""Statements that read jobs, and change them for operators."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_value, fetch_values
from app.operations.jobs.model import Attempt, Job, JobEvent, JobFilter, Pause, PauseKind

_PAST_MAX = 100


async def list_jobs(
    tx: Tx,
    wanted: JobFilter,
    *,
    tasks: Sequence[str] | None = None,
    before: int | None,
    limit: int,
) -> list[Job]:
    """Jobs, newest first (ids are in the order of time), older than the job `before`.

    `tasks` are all names of the task in the filter; None: of any task.
    """
    return await fetch_all(
        tx,
        Job,
        """
        SELECT job.id, queue_name AS queue, task_name AS task,
               CASE status WHEN 'aborting' THEN 'doing' ELSE status END AS status, priority,
               attempts, queued_at, scheduled_at, ended_at, lock, queueing_lock, abort_requested,
               job.worker_id, instance AS worker, error
          FROM procrastinate_jobs AS job
          LEFT JOIN job_workers USING (worker_id)
          LEFT JOIN LATERAL (
               SELECT min(at) FILTER (WHERE type = 'deferred') AS queued_at,
                      max(at) FILTER (WHERE type IN ('succeeded', 'failed', 'cancelled', 'aborted')
                                        AND job.status NOT IN ('todo', 'doing')) AS ended_at
                 FROM procrastinate_events WHERE job_id = job.id) AS event ON true
          LEFT JOIN LATERAL (
               SELECT error FROM job_errors WHERE job_id = job.id
                ORDER BY attempt DESC LIMIT 1) AS last ON true
         WHERE (%(status)s::procrastinate_job_status IS NULL OR status = %(status)s)
           AND (%(queue)s::text IS NULL OR queue_name = %(queue)s)
           AND (%(tasks)s::text[] IS NULL OR task_name = ANY(%(tasks)s))
           AND (%(before)s::bigint IS NULL OR job.id < %(before)s)
         ORDER BY job.id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        tasks=None if tasks is None else list(tasks),
        before=before,
        limit=limit,
    )


async def find_job(tx: Tx, job_id: int) -> Job | None:
    found = await list_jobs(tx, JobFilter(), before=job_id + 1, limit=1)
    return found[0] if found and found[0].id == job_id else None


async def arguments(tx: Tx, job_id: int) -> Any:
    sql = "SELECT args FROM procrastinate_jobs WHERE id = %(id)s"
    return await fetch_value(tx, object, sql, id=job_id)


async def failures(tx: Tx, job_id: int) -> list[Attempt]:
    """The failed attempts of a job, newest first."""
    return await fetch_all(
        tx,
        Attempt,
        """
        SELECT attempt, at, error, traceback FROM job_errors WHERE job_id = %(id)s
         ORDER BY attempt DESC LIMIT %(limit)s""",
        id=job_id,
        limit=_PAST_MAX,
    )


async def events(tx: Tx, job_id: int) -> list[JobEvent]:
    """What happened to a job, newest first."""
    return await fetch_all(
        tx,
        JobEvent,
        """
        SELECT type, at FROM procrastinate_events WHERE job_id = %(id)s
         ORDER BY id DESC LIMIT %(limit)s""",
        id=job_id,
        limit=_PAST_MAX,
    )


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was changed, and its status before."""

    id: int
    queue: str
    task: str
    was: str
    attempts: int


async def retry(tx: Tx, job_id: int) -> Touched | None:
    """Queue a job again, at once; None if it runs, may start already, or has succeeded.

    The attempts are kept: a worker that lost the job must not find its old attempt number again.
    Raises Violated if another job with the same queueing lock is queued.
    """
    return await fetch_one(
        tx,
        Touched,
        """
        WITH was AS (
            SELECT id, status FROM procrastinate_jobs
             WHERE id = %(id)s AND (status IN ('failed', 'cancelled', 'aborted')
                                    OR status = 'todo' AND scheduled_at > now())
               FOR NO KEY UPDATE
        )
        UPDATE procrastinate_jobs AS job
           SET status = 'todo', scheduled_at = NULL, abort_requested = false, worker_id = NULL
          FROM was WHERE job.id = was.id
        RETURNING job.id, queue_name AS queue, task_name AS task, was.status AS was, attempts""",
        id=job_id,
    )


async def retry_dead(
    tx: Tx, *, tasks: Sequence[str] | None, queue: str | None, limit: int
) -> list[Touched]:
    """Queue dead letters again, the oldest first; only one for each queueing lock."""
    return await fetch_all(
        tx,
        Touched,
        """
        WITH dead AS (
            SELECT id FROM procrastinate_jobs AS job
             WHERE status = 'failed'
               AND (%(tasks)s::text[] IS NULL OR task_name = ANY(%(tasks)s))
               AND (%(queue)s::text IS NULL OR queue_name = %(queue)s)
               AND NOT EXISTS (
                   SELECT FROM procrastinate_jobs AS other
                    WHERE other.queueing_lock = job.queueing_lock
                      AND (other.status = 'todo' OR other.status = 'failed' AND other.id < job.id))
             ORDER BY id LIMIT %(limit)s
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE procrastinate_jobs AS job
           SET status = 'todo', scheduled_at = NULL, abort_requested = false, worker_id = NULL
          FROM dead WHERE job.id = dead.id AND status = 'failed'
        RETURNING job.id, queue_name AS queue, task_name AS task, 'failed' AS was, attempts""",
        tasks=None if tasks is None else list(tasks),
        queue=queue,
        limit=limit,
    )


async def cancel(tx: Tx, job_id: int) -> Touched | None:
    """Cancel a job that waits or gave up, and ask a running one to end; None if it is over."""
    return await fetch_one(
        tx,
        Touched,
        """
        WITH was AS (
            SELECT id, status FROM procrastinate_jobs
             WHERE id = %(id)s AND status IN ('todo', 'doing', 'failed')
               FOR NO KEY UPDATE
        )
        UPDATE procrastinate_jobs AS job
           SET status = CASE was.status WHEN 'doing' THEN 'doing'
                                        ELSE 'cancelled' END::procrastinate_job_status,
               abort_requested = was.status = 'doing'
          FROM was WHERE job.id = was.id
        RETURNING job.id, queue_name AS queue, task_name AS task, was.status AS was, attempts""",
        id=job_id,
    )


async def pauses(tx: Tx) -> list[Pause]:
    return await fetch_all(tx, Pause, "SELECT kind, name, at FROM job_pauses ORDER BY kind, name")


async def pause(tx: Tx, kind: PauseKind, name: str) -> bool:
    """Pause a queue or task; False if it was paused already."""
    paused = await execute(
        tx,
        "INSERT INTO job_pauses (kind, name) VALUES (%(kind)s, %(name)s) ON CONFLICT DO NOTHING",
        kind=kind,
        name=name,
    )
    return paused == 1


async def resume(tx: Tx, kind: PauseKind, name: str) -> bool:
    """Resume a queue or task; False if it was not paused."""
    sql = "DELETE FROM job_pauses WHERE kind = %(kind)s AND name = %(name)s"
    return await execute(tx, sql, kind=kind, name=name) == 1


async def queues_with(tx: Tx, kind: PauseKind, name: str) -> Sequence[str]:
    """The queues in which jobs of a queue or task wait."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT DISTINCT queue_name::text FROM procrastinate_jobs
         WHERE status = 'todo'
           AND CASE %(kind)s WHEN 'queue' THEN queue_name ELSE task_name END = %(name)s""",
        kind=kind,
        name=name,
    )
