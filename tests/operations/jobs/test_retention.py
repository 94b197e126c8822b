"""What is over goes after its time, in batches that keep nobody; the queue does not feel it."""

import asyncio

import pytest

from app.foundation.db import Tx, direct_connection, fetch_new_value, transaction, transaction_on
from app.operations.jobs import actions
from tasks.operations import cleanup
from tasks.runner import queries
from tests.operations.jobs.desk import Desk
from tests.tasks.runner.bench import Bench

NAMES = "SELECT task_name FROM procrastinate_jobs ORDER BY id"


async def _ended(bench: Bench, name: str, status: str, ago: str, *, count: int = 1) -> None:
    """Jobs that have ended so long ago, with the events that they would have."""
    await bench.sql(
        """
        WITH job AS (
            INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts)
            SELECT 'q', %(name)s, %(status)s::text::procrastinate_job_status, 1
              FROM generate_series(1, %(count)s)
            RETURNING id
        ), failure AS (
            INSERT INTO job_errors (job_id, attempt, error, traceback) SELECT id, 1, '', '' FROM job
        )
        INSERT INTO procrastinate_events (job_id, type, at)
        SELECT id, type::procrastinate_job_event_type, now() - %(ago)s::interval
          FROM job, unnest(ARRAY['deferred', 'started', %(status)s::text]) AS type
         ORDER BY id""",
        name=name,
        status=status,
        ago=ago,
        count=count,
    )


async def _count(bench: Bench, table: str) -> int:
    (count,) = await bench.values(f"SELECT count(*)::text FROM {table}")
    return int(count)


async def _rows_read(tx: Tx) -> int:
    """How many rows of the queue this connection has read, but for what it has told already.

    Which it does between transactions, and not after each.
    """
    sql = """
        SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
         WHERE relname LIKE 'procrastinate%%'"""
    return await fetch_new_value(tx, int, sql)


async def test_each_kind_of_job_is_deleted_after_its_own_time(bench: Bench) -> None:
    await _ended(bench, "done, old", "succeeded", "25 hours")
    await _ended(bench, "done, young", "succeeded", "23 hours")
    await _ended(bench, "gave up, old", "failed", "91 days")
    await _ended(bench, "gave up, young", "failed", "89 days")
    await _ended(bench, "cancelled, old", "cancelled", "8 days")
    await _ended(bench, "aborted, young", "aborted", "6 days")
    await bench.add("waits")
    await bench.sql(
        "UPDATE procrastinate_events SET at = at - interval '1 year' WHERE type IS NULL"
    )
    assert await cleanup(100) == 3
    assert await bench.values(NAMES) == [
        "done, young",
        "gave up, young",
        "aborted, young",
        "waits",
    ]
    assert await _count(bench, "job_errors") == 3
    assert await _count(bench, "procrastinate_events") == 10


async def test_waiting_and_running_jobs_are_not_deleted_however_old(bench: Bench) -> None:
    for status in ("todo", "doing"):
        await bench.add(status)
        await bench.sql(
            "UPDATE procrastinate_jobs SET status = task_name::procrastinate_job_status"
        )
    await bench.sql("UPDATE procrastinate_events SET at = at - interval '1 year'")
    assert await cleanup(100) == 0
    assert await _count(bench, "procrastinate_jobs") == 2


async def test_a_dead_letter_that_was_queued_again_stays(bench: Bench, desk: Desk) -> None:
    await _ended(bench, "a", "failed", "91 days")
    (job,) = (await desk.get("jobs"))["jobs"]
    await desk.post(f"jobs/{job['id']}/retry")
    bench.task("a")
    await bench.run()
    assert await cleanup(100) == 0
    assert await bench.statuses() == ["succeeded 2"]


async def test_cleanup_deletes_all_old_rows_with_any_batch_size(bench: Bench) -> None:
    await _ended(bench, "a", "succeeded", "2 days", count=50)
    await _ended(bench, "b", "succeeded", "1 hour", count=50)
    await _ended(bench, "c", "failed", "91 days", count=20)
    assert await cleanup(4) == 70
    assert await bench.values("SELECT DISTINCT task_name FROM procrastinate_jobs") == ["b"]


