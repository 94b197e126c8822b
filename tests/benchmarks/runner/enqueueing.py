"""One job per commit, in the caller's transaction: what it costs to queue jobs."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext

import psycopg
import psycopg_pool

from app.development.postgres import Server
from app.foundation import db, queue
from tests.benchmarks import replay
from tests.benchmarks.runner import drain, jobs

CLIENTS = (1, 8)
_SETTLE_S = 1.0

# What procrastinate and our queue send; values that differ from job to job would cost the same.
_STATEMENTS = {
    "stock": """
        SELECT UNNEST(procrastinate_defer_jobs_v1(ARRAY[
            ROW('bench', 'bench-noop', 0, NULL, NULL, '{"sent": 0}', NULL)
        ]::procrastinate_job_to_defer_v1[]))""",
    "ours": """
        SELECT runner.enqueue('{bench}', '{bench-noop}', ARRAY['{"sent": 0}'::jsonb])""",
}


def by_pgbench(
    server: Server, count: int, *, runs: int, with_worker: bool = False
) -> dict[str, float]:
    """Transactions per second of BEGIN, one enqueue, COMMIT: what the server can do.

    `with_worker`: while a worker of the same kind runs the jobs.
    """
    rates: dict[str, list[float]] = {}
    for _ in range(runs):
        for clients in CLIENTS:
            for who in _STATEMENTS:
                jobs.empty(server.url)
                with _worker(server.url, who) if with_worker else nullcontext():
                    rate = _pgbench(server, who, clients, count)
                rates.setdefault(f"{who}_{clients}", []).append(rate)
    what = "with a worker" if with_worker else "no worker"
    return _medians(f"enqueueing, pgbench, {what}", rates)


def _pgbench(server: Server, who: str, clients: int, count: int) -> float:
    return replay.pgbench(
        server,
        [replay.Statement(_STATEMENTS[who], {})],
        preamble=(),
        varying={},
        variables={},
        clients=clients,
        transactions=count,
    )


@contextmanager
def _worker(url: str, kind: str) -> Iterator[None]:
    worker = drain.start(kind, "stay")
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute("SELECT id FROM procrastinate_workers").fetchone():
            time.sleep(0.05)
    time.sleep(_SETTLE_S)
    yield
    worker.terminate()
    drain.await_end(worker)


async def by_clients(url: str, count: int, *, runs: int) -> dict[str, float]:
    """Transactions per second from Python: all clients in one process, and no worker."""
    rates: dict[str, list[float]] = {}
    await db.open_pool(url, size_max=max(CLIENTS))
    async with _pool(url) as connections:
        app = jobs.stock_app(url)

        async def stock() -> None:
            async with connections.connection() as connection, connection.transaction():
                task = app.configure_task(
                    jobs.Noop.name, queue=jobs.Noop.queue, connection=connection
                )
                await task.defer_async(sent=0)

        for _ in range(runs):
            for clients in CLIENTS:
                for enqueue in (stock, ours):
                    jobs.empty(url)
                    rate = await _rate(enqueue, count, clients)
                    rates.setdefault(f"{enqueue.__name__}_{clients}", []).append(rate)
    await db.close_pool()
    return _medians("enqueueing, Python", rates)


async def ours() -> None:
    """Queue one job in a transaction of its own."""
    async with db.transaction() as tx:
        await queue.enqueue(tx, jobs.Noop(sent=0))


def _pool(url: str) -> psycopg_pool.AsyncConnectionPool:
    return psycopg_pool.AsyncConnectionPool(
        url, min_size=max(CLIENTS), max_size=max(CLIENTS), open=False
    )


async def _rate(enqueue: Callable[[], Awaitable[None]], count: int, clients: int) -> float:
    async def repeat() -> None:
        for _ in range(count // clients):
            await enqueue()

    began = time.monotonic()
    await asyncio.gather(*(repeat() for _ in range(clients)))
    return count // clients * clients / (time.monotonic() - began)


def _medians(what: str, rates: dict[str, list[float]]) -> dict[str, float]:
    figures = {name: round(statistics.median(each), 1) for name, each in rates.items()}
    for clients in CLIENTS:
        figures[f"ratio_{clients}"] = round(
            figures[f"ours_{clients}"] / figures[f"stock_{clients}"], 2
        )
    print(f"{what}: {figures}", flush=True)
    return figures
