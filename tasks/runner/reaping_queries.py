"""The statements of the reaper, which judges workers by their heartbeats and the server's clock."""

from collections.abc import Collection, Sequence
from typing import Final

from app.foundation.db import Connection, fetch_all, fetch_new_value, fetch_values
from tasks.runner.model import LostJob, Shown

_REAPER_KEY: Final = 0x72656170  # "reap", as an advisory lock is a number


async def lock_reaping(connection: Connection) -> bool:
    """Let no other transaction reap until this one ends; False if another one does already."""
    return await fetch_new_value(
        connection, bool, "SELECT pg_try_advisory_xact_lock(%(key)s)", key=_REAPER_KEY
    )


async def heartbeats(connection: Connection) -> list[Shown]:
    """The last heartbeat of every worker."""
    sql = "SELECT id AS worker_id, last_heartbeat FROM procrastinate_workers"
    return await fetch_all(connection, Shown, sql)


async def lost_jobs(
    connection: Connection, *, stalled_s: float, but: Collection[int], limit: int
) -> list[LostJob]:
    """Running jobs whose worker is lost, or has no row any more. `but`: workers that are not lost.

    A worker is lost if its last heartbeat is more than `stalled_s` seconds away from now, on
    either side: one that far ahead was written while the server's clock was wrong.
    """
    return await fetch_all(
        connection,
        LostJob,
        """
        SELECT id, task_name, args::text, attempts, priority, coalesce(worker_id, 0) AS worker_id,
               lock IS NOT NULL AS is_locked, queueing_lock IS NOT NULL AS has_queueing_lock,
               EXISTS (SELECT FROM job_workers
                        WHERE job_workers.worker_id = job.worker_id
                          AND job.task_name = ANY(held_tasks)) AS is_held
          FROM procrastinate_jobs AS job
         WHERE id IN (
               SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL
               UNION ALL
               SELECT job.id FROM procrastinate_workers AS worker
                 JOIN procrastinate_jobs AS job
                   ON job.worker_id = worker.id AND job.status = 'doing'
                WHERE last_heartbeat NOT BETWEEN now() - make_interval(secs => %(stalled_s)s)
                                             AND now() + make_interval(secs => %(stalled_s)s)
                  AND worker.id <> ALL(%(but)s::bigint[]))
           AND status = 'doing'
         ORDER BY id
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED""",
        stalled_s=stalled_s,
        but=list(but),
        limit=limit,
    )


async def delete_lost_workers(
    connection: Connection, *, stalled_s: float, but: Collection[int]
) -> list[int]:
    """Delete workers that are lost, as for `lost_jobs`, and have no jobs; returns their ids."""
    return await fetch_values(
        connection,
        int,
        """
        DELETE FROM procrastinate_workers AS worker
         WHERE last_heartbeat NOT BETWEEN now() - make_interval(secs => %(stalled_s)s)
                                      AND now() + make_interval(secs => %(stalled_s)s)
           AND id <> ALL(%(but)s::bigint[])
           AND NOT EXISTS (SELECT FROM procrastinate_jobs
                            WHERE worker_id = worker.id AND status = 'doing')
        RETURNING id""",
        stalled_s=stalled_s,
        but=list(but),
    )


async def bring_forward(
    connection: Connection, *, tasks: Sequence[str], beyond_s: float
) -> list[int]:
    """Queue for now the retries of these tasks that are due later than `beyond_s`; their ids."""
    return await fetch_values(
        connection,
        int,
        """
        WITH brought AS (
            UPDATE procrastinate_jobs SET scheduled_at = now()
             WHERE status = 'todo' AND attempts > 0 AND task_name = ANY(%(tasks)s)
               AND scheduled_at > now() + make_interval(secs => %(beyond_s)s)
            RETURNING id, queue_name
        )
        SELECT id FROM brought, runner.announce(ARRAY(
               SELECT DISTINCT queue_name::text FROM brought))""",
        tasks=list(tasks),
        beyond_s=beyond_s,
    )
