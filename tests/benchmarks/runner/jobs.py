"""The job that is measured, workers for it, and ways to fill the queue with it."""

import time

import psycopg
from procrastinate import App, PsycopgConnector
from psycopg.sql import SQL

from app.foundation import queue
from tasks.runner.handlers import TASKS, handles
from tasks.runner.worker import Options, Worker

CONCURRENCY = 20  # the best of 5, 10, 20 and 50 for both

started: list[float] = []  # seconds from the commit to the start of each job that was sent a time


class Noop(queue.Job, frozen=True):
    """A job that does nothing."""

    name = "bench-noop"
    queue = "bench"

    sent: float


@handles(Noop)
async def noop(job: Noop) -> None:
    _note(job.sent)


def _note(sent: float) -> None:
    if sent:
        started.append(time.monotonic() - sent)


def our_worker(url: str) -> Worker:
    """Our worker, with this task alone."""
    tasks = {Noop.name: TASKS[Noop.name]}
    return Worker(tasks, Options(url=url, queues=(Noop.queue,), concurrency=CONCURRENCY))


def stock_app(url: str) -> App:
    """Stock procrastinate with the same task."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=CONCURRENCY))

    @app.task(name=Noop.name, queue=Noop.queue)
    async def stock_noop(sent: float) -> None:
        _note(sent)

    return app


def empty(url: str) -> None:
    """Delete all jobs, also those that are done, and all workers."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def fill(url: str, jobs: int) -> None:
    """Queue so many jobs, beside those that are there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args)
            SELECT 'bench', 'bench-noop', '{"sent": 0}' FROM generate_series(1, %s)""",
            (jobs,),
        )
        connection.execute("VACUUM ANALYZE procrastinate_jobs")
        connection.execute("CHECKPOINT")


def fill_finished(url: str, jobs: int) -> None:
    """Fill an emptied queue with jobs that were done half a day ago, each with its events."""
    empty(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no foreign keys are checked
        connection.execute(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)
            SELECT 'bench', 'bench-finished', '{"sent": 0}', 'succeeded', 1
              FROM generate_series(1, %s)""",
            (jobs,),
        )
        connection.execute(
            """
            INSERT INTO procrastinate_events (job_id, type, at)
            SELECT id, type, now() - interval '12 h' FROM procrastinate_jobs,
                   unnest('{deferred,started,succeeded}'::procrastinate_job_event_type[]) AS type
             ORDER BY id"""
        )
        connection.execute("VACUUM ANALYZE procrastinate_jobs, procrastinate_events")


def check_all_done(url: str) -> None:
    """Raise unless all jobs are done: otherwise the figures would mislead."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            SQL("""
            SELECT status::text, count(*) FROM procrastinate_jobs
             WHERE task_name = 'bench-noop' AND status <> 'succeeded' GROUP BY 1""")
        ).fetchall()
    if rows:
        raise AssertionError(f"not all jobs were done: {rows}")
