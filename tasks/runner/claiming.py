"""The statement that takes jobs: the most urgent that may start, none that another holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.db import Connection, fetch_all, fetch_new
from tasks.runner.model import Ahead, Claimed

# Each queue's front, those whose time has come, and the first of each free lock: by index, however
# many wait behind. (A queue is a row of `queues`, or of those found by jumping along the index.)
_CHOSEN: Final = """
  WITH RECURSIVE every AS (
      (SELECT queue_name FROM procrastinate_jobs
        WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
          AND %(queues)s::text[] IS NULL
        ORDER BY queue_name, -priority::bigint, id LIMIT 1)
      UNION ALL
      SELECT (SELECT job.queue_name FROM procrastinate_jobs AS job
               WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                 AND job.queue_name > every.queue_name
               ORDER BY job.queue_name, -priority::bigint, id LIMIT 1)
        FROM every WHERE every.queue_name IS NOT NULL
  ), open AS (
      SELECT queue_name AS name FROM every WHERE queue_name IS NOT NULL
       UNION SELECT unnest(%(queues)s::text[])
      EXCEPT SELECT pause.name FROM job_pauses AS pause WHERE kind = 'queue'
  ), unpaused AS (
      SELECT ARRAY(SELECT unnest(%(tasks)s::text[])
                   EXCEPT SELECT name FROM job_pauses WHERE kind = 'task') AS tasks,
             ARRAY(SELECT name FROM job_pauses WHERE kind = 'queue') AS not_queues
  ), ready AS (
      SELECT job.id, job.priority
        FROM open, LATERAL (
             SELECT id, priority FROM procrastinate_jobs
              WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                AND queue_name = open.name
                AND task_name = ANY((SELECT tasks FROM unpaused)::text[])
              ORDER BY -priority::bigint, id
              LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED) AS job
  ), due AS (
      SELECT id, priority FROM procrastinate_jobs
       WHERE status = 'todo' AND lock IS NULL AND scheduled_at <= now()
         AND (%(queues)s::text[] IS NULL OR queue_name = ANY(%(queues)s))
         AND queue_name <> ALL((SELECT not_queues FROM unpaused)::text[])
         AND task_name = ANY((SELECT tasks FROM unpaused)::text[])
       ORDER BY scheduled_at
       LIMIT %(limit)s
         FOR NO KEY UPDATE SKIP LOCKED
  ), locked AS (
      SELECT id, priority FROM procrastinate_jobs AS job
       WHERE %(with_locks)s
         AND status = 'todo' AND lock IS NOT NULL
         AND (scheduled_at IS NULL OR scheduled_at <= now())
         AND (%(queues)s::text[] IS NULL OR queue_name = ANY(%(queues)s))
         AND queue_name <> ALL((SELECT not_queues FROM unpaused)::text[])
         AND task_name = ANY((SELECT tasks FROM unpaused)::text[])
         AND NOT EXISTS (
             SELECT FROM procrastinate_jobs AS running
              WHERE running.lock = job.lock AND running.status = 'doing')
         AND job.id = (
             SELECT first.id FROM procrastinate_jobs AS first
              WHERE first.lock = job.lock AND first.status = 'todo'
                AND (first.scheduled_at IS NULL OR first.scheduled_at <= now())
              ORDER BY -first.priority::bigint, first.id LIMIT 1)
       ORDER BY -priority::bigint, id
       LIMIT %(limit)s
         FOR NO KEY UPDATE SKIP LOCKED
  ), chosen AS (
      SELECT id FROM (TABLE ready UNION ALL TABLE due UNION ALL TABLE locked) AS candidate
       ORDER BY priority DESC, id LIMIT %(limit)s
  )"""
_TAKE: Final = """
  UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = %(worker_id)s
    FROM chosen WHERE job.id = chosen.id
  RETURNING job.id, task_name, args::text, attempts, priority, worker_id,
            lock IS NOT NULL AS is_locked, queueing_lock IS NOT NULL AS has_queueing_lock"""
_CLAIM: Final = _CHOSEN + _TAKE
# The same without taking, and when the next is due.
_AHEAD: Final = """
  SELECT now() AS at, EXISTS (TABLE chosen) AS is_passed_over, (
         SELECT extract(epoch FROM scheduled_at - clock_timestamp())::float8
           FROM procrastinate_jobs
          WHERE status = 'todo' AND scheduled_at > coalesce(%(after)s::timestamptz, '-infinity')
          ORDER BY scheduled_at LIMIT 1) AS due_in_s"""
_LOOK_AHEAD: Final = _CHOSEN.replace("FOR NO KEY UPDATE SKIP LOCKED", "") + _AHEAD


async def claim(
    connection: Connection,
    *,
    worker_id: int,
    queues: Sequence[str] | None,
    tasks: Sequence[str],
    limit: int,
    with_locks: bool = True,
) -> list[Claimed]:
    """Take up to `limit` jobs, the most urgent first; `queues`: None means all.

    Violated if two workers take jobs of one lock at the same moment.
    """
    jobs = await fetch_all(
        connection,
        Claimed,
        _CLAIM,
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
) -> Ahead:
    """What to wait for after a claim that left room.

    A claim looks at more jobs than it takes, and others that come to them meanwhile pass them over.
    `after`: when one looked ahead before that claim; None: never.
    """
    return await fetch_new(
        connection,
        Ahead,
        _LOOK_AHEAD,
        queues=None if queues is None else list(queues),
        tasks=list(tasks),
        limit=1,
        with_locks=True,
        after=after,
    )
