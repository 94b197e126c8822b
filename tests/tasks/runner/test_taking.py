"""Which jobs are taken, and in which order: as procrastinate means it, without its traps."""

import asyncio
from typing import Any

import pytest

from app.foundation.db import Connection, direct_connection, execute, fetch_values
from tasks.runner import queries
from tests.tasks.runner.bench import Bench

PAGES_MAX = 1_000  # where 20,000 jobs wait


async def _take(bench: Bench, limit: int = 100, **more: Any) -> list[str]:
    """The task names of the jobs that a new worker takes at once."""
    async with direct_connection(bench.url) as connection:
        worker_id = await queries.register(connection)
        given: dict[str, Any] = {"queues": None, "tasks": ["a", "b", "c", "d"]} | more
        jobs = await queries.take_jobs(connection, worker_id=worker_id, limit=limit, **given)
        return [job.task_name for job in jobs]


async def test_the_most_urgent_jobs_are_taken_first_and_then_the_oldest(bench: Bench) -> None:
    await bench.add("a")
    await bench.add("b", priority=5)
    await bench.add("c", queue="other", priority=9)
    await bench.add("d", priority=5)
    assert await _take(bench, 3) == ["c", "b", "d"]
    assert await _take(bench) == ["a"]
    assert await _take(bench) == []


async def test_a_worker_takes_jobs_only_from_the_queues_that_it_was_given(bench: Bench) -> None:
    await bench.add("a", queue="one")
    await bench.add("b", queue="two")
    await bench.add("c", queue="three", in_s=-1)
    await bench.add("d", queue="two", lock="x")
    assert await _take(bench, queues=["two"]) == ["b", "d"]
    assert await _take(bench, queues=["one", "none"]) == ["a"]
    assert await _take(bench) == ["c"]


async def test_jobs_with_one_lock_run_one_at_a_time_in_their_order(bench: Bench) -> None:
    await bench.add("a", lock="x")
    await bench.add("b", lock="x", priority=1)
    await bench.add("c", lock="y")
    assert await _take(bench) == ["b", "c"]
    assert await _take(bench) == [], "both locks are busy"
    await bench.sql("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE task_name = 'b'")
    assert await _take(bench) == ["a"]


async def test_a_scheduled_job_does_not_keep_others_from_its_lock(bench: Bench) -> None:
    await bench.add("a", lock="x", in_s=60, priority=9)
    await bench.add("b", lock="x")
    await bench.add("c", in_s=60)
    await bench.add("d", in_s=-1)
    assert await _take(bench) == ["b", "d"]


async def test_jobs_of_paused_queues_and_tasks_wait_until_these_are_resumed(bench: Bench) -> None:
    await bench.add("a", queue="one")
    await bench.add("b", queue="two")
    await bench.add("c", queue="two", in_s=-1)
    await bench.add("d", queue="one", lock="x")
    await bench.sql("INSERT INTO job_pauses (kind, name) VALUES ('queue', 'two'), ('task', 'd')")
    assert await _take(bench) == ["a"]
    await bench.sql("DELETE FROM job_pauses")
    assert await _take(bench) == ["b", "c", "d"]


async def test_a_job_of_an_unknown_task_waits_and_loses_no_attempt(bench: Bench) -> None:
    await bench.add("of-the-next-release")
    bench.task("a")
    await bench.add("a")
    assert await bench.run() == ["a"]
    assert await bench.statuses() == ["todo 0", "succeeded 1"]


async def test_two_workers_that_take_jobs_with_one_lock_at_once_both_go_on(bench: Bench) -> None:
    """The second worker sees that the first one's job waits, and a more urgent job that came since.

    A worker of procrastinate itself would end with an error here.
    """
    bench.task("a")
    bench.task("b")
    bench.task("c")
    await bench.add("a", lock="x")
    async with direct_connection(bench.url) as other:
        async with other.transaction():
            worker_id = await queries.register(other)
            jobs = await queries.take_jobs(
                other, worker_id=worker_id, queues=None, tasks=["a"], limit=9
            )
            assert len(jobs) == 1
            await bench.add("b", lock="x", priority=9)
            await bench.add("c")
            working = asyncio.create_task(bench.run())
            for _ in range(100):
                waiting = "SELECT pid::text FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                if await bench.values(waiting):
                    break
                await asyncio.sleep(0.02)
        assert await working == ["c"]
        assert await bench.statuses() == ["doing 0", "todo 0", "succeeded 1"]


