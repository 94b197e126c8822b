"""A queue to experiment with: tasks of the test's own, and workers in this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from app.foundation.db import execute, fetch_new_value, fetch_values, json, transaction
from tasks.runner.handlers import Retries, Task
from tasks.runner.model import TakenJob
from tasks.runner.worker import Options, Worker

SOON: Final = Retries(attempts_max=3, first_wait_s=0.01, wait_s_max=0.02)
# As `look_every_s`: a job that begins began by a notification, or because its time had come.
NEVER_S: Final = 3_600.0


class Bench:
    """Tasks, their queue, and workers for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tasks: dict[str, Task] = {}
        self.ran: list[str] = []

    def task(
        self, name: str, run: Callable[[TakenJob], Awaitable[None]] | None = None, **more: Any
    ) -> None:
        """Add a task; the names of its jobs that succeed are appended to `ran`."""
        more.setdefault("retries", SOON)

        async def run_and_note(job: TakenJob) -> None:
            if run:
                await run(job)
            self.ran.append(name)

        self.tasks[name] = Task(name=name, run=run_and_note, **more)

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
        """Queue a job of the task with this name; returns its id."""
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
        options: dict[str, Any] = {"url": self.url, "concurrency": 5, "grace_s": 0.3}
        options |= {"heartbeat_s": 0.2, "stalled_s": 2.0} | more
        return Worker(self.tasks, Options(**options))

    async def run(self, **more: Any) -> list[str]:
        """Run what is due with one worker; the names of the tasks in the order they ended."""
        self.ran.clear()
        await self.worker(**more).run_what_is_due()
        return self.ran

    async def values(self, sql: Any, **params: Any) -> list[str]:
        async with transaction() as tx:
            return await fetch_values(tx, str, sql, **params)

    async def statuses(self) -> list[str]:
        """Status and attempts of each job, in the order in which they were queued."""
        return await self.values(
            "SELECT status || ' ' || attempts FROM procrastinate_jobs ORDER BY id"
        )

    async def sql(self, sql: Any, **params: Any) -> int:
        async with transaction() as tx:
            return await execute(tx, sql, **params)


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[Worker]:
    """Let a worker run, and stop it at the end."""
    running = asyncio.create_task(worker.run())
    try:
        while not worker.heartbeat.is_fresh:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        yield worker
    finally:
        worker.stop()
        await running


async def until(bench: Bench, count: int, *, seconds: float = 20) -> None:
    """Wait until so many jobs have succeeded."""
    give_up_at = time.monotonic() + seconds
    while len(bench.ran) < count:
        assert time.monotonic() < give_up_at, f"{len(bench.ran)} of {count}"
        await asyncio.sleep(0.005)
