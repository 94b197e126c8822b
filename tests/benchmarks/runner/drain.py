"""Running what is queued, as fast as one worker process can, and what that costs.

python -m tests.benchmarks.runner.drain ours|stock [stay]   works until the queue is empty; with
`stay`, until SIGTERM
"""

import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import LiteralString

import msgspec
import psutil
import psycopg
import uvloop

from app.development.postgres import Server
from app.foundation import db
from app.foundation.logs import configure_logs
from tasks.runner.handlers import TASKS
from tasks.runner.reaping import reap_forever
from tasks.runner.supervisor import supervise
from tests.benchmarks.runner import jobs

RAW_BATCH = 500


class Drained(msgspec.Struct, frozen=True):
    """What one worker process measured of itself, from its first connection to its last."""

    seconds: float
    cpu_s: float


async def ours(url: str, *, stay: bool) -> None:
    """As `berthold worker` does: the worker, and the reaper beside it."""
    await db.open_pool(url, size_max=2)
    worker = jobs.our_worker(url)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    reaping = asyncio.create_task(
        supervise(
            "reap", lambda: reap_forever(TASKS, worker.heartbeat, stalled_s=30), asyncio.Event()
        )
    )
    await (worker.run() if stay else worker.run_what_is_due())
    reaping.cancel()
    await db.close_pool()


async def stock(url: str, *, stay: bool) -> None:
    """Stock procrastinate's worker."""
    async with jobs.stock_app(url).open_async() as app:
        await app.run_worker_async(wait=stay, concurrency=jobs.CONCURRENCY)


def main(kind: str, *, stay: bool) -> None:
    """The worker process."""
    configure_logs(os.environ["LOG_LEVEL"], json=True)
    began, cpu_before = time.monotonic(), time.process_time()
    work = {"ours": ours, "stock": stock}[kind]
    uvloop.run(work(os.environ["DATABASE_URL"], stay=stay))
    done = Drained(time.monotonic() - began, time.process_time() - cpu_before)
    sys.stderr.buffer.write(msgspec.json.encode(done))


# ---- measuring ----------------------------------------------------------------------------------


