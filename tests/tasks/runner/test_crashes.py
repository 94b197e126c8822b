"""What workers must survive: kills, lost connections, an outage. `--full`: at full size."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.development.postgres import running_postgres
from app.foundation import db
from app.foundation.migrate import migrate
from tests.size import FULL
from tests.tasks.runner.bench import Bench
from tests.tasks.runner.processes import Processes, add, figures, prepare, until_done

pytestmark = pytest.mark.timeout(1_800 if FULL else 180)

_KILLS = 50 if FULL else 8
_JOBS_AT_KILLS = 20_000 if FULL else 2_000
_SLEEP_S = 60 if FULL else 5
_RESTARTS = 10 if FULL else 3
_CUTS = 60 if FULL else 6


@asynccontextmanager
async def worker_processes(url: str, count: int) -> AsyncIterator[Processes]:
    """Several processes that run jobs; at the end each has to stop without an error."""
    await prepare(url)
    processes = Processes(url, count)
    try:
        yield processes
    finally:
        codes = processes.stop()
    assert set(codes) == {0}


async def assert_one_effect_each(url: str, jobs: int) -> None:
    await until_done(url, within_s=60)
    assert await figures(url) == (0, jobs, jobs)


async def test_each_job_has_one_effect_while_workers_are_killed_again_and_again(
    database_url: str,
) -> None:
    async with worker_processes(database_url, 4) as processes:
        for _ in range(_KILLS):
            await add(database_url, _JOBS_AT_KILLS // _KILLS)
            await asyncio.sleep(random.uniform(0.2, 1.0))
            processes.kill(random.randrange(4))
        await assert_one_effect_each(database_url, _JOBS_AT_KILLS)


async def test_a_worker_that_was_suspended_does_not_finish_jobs_that_were_taken_over(
    database_url: str,
) -> None:
    async with worker_processes(database_url, 1) as processes:
        await add(database_url, 20, takes_s=1)
        while not (await figures(database_url))[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        processes.signal(0, signal.SIGSTOP)
        await asyncio.sleep(0.1)
        processes.start_another()
        await asyncio.sleep(_SLEEP_S)
        await until_done(database_url, within_s=60)
        processes.signal(0, signal.SIGCONT)
        await asyncio.sleep(2)
        await add(database_url, 20)
        await assert_one_effect_each(database_url, 40)


async def test_each_job_has_one_effect_while_every_connection_is_cut_each_second(
    database_url: str,
) -> None:
    async with worker_processes(database_url, 2):
        for _ in range(_CUTS):
            await add(database_url, 100)
            async with db.direct_connection(database_url) as connection:
                await db.execute(
                    connection,
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()""",
                )
            await asyncio.sleep(1)
        await assert_one_effect_each(database_url, 100 * _CUTS)


async def test_each_job_has_one_effect_while_postgres_is_stopped_and_started(
    tmp_path: Path,
) -> None:
    with running_postgres(tmp_path / "pg", durable=True) as server:
        await migrate(server.url)
        async with worker_processes(server.url, 2):
            for number in range(_RESTARTS):
                await add(server.url, 300)
                await asyncio.sleep(random.uniform(0.2, 1.0))
                mode = "immediate" if number % 2 else "fast"
                await asyncio.to_thread(server.restart, mode=mode)
            await assert_one_effect_each(server.url, 300 * _RESTARTS)


class Proxy:
    """A proxy for Postgres that can go dead: nothing comes through, and there is no error."""

    def __init__(self, target: Path, folder: Path) -> None:
        self._target = target
        self.path = folder / target.name
        self.is_dead: set[asyncio.StreamWriter] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_unix_server(self._connect, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()
        self._server.close()
        await asyncio.sleep(0)

    def go_dead(self) -> None:
        """Let all present connections go dead; those made later work."""
        self.is_dead |= self._ends

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        self._ends |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if writer not in self.is_dead:
                writer.write(data)
        if writer not in self.is_dead:
            writer.close()


async def test_a_job_is_done_although_every_connection_of_its_worker_went_dead_without_an_error(
    bench: Bench, postgres_server: object, tmp_path: Path
) -> None:
    """Half-open connections: what the worker sends vanishes, and no answer or error comes."""
    host, port = getattr(postgres_server, "host"), getattr(postgres_server, "port")  # noqa: B009
    bench.task("a")
    async with Proxy(Path(host) / f".s.PGSQL.{port}", tmp_path) as proxy:
        url = bench.url.replace(f"host={host}", f"host={tmp_path}")
        assert url != bench.url
        worker = bench.worker(url=url)
        running = asyncio.create_task(worker.run())
        await bench.add("a")
        while not bench.ran:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        proxy.go_dead()
        await bench.add("a")
        for _ in range(600):
            if await bench.statuses() == ["succeeded 1", "succeeded 1"]:
                break
            await asyncio.sleep(0.1)
        assert await bench.statuses() == ["succeeded 1", "succeeded 1"]
        worker.stop()
        await running
