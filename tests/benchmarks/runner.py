"""The job runner, beside stock procrastinate and a raw loop, all on the same database.

    uv run python -m tests.benchmarks.runner [--jobs 20000] [--stock-jobs 3000] [--finished 1000000]

A job is a no-op async task with one JSON argument; Postgres is as durable as by default and shares
the machine. `drain`: jobs already queued, one worker process at its best concurrency. `raw` is the
limit: one connection that claims and finishes batches of 500 on a bare table without triggers.
`enqueue`: one per commit, in the caller's transaction. `latency`: an idle worker, commit to start.
Log level WARNING for all.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import psycopg
import psycopg_pool
import uvloop
from procrastinate import App, PsycopgConnector
from procrastinate.worker import Worker as StockWorker

from app import db, queue
from app.logs import configure_logs
from tasks.runner.handlers import TASKS, handles
from tasks.runner.worker import Options, Worker
from tests.benchmarks.world import report, running_database

RAW_BATCH = 500
LATENCY_PAIRS = 100
CLIENTS = 8
CONCURRENCY = 20
RUNS = 3

_started: list[float] = []


class Noop(queue.Job, frozen=True):
    """Nothing, measured."""

    name = "bench-noop"
    queue = "bench"

    sent: float


@handles(Noop)
async def noop(job: Noop) -> None:
    if job.sent:
        _started.append(time.monotonic() - job.sent)


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "worker":
        configure_logs("WARNING", json=True)
        uvloop.run(_drain_ours(os.environ["DATABASE_URL"]))
        return
    options = _options()
    with running_database() as server:
        report(uvloop.run(_measure(server.url, options)))


async def _measure(url: str, options: argparse.Namespace) -> dict[str, object]:
    figures: dict[str, object] = {"concurrency": CONCURRENCY, "jobs": options.jobs}
    await db.open_pool(url, size_max=CLIENTS + 2)
    stock = await _best(url, options.stock_jobs, _drain_stock, "stock drain")
    ours = await _best(url, options.jobs, _drain_ours, "drain")
    raw = await _raw(url, options.jobs)
    print(f"raw loop: {raw:.0f}/s", flush=True)
    figures |= {
        "drain_per_s": ours,
        "stock_per_s": stock,
        "raw_per_s": raw,
        "drain_ratio": round(ours / stock, 1),
        "raw_ratio": round(ours / raw, 3),
    }
    figures["latency_ms"] = await _latency(url, _running_ours)
    figures["stock_latency_ms"] = await _latency(url, _running_stock)
    figures |= await _enqueueing(url, options.enqueues)
    figures["lost_wakeups"] = await _lost_wakeups(url, options.pairs)
    figures["scaling_per_s"] = {n: await _processes(url, options.jobs * n, n) for n in (1, 2, 4)}
    if options.finished:
        _fill_finished(url, options.finished)
        with_finished = await _best(url, options.jobs, _drain_ours, "drain beside finished jobs")
        figures["drain_beside_finished_per_s"] = with_finished
        figures["finished_ratio"] = round(ours / with_finished, 2)
    await db.close_pool()
    return figures


# ---- draining -----------------------------------------------------------------------------------


async def _best(url: str, jobs: int, drain: Callable[[str], Awaitable[None]], what: str) -> float:
    """The median of a few runs, in jobs per second."""
    rates = []
    for _ in range(RUNS):
        _fill(url, jobs)
        began = time.monotonic()
        await drain(url)
        rates.append(jobs / (time.monotonic() - began))
        _check_all_done(url, jobs)
    print(f"{what}: {' '.join(f'{rate:.0f}' for rate in rates)} /s", flush=True)
    return round(statistics.median(rates), 1)


async def _drain_ours(url: str) -> None:
    await _ours(url).run_what_is_due()


def _ours(url: str) -> Worker:
    return Worker(TASKS, Options(url=url, queues=("bench",), concurrency=CONCURRENCY))


async def _drain_stock(url: str) -> None:
    async with _stock_app(url).open_async() as app:
        await app.run_worker_async(
            wait=False, concurrency=CONCURRENCY, install_signal_handlers=False
        )


def _stock_app(url: str) -> App:
    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=CONCURRENCY))

    @app.task(name=Noop.name, queue=Noop.queue)
    async def stock_noop(sent: float) -> None:
        if sent:
            _started.append(time.monotonic() - sent)

    return app


async def _processes(url: str, jobs: int, count: int) -> float:
    """The rate of so many worker processes, without the time that they take to start."""
    _fill(url, jobs)
    command = [sys.executable, "-m", "tests.benchmarks.runner", "worker"]
    workers = [subprocess.Popen(command) for _ in range(count)]  # noqa: ASYNC220
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        done_sql = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
        first = await _until(connection, done_sql, 1)
        began = time.monotonic()
        last = await _until(connection, done_sql, jobs)
    rate = (last - first) / (time.monotonic() - began)
    for worker in workers:
        worker.wait(60)
    print(f"{count} worker processes: {rate:.0f}/s", flush=True)
    return round(rate, 1)


async def _until(connection: psycopg.AsyncConnection, sql: str, count: int) -> int:
    while True:
        row = await (await connection.execute(sql)).fetchone()
        if row[0] >= count:
            return row[0]
        await asyncio.sleep(0.02)


async def _raw(url: str, jobs: int) -> float:
    """What the same round trips could do: no triggers, no events, no fence, no tasks."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("DROP TABLE IF EXISTS raw_jobs")
        await connection.execute(
            """
            CREATE TABLE raw_jobs (id bigserial PRIMARY KEY, args jsonb,
                                   status text NOT NULL DEFAULT 'todo')"""
        )
        await connection.execute("CREATE INDEX ON raw_jobs (id) WHERE status = 'todo'")
        insert = "INSERT INTO raw_jobs (args) SELECT '{\"sent\": 0}' FROM generate_series(1, %s)"
        await connection.execute(insert, (jobs,))
        await connection.execute("VACUUM ANALYZE raw_jobs")
        claim = f"""
            UPDATE raw_jobs SET status = 'doing' WHERE id IN (
                SELECT id FROM raw_jobs WHERE status = 'todo' ORDER BY id
                 LIMIT {RAW_BATCH} FOR UPDATE SKIP LOCKED)
            RETURNING id, args"""
        began = time.monotonic()
        while rows := await (await connection.execute(claim)).fetchall():
            ids = [row[0] for row in rows]
            await connection.execute("UPDATE raw_jobs SET status = 'd' WHERE id = ANY(%s)", (ids,))
        rate = jobs / (time.monotonic() - began)
        await connection.execute("DROP TABLE raw_jobs")
    return round(rate, 1)