def start(kind: str, *more: str, log_level: str = "WARNING") -> "subprocess.Popen[bytes]":
    """A worker process that ends with its figures."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.runner.drain", kind, *more],
        env=os.environ | {"LOG_LEVEL": log_level},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def await_end(worker: "subprocess.Popen[bytes]") -> Drained:
    """The figures of a worker process."""
    _, output = worker.communicate()
    if worker.returncode:
        raise ChildProcessError(output.decode())
    return msgspec.json.decode(output.splitlines()[-1], type=Drained)


def medians(
    url: str, counts: dict[str, int], *, runs: int, log_level: str = "WARNING"
) -> dict[str, float]:
    """Jobs per second of each kind of worker, in turns; `counts`: how many jobs each kind runs."""
    rates: dict[str, list[float]] = {kind: [] for kind in counts}
    for _ in range(runs):
        for kind, count in counts.items():
            _clear(url)
            jobs.fill(url, count)
            rates[kind].append(count / await_end(start(kind, log_level=log_level)).seconds)
            jobs.check_all_done(url)
    for kind, each in rates.items():
        print(f"drain, {kind}: {' '.join(f'{rate:.0f}' for rate in each)} /s", flush=True)
    return {kind: round(statistics.median(each), 1) for kind, each in rates.items()}


def _clear(url: str) -> None:
    """Delete the jobs of the last run, unless there are jobs of fill_finished()."""
    with psycopg.connect(url, autocommit=True) as connection:
        old = "SELECT id FROM procrastinate_jobs WHERE task_name = 'bench-finished' LIMIT 1"
        if not connection.execute(old).fetchone():
            jobs.empty(url)


def raw(url: str, count: int, *, runs: int) -> float:
    """Jobs per second of bare round trips: no triggers, no events, no fence, no tasks."""
    rates = [_raw(url, count) for _ in range(runs)]
    print(f"drain, raw loop: {' '.join(f'{rate:.0f}' for rate in rates)} /s", flush=True)
    return round(statistics.median(rates), 1)


def _raw(url: str, count: int) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS raw_jobs")
        connection.execute(
            """
            CREATE TABLE raw_jobs (id bigserial PRIMARY KEY, args jsonb,
                                   status text NOT NULL DEFAULT 'todo')"""
        )
        connection.execute("CREATE INDEX ON raw_jobs (id) WHERE status = 'todo'")
        insert = "INSERT INTO raw_jobs (args) SELECT '{\"sent\": 0}' FROM generate_series(1, %s)"
        connection.execute(insert, (count,))
        connection.execute("VACUUM ANALYZE raw_jobs")
        take = """
            UPDATE raw_jobs SET status = 'doing' WHERE id IN (
                SELECT id FROM raw_jobs WHERE status = 'todo' ORDER BY id
                 LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING id, args"""
        began = time.monotonic()
        while rows := connection.execute(take, (RAW_BATCH,)).fetchall():
            ids = [row[0] for row in rows]
            connection.execute("UPDATE raw_jobs SET status = 'd' WHERE id = ANY(%s)", (ids,))
        rate = count / (time.monotonic() - began)
        connection.execute("DROP TABLE raw_jobs")
    return rate


def processes(url: str, count: int, workers: int) -> float:
    """Jobs per second of so many worker processes, without the time that they take to start."""
    jobs.empty(url)
    jobs.fill(url, count * workers)
    started = [start("ours") for _ in range(workers)]
    done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    with psycopg.connect(url, autocommit=True) as connection:
        first = _until(connection, done, 1)
        began = time.monotonic()
        last = _until(connection, done, count * workers)
        rate = (last - first) / (time.monotonic() - began)
    for worker in started:
        await_end(worker)
    print(f"{workers} worker processes: {rate:.0f}/s", flush=True)
    return round(rate, 1)


def _until(connection: psycopg.Connection, sql: LiteralString, count: int) -> int:
    while True:
        row = connection.execute(sql).fetchone()
        if row and row[0] >= count:
            return row[0]
        time.sleep(0.05)


def memory(url: str, count: int) -> dict[str, float]:
    """Megabytes that a worker process uses in the course of many jobs, a quarter at a time."""
    jobs.empty(url)
    jobs.fill(url, count)
    worker = start("ours")
    process = psutil.Process(worker.pid)
    seen: list[tuple[int, float]] = []
    done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    with psycopg.connect(url, autocommit=True) as connection:
        while worker.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                size = process.memory_info().rss / 1e6
                row = connection.execute(done).fetchone()
                seen.append((row[0] if row else 0, size))
            time.sleep(0.3)
    await_end(worker)
    figures = {
        f"quarter_{n + 1}": max(
            (mb for at, mb in seen if n * count / 4 <= at <= (n + 1) * count / 4 and mb > 1),
            default=0.0,
        )
        for n in range(4)
    }
    figures = {name: round(mb, 1) for name, mb in figures.items()}
    print(f"memory over {count:,} jobs, MB: {json.dumps(figures)}", flush=True)
    return figures


# ---- where the time goes ------------------------------------------------------------------------


def profile(server: Server, count: int, kind: str) -> dict[str, float]:
    """Microseconds of CPU, statements, commits and WAL of each job."""
    url = server.url
    jobs.empty(url)
    jobs.fill(url, count)
    postmaster = psutil.Process(int((server.folder / "postmaster.pid").read_text().splitlines()[0]))
    with psycopg.connect(url, autocommit=True) as connection:
        with _counted(connection) as counted:
            cpu_before = _cpu_s(postmaster)
            drained = await_end(start(kind))
            cpu_s = _cpu_s(postmaster) - cpu_before
        worker_s = drained.cpu_s
    figures = {
        "worker_cpu_us": round(1e6 * worker_s / count, 1),
        "postgres_cpu_us": round(1e6 * cpu_s / count, 1),
        "wall_us": round(1e6 * drained.seconds / count, 1),
    } | {name: round(value / count, 4) for name, value in counted.items()}
    print(f"of each job, {kind}: {json.dumps(figures)}", flush=True)
    return figures


def count_statements(server: Server) -> None:
    """Let Postgres count the statements that it runs, from now on."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    server.restart()


@contextlib.contextmanager
def _counted(connection: psycopg.Connection) -> Iterator[dict[str, float]]:
    names = ("commits", "wal_bytes", "statements")
    before, counted = _counts(connection), dict[str, float]()
    yield counted
    time.sleep(1.1)  # a server process reports its commits once it has been idle for a second
    now = _counts(connection)
    counted |= {name: now[n] - before[n] for n, name in enumerate(names)}


def _counts(connection: psycopg.Connection) -> list[float]:
    row = connection.execute(
        """
        SELECT xact_commit, pg_current_wal_lsn() - '0/0',
               (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements)
          FROM pg_stat_database WHERE datname = current_database()"""
    ).fetchone()
    return [float(value) for value in row or ()]


def _cpu_s(postmaster: psutil.Process) -> float:
    own = postmaster.cpu_times()
    used = own.children_user + own.children_system
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            used += times.user + times.system
    return used


if __name__ == "__main__":
    main(sys.argv[1], stay=sys.argv[2:] == ["stay"])
