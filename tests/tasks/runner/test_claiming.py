"""What is claimed, and in which order: procrastinate's meaning, without its traps."""

import asyncio
from typing import Any

import pytest

from app.foundation.db import Connection, direct_connection, execute, fetch_values
from tasks.runner import queries
from tasks.runner.claiming import claim
from tests.tasks.runner.bench import Bench

PAGES_MAX = 1_000  # where 20,000 jobs wait


async def _claim(bench: Bench, limit: int = 100, **more: Any) -> list[str]:
    """The names of what a new worker claims at once."""
    async with direct_connection(bench.url) as connection:
        worker_id = await queries.register(connection)
        given: dict[str, Any] = {"queues": None, "tasks": ["a", "b", "c", "d"]} | more
        jobs = await claim(connection, worker_id=worker_id, limit=limit, **given)
        return [job.task_name for job in jobs]


async def test_the_most_urgent_comes_first_and_then_the_oldest(bench: Bench) -> None:
    await bench.add("a")
    await bench.add("b", priority=5)
    await bench.add("c", queue="other", priority=9)
    await bench.add("d", priority=5)
    assert await _claim(bench, 3) == ["c", "b", "d"]
    assert await _claim(bench) == ["a"]
    assert await _claim(bench) == []


async def test_only_the_queues_that_were_named(bench: Bench) -> None:
    await bench.add("a", queue="one")
    await bench.add("b", queue="two")
    await bench.add("c", queue="three", in_s=-1)
    await bench.add("d", queue="two", lock="x")
    assert await _claim(bench, queues=["two"]) == ["b", "d"]
    assert await _claim(bench, queues=["one", "none"]) == ["a"]
    assert await _claim(bench) == ["c"]


async def test_one_of_a_lock_at_a_time_in_order(bench: Bench) -> None:
    await bench.add("a", lock="x")
    await bench.add("b", lock="x", priority=1)
    await bench.add("c", lock="y")
    assert await _claim(bench) == ["b", "c"]
    assert await _claim(bench) == [], "both locks are taken"
    await bench.sql("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE task_name = 'b'")
    assert await _claim(bench) == ["a"]


async def test_a_job_in_the_future_keeps_nobody_from_its_lock(bench: Bench) -> None:
    await bench.add("a", lock="x", in_s=60, priority=9)
    await bench.add("b", lock="x")
    await bench.add("c", in_s=60)
    await bench.add("d", in_s=-1)
    assert await _claim(bench) == ["b", "d"]


async def test_what_is_paused_waits_and_resumes(bench: Bench) -> None:
    await bench.add("a", queue="one")
    await bench.add("b", queue="two")
    await bench.add("c", queue="two", in_s=-1)
    await bench.add("d", queue="one", lock="x")
    await bench.sql("INSERT INTO job_pauses (kind, name) VALUES ('queue', 'two'), ('task', 'd')")
    assert await _claim(bench) == ["a"]
    await bench.sql("DELETE FROM job_pauses")
    assert await _claim(bench) == ["b", "c", "d"]


async def test_an_unknown_task_waits_and_burns_no_attempt(bench: Bench) -> None:
    await bench.add("of-the-next-release")
    bench.task("a")
    await bench.add("a")
    assert await bench.run() == ["a"]
    assert await bench.statuses() == ["todo 0", "succeeded 1"]


async def test_two_that_take_jobs_of_one_lock_at_once_do_not_stop_each_other(bench: Bench) -> None:
    """The second sees the first one's job still waiting, and the more urgent one that came since.

    Stock procrastinate's worker ends here.
    """
    bench.task("a")
    bench.task("b")
    bench.task("c")
    await bench.add("a", lock="x")
    async with direct_connection(bench.url) as other:
        async with other.transaction():
            worker_id = await queries.register(other)
            jobs = await claim(other, worker_id=worker_id, queues=None, tasks=["a"], limit=9)
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


async def test_of_those_whose_time_has_come_the_most_urgent_come_first(bench: Bench) -> None:
    await bench.add("a", in_s=-9)
    await bench.add("b", in_s=-5, priority=1)
    await bench.add("c", in_s=-1, priority=2)
    await bench.add("d", in_s=60, priority=9)
    assert await _claim(bench, 1) == ["c"]
    assert await _claim(bench, 1) == ["b"]
    assert await _claim(bench) == ["a"]


async def test_of_many_overdue_with_locks_the_most_urgent_come_first(bench: Bench) -> None:
    await bench.sql(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, scheduled_at)
        SELECT 'q', 'a', 'l' || n, now() - interval '1 h' FROM generate_series(1, 1000) AS n"""
    )
    await bench.add("b", in_s=-1, lock="x", priority=1)
    await bench.add("c", in_s=-2, lock="y", priority=2)
    assert await _claim(bench, 3) == ["c", "b", "a"]


BLOCKED = {
    "in the future": "'q', 'a', NULL, now() + interval '1 day'",
    "in the future, with locks": "'q', 'a', 'l' || n, now() + interval '1 day'",
    "on a busy lock": "'q', 'a', 'busy', NULL",
    "on a lock of a paused task": "'q', 'z', 'waits', NULL",
    "in another queue": "'others', 'a', NULL, NULL",
}


@pytest.mark.parametrize("blocked", BLOCKED)
async def test_a_claim_reads_no_more_for_those_that_wait(bench: Bench, blocked: str) -> None:
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
            jobs = await claim(
                connection, worker_id=worker_id, queues=["q"], tasks=["a", "b", "c"], limit=10
            )
            read = await _pages_read(connection) - before
            assert [job.task_name for job in jobs] == ["b", "c"]
            await queries.finish_succeeded(connection, jobs)
    assert read < PAGES_MAX, read


async def test_the_first_of_many_free_locks_come_first(bench: Bench) -> None:
    """Whether there are so many jobs before them that cannot start, or none."""
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
        jobs = await claim(connection, worker_id=worker_id, queues=None, tasks=["a"], limit=30)
    assert [str(job.id) for job in jobs] == firsts


async def _pages_read(connection: Connection) -> int:
    await execute(connection, "SELECT pg_stat_force_next_flush()")
    sql = """
        SELECT (sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read))::bigint::text
          FROM pg_statio_user_tables WHERE relname LIKE 'procrastinate%%'"""
    (pages,) = await fetch_values(connection, str, sql)
    return int(pages)
