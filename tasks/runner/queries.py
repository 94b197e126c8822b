"""The runner's statements. The queue lives by the server's clock, not by business time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.foundation.clipping import clip_end
from app.foundation.db import (
    Connection,
    execute,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_values,
)
from tasks.runner.model import (
    ERROR_LENGTH_MAX,
    TRACEBACK_LENGTH_MAX,
    Ended,
    TakenJob,
    Upcoming,
    WorkerDescription,
)

# The channels on which procrastinate's triggers notify.
_ANY_QUEUE: Final = "procrastinate_any_queue_v1"
_ONE_QUEUE: Final = "procrastinate_queue_v1#"


def channels(queues: Sequence[str] | None) -> list[str]:
    """The channels on which procrastinate announces jobs of these queues; None: of all."""
    return [_ANY_QUEUE] if queues is None else [_ONE_QUEUE + queue for queue in queues]


async def prepare(connection: Connection) -> None:
    """Set up a connection for the statements of this module, and for nothing else.

    Their plans must not depend on statistics, which are always out of date for a queue: each
    statement has one good plan, along its index.
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
    """Register a new worker; returns its id."""
    return await fetch_new_value(
        connection, int, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
    )


async def describe(connection: Connection, worker_id: int, worker: WorkerDescription) -> None:
    """Let everybody see what a worker is; the row is deleted with that of the worker."""
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
    """Show that this worker is alive; False if its row has been deleted."""
    sql = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(id)s"
    return await execute(connection, sql, id=worker_id) == 1


async def unregister(connection: Connection, worker_id: int) -> None:
    """Delete the row of a worker that ends and has no jobs any more."""
    await execute(connection, "DELETE FROM procrastinate_workers WHERE id = %(id)s", id=worker_id)


# ---- taking -------------------------------------------------------------------------------------


async def take_jobs(
    connection: Connection,
    *,
    worker_id: int,
    queues: Sequence[str] | None,
    tasks: Sequence[str],
    limit: int,
    with_locks: bool = True,
) -> list[TakenJob]:
    """Take up to `limit` jobs, the most urgent first. `queues`: None means all.

    Raises Violated if another worker takes a job with the same lock at the same moment.
    """
    jobs = await fetch_all(
        connection,
        TakenJob,
        """
        SELECT id, task_name, args::text, attempts, priority, worker_id,
               lock IS NOT NULL AS is_locked, queueing_lock IS NOT NULL AS has_queueing_lock
          FROM runner.take_jobs(%(worker_id)s, %(queues)s, %(tasks)s, %(limit)s, %(with_locks)s)""",
        worker_id=worker_id,
        queues=None if queues is None else list(queues),
        tasks=list(tasks),
        limit=limit,
        with_locks=with_locks,
    )
    return sorted(jobs, key=lambda job: (-job.priority, job.id))


async def look_ahead(
    connection: Connection,
    *,
    queues: Sequence[str] | None,
    tasks: Sequence[str],
    after: datetime | None,
) -> Upcoming:
    """What to wait for after a take that found fewer jobs than it had room for.

    A take locks more jobs than it keeps, and other workers pass those over meanwhile. `after`: when
    the previous look was, which was before that take; None if there was none.
    """
    return await fetch_new(
        connection,
        Upcoming,
        """
        SELECT now() AS at, runner.is_job_waiting(%(queues)s, %(tasks)s) AS is_job_waiting, (
               SELECT extract(epoch FROM scheduled_at - clock_timestamp())::float8
                 FROM procrastinate_jobs
                WHERE status = 'todo'
                  AND scheduled_at > coalesce(%(after)s::timestamptz, '-infinity')
                ORDER BY scheduled_at LIMIT 1) AS due_in_s""",
        queues=None if queues is None else list(queues),
        tasks=list(tasks),
        after=after,
    )


async def set_polling(connection: Connection, worker_id: int, *, is_on: bool) -> None:
    """Record whether this worker polls for jobs, so that nobody needs to notify it of them."""
    await execute(
        connection,
        "UPDATE job_workers SET looks_by_itself = %(is_on)s WHERE worker_id = %(worker_id)s",
        worker_id=worker_id,
        is_on=is_on,
    )


