"""A worker process that is asked to stop does so, whatever its jobs and its database do."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from app.development.postgres import running_postgres
from app.foundation.db import direct_connection, execute, fetch_values
from app.foundation.migrate import migrate
from tests.tasks.runner.bench import Bench, working

# A worker with one more task, whose jobs do not end when they are cancelled.
_STUBBORN = """
import asyncio
from tasks import worker
from tasks.runner.handlers import Task, add_task

async def run(job):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

add_task(Task(name="stubborn", run=run))
worker.main()
"""


async def test_a_worker_stops_although_a_job_ignores_that_and_the_database_is_silent(
    tmp_path: Path,
) -> None:
    with running_postgres(tmp_path / "pg", durable=False) as server:
        await migrate(server.url)
        set_up = {"DATABASE_URL": server.url, "WORKER_GRACE_SECONDS": "0.5"}
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _STUBBORN, env=os.environ | set_up
        )
        try:
            await _run_stubborn_job(server.url)
            with _suspended(tmp_path / "pg"):
                worker.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(worker.wait(), 30) == 0
        finally:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()


async def test_a_worker_that_stops_deletes_its_row(bench: Bench) -> None:
    for _ in range(5):
        async with working(bench.worker(heartbeat_s=0.001)):
            pass
    assert await bench.values("SELECT id::text FROM procrastinate_workers") == []


async def _run_stubborn_job(url: str) -> None:
    async with direct_connection(url) as connection:
        await execute(
            connection,
            "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 'stubborn')",
        )
        sql = "SELECT id FROM procrastinate_jobs WHERE task_name = 'stubborn' AND status = 'doing'"
        async with asyncio.timeout(60):
            while not await fetch_values(connection, int, sql):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@contextmanager
def _suspended(folder: Path) -> Iterator[None]:
    """Suspend the server whose data is in this folder, and resume it at the end.

    Its first process comes first, as it could replace the others.
    """
    first = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    first.suspend()
    others = first.children(recursive=True)
    try:
        for process in others:
            with suppress(psutil.NoSuchProcess):  # it has ended by itself
                process.suspend()
        yield
    finally:
        for process in (*others, first):
            with suppress(psutil.NoSuchProcess):
                process.resume()
