"""The statements of periodic jobs: ticks and runs, by the server's clock."""

from collections.abc import Sequence
from datetime import datetime

from app.foundation.clipping import clip_end
from app.foundation.db import Connection, execute, fetch_new_value, fetch_values
from tasks.runner.model import ERROR_LENGTH_MAX, RunOutcome, TakenJob


async def server_time(connection: Connection) -> datetime:
    """The time by the clock of the queue, which is the server's."""
    return await fetch_new_value(connection, datetime, "SELECT clock_timestamp()")


async def begin_timers(
    connection: Connection,
    *,
    names: Sequence[str],
    crons: Sequence[str],
    ticks: Sequence[datetime],
    nexts: Sequence[datetime],
) -> None:
    """Write down the schedule for everybody to see.

    A new timer has missed nothing: its first tick is the one after `ticks`.
    """
    await execute(
        connection,
        """
        INSERT INTO job_ticks (name, cron, last_tick, next_tick)
        SELECT * FROM unnest(%(names)s::text[], %(crons)s::text[], %(ticks)s::timestamptz[],
                             %(nexts)s::timestamptz[])
            ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, next_tick = excluded.next_tick
         WHERE job_ticks.cron <> excluded.cron OR job_ticks.next_tick < excluded.next_tick""",
        names=list(names),
        crons=list(crons),
        ticks=list(ticks),
        nexts=list(nexts),
    )


async def move_timers(
    connection: Connection,
    *,
    names: Sequence[str],
    ticks: Sequence[datetime],
    within_s: Sequence[float],
) -> list[str]:
    """Move timers to these ticks, and queue a job for each that was moved; returns their names.

    A timer that another worker has moved to the tick already stays. No job is queued for a tick
    that is over `within_s` ago, nor while the job of an earlier tick is still queued. Names come in
    one order everywhere, so that workers which do this at the same time never deadlock.
    """
    return await fetch_values(
        connection,
        str,
        """
        WITH moved AS (
            UPDATE job_ticks SET last_tick = due.tick
              FROM unnest(%(names)s::text[], %(ticks)s::timestamptz[], %(within_s)s::float8[])
                   AS due (name, tick, within_s)
             WHERE job_ticks.name = due.name AND last_tick < due.tick
            RETURNING due.*
        )
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
        SELECT 'periodic', name, name,
               jsonb_build_object('timestamp', extract(epoch FROM tick)::bigint)
          FROM moved WHERE tick >= now() - make_interval(secs => within_s)
            ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING task_name""",
        names=list(names),
        ticks=list(ticks),
        within_s=list(within_s),
    )


async def begin_run(tx: Connection, job: TakenJob, *, tick: int, instance: str) -> int:
    """Record that a run of a periodic job begins; returns its id. `tick`: Unix seconds."""
    return await fetch_new_value(
        tx,
        int,
        """
        INSERT INTO job_runs (name, tick, job_id, attempt, worker_id, instance)
        VALUES (%(name)s, to_timestamp(%(tick)s), %(job_id)s, %(attempt)s, %(worker_id)s,
                %(instance)s)
        RETURNING id""",
        name=job.task_name,
        tick=tick,
        job_id=job.id,
        attempt=job.attempts + 1,
        worker_id=job.worker_id,
        instance=instance,
    )


async def end_run(
    tx: Connection, run_id: int, outcome: RunOutcome, *, count: int | None, error: str | None
) -> None:
    """Record how a run ended: how much it did, or why it did nothing."""
    await execute(
        tx,
        """
        UPDATE job_runs SET finished_at = clock_timestamp(), outcome = %(outcome)s,
               count = %(count)s, error = %(error)s
         WHERE id = %(id)s""",
        id=run_id,
        outcome=outcome,
        count=count,
        error=None if error is None else clip_end(error, ERROR_LENGTH_MAX),
    )