async def queueing_transactions(connection: Connection) -> list[str]:
    """The open transactions that may have queued jobs: their lock on the table shows them."""
    return await fetch_values(
        connection,
        str,
        """
        SELECT virtualtransaction FROM pg_locks
         WHERE locktype = 'relation' AND relation = 'procrastinate_jobs'::regclass
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()""",
    )


async def return_unknown(
    connection: Connection, *, worker_id: int, held: Sequence[int]
) -> list[int]:
    """Queue again the jobs that are this worker's in the database alone; returns their ids.

    They were taken by a statement whose answer was lost. `held`: the jobs that the worker knows.
    """
    return await fetch_values(
        connection,
        int,
        """
        WITH returned AS (
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
        SELECT id FROM returned, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM returned))""",
        worker_id=worker_id,
        held=list(held),
    )


async def jobs_to_abort(connection: Connection, worker_id: int) -> list[int]:
    """The jobs of this worker that an operator wants to abort."""
    return await fetch_values(
        connection,
        int,
        """
        SELECT id FROM procrastinate_jobs
         WHERE status = 'doing' AND worker_id = %(worker_id)s AND abort_requested""",
        worker_id=worker_id,
    )


# ---- finishing ----------------------------------------------------------------------------------


async def finish_succeeded(connection: Connection, jobs: Sequence[TakenJob]) -> list[int]:
    """Mark jobs as done; returns the ids of those that still belonged to their worker.

    The conditions on status and worker are written so that no index fits them: jobs are to be
    found by their ids, not among all the jobs that are running.
    """
    return await fetch_values(
        connection,
        int,
        """
        WITH finished AS (
            UPDATE procrastinate_jobs AS job
               SET status = 'succeeded', attempts = job.attempts + 1, worker_id = NULL,
                   abort_requested = false
              FROM unnest(%(ids)s::bigint[], %(workers)s::bigint[], %(attempts)s::int[])
                   AS ended (id, worker_id, attempts)
             WHERE job.id = ended.id AND job.status::text = 'doing'
               AND job.attempts = ended.attempts
               AND job.worker_id IS NOT DISTINCT FROM ended.worker_id
            RETURNING job.id, job.queue_name, job.lock IS NOT NULL AS lets_another_start
        )
        SELECT id FROM finished, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM finished WHERE lets_another_start))""",
        ids=_array([job.id for job in jobs]),
        workers=_array([job.worker_id for job in jobs]),
        attempts=_array([job.attempts for job in jobs]),
    )


def _array(numbers: Sequence[int]) -> str:
    """Numbers as Postgres writes an array: many times faster than the driver does it."""
    return f"{{{','.join(map(str, numbers))}}}"


async def finish(connection: Connection, ended: Sequence[Ended]) -> list[int]:
    """Record how attempts ended; returns the ids of jobs that still belonged to their worker.

    A job that would be queued again is aborted instead if an operator wants that, or if another
    job with the same queueing lock is queued already. Raises Violated if another transaction is
    queueing one at this moment.
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
        ), finished AS (
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
                      job.status = 'todo' OR job.lock IS NOT NULL AS lets_another_start
        ), recorded AS (
            INSERT INTO job_errors (job_id, attempt, error, traceback)
            SELECT id, greatest(finished.attempts, 1), error, traceback
              FROM finished JOIN ended USING (id) WHERE error IS NOT NULL
                ON CONFLICT (job_id, attempt) DO UPDATE
               SET at = now(), error = excluded.error, traceback = excluded.traceback
        )
        SELECT id FROM finished, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM finished WHERE lets_another_start))""",
        ids=[e.job.id for e in ended],
        workers=[e.job.worker_id or None for e in ended],
        attempts=[e.job.attempts for e in ended],
        statuses=[str(e.status) for e in ended],
        counts=[int(e.counts) for e in ended],
        waits=[e.wait_s for e in ended],
        errors=[None if e.error is None else clip_end(e.error, ERROR_LENGTH_MAX) for e in ended],
        tracebacks=[clip_end(e.traceback, TRACEBACK_LENGTH_MAX) for e in ended],
    )


async def finished_before(connection: Connection, jobs: Sequence[TakenJob]) -> list[int]:
    """The ids of those jobs that this same attempt has finished already.

    It did so by a statement whose answer was lost, and so the second statement changed nothing.
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
