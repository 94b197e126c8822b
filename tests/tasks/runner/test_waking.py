"""Who is told of new jobs: as few as possible, and nobody too late."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.foundation import queue
from app.foundation.db import (
    Connection,
    Tx,
    direct_connection,
    execute,
    fetch_new_value,
    listen,
    notifications,
    transaction,
)
from tasks.runner.model import Claimed
from tests.tasks.runner.bench import NEVER_S, Bench, until, working

ANY, OWN = "procrastinate_any_queue_v1", "procrastinate_queue_v1#q"


class A(queue.Job, frozen=True):
    """A job of the tests' own."""

    name = "a"
    queue = "q"


class B(queue.Job, frozen=True):
    """The same in another queue."""

    name = "a"
    queue = "other"


async def _worker(*, queues: str | None = None, looks_by_itself: bool = False) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            WITH worker AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)
            INSERT INTO job_workers
                   (worker_id, instance, queues, tasks, concurrency, looks_by_itself)
            SELECT id, 'i', %(queues)s::text[], '{}', 1, %(looks_by_itself)s FROM worker""",
            queues=queues,
            looks_by_itself=looks_by_itself,
        )


@asynccontextmanager
async def _listening(bench: Bench) -> AsyncIterator[Connection]:
    async with direct_connection(bench.url) as connection:
        await listen(connection, [ANY, OWN])
        yield connection


async def _told(listening: Connection) -> int:
    """How often somebody was told since the last time; a mark of our own tells the end."""
    async with transaction() as tx:
        await execute(tx, "SELECT pg_notify(%(channel)s, 'end')", channel=ANY)
    told = 0
    async for payload in notifications(listening, for_s=20):
        if payload == "end":
            return told
        told += 1
    raise TimeoutError


async def _enqueue(count: int = 1) -> None:
    async with transaction() as tx:
        await queue.enqueue_all(tx, count * [A()])


async def test_only_who_has_to_be_told_is_told_and_once_for_all_jobs(bench: Bench) -> None:
    async with _listening(bench) as listening:
        await _enqueue(9)
        assert await _told(listening) == 0, "nobody there"
        await _worker(looks_by_itself=True)
        await _worker(queues="{q}", looks_by_itself=True)
        await _worker(queues="{other}")
        await _enqueue(9)
        assert await _told(listening) == 0
        await _worker(queues="{q,other}")
        await _enqueue(9)
        assert await _told(listening) == 2, "where some listen to all queues, and others to this"


async def test_who_waits_for_jobs_of_any_queue_is_told(bench: Bench) -> None:
    await _worker()
    async with _listening(bench) as listening:
        await _enqueue()
        assert await _told(listening) == 2


async def test_a_worker_of_another_kind_is_always_told(bench: Bench) -> None:
    await bench.sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    async with _listening(bench) as listening:
        await _enqueue()
        assert await _told(listening) == 2


async def test_jobs_that_come_in_another_way_are_announced_as_ever(bench: Bench) -> None:
    await _worker(looks_by_itself=True)
    async with _listening(bench) as listening:
        await _enqueue()
        await bench.add("a")
        assert await _told(listening) == 2


async def test_a_transaction_that_may_see_what_was_tells_everybody(bench: Bench) -> None:
    async with _listening(bench) as listening:
        async with transaction() as tx:
            await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await queue.enqueue(tx, A())
        assert await _told(listening) == 2


async def test_what_was_being_queued_when_a_worker_came_is_found(bench: Bench) -> None:
    bench.task("a")
    async with transaction() as tx:
        await queue.enqueue(tx, A())  # tells nobody: there is nobody
        async with working(bench.worker(look_every_s=NEVER_S)):
            await asyncio.sleep(0.3)
            assert bench.ran == []
            await tx.commit()
            await until(bench, 1)


async def test_what_was_queued_while_a_worker_was_held_for_dead_is_found(bench: Bench) -> None:
    bench.task("a")
    async with working(bench.worker(look_every_s=NEVER_S)):
        await asyncio.sleep(0.3)  # it has settled
        async with transaction() as tx:
            await execute(tx, "DELETE FROM procrastinate_workers")
            await queue.enqueue(tx, A())
        await until(bench, 1)


async def test_what_was_being_queued_when_a_worker_ceased_to_look_by_itself_is_found(
    bench: Bench,
) -> None:
    bench.task("a")
    sent = 0
    is_silent = False
    async with working(bench.worker(look_every_s=NEVER_S)):
        while not is_silent:
            async with transaction() as tx:
                sent += await _flood_until_it_looks_by_itself(tx)
                await queue.enqueue(tx, A())
                sent += 1
                if not await _looks_by_itself(tx):
                    continue  # too slow: it was told
                is_silent = True
                await until(bench, sent - 1)
                while await _looks_by_itself(tx):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.3)
        await until(bench, sent)


async def _flood_until_it_looks_by_itself(tx: Tx) -> int:
    sent = 0
    while not await _looks_by_itself(tx):
        await _enqueue(40)
        sent += 40
        await asyncio.sleep(0.01)
    return sent


async def _looks_by_itself(tx: Tx) -> bool:
    return await fetch_new_value(tx, bool, "SELECT looks_by_itself FROM job_workers")


async def test_what_another_worker_looked_at_and_left_is_found(bench: Bench) -> None:
    """Two jobs that end only side by side, for two workers with room for one job each."""
    running: set[int] = set()
    both = asyncio.Event()

    async def together(job: Claimed) -> None:
        running.add(job.id)
        if len(running) == 2:
            both.set()
        await both.wait()
        await asyncio.sleep(0.1)  # so that nothing is claimed ahead

    async def slow(_job: Claimed) -> None:
        await asyncio.sleep(0.3)

    bench.task("a", together)
    bench.task("slow", slow)
    workers = [bench.worker(concurrency=1, look_every_s=NEVER_S) for _ in range(2)]
    async with working(workers[0]), working(workers[1]):
        for _ in range(4):
            await bench.add("slow")
        await until(bench, 4)
        for n in range(30):
            running.clear()
            both.clear()
            async with transaction() as tx:
                await queue.enqueue_all(tx, [A(), B()])
            await until(bench, 4 + 2 * n + 2)


@pytest.mark.parametrize("count", [1, 500])
async def test_queueing_is_one_round_trip_however_many(pool: None, count: int) -> None:
    with tempfile.TemporaryFile("w+") as trace:
        async with transaction() as tx:
            await execute(tx, "SELECT")  # BEGIN
            tx.pgconn.trace(trace.fileno())
            await queue.enqueue_all(tx, count * [A()])
            tx.pgconn.untrace()
        trace.seek(0)
        assert sum("\tReadyForQuery\t" in line for line in trace) == 1
