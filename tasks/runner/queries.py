"""The runner's statements. The queue lives by the server's clock, not by business time."""

from collections.abc import Sequence

from app.foundation.db import (
    Connection,
    execute,
    fetch_all,
    fetch_new_value,
    fetch_values,
)
from tasks.runner.model import (
    ERROR_LENGTH_MAX,
    TRACEBACK_LENGTH_MAX,
    Claimed,
    Ended,
    Introduction,
    Lost,
)

_ANY_QUEUE = "procrastinate_any_queue_v1"
_ONE_QUEUE = "procrastinate_queue_v1#"
_REAPER_KEY = 0x72656170  # "reap"


def channels(queues: Sequence[str] | None) -> list[str]:
    """Where procrastinate announces jobs of these queues; None: of all."""
    return [_ANY_QUEUE] if queues is None else [_ONE_QUEUE + queue for queue in queues]


async def prepare(connection: Connection) -> None:
    """Make a connection fit for the statements below, and for nothing else.

    Their plans must not depend on statistics, which are always out of date for a queue: each has
    one good plan, along its index.
    """
    await execute(connection, "SET plan_cache_mode = force_generic_plan")
    await execute(connection, "SET enable_seqscan = off")
    await execute(connection, "SET enable_hashjoin = off")
    await execute(connection, "SET enable_mergejoin = off")
    await execute(connection, "SET enable_bitmapscan = off")
    await execute(connection, "SET jit = off")
    await execute(connection, "SET lock_timeout = '5s'")
    await execute(connection, "SET statement_timeout = '15s'")


# ---- workers ------------------------------------------------------------------------------------


async def register(connection: Connection) -> int:
    """A new worker; returns its id."""
    return await fetch_new_value(
        connection, int, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
    )


async def introduce(connection: Connection, worker_id: int, worker: Introduction) -> None:
    """Let everybody see what a worker is; the row goes with that of the worker."""
    await execute(
        connection,
        """
        INSERT INTO job_workers (worker_id, instance, queues, tasks, held_tasks, concurrency)
        VALUES (%(worker_id)s, %(instance)s, %(queues)s, %(tasks)s, %(held_tasks)s,
                %(concurrency)s)""",
        worker_id=worker_id,
        instance=worker.instance,
        queues=None if worker.queues is None else list(worker.queues),
        tasks=list(worker.tasks),
        held_tasks=list(worker.held_tasks),
        concurrency=worker.concurrency,
    )


async def beat(connection: Connection, worker_id: int) -> bool:
    """Show that this worker lives; False if it was struck off."""
    sql = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(id)s"
    return await execute(connection, sql, id=worker_id) == 1


async def unregister(connection: Connection, worker_id: int) -> None:
    """This worker ends, with nothing in its hands."""
    await execute(connection, "DELETE FROM procrastinate_workers WHERE id = %(id)s", id=worker_id)


# ---- waiting -------------------------------------------------------------------------------------


async def say(connection: Connection, worker_id: int, *, looks_by_itself: bool) -> None:
    """Whether this worker looks for jobs so often that nobody needs to tell it of them."""
    await execute(
        connection,
        """
        UPDATE job_workers SET looks_by_itself = %(looks_by_itself)s
         WHERE worker_id = %(worker_id)s""",
        worker_id=worker_id,
        looks_by_itself=looks_by_itself,
    )


async def queueing(connection: Connection) -> list[str]:
    """The transactions that may have queued jobs and have not ended; each has a lock that shows."""
    return await fetch_values(
        connection,
        str,
        """
        SELECT virtualtransaction FROM pg_locks
         WHERE locktype = 'relation' AND relation = 'procrastinate_jobs'::regclass
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()""",
    )


