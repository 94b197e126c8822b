"""The statements of periodic jobs: ticks and runs, by the server's clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from app.foundation.clipping import clip_end
from app.foundation.db import Connection, execute, fetch_new_value, fetch_values
from tasks.runner.model import ERROR_LENGTH_MAX, RunOutcome, TakenJob

# By how much a time may seem to lie ahead because two clocks differ, or one was set back a little.
# What lies further ahead was written while the server's clock was wrong, and says nothing.
AHEAD_MAX: Final = timedelta(minutes=1)
_SEEN_EVERY: Final = timedelta(minutes=1)
_GONE_AFTER: Final = timedelta(minutes=3)


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
    started_at: datetime,
) -> None:
    """Write down the schedule for everybody to see.

    A new timer, or one with a new expression, has missed nothing: its first tick is the one after
    `ticks`. Where workers know a timer by different expressions, it belongs to those that started
    last, as long as one of them still looks. `started_at`: when this worker did.

    A last tick in the future is none, for the clock was wrong then: it becomes the last tick of
    which there is a run, or else one that leaves the present tick to be made up for.
    """
    await execute(
        connection,
        """
        INSERT INTO job_ticks AS known (name, cron, last_tick, next_tick, deployed_at, seen_at)
        SELECT due.*, least(%(started_at)s, clock_timestamp()), clock_timestamp()
          FROM unnest(%(names)s::text[], %(crons)s::text[], %(ticks)s::timestamptz[],
                      %(nexts)s::timestamptz[]) AS due
            ON CONFLICT (name) DO UPDATE
           SET cron = excluded.cron, next_tick = excluded.next_tick, seen_at = excluded.seen_at,
               deployed_at = CASE
                   WHEN known.cron = excluded.cron
                        AND known.deployed_at <= clock_timestamp() + %(ahead)s
                   THEN greatest(known.deployed_at, excluded.deployed_at)
                   ELSE excluded.deployed_at END,
               last_tick = CASE
                   WHEN known.cron <> excluded.cron THEN excluded.last_tick
                   WHEN known.last_tick > clock_timestamp() + %(ahead)s THEN coalesce((
                        SELECT max(tick) FROM job_runs
                         WHERE job_runs.name = known.name AND tick <= clock_timestamp()),
                        excluded.last_tick - interval '1 second')
                   ELSE known.last_tick END
         WHERE CASE WHEN known.cron = excluded.cron
               THEN known.next_tick <> excluded.next_tick
                    AND excluded.next_tick > clock_timestamp()
                 OR known.last_tick > clock_timestamp() + %(ahead)s
                 OR known.deployed_at < excluded.deployed_at
                 OR known.seen_at NOT BETWEEN clock_timestamp() - %(seen_every)s
                                          AND clock_timestamp() + %(ahead)s
               ELSE known.deployed_at < excluded.deployed_at
                 OR known.deployed_at > clock_timestamp() + %(ahead)s
                 OR known.seen_at NOT BETWEEN clock_timestamp() - %(gone_after)s
                                          AND clock_timestamp() + %(ahead)s END""",
        names=list(names),
        crons=list(crons),
        ticks=list(ticks),
        nexts=list(nexts),
        started_at=started_at,
        ahead=AHEAD_MAX,
        seen_every=_SEEN_EVERY,
        gone_after=_GONE_AFTER,
    )


async def move_timers(
    connection: Connection,
    *,
    names: Sequence[str],
    crons: Sequence[str],
    ticks: Sequence[datetime],
    within_s: Sequence[float],
) -> list[str]:
    """Move timers to these ticks, and queue a job for each that was moved; returns their names.

    A timer stays that another worker has moved to the tick already, or that belongs to workers
    which know it by another expression. No job is queued for a tick
    that is over `within_s` ago, nor while the job of an earlier tick is still queued. Names come in
    one order everywhere, so that workers which do this at the same time never deadlock.
    """
    return await fetch_values(
        connection,
        str,
        """
        WITH moved AS (
            UPDATE job_ticks SET last_tick = due.tick
              FROM unnest(%(names)s::text[], %(crons)s::text[], %(ticks)s::timestamptz[],
                          %(within_s)s::float8[]) AS due (name, cron, tick, within_s)
             WHERE job_ticks.name = due.name AND job_ticks.cron = due.cron
               AND last_tick < due.tick
            RETURNING due.*
        )
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
        SELECT 'periodic', name, name,
               jsonb_build_object('timestamp', extract(epoch FROM tick)::bigint)
          FROM moved WHERE tick >= now() - make_interval(secs => within_s)
            ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING task_name""",
        names=list(names),
        crons=list(crons),
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
