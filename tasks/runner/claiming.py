"""The statements that take jobs: the most urgent that may start, none that another holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.foundation.db import Connection, fetch_all, fetch_new
from tasks.runner.model import Ahead, Claimed

# By index, however many wait behind: each queue's front; of each priority those whose time has
# come; and of each free lock the first. Locks are looked up for the jobs at the front of those that
# have one; only if too many stand there that must wait, by jumping along the index from one lock to
# the next, as queues are where none are named.
_UNLOCKED: Final = """
  WITH RECURSIVE every_queue AS (
      (SELECT queue_name FROM procrastinate_jobs
        WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
          AND %(queues)s::text[] IS NULL
        ORDER BY queue_name, -priority::bigint, id LIMIT 1)
      UNION ALL
      SELECT (SELECT job.queue_name FROM procrastinate_jobs AS job
               WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                 AND job.queue_name > every_queue.queue_name
               ORDER BY job.queue_name, -priority::bigint, id LIMIT 1)
        FROM every_queue WHERE every_queue.queue_name IS NOT NULL
  ), every_level AS (
      (SELECT -priority::bigint AS level FROM procrastinate_jobs
        WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
        ORDER BY -priority::bigint, scheduled_at LIMIT 1)
      UNION ALL
      SELECT (SELECT -priority::bigint FROM procrastinate_jobs
               WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
                 AND -priority::bigint > level
               ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        FROM every_level WHERE level IS NOT NULL
  ), paused AS (
      SELECT ARRAY(SELECT name FROM job_pauses WHERE kind = 'queue') AS queues
  ), open AS (
      SELECT ARRAY(SELECT unnest(%(tasks)s::text[])
                   EXCEPT SELECT name FROM job_pauses WHERE kind = 'task') AS tasks,
             CASE WHEN %(queues)s::text[] IS NOT NULL THEN
                  ARRAY(SELECT unnest(%(queues)s::text[]) EXCEPT SELECT unnest(queues))
             END AS queues -- null: all but those that are paused
        FROM paused
  ), ready AS (
      SELECT job.id, job.priority
        FROM (SELECT queue_name AS name FROM every_queue
               WHERE queue_name <> ALL((SELECT queues FROM paused)::text[])
               UNION SELECT unnest(queues) FROM open) AS queue, LATERAL (
             SELECT id, priority FROM procrastinate_jobs
              WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                AND queue_name = queue.name
                AND task_name = ANY((SELECT tasks FROM open)::text[])
              ORDER BY -priority::bigint, id
              LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED) AS job
  ), due AS (
      SELECT job.id, job.priority
        FROM every_level, LATERAL (
             SELECT id, priority FROM procrastinate_jobs
              WHERE status = 'todo' AND lock IS NULL
                AND -priority::bigint = level AND scheduled_at <= now()
                AND task_name = ANY((SELECT tasks FROM open)::text[])
                AND coalesce(queue_name = ANY((SELECT queues FROM open)::text[]),
                             queue_name <> ALL((SELECT queues FROM paused)::text[]))
              ORDER BY scheduled_at
              LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED) AS job"""
_LOCKED: Final = """
  ), every_locked_level AS (
      (SELECT -priority::bigint AS level FROM procrastinate_jobs
        WHERE %(with_locks)s
          AND status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
        ORDER BY -priority::bigint, scheduled_at LIMIT 1)
      UNION ALL
      SELECT (SELECT -priority::bigint FROM procrastinate_jobs
               WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
                 AND -priority::bigint > level
               ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        FROM every_locked_level WHERE level IS NOT NULL
  ), ready_locked AS MATERIALIZED (
      SELECT lock FROM procrastinate_jobs
       WHERE %(with_locks)s
         AND status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NULL
         AND task_name = ANY((SELECT tasks FROM open)::text[])
         AND coalesce(queue_name = ANY((SELECT queues FROM open)::text[]),
                      queue_name <> ALL((SELECT queues FROM paused)::text[]))
       ORDER BY -priority::bigint, id LIMIT %(limit)s + 200
  ), due_locked AS MATERIALIZED (
      SELECT lock
        FROM every_locked_level, LATERAL (
             SELECT lock FROM procrastinate_jobs
              WHERE status = 'todo' AND lock IS NOT NULL
                AND -priority::bigint = level AND scheduled_at <= now()
                AND task_name = ANY((SELECT tasks FROM open)::text[])
                AND coalesce(queue_name = ANY((SELECT queues FROM open)::text[]),
                             queue_name <> ALL((SELECT queues FROM paused)::text[]))
              ORDER BY scheduled_at
              LIMIT %(limit)s + 200) AS job
       LIMIT %(limit)s + 200 -- the most urgent: levels come in their order
  ), near AS MATERIALIZED (
      WITH these AS (TABLE ready_locked UNION TABLE due_locked)"""
# Of each free lock in `these`: the job whose turn it is, if it may start.
_HEADS: Final = """
      SELECT head.id, head.priority
        FROM these, LATERAL (
             SELECT id, priority, queue_name, task_name FROM procrastinate_jobs
              WHERE status = 'todo' AND lock IS NOT NULL AND lock = these.lock
                AND (scheduled_at IS NULL OR scheduled_at <= now())
              ORDER BY -priority::bigint, id LIMIT 1) AS head
       WHERE NOT EXISTS (SELECT FROM procrastinate_jobs
                          WHERE lock = these.lock AND status = 'doing')
         AND task_name = ANY((SELECT tasks FROM open)::text[])
         AND coalesce(queue_name = ANY((SELECT queues FROM open)::text[]),
                      queue_name <> ALL((SELECT queues FROM paused)::text[]))"""
_ALL_LOCKS: Final = """
  ), every_lock AS (
      (SELECT lock FROM procrastinate_jobs
        WHERE status = 'todo' AND lock IS NOT NULL
          AND %(limit)s + 200 IN ((SELECT count(*) FROM ready_locked),
                                  (SELECT count(*) FROM due_locked))
          AND (SELECT count(*) FROM near) < %(limit)s
        ORDER BY lock, -priority::bigint, id LIMIT 1)
      UNION ALL
      SELECT (SELECT job.lock FROM procrastinate_jobs AS job
               WHERE status = 'todo' AND lock IS NOT NULL AND job.lock > every_lock.lock
               ORDER BY job.lock, -priority::bigint, id LIMIT 1)
        FROM every_lock WHERE every_lock.lock IS NOT NULL
  ), far AS MATERIALIZED (
      WITH these AS (TABLE every_lock)"""
_CHOICE: Final = """
       LIMIT 1000
  ), locked AS (
      SELECT id, priority FROM procrastinate_jobs
       WHERE status = 'todo' AND id = ANY(ARRAY(
             SELECT id FROM (TABLE near UNION TABLE far) AS head
              ORDER BY priority DESC, id LIMIT %(limit)s))
         FOR NO KEY UPDATE SKIP LOCKED
  ), chosen AS (
      SELECT id FROM (TABLE ready UNION ALL TABLE due UNION ALL TABLE locked) AS candidate
       ORDER BY priority DESC, id LIMIT %(limit)s
  )"""
_CHOSEN: Final = _UNLOCKED + _LOCKED + _HEADS + _ALL_LOCKS + _HEADS + _CHOICE
# The same where no job has a lock, as mostly: half the work. Where one has, this chooses nothing.
_IF_NO_LOCKS: Final = """
  ), chosen AS (
      SELECT id FROM (TABLE ready UNION ALL TABLE due) AS candidate
       WHERE NOT EXISTS (SELECT FROM procrastinate_jobs
                          WHERE status = 'todo' AND lock IS NOT NULL)
       ORDER BY priority DESC, id LIMIT %(limit)s
  )"""
_TAKE: Final = """
  UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = %(worker_id)s
    FROM chosen WHERE job.id = chosen.id
  RETURNING job.id, task_name, args::text, attempts, priority, worker_id,
            lock IS NOT NULL AS is_locked, queueing_lock IS NOT NULL AS has_queueing_lock"""
_CLAIM: Final = _CHOSEN + _TAKE
_CLAIM_UNLOCKED: Final = _UNLOCKED + _IF_NO_LOCKS + _TAKE
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
    for sql in (_CLAIM_UNLOCKED, _CLAIM):
        jobs = await fetch_all(
            connection,
            Claimed,
            sql,
            worker_id=worker_id,
            queues=None if queues is None else list(queues),
            tasks=list(tasks),
            limit=limit,
            with_locks=with_locks,
        )
        if jobs:
            break
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
