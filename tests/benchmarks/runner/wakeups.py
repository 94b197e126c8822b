"""How soon an idle worker begins a job: from the commit to the start."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from procrastinate.worker import Worker as StockWorker

from app.foundation import db, queue
from tests.benchmarks.runner import jobs

_SETTLE_S = 1.0
_LOST_S = 1.0  # a job that no notification began is found by a look some seconds later


@asynccontextmanager
async def ours(url: str) -> AsyncIterator[None]:
    worker = jobs.our_worker(url)
    running = asyncio.ensure_future(worker.run())
    await asyncio.sleep(_SETTLE_S)
    yield
    worker.stop()
    await running


@asynccontextmanager
async def stock(url: str) -> AsyncIterator[None]:
    async with jobs.stock_app(url).open_async() as app:
        worker = StockWorker(app=app, concurrency=jobs.CONCURRENCY, install_signal_handlers=False)
        running = asyncio.ensure_future(worker.run())
        await asyncio.sleep(_SETTLE_S)
        yield
        worker.stop()
        await running


async def latency(
    url: str, working: Callable[[str], AbstractAsyncContextManager[None]], count: int
) -> dict[str, float]:
    """Milliseconds from the moment the commit is sent to the start of the job."""
    jobs.empty(url)
    async with working(url):
        jobs.started.clear()
        for number in range(count):
            await _enqueue_one()
            await _until_started(number + 1)
            await asyncio.sleep(0.02)
    ms = sorted(1000 * waited for waited in jobs.started)
    at = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    figures = {name: round(ms[int(share * len(ms))], 2) for name, share in at.items()}
    print(f"latency, {working.__name__}: {figures}", flush=True)
    return figures


async def pairs(url: str, count: int) -> dict[str, float]:
    """Of pairs of jobs a few milliseconds apart: how many began too late, and the latest."""
    jobs.empty(url)
    async with ours(url):
        jobs.started.clear()
        for number in range(count):
            await _enqueue_one()
            await asyncio.sleep((number % 13) / 1000)
            await _enqueue_one()
            await _until_started(2 * number + 2)
    figures = {
        "lost": sum(waited > _LOST_S for waited in jobs.started),
        "worst_ms": round(1000 * max(jobs.started), 1),
    }
    print(f"{count} pairs: {figures}", flush=True)
    return figures


async def _enqueue_one() -> None:
    async with db.transaction() as tx:
        await queue.enqueue(tx, jobs.Noop(sent=time.monotonic()))


async def _until_started(count: int, within_s: float = 10.0) -> None:
    give_up_at = time.monotonic() + within_s
    while len(jobs.started) < count and time.monotonic() < give_up_at:  # noqa: ASYNC110
        await asyncio.sleep(0.0005)
