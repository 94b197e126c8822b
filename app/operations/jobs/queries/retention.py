"""Delete old jobs and runs, a batch at a time. The queue never touches such a row again."""

from datetime import timedelta

from app.foundation.db import Tx, execute, fetch_new
from app.foundation.retention import Batch


async def forget_succeeded(tx: Tx, *, kept: timedelta, limit: int) -> Batch:
    """Delete jobs that succeeded so long ago, with their events.

    Events are in the order of time. Each is read once, `limit` at a time, up to the first that is
    too young: so rows that are kept cost nothing, however many there are. (The time of an event
    `scheduled` is the time at which its job will run.)
    """
    return await fetch_new(
        tx,
        Batch,
        """
        WITH mark AS (
            SELECT last_event_id FROM job_retention FOR UPDATE
        ), seen AS MATERIALIZED (
            SELECT event.* FROM mark, LATERAL (
                SELECT id, job_id, type, at FROM procrastinate_events
                 WHERE id > last_event_id ORDER BY id LIMIT %(limit)s) AS event
        ), old AS MATERIALIZED (
            SELECT * FROM seen
             WHERE id < coalesce((SELECT min(id) FROM seen
                                   WHERE type <> 'scheduled' AND at >= now() - %(kept)s),
                                 9223372036854775807)
        ), moved AS (
            UPDATE job_retention SET last_event_id = (SELECT max(id) FROM old)
             WHERE EXISTS (SELECT FROM old)
        ), gone AS (
            DELETE FROM procrastinate_jobs
             WHERE id = ANY(ARRAY(SELECT job_id FROM old WHERE type = 'succeeded'))
               AND status = 'succeeded'
            RETURNING id
        )
        SELECT (SELECT count(*) FROM gone) AS deleted,
               (SELECT count(*) FROM old) = %(limit)s AS more""",
        kept=kept,
        limit=limit,
    )


async def forget_unsuccessful(
    tx: Tx, *, dead_kept: timedelta, abandoned_kept: timedelta, limit: int
) -> int:
    """Delete dead letters, and cancelled and aborted jobs, to which nothing has happened since."""
    return await execute(
        tx,
        """
        DELETE FROM procrastinate_jobs WHERE id = ANY(ARRAY(
            SELECT id FROM procrastinate_jobs AS job
             WHERE status IN ('failed', 'cancelled', 'aborted')
               AND NOT EXISTS (
                   SELECT FROM procrastinate_events AS event
                    WHERE job_id = job.id AND type <> 'scheduled'
                      AND at >= now() - CASE job.status WHEN 'failed' THEN %(dead_kept)s
                                                        ELSE %(abandoned_kept)s END)
             ORDER BY id LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED))""",
        dead_kept=dead_kept,
        abandoned_kept=abandoned_kept,
        limit=limit,
    )


async def forget_runs(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete runs of periodic jobs that began so long ago (their ids are in the order of time)."""
    return await execute(
        tx,
        """
        DELETE FROM job_runs
         WHERE id = ANY(ARRAY(SELECT id FROM job_runs ORDER BY id LIMIT %(limit)s))
           AND started_at < now() - %(kept)s""",
        kept=kept,
        limit=limit,
    )


async def forget_timetables(tx: Tx, *, kept: timedelta) -> int:
    """Delete periodic jobs that no worker has registered for so long: they are no longer in use."""
    sql = "DELETE FROM job_ticks WHERE next_tick < now() - %(kept)s"
    return await execute(tx, sql, kept=kept)
