"""The worker as a whole: on time, hard to kill, quick to stop."""

import asyncio
import threading
import time

import psycopg

from app.foundation.db import direct_connection, execute
from tasks.runner import queries
from tasks.runner.model import TakenJob
from tests.tasks.runner.bench import NEVER_S, Bench, until, working

STALLED_S = 2.0


async def test_an_idle_worker_begins_a_job_when_notified_and_at_its_scheduled_time(
    bench: Bench,
) -> None:
    bench.task("a")
    async with working(bench.worker(look_every_s=NEVER_S)):
        await bench.add("a")
        await until(bench, 1)
        began = time.monotonic()
        await bench.add("a", in_s=1.0)
        await until(bench, 2)
        assert time.monotonic() - began >= 1.0


async def test_a_job_that_is_due_as_the_worker_falls_asleep_begins(bench: Bench) -> None:
    bench.task("a")
    async with working(bench.worker(look_every_s=NEVER_S)):
        for n in range(150):
            await bench.add("a", in_s=0.0002 * (n % 25))
            await until(bench, n + 1)


async def test_a_retry_begins_at_its_time(bench: Bench) -> None:
    attempts: list[int] = []

    async def fail_once(job: TakenJob) -> None:
        attempts.append(job.attempts)
        if not job.attempts:
            raise RuntimeError

    bench.task("a", fail_once)
    async with working(bench.worker(look_every_s=NEVER_S)):
        await bench.add("a")
        await until(bench, 1)
    assert attempts == [0, 1]


async def test_the_next_job_with_a_lock_begins_when_the_one_before_has_ended(bench: Bench) -> None:
    bench.task("a")
    worker, other = (bench.worker(concurrency=n, look_every_s=NEVER_S) for n in (1, 5))
    async with working(worker), working(other):
        for _ in range(20):
            await bench.add("a", lock="x")
        await until(bench, 20)


async def test_an_idle_worker_queries_the_database_less_than_once_a_second(bench: Bench) -> None:
    bench.task("a")
    async with working(bench.worker(heartbeat_s=10.0, stalled_s=30.0)):
        before = await _queries(bench)
        await asyncio.sleep(6)
        count = await _queries(bench) - before
    assert 1 <= count <= 6, count


async def _queries(bench: Bench) -> int:
    """How many heartbeats, takes and looks ahead there were; Postgres counts them once idle."""
    sql = """
        SELECT (SELECT sum(calls) FROM (
            SELECT n_tup_upd AS calls FROM pg_stat_user_tables
             WHERE relname = 'procrastinate_workers'
             UNION ALL
            SELECT idx_scan FROM pg_stat_user_indexes
             WHERE indexrelname = 'runner_jobs_overdue') AS counted)::text"""
    (count,) = await bench.values(sql)
    return int(count)


async def test_a_worker_that_stops_finishes_the_running_jobs_and_hands_back_the_rest(
    bench: Bench,
) -> None:
    began: list[int] = []

    async def work(job: TakenJob) -> None:
        began.append(job.id)
        await asyncio.sleep(0.1 if len(began) == 1 else 30)

    bench.task("a", work)
    for _ in range(10):
        await bench.add("a")
    async with working(bench.worker(concurrency=2)):
        while len(began) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await bench.statuses() == ["succeeded 1"] + 9 * ["todo 0"]
    assert await bench.values("SELECT id::text FROM procrastinate_workers") == []


async def test_jobs_that_wait_behind_slow_ones_are_left_to_other_workers(bench: Bench) -> None:
    async def sleep(job: TakenJob) -> None:
        if job.priority:
            await asyncio.sleep(60)

    bench.task("a", sleep)
    busy = bench.worker(concurrency=2, grace_s=0.1)
    async with working(busy):
        for _ in range(2):
            await bench.add("a", priority=1)
        for _ in range(10):
            await bench.add("a")
        await asyncio.sleep(0.3)
        async with working(bench.worker()):
            await until(bench, 10)


async def test_a_worker_that_was_counted_as_dead_registers_again(bench: Bench) -> None:
    bench.task("a")
    async with working(bench.worker()) as worker:
        first = worker.heartbeat.worker_id
        await bench.sql("DELETE FROM procrastinate_workers")
        await bench.add("a")
        await until(bench, 1)
        assert worker.heartbeat.worker_id not in (None, first)


