"""Jobs that wait too long or gave up, by the server's clock, which the queue uses."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def waiting(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "job",
        ("jobs_start",),
        """
        SELECT job.id,
               concat(task_name, ', due ', coalesce(scheduled_at, deferred.at)) AS jobs_start
          FROM procrastinate_jobs AS job
          LEFT JOIN LATERAL (
               SELECT max(at) AS at FROM procrastinate_events
                WHERE job_id = job.id AND type IN ('deferred', 'deferred_for_retry', 'retried')
               ) AS deferred ON true
         WHERE status = 'todo'
           AND coalesce(scheduled_at, deferred.at) < now() - interval '15 minutes'""",
    )


async def dead(tx: Tx) -> Verdicts:
    """Jobs that gave up. Runs of periodic jobs are left out: the next run does the same work."""
    return await judge(
        tx,
        "job",
        ("jobs_end",),
        """
        SELECT id, concat(task_name, ' ', args, ' gave up after attempt ', attempts) AS jobs_end
          FROM procrastinate_jobs
         WHERE status = 'failed' AND queue_name <> 'periodic'""",
    )
