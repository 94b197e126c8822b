"""Other runners on the same machine: `uv run --with pgqueuer --with asyncpg …`.

python -m tests.benchmarks.runner.peers   drains the queue of PgQueuer
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
import time
from datetime import timedelta
from statistics import median
from typing import Any

import psycopg

from tests.benchmarks.runner import celery_peer

_BATCH = 500


def measure(url: str, count: int, *, runs: int) -> dict[str, float | None]:
    """Jobs per second of each runner; None for those that are not installed."""
    return {
        "pgqueuer": pgqueuer(url, count, runs=runs),
        "celery": celery_peer.measure(count, runs=runs),
    }


def pgqueuer(url: str, count: int, *, runs: int) -> float | None:
    """Jobs per second of PgQueuer's worker; None where it is not installed."""
    if not all(map(importlib.util.find_spec, ("pgqueuer", "asyncpg"))):
        print("PgQueuer is not installed: uv run --with pgqueuer --with asyncpg", flush=True)
        return None
    rates = [_pgqueuer(url, count) for _ in range(runs)]
    print(f"drain, PgQueuer: {' '.join(f'{rate:.0f}' for rate in rates)} /s", flush=True)
    return round(median(rates), 1)


def _pgqueuer(url: str, count: int) -> float:
    asyncio.run(_fill_pgqueuer(url, count))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE pgqueuer")
        connection.execute("CHECKPOINT")
    worker = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.runner.peers"], capture_output=True, check=True
    )
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pgqueuer").fetchone()
    assert row == (0,), row
    return count / float(worker.stdout.split()[-1])


async def _connect(url: str) -> tuple[Any, Any]:
    import asyncpg  # pyright: ignore
    from pgqueuer import PgQueuer, Queries  # pyright: ignore

    connection = await asyncpg.connect(url)  # a third faster than its psycopg driver
    return PgQueuer.from_asyncpg_connection(connection), Queries.from_asyncpg_connection(connection)


async def _fill_pgqueuer(url: str, count: int) -> None:
    _, queries = await _connect(url)
    if not await queries.schema_is_installed():
        await queries.install()
    await queries.clear_queue()
    for _ in range(0, count, 1_000):
        await queries.enqueue(1_000 * ["noop"], 1_000 * [b'{"sent": 0}'], 1_000 * [0])


async def _drain_pgqueuer(url: str) -> float:
    from pgqueuer.domain.types import QueueExecutionMode  # pyright: ignore

    runner, _ = await _connect(url)
    began = time.monotonic()

    @runner.entrypoint("noop")
    async def noop(job: Any) -> None:
        pass

    await runner.run(
        dequeue_timeout=timedelta(seconds=1), batch_size=_BATCH, mode=QueueExecutionMode.drain
    )
    return time.monotonic() - began


def main() -> None:
    """The worker process."""
    import uvloop

    seconds = uvloop.run(_drain_pgqueuer(os.environ["DATABASE_URL"]))
    print(seconds)


if __name__ == "__main__":
    main()