# ---- latency ------------------------------------------------------------------------------------


def _running_ours(url: str) -> tuple[Callable[[], None], Awaitable[None]]:
    worker = _ours(url)
    return worker.stop, worker.run()


def _running_stock(url: str) -> tuple[Callable[[], None], Awaitable[None]]:
    app = _stock_app(url)
    worker = StockWorker(app=app, concurrency=CONCURRENCY, install_signal_handlers=False)

    async def run() -> None:
        async with app.open_async():
            await worker.run()

    return worker.stop, run()


async def _latency(
    url: str, start: Callable[[str], tuple[Callable[[], None], Awaitable[None]]]
) -> dict[str, float]:
    """Milliseconds from the commit to the start of the job, of an idle worker."""
    _empty(url)
    stop, run = start(url)
    running = asyncio.ensure_future(run)
    await asyncio.sleep(1)
    _started.clear()
    for number in range(LATENCY_PAIRS):
        await _enqueue_one()
        await _until_started(number + 1)
        await asyncio.sleep(0.02)
    stop()
    await running
    ms = sorted(1000 * waited for waited in _started)
    at = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    figures = {name: round(ms[int(share * len(ms))], 2) for name, share in at.items()}
    print(f"latency, {start.__name__}: {figures}", flush=True)
    return figures


async def _enqueue_one() -> None:
    """The clock starts when the commit is sent."""
    async with db.transaction() as tx:
        await queue.enqueue(tx, Noop(sent=time.monotonic()))


