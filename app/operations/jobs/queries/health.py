"""The health of jobs: the schedule and its runs, queues, workers."""

from datetime import datetime

import msgspec

from app.foundation.db import Tx, fetch_all, fetch_new_value
from app.operations.jobs.model import Queue, Run, RunFilter, Timetable, UnknownTask, Worker


async def server_time(tx: Tx) -> datetime:
    return await fetch_new_value(tx, datetime, "SELECT clock_timestamp()")


async def knows(tx: Tx, name: str) -> bool:
    """Whether a worker has registered a periodic job of this name."""
    sql = "SELECT EXISTS (SELECT FROM job_ticks WHERE name = %(name)s)"
    return await fetch_new_value(tx, bool, sql, name=name)


async def newest_run_id(tx: Tx, name: str) -> int:
    """The id of the newest run of a periodic job; 0 if there was none."""
    sql = "SELECT coalesce(max(id), 0) FROM job_runs WHERE name = %(name)s"
    return await fetch_new_value(tx, int, sql, name=name)


async def timetables(tx: Tx) -> list[Timetable]:
    return await fetch_all(
        tx,
        Timetable,
        """
        SELECT tick.name, cron, last_tick, next_tick, done.finished_at AS last_done_at,
               EXISTS (SELECT FROM job_pauses
                        WHERE (kind, name) IN (('task', tick.name), ('queue', 'periodic')))
               AS paused,
               (SELECT count(*) FROM job_runs
                 WHERE name = tick.name AND id > coalesce(done.id, 0) AND outcome = 'failed')
               AS failures
          FROM job_ticks AS tick
          LEFT JOIN LATERAL (
               SELECT id, finished_at FROM job_runs WHERE name = tick.name AND outcome = 'done'
                ORDER BY id DESC LIMIT 1) AS done ON true
         ORDER BY tick.name""",
    )


async def runs(tx: Tx, wanted: RunFilter, *, before: int | None = None, limit: int) -> list[Run]:
    """Runs, newest first, older than the run of this id."""
    return await fetch_all(
        tx,
        Run,
        """
        SELECT id, name, job_id, attempt, tick, started_at, finished_at, count, error, instance,
               (extract(epoch FROM greatest(started_at - tick, '0')) * 1000)::bigint
               AS lateness_ms,
               CASE WHEN finished_at IS NOT NULL THEN
                   (extract(epoch FROM greatest(finished_at - started_at, '0')) * 1000)::bigint
               END AS duration_ms,
               coalesce(outcome, CASE WHEN EXISTS (
                   SELECT FROM procrastinate_workers WHERE id = job_runs.worker_id)
                   THEN 'running' ELSE 'lost' END) AS state
          FROM job_runs
         WHERE (%(name)s::text IS NULL OR name = %(name)s)
           AND (NOT %(newest)s OR id IN (
               SELECT (SELECT max(id) FROM job_runs WHERE name = job_ticks.name) FROM job_ticks))
           AND (%(before)s::bigint IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )


async def queues(tx: Tx) -> list[Queue]:
    """Every queue in which a job waits, runs or gave up, and those that are paused."""
    return await fetch_all(
        tx,
        Queue,
        """
        WITH counted AS (
            SELECT queue_name::text AS name,
                   count(*) FILTER (WHERE ready) AS ready,
                   count(*) FILTER (WHERE status = 'todo' AND NOT ready) AS scheduled,
                   count(*) FILTER (WHERE status = 'doing') AS running,
                   count(*) FILTER (WHERE status = 'failed') AS dead,
                   min(id) FILTER (WHERE ready AND scheduled_at IS NULL) AS first_id,
                   min(scheduled_at) FILTER (WHERE ready) AS first_due
              FROM (SELECT id, queue_name, status, scheduled_at,
                           status = 'todo' AND coalesce(scheduled_at, now()) <= now() AS ready
                      FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
                     UNION ALL
                    SELECT id, queue_name, status, scheduled_at, false
                      FROM procrastinate_jobs WHERE status = 'failed') AS open
             GROUP BY queue_name
        )
        SELECT coalesce(counted.name, pause.name) AS name, pause.name IS NOT NULL AS paused,
               coalesce(ready, 0) AS ready, coalesce(scheduled, 0) AS scheduled,
               coalesce(running, 0) AS running, coalesce(dead, 0) AS dead,
               extract(epoch FROM now() - least(first_due, (
                   SELECT max(at) FROM procrastinate_events
                    WHERE job_id = first_id
                      AND type IN ('deferred', 'deferred_for_retry', 'retried'))))::float8
               AS oldest_ready_s
          FROM counted
          FULL JOIN (SELECT name FROM job_pauses WHERE kind = 'queue') AS pause
            ON pause.name = counted.name
         ORDER BY 1""",
    )


async def workers(tx: Tx, *, stalled_s: float) -> list[Worker]:
    """Every worker. It is alive if its last heartbeat is less than `stalled_s` seconds from now.

    One that lies further ahead was written while the server's clock was wrong, and shows nothing.
    """
    return await fetch_all(
        tx,
        Worker,
        """
        SELECT worker.id, instance, queues, concurrency, started_at, last_heartbeat,
               (SELECT count(*) FROM procrastinate_jobs
                 WHERE worker_id = worker.id AND status = 'doing') AS running,
               extract(epoch FROM now() - last_heartbeat)::float8 AS silent_s,
               last_heartbeat BETWEEN now() - make_interval(secs => %(stalled_s)s)
                                  AND now() + make_interval(secs => %(stalled_s)s) AS alive
          FROM procrastinate_workers AS worker
          LEFT JOIN job_workers ON job_workers.worker_id = worker.id
         ORDER BY worker.id""",
        stalled_s=stalled_s,
    )


async def unknown_tasks(tx: Tx, *, stalled_s: float) -> list[UnknownTask]:
    """Tasks with waiting jobs that no living worker knows; none if there is no living worker."""
    return await fetch_all(
        tx,
        UnknownTask,
        """
        WITH living AS (
            SELECT tasks FROM job_workers
              JOIN procrastinate_workers AS worker ON worker.id = job_workers.worker_id
             WHERE last_heartbeat BETWEEN now() - make_interval(secs => %(stalled_s)s)
                                      AND now() + make_interval(secs => %(stalled_s)s)
        )
        SELECT task_name AS name, count(*) AS jobs FROM procrastinate_jobs
         WHERE status = 'todo' AND EXISTS (SELECT FROM living)
           AND task_name <> ALL(ARRAY(SELECT DISTINCT unnest(tasks) FROM living))
         GROUP BY task_name ORDER BY task_name""",
        stalled_s=stalled_s,
    )