async def release_unknown(
    connection: Connection, *, worker_id: int, held: Sequence[int]
) -> list[int]:
    """Give back jobs that the database holds for this worker's, and it does not; returns their ids.

    They were claimed by a statement whose answer was lost.
    """
    return await fetch_values(
        connection,
        int,
        """
        WITH done AS (
            UPDATE procrastinate_jobs AS job
               SET worker_id = NULL, abort_requested = false,
                   status = CASE WHEN abort_requested OR EXISTS (
                       SELECT FROM procrastinate_jobs AS other
                        WHERE other.queueing_lock = job.queueing_lock AND other.status = 'todo')
                       OR EXISTS (
                       SELECT FROM procrastinate_jobs AS first
                        WHERE first.queueing_lock = job.queueing_lock AND first.status = 'doing'
                          AND first.worker_id = %(worker_id)s
                          AND first.id <> ALL(%(held)s::bigint[])
                          AND first.id < job.id AND NOT first.abort_requested)
                       THEN 'aborted' ELSE 'todo' END::procrastinate_job_status
             WHERE status = 'doing' AND worker_id = %(worker_id)s
               AND id <> ALL(%(held)s::bigint[])
            RETURNING id, queue_name
        )
        SELECT id FROM done, runner.announce(ARRAY(SELECT DISTINCT queue_name::text FROM done))""",
        worker_id=worker_id,
        held=list(held),
    )


async def to_abort(connection: Connection, worker_id: int) -> list[int]:
    """The running jobs of this worker that somebody wants to end."""
    return await fetch_values(
        connection,
        int,
        """
        SELECT id FROM procrastinate_jobs
         WHERE status = 'doing' AND worker_id = %(worker_id)s AND abort_requested""",
        worker_id=worker_id,
    )


# ---- finishing ----------------------------------------------------------------------------------


async def finish_succeeded(connection: Connection, jobs: Sequence[Claimed]) -> list[int]:
    """Mark jobs as done; returns the ids of those that were still theirs who say so.

    The conditions on status and worker are written so that no index fits them: jobs are to be
    found by their ids, and not among all that are being done.
    """
    return await fetch_values(
        connection,
        int,
        """
        WITH done AS (
            UPDATE procrastinate_jobs AS job
               SET status = 'succeeded', attempts = job.attempts + 1, worker_id = NULL,
                   abort_requested = false
              FROM unnest(%(ids)s::bigint[], %(workers)s::bigint[], %(attempts)s::int[])
                   AS ended (id, worker_id, attempts)
             WHERE job.id = ended.id AND job.status::text = 'doing'
               AND job.attempts = ended.attempts
               AND job.worker_id IS NOT DISTINCT FROM ended.worker_id
            RETURNING job.id, job.queue_name, job.lock IS NOT NULL AS is_news
        )
        SELECT id FROM done, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM done WHERE is_news))""",
        ids=_array([job.id for job in jobs]),
        workers=_array([job.worker_id for job in jobs]),
        attempts=_array([job.attempts for job in jobs]),
    )


def _array(numbers: Sequence[int]) -> str:
    """Numbers as Postgres writes an array: many times faster than the driver's own."""
    return f"{{{','.join(map(str, numbers))}}}"


async def finish(connection: Connection, ended: Sequence[Ended]) -> list[int]:
    """Record attempts that ended in any way; returns the ids of those that were still theirs.

    A job that would be queued again ends instead if somebody wants it to, or if one with the
    same queueing lock is queued already. Violated if one is being queued at this moment.
    """
    return await fetch_values(
        connection,
        int,
        """
        WITH ended AS (
            SELECT * FROM unnest(
                   %(ids)s::bigint[], %(workers)s::bigint[], %(attempts)s::int[],
                   %(statuses)s::procrastinate_job_status[], %(counts)s::int[],
                   %(waits)s::float8[], %(errors)s::text[], %(tracebacks)s::text[])
                   AS ended (id, worker_id, attempts, status, counts, wait_s, error, traceback)
        ), done AS (
            UPDATE procrastinate_jobs AS job
               SET status = CASE WHEN ended.status = 'todo' AND (abort_requested OR EXISTS (
                       SELECT FROM procrastinate_jobs AS other
                        WHERE other.queueing_lock = job.queueing_lock AND other.status = 'todo'))
                       THEN 'aborted' ELSE ended.status END::procrastinate_job_status,
                   attempts = job.attempts + ended.counts, worker_id = NULL,
                   abort_requested = false,
                   scheduled_at = CASE WHEN wait_s > 0
                       THEN clock_timestamp() + make_interval(secs => wait_s)
                       ELSE job.scheduled_at END
              FROM ended
             WHERE job.id = ended.id AND job.status::text = 'doing'
               AND job.worker_id IS NOT DISTINCT FROM ended.worker_id
               AND job.attempts = ended.attempts
            RETURNING job.id, job.attempts, job.queue_name,
                      job.status = 'todo' OR job.lock IS NOT NULL AS is_news
        ), noted AS (
            INSERT INTO job_errors (job_id, attempt, error, traceback)
            SELECT id, greatest(done.attempts, 1), error, traceback
              FROM done JOIN ended USING (id) WHERE error IS NOT NULL
                ON CONFLICT (job_id, attempt) DO UPDATE
               SET at = now(), error = excluded.error, traceback = excluded.traceback
        )
        SELECT id FROM done, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM done WHERE is_news))""",
        ids=[e.job.id for e in ended],
        workers=[e.job.worker_id or None for e in ended],
        attempts=[e.job.attempts for e in ended],
        statuses=[str(e.status) for e in ended],
        counts=[int(e.counts) for e in ended],
        waits=[e.wait_s for e in ended],
        errors=[None if e.error is None else clip(e.error, ERROR_LENGTH_MAX) for e in ended],
        tracebacks=[clip(e.traceback, TRACEBACK_LENGTH_MAX) for e in ended],
    )