async def _until_started(count: int, within_s: float = 10.0) -> bool:
    give_up_at = time.monotonic() + within_s
    while len(_started) < count:
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(0.0005)
    return True


async def _lost_wakeups(url: str, pairs: int) -> int:
    """Of pairs of jobs a few milliseconds apart: how many were seen by a later look only."""
    _empty(url)
    worker = _ours(url)
    running = asyncio.ensure_future(worker.run())
    await asyncio.sleep(1)
    _started.clear()
    for number in range(pairs):
        await _enqueue_one()
        await asyncio.sleep((number % 13) / 1000)
        await _enqueue_one()
        await _until_started(2 * number + 2)
    worker.stop()
    await running
    late = sum(waited > 0.5 for waited in _started)
    print(f"lost wake-ups: {late} of {pairs} pairs", flush=True)
    return late


# ---- enqueueing ---------------------------------------------------------------------------------


async def _enqueueing(url: str, enqueues: int) -> dict[str, float]:
    """One job per commit, from several clients, while a worker listens."""
    figures: dict[str, float] = {}
    connections = psycopg_pool.AsyncConnectionPool(
        url, min_size=CLIENTS, max_size=CLIENTS, open=False
    )
    await connections.open(wait=True)
    app = _stock_app(url)

    async def stock() -> None:
        async with connections.connection() as connection, connection.transaction():
            task = app.configure_task(Noop.name, queue=Noop.queue, connection=connection)
            await task.defer_async(sent=0)

    async def ours() -> None:
        async with db.transaction() as tx:
            await queue.enqueue(tx, Noop(sent=0))

    for name, enqueue in (("stock", stock), ("ours", ours)):
        for clients in (1, CLIENTS):
            _empty(url)
            began = time.monotonic()
            await asyncio.gather(*(_repeat(enqueue, enqueues // clients) for _ in range(clients)))
            rate = enqueues / (time.monotonic() - began)
            figures[f"{name}_enqueues_per_s_{clients}"] = round(rate, 1)
    await connections.close()
    key = f"enqueues_per_s_{CLIENTS}"
    figures["enqueue_ratio"] = round(figures[f"ours_{key}"] / figures[f"stock_{key}"], 2)
    print(f"enqueueing: {json.dumps(figures)}", flush=True)
    return figures


async def _repeat(act: Callable[[], Awaitable[None]], times: int) -> None:
    for _ in range(times):
        await act()


# ---- the database -------------------------------------------------------------------------------


def _empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")


def _fill(url: str, jobs: int) -> None:
    """So many jobs queued; what was there before goes, but not what the last phase is about."""
    with psycopg.connect(url, autocommit=True) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'bench-finished'"
        ).fetchone()
        if not kept[0]:
            connection.execute("TRUNCATE procrastinate_jobs CASCADE")
        connection.execute(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args)
            SELECT 'bench', 'bench-noop', '{"sent": 0}' FROM generate_series(1, %s)""",
            (jobs,),
        )
        connection.execute("VACUUM ANALYZE procrastinate_jobs")
        connection.execute("CHECKPOINT")


def _fill_finished(url: str, jobs: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")
        connection.execute(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)
            SELECT 'bench', 'bench-finished', '{"sent": 0}', 'succeeded', 1
              FROM generate_series(1, %s)""",
            (jobs,),
        )
        connection.execute(
            """
            INSERT INTO procrastinate_events (job_id, type)
            SELECT id, type FROM procrastinate_jobs,
                   unnest('{deferred,started,succeeded}'::procrastinate_job_event_type[]) AS type"""
        )
        connection.execute("VACUUM ANALYZE procrastinate_jobs, procrastinate_events")
    print(f"{jobs:,} finished jobs", flush=True)


def _check_all_done(url: str, jobs: int) -> None:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            SELECT status::text, count(*) FROM procrastinate_jobs
             WHERE task_name = 'bench-noop' AND status <> 'succeeded' GROUP BY 1"""
        ).fetchall()
    if rows:
        raise AssertionError(f"not all of {jobs} jobs were done: {rows}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--stock-jobs", type=int, default=3_000)
    parser.add_argument("--enqueues", type=int, default=4_000)
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--finished", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
