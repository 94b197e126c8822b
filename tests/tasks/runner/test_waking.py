"""Which workers are notified of new jobs: as few as possible, and none too late."""

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
from tasks.runner.model import TakenJob
from tests.tasks.runner.bench import NEVER_S, Bench, until, working

ANY, OWN = "procrastinate_any_queue_v1", "procrastinate_queue_v1#q"


class A(queue.Job, frozen=True):
    """A job in the queue `q`."""

    name = "a"
    queue = "q"


class B(queue.Job, frozen=True):
    """A job of the same task in another queue."""

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


async def _notified(listening: Connection) -> int:
    """How many notifications were sent since the last call; one of its own marks the end."""
    async with transaction() as tx:
        await execute(tx, "SELECT pg_notify(%(channel)s, 'end')", channel=ANY)
    count = 0
    async for payload in notifications(listening, for_s=20):
        if payload == "end":
            return count
        count += 1
    raise TimeoutError


async def _enqueue(count: int = 1) -> None:
    async with transaction() as tx:
        await queue.enqueue_all(tx, count * [A()])


async def test_only_workers_that_wait_are_notified_and_once_for_all_jobs(bench: Bench) -> None:
    async with _listening(bench) as listening:
        await _enqueue(9)
        assert await _notified(listening) == 0, "there is no worker"
        await _worker(looks_by_itself=True)
        await _worker(queues="{q}", looks_by_itself=True)
        await _worker(queues="{other}")
        await _enqueue(9)
        assert await _notified(listening) == 0
        await _worker(queues="{q,other}")
        await _enqueue(9)
        assert await _notified(listening) == 2, (
            "on the channel of all queues, and on that of this queue"
        )


async def test_a_worker_for_all_queues_is_notified(bench: Bench) -> None:
    await _worker()
    async with _listening(bench) as listening:
        await _enqueue()
        assert await _notified(listening) == 2


async def test_a_worker_of_procrastinate_itself_is_always_notified(bench: Bench) -> None:
    await bench.sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    async with _listening(bench) as listening:
        await _enqueue()
        assert await _notified(listening) == 2


async def test_jobs_that_are_inserted_without_enqueue_are_always_notified_of(bench: Bench) -> None:
    await _worker(looks_by_itself=True)
    async with _listening(bench) as listening:
        await _enqueue()
        await bench.add("a")
        assert await _notified(listening) == 2


async def test_a_transaction_with_an_old_snapshot_notifies_all_workers(bench: Bench) -> None:
    async with _listening(bench) as listening:
        async with transaction() as tx:
            await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await queue.enqueue(tx, A())
        assert await _notified(listening) == 2


async def test_a_job_that_was_being_queued_when_a_worker_came_is_found(bench: Bench) -> None:
    bench.task("a")
    async with transaction() as tx:
        await queue.enqueue(tx, A())  # notifies nobody: there is no worker
        async with working(bench.worker(look_every_s=NEVER_S)):
            await asyncio.sleep(0.3)
            assert bench.ran == []
            await tx.commit()
            await until(bench, 1)


async def test_a_job_that_was_queued_while_a_worker_had_no_row_is_found(bench: Bench) -> None:
    bench.task("a")
    async with working(bench.worker(look_every_s=NEVER_S)):
        await asyncio.sleep(0.3)  # it has settled
        async with transaction() as tx:
            await execute(tx, "DELETE FROM procrastinate_workers")
            await queue.enqueue(tx, A())
        await until(bench, 1)


async def test_a_job_that_was_being_queued_when_a_worker_ceased_to_poll_is_found(
    bench: Bench,
) -> None:
    bench.task("a")
    sent = 0
    was_not_notified = False
    async with working(bench.worker(look_every_s=NEVER_S)):
        while not was_not_notified:
            async with transaction() as tx:
                sent += await _flood_until_it_polls(tx)
                await queue.enqueue(tx, A())
                sent += 1
                if not await _polls(tx):
                    continue  # too slow: the worker was notified
                was_not_notified = True
                await until(bench, sent - 1)
                while await _polls(tx):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.3)
        await until(bench, sent)


async def _flood_until_it_polls(tx: Tx) -> int:
    sent = 0
    while not await _polls(tx):
        await _enqueue(40)
        sent += 40
        await asyncio.sleep(0.01)
    return sent


async def _polls(tx: Tx) -> bool:
    return await fetch_new_value(tx, bool, "SELECT looks_by_itself FROM job_workers")


async def test_a_job_that_another_worker_locked_and_left_is_found(bench: Bench) -> None:
    """Two workers with room for one job each, and two jobs that end only if both run."""
    running: set[int] = set()
    both = asyncio.Event()

    async def together(job: TakenJob) -> None:
        running.add(job.id)
        if len(running) == 2:
            both.set()
        await both.wait()
        await asyncio.sleep(0.1)  # so that nothing is taken ahead

    async def slow(_job: TakenJob) -> None:
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
async def test_queueing_is_one_round_trip_however_many_jobs_there_are(
    pool: None, count: int
) -> None:
    with tempfile.TemporaryFile("w+") as trace:
        async with transaction() as tx:
            await execute(tx, "SELECT")  # BEGIN
            tx.pgconn.trace(trace.fileno())
            await queue.enqueue_all(tx, count * [A()])
            tx.pgconn.untrace()
        trace.seek(0)
        assert sum("\tReadyForQuery\t" in line for line in trace) == 1