def clip(text: str, length: int) -> str:
    """The end of a text, which is where a traceback says what happened, fit for Postgres."""
    return text.replace("\x00", "").encode(errors="backslashreplace").decode()[-length:]


async def done_already(connection: Connection, jobs: Sequence[Claimed]) -> list[int]:
    """Of jobs whose finish fitted nothing: those that this very attempt has finished before.

    By a statement whose answer was lost.
    """
    return await fetch_values(
        connection,
        int,
        """
        SELECT job.id FROM procrastinate_jobs AS job
          JOIN unnest(%(ids)s::bigint[], %(attempts)s::int[]) AS ended (id, attempts)
            ON job.id = ended.id AND job.attempts = ended.attempts + 1
         WHERE status = 'succeeded'""",
        ids=[job.id for job in jobs],
        attempts=[job.attempts for job in jobs],
    )


# ---- upkeep -------------------------------------------------------------------------------------


async def try_reaping(connection: Connection) -> bool:
    """Whether this transaction is the only one that takes jobs from the lost."""
    return await fetch_new_value(
        connection, bool, "SELECT pg_try_advisory_xact_lock(%(key)s)", key=_REAPER_KEY
    )


async def lost_jobs(connection: Connection, *, stalled_s: float, limit: int) -> list[Lost]:
    """Jobs in the hands of workers that have shown no life for so long, or were struck off."""
    return await fetch_all(
        connection,
        Lost,
        """
        SELECT id, task_name, args::text, attempts, priority, coalesce(worker_id, 0) AS worker_id,
               lock IS NOT NULL AS is_locked, queueing_lock IS NOT NULL AS has_queueing_lock,
               EXISTS (SELECT FROM job_workers AS its
                        WHERE its.worker_id = job.worker_id
                          AND job.task_name = ANY(held_tasks)) AS is_held
          FROM procrastinate_jobs AS job
         WHERE id IN (
               SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL
               UNION ALL
               SELECT job.id FROM procrastinate_workers AS worker
                 JOIN procrastinate_jobs AS job
                   ON job.worker_id = worker.id AND job.status = 'doing'
                WHERE last_heartbeat < now() - make_interval(secs => %(stalled_s)s))
           AND status = 'doing'
         ORDER BY id
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED""",
        stalled_s=stalled_s,
        limit=limit,
    )


async def strike_off(connection: Connection, *, stalled_s: float) -> list[int]:
    """Forget workers that have shown no life for so long and hold nothing; returns their ids."""
    return await fetch_values(
        connection,
        int,
        """
        DELETE FROM procrastinate_workers AS worker
         WHERE last_heartbeat < now() - make_interval(secs => %(stalled_s)s)
           AND NOT EXISTS (SELECT FROM procrastinate_jobs
                            WHERE worker_id = worker.id AND status = 'doing')
        RETURNING id""",
        stalled_s=stalled_s,
    )
