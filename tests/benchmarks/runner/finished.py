"""A queue with a long past: draining, taking and retention beside millions of old jobs."""

import asyncio
import json
import statistics
import time
from datetime import timedelta

import msgspec

from app.foundation import db
from app.operations.jobs.queries.retention import forget_succeeded
from tasks.runner import queries
from tests.benchmarks.runner import drain, jobs

_TAKES = 5
_MANY = 500
_RETENTION_BATCH = 3_000
_WAITING = 2 * _TAKES * _MANY


class Touched(msgspec.Struct, frozen=True):
    """How many rows the statements on a table have read, as Postgres counts them."""

    by_scans: int
    by_index: int


def measure(
    url: str, finished: int, count: int, *, runs: int, alone_per_s: float
) -> dict[str, float]:
    """Draining, taking and one batch of retention beside so many jobs that were done before."""
    jobs.fill_finished(url, finished)
    print(f"{finished:,} finished jobs", flush=True)
    per_s = drain.medians(url, {"ours": count}, runs=runs)["ours"]
    jobs.fill(url, _WAITING)
    figures = {
        "finished": finished,
        "drain_per_s": per_s,
        "slower": round(alone_per_s / per_s, 2),
    } | asyncio.run(_statements(url))
    print(f"beside {finished:,} finished jobs: {json.dumps(figures)}", flush=True)
    jobs.empty(url)
    return figures


async def _statements(url: str) -> dict[str, float]:
    async with db.direct_connection(url) as connection:
        await queries.prepare(connection)
        worker_id = await queries.register(connection)
        alone_ms = await _take_ms(connection, worker_id, 1)
        before = await _touched(connection)
        many_ms = await _take_ms(connection, worker_id, _MANY)
        after = await _touched(connection)
        retention_ms = await _retention_ms(connection)
    return {
        "take_1_ms": alone_ms,
        f"take_{_MANY}_ms": many_ms,
        "sequential_reads": after.by_scans - before.by_scans,
        f"rows_read_per_take_of_{_MANY}": round((after.by_index - before.by_index) / _TAKES),
        f"retention_of_{_RETENTION_BATCH}_events_ms": retention_ms,
    }


async def _take_ms(connection: db.Connection, worker_id: int, limit: int) -> float:
    took: list[float] = []
    for _ in range(_TAKES):
        began = time.perf_counter()
        taken = await queries.take_jobs(
            connection,
            worker_id=worker_id,
            queues=[jobs.Noop.queue],
            tasks=[jobs.Noop.name],
            limit=limit,
        )
        took.append(1000 * (time.perf_counter() - began))
        assert len(taken) == limit
    return round(statistics.median(took), 2)


async def _touched(connection: db.Connection) -> Touched:
    await db.execute(connection, "SELECT pg_stat_force_next_flush()")
    return await db.fetch_new(
        connection,
        Touched,
        """
        SELECT seq_tup_read AS by_scans, idx_tup_fetch AS by_index
          FROM pg_stat_user_tables WHERE relname = 'procrastinate_jobs'""",
    )


async def _retention_ms(connection: db.Connection) -> float:
    took: list[float] = []
    for _ in range(_TAKES):
        began = time.perf_counter()
        async with db.transaction_on(connection) as tx:
            batch = await forget_succeeded(tx, kept=timedelta(hours=1), limit=_RETENTION_BATCH)
        took.append(1000 * (time.perf_counter() - began))
        assert batch.deleted
    return round(statistics.median(took), 1)
