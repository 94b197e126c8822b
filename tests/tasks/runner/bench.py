"""Tasks of a test's own, their queue, and workers for it in this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.foundation.db import (
    execute,
    fetch_new_value,
    fetch_values,
    json,
    transaction,
)
from tasks.runner.handlers import Retries, Task
from tasks.runner.model import Claimed
from tasks.runner.worker import Options, Worker

SOON = Retries(attempts_max=3, first_wait_s=0.01, wait_s_max=0.02)
# What begins although nobody looks, began because it was told, or because its time had come.
NEVER_S = 3_600.0


class Bench:
    """Tasks, their queue, and workers for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tasks: dict[str, Task] = {}
        self.ran: list[str] = []

    def task(
        self, name: str, run: Callable[[Claimed], Awaitable[None]] | None = None, **more: Any
    ) -> None:
        more.setdefault("retries", SOON)

        async def note(job: Claimed) -> None:
            if run:
                await run(job)
            self.ran.append(name)

        self.tasks[name] = Task(name=name, run=note, **more)

    async def add(
        self,
        name: str,
        *,
        queue: str = "q",
        priority: int = 0,
        lock: str | None = None,
        queueing_lock: str | None = None,
        in_s: float | None = None,
        args: Any = None,
    ) -> int:
        async with transaction() as tx:
            return await fetch_new_value(
                tx,
                int,
                """
                INSERT INTO procrastinate_jobs
                       (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
                VALUES (%(queue)s, %(name)s, %(priority)s, %(lock)s, %(queueing_lock)s, %(args)s,
                        now() + make_interval(secs => %(in_s)s))
                RETURNING id""",
                queue=queue,
                name=name,
                priority=priority,
                lock=lock,
                queueing_lock=queueing_lock,
                args=json(args or {}),
                in_s=in_s,
            )

    def worker(self, **more: Any) -> Worker:
        options: dict[str, Any] = {"concurrency": 5, "grace_s": 0.3, "heartbeat_s": 0.2}
        options |= {"stalled_s": 2.0} | more
        return Worker(self.tasks, Options(url=self.url, **options))

    async def run(self, **more: Any) -> list[str]:
        """Do what is due with one worker; the names of the tasks in the order they ended."""
        self.ran.clear()
        await self.worker(**more).run_what_is_due()
        return self.ran

    async def values(self, sql: Any, **params: Any) -> list[str]:
        async with transaction() as tx:
            return await fetch_values(tx, str, sql, **params)

    async def statuses(self) -> list[str]:
        return await self.values(
            "SELECT status || ' ' || attempts FROM procrastinate_jobs ORDER BY id"
        )

    async def sql(self, sql: Any, **params: Any) -> int:
        async with transaction() as tx:
            return await execute(tx, sql, **params)


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[Worker]:
    running = asyncio.create_task(worker.run())
    try:
        while not worker.pulse.is_fresh:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        yield worker
    finally:
        worker.stop()
        await running


async def until(bench: Bench, count: int, *, seconds: float = 20) -> None:
    give_up_at = time.monotonic() + seconds
    while len(bench.ran) < count:
        assert time.monotonic() < give_up_at, f"{len(bench.ran)} of {count}"
        await asyncio.sleep(0.005)