async def test_of_jobs_that_are_overdue_the_most_urgent_are_taken_first(bench: Bench) -> None:
    await bench.add("a", in_s=-9)
    await bench.add("b", in_s=-5, priority=1)
    await bench.add("c", in_s=-1, priority=2)
    await bench.add("d", in_s=60, priority=9)
    assert await _take(bench, 1) == ["c"]
    assert await _take(bench, 1) == ["b"]
    assert await _take(bench) == ["a"]


async def test_of_many_overdue_jobs_with_locks_the_most_urgent_are_taken_first(
    bench: Bench,
) -> None:
    await bench.sql(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, scheduled_at)
        SELECT 'q', 'a', 'l' || n, now() - interval '1 h' FROM generate_series(1, 1000) AS n"""
    )
    await bench.add("b", in_s=-1, lock="x", priority=1)
    await bench.add("c", in_s=-2, lock="y", priority=2)
    assert await _take(bench, 3) == ["c", "b", "a"]


BLOCKED = {
    "in the future": "'q', 'a', NULL, now() + interval '1 day'",
    "in the future, with locks": "'q', 'a', 'l' || n, now() + interval '1 day'",
    "on a busy lock": "'q', 'a', 'busy', NULL",
    "on a lock of a paused task": "'q', 'z', 'waits', NULL",
    "in another queue": "'others', 'a', NULL, NULL",
}


@pytest.mark.parametrize("blocked", BLOCKED)
async def test_looking_for_jobs_reads_few_pages_although_many_jobs_have_to_wait(
    bench: Bench, blocked: str
) -> None:
    await bench.sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status)"
        " VALUES ('q', 'z', 'busy', 'doing')"
    )
    await bench.sql(
        f"""
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, scheduled_at, priority)
        SELECT {BLOCKED[blocked]}, 9 FROM generate_series(1, 20000) AS n"""
    )
    async with direct_connection(bench.url) as connection:
        await queries.prepare(connection)
        worker_id = await queries.register(connection)
        await execute(connection, "SET track_io_timing = off")
        for _ in range(2):  # the first leaves hints on the pages
            await bench.add("b")
            await bench.add("c", lock="zzz")
            before = await _pages_read(connection)
            jobs = await queries.take_jobs(
                connection, worker_id=worker_id, queues=["q"], tasks=["a", "b", "c"], limit=10
            )
            taking = await _pages_read(connection) - before
            assert [job.task_name for job in jobs] == ["b", "c"]
            await queries.finish_succeeded(connection, jobs)
            before = await _pages_read(connection)
            upcoming = await queries.look_ahead(
                connection, queues=["q"], tasks=["a", "b", "c"], after=None
            )
            looking_ahead = await _pages_read(connection) - before
            assert not upcoming.is_job_waiting
    assert taking < PAGES_MAX, taking
    assert looking_ahead < PAGES_MAX, looking_ahead


async def test_the_most_urgent_jobs_of_many_free_locks_are_taken_first(bench: Bench) -> None:
    """Even if 1,000 jobs come before them that have to wait for a busy lock."""
    await bench.sql(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, priority)
        SELECT 'q', 'a', 'l' || (1800 - n) / 2, n % 2 FROM generate_series(1, 1800) AS n"""
    )
    order = (
        "SELECT id::text FROM procrastinate_jobs AS job WHERE priority = 1 ORDER BY job.id LIMIT 30"
    )
    firsts = await bench.values(order)
    await bench.sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, priority, status)"
        " VALUES ('q', 'a', 'busy', 1, 'doing')"
    )
    await bench.sql(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, priority)
        SELECT 'q', 'a', 'busy', 2 FROM generate_series(1, 1000)"""
    )
    async with direct_connection(bench.url) as connection:
        await queries.prepare(connection)
        worker_id = await queries.register(connection)
        jobs = await queries.take_jobs(
            connection, worker_id=worker_id, queues=None, tasks=["a"], limit=30
        )
    assert [str(job.id) for job in jobs] == firsts


async def _pages_read(connection: Connection) -> int:
    await execute(connection, "SELECT pg_stat_force_next_flush()")
    sql = """
        SELECT (sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read))::bigint::text
          FROM pg_statio_user_tables WHERE relname LIKE 'procrastinate%%'"""
    (pages,) = await fetch_values(connection, str, sql)
    return int(pages)