async def test_the_time_of_a_scheduled_job_does_not_keep_later_jobs_from_being_deleted(
    bench: Bench,
) -> None:
    await bench.add("next year", in_s=365 * 86_400)
    await _ended(bench, "a", "succeeded", "2 days")
    await bench.sql(
        "UPDATE procrastinate_events SET at = at - interval '2 days'"
        " WHERE job_id = 1 AND type = 'deferred'"
    )
    assert await cleanup(100) == 1
    assert await bench.values(NAMES) == ["next year"]


async def test_cleanup_reads_no_kept_rows_again(bench: Bench) -> None:
    await _ended(bench, "a", "succeeded", "2 days", count=3)
    await _ended(bench, "b", "failed", "3 days", count=20_000)
    await _ended(bench, "c", "succeeded", "1 hour", count=20_000)
    async with transaction() as tx:
        while (await actions.forget_succeeded(tx, limit=10_000)).more:
            pass
    async with transaction() as tx:
        before = await _rows_read(tx)
        await actions.forget_succeeded(tx, limit=10)
        assert await _rows_read(tx) - before < 200
    assert await _count(bench, "procrastinate_jobs") == 40_000


async def test_deleting_old_jobs_and_running_jobs_do_not_block_each_other(bench: Bench) -> None:
    bench.task("a")
    await _ended(bench, "old", "succeeded", "2 days", count=500)
    await _ended(bench, "old", "failed", "91 days", count=100)
    for _ in range(20):
        await bench.add("a")
    async with transaction() as tx:
        assert (await actions.forget_succeeded(tx, limit=1_000)).deleted == 500
        assert (await actions.forget_unsuccessful(tx, limit=1_000)).deleted == 100
        assert len(await asyncio.wait_for(bench.run(), 20)) == 20, "while the batch is open"
    for _ in range(20):
        await bench.add("a")
    async with direct_connection(bench.url) as other, other.transaction():
        worker_id = await queries.register(other)
        jobs = await queries.take_jobs(
            other, worker_id=worker_id, queues=None, tasks=["a"], limit=100
        )
        assert len(jobs) == 20
        assert await asyncio.wait_for(cleanup(1_000), 20) == 0, "while the claim is open"


@pytest.mark.parametrize("finished", [0, 30_000])
async def test_taking_a_job_reads_no_rows_of_finished_jobs(bench: Bench, finished: int) -> None:
    await _ended(bench, "a", "succeeded", "1 hour", count=finished)
    await _ended(bench, "a", "failed", "1 hour", count=finished // 10)
    for _ in range(10):
        await bench.add("a")
    async with direct_connection(bench.url) as connection:
        await queries.prepare(connection)
        worker_id = await queries.register(connection)
        async with transaction_on(connection) as tx:
            jobs = await queries.take_jobs(
                tx, worker_id=worker_id, queues=None, tasks=["a"], limit=10
            )
            assert await _rows_read(tx) < 200
    assert len(jobs) == 10


async def test_old_runs_and_unused_periodic_jobs_are_deleted_after_a_month(bench: Bench) -> None:
    await bench.sql(
        """
        INSERT INTO job_runs (name, tick, started_at, job_id, attempt, worker_id, instance)
        SELECT 'a', now(), now() - days * interval '1 day', 1, 1, 1, 'here:1'
          FROM unnest(ARRAY[40, 36, 34, 0]) AS days"""
    )
    await bench.sql(
        """
        INSERT INTO job_ticks (name, cron, last_tick, next_tick)
        SELECT 'days ' || days, '* * * * *', now(), now() - days * interval '1 day'
          FROM unnest(ARRAY[36, 34]) AS days"""
    )
    assert await cleanup(1) == 2
    assert await _count(bench, "job_runs") == 2
    assert await bench.values("SELECT name FROM job_ticks") == ["days 34"]