async def test_a_worker_without_a_heartbeat_takes_nothing_until_it_has_one_again(
    bench: Bench,
) -> None:
    bench.task("a")
    async with working(bench.worker(stalled_s=0.6)) as worker:
        async with direct_connection(bench.url) as other, other.transaction():
            await execute(other, "LOCK TABLE procrastinate_workers IN SHARE MODE")
            for _ in range(100):
                if not worker.heartbeat.is_fresh:
                    break
                await asyncio.sleep(0.02)
            await bench.add("a")
            await asyncio.sleep(0.3)
            assert bench.ran == []
        await until(bench, 1)


async def test_a_worker_that_was_suspended_begins_nothing_that_others_may_have_been_given(
    bench: Bench,
) -> None:
    """The process stands still for longer than others wait for it, and has a job that waits."""

    def take_over() -> None:
        with psycopg.connect(bench.url, autocommit=True) as connection:
            connection.execute(
                "UPDATE procrastinate_jobs SET attempts = attempts + 1, worker_id = NULL"
                " WHERE status = 'doing'"
            )

    async def sleep(job: TakenJob) -> None:
        while await bench.statuses() != ["doing 0", "doing 0"]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        thread = threading.Thread(target=take_over)
        thread.start()
        time.sleep(STALLED_S + 0.5)  # noqa: ASYNC251  the whole process
        thread.join()

    bench.task("a", sleep)
    bench.task("b")
    async with working(bench.worker(concurrency=1, stalled_s=STALLED_S)):
        await bench.add("a", priority=1)
        await bench.add("b")
        await until(bench, 1)
        await asyncio.sleep(0.5)
    assert bench.ran == ["a"]
    assert await bench.statuses() == ["doing 1", "doing 1"]


async def test_no_lost_connection_ends_a_worker(bench: Bench) -> None:
    """Every connection is cut again and again, and still every job is done."""

    async def work(_job: TakenJob) -> None:
        await asyncio.sleep(0.002)

    bench.task("a", work)
    async with working(bench.worker()):
        for _ in range(15):
            async with direct_connection(bench.url) as other:
                await execute(
                    other,
                    """
                    INSERT INTO procrastinate_jobs (queue_name, task_name)
                    SELECT 'q', 'a' FROM generate_series(1, 40)""",
                )
                await execute(
                    other,
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()""",
                )
            await asyncio.sleep(0.1)
        for _ in range(400):
            if set(await bench.statuses()) == {"succeeded 1"}:
                break
            await asyncio.sleep(0.05)
        assert set(await bench.statuses()) == {"succeeded 1"}


async def test_jobs_that_were_taken_without_an_answer_are_given_back(bench: Bench) -> None:
    bench.task("a")
    await bench.add("a")
    async with working(bench.worker()) as worker:
        await until(bench, 1)
        await bench.sql(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)
            VALUES ('q', 'a', 'doing', %(id)s)""",
            id=worker.heartbeat.worker_id,
        )
        await bench.sql(  # the loop that takes jobs starts again, and checks which ones it has
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database()
               AND query ~ 'runner.(take_jobs|is_job_waiting)'
               AND pid <> pg_backend_pid()"""
        )
        await until(bench, 2)
        for _ in range(100):
            if await bench.statuses() == ["succeeded 1", "succeeded 1"]:
                break
            await asyncio.sleep(0.02)
    assert await bench.statuses() == ["succeeded 1", "succeeded 1"]


async def test_of_jobs_with_one_queueing_lock_taken_without_an_answer_one_is_given_back(
    bench: Bench,
) -> None:
    bench.task("a")
    async with direct_connection(bench.url) as connection:
        worker_id = await queries.register(connection)
        for _ in range(2):
            await bench.add("a", queueing_lock="x")
            await queries.take_jobs(
                connection, worker_id=worker_id, queues=None, tasks=["a"], limit=1
            )
        given = await queries.return_unknown(connection, worker_id=worker_id, held=[])
    assert len(given) == 2
    assert await bench.statuses() == ["todo 0", "aborted 0"]
