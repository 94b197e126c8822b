"""How jobs end: once, by the worker that has them, and with each error written down."""

import asyncio
import contextlib

import pytest

from app.foundation.db import Tx, Violated, direct_connection, execute, transaction
from tasks.runner import queries
from tasks.runner.finishing import Finisher
from tasks.runner.handlers import ONCE, Retries
from tasks.runner.model import Ended, LostJob, Status, TakenJob, WhenLost
from tasks.runner.reaping import reap
from tasks.runner.running import JobTakenOver, complete, hand_back, lost
from tests.tasks.runner.bench import Bench

EFFECT = "INSERT INTO job_pauses (kind, name) VALUES ('task', 'effect')"
EFFECTS = "SELECT name FROM job_pauses WHERE name = 'effect'"


async def _take(bench: Bench) -> list[TakenJob]:
    """The jobs of a worker whose last heartbeat was a minute ago."""
    async with direct_connection(bench.url) as connection:
        worker_id = await queries.register(connection)
        jobs = await queries.take_jobs(
            connection, worker_id=worker_id, queues=None, tasks=list(bench.tasks), limit=100
        )
        await execute(
            connection,
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'",
        )
        return jobs


async def _finish(bench: Bench, job: TakenJob) -> bool:
    async with direct_connection(bench.url) as connection:
        return bool(await queries.finish_succeeded(connection, [job]))


async def test_jobs_of_a_lost_worker_run_again_and_its_late_finish_is_refused(bench: Bench) -> None:
    bench.task("a")
    await bench.add("a")
    (job,) = await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 1
    assert await bench.statuses() == ["todo 1"]
    assert not await _finish(bench, job), "given back"
    (again,) = await _take(bench)
    assert not await _finish(bench, job), "taken by another worker"
    assert await bench.statuses() == ["doing 1"]
    assert await _finish(bench, again)
    assert not await _finish(bench, job), "done by another"
    assert await bench.statuses() == ["succeeded 2"]
    assert await reap(bench.tasks, stalled_s=30) == 0
    assert await bench.values("SELECT id::text FROM procrastinate_workers") == []


async def test_jobs_of_a_worker_with_a_heartbeat_are_left_alone(bench: Bench) -> None:
    bench.task("a")
    await bench.add("a")
    await _take(bench)
    await bench.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '29 s'")
    assert await reap(bench.tasks, stalled_s=30) == 0
    assert await bench.statuses() == ["doing 0"]


async def test_a_job_whose_worker_was_deleted_is_queued_again(bench: Bench) -> None:
    """A worker of procrastinate itself deletes those without a heartbeat when it starts."""
    bench.task("a")
    await bench.add("a")
    await _take(bench)
    await bench.sql("DELETE FROM procrastinate_workers")
    assert await reap(bench.tasks, stalled_s=30) == 1
    assert await bench.statuses() == ["todo 1"]


async def test_of_lost_jobs_with_one_queueing_lock_only_one_is_queued_again(bench: Bench) -> None:
    """As when a periodic job was still running when its next tick came."""
    bench.task("a")
    for _ in range(2):
        await bench.add("a", queueing_lock="x")
        await _take(bench)
    await bench.add("a")
    await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 3
    assert await bench.statuses() == ["todo 1", "aborted 1", "todo 1"]


async def test_lost_jobs_are_held_for_an_operator_if_their_task_asks_for_that(bench: Bench) -> None:
    bench.task("a", when_lost=WhenLost.HOLD)
    bench.task("b", retries=ONCE)
    await bench.add("a")
    await bench.add("b")
    await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 2
    assert await bench.statuses() == ["failed 1", "failed 1"]
    assert await bench.values("SELECT error FROM job_errors") == 2 * ["its worker was lost"]


async def test_lost_jobs_are_held_if_the_lost_worker_had_asked_for_that(bench: Bench) -> None:
    """The worker that finds it lost is of another release, and knows none of its tasks."""
    bench.task("a", when_lost=WhenLost.HOLD)
    bench.task("b", retries=ONCE)
    bench.task("c")
    for name in bench.tasks:
        await bench.add(name)
    (job, *_) = await _take(bench)
    async with direct_connection(bench.url) as connection:
        await queries.describe(connection, job.worker_id, bench.worker().heartbeat.description)
    assert await reap({}, stalled_s=30) == 3
    assert await bench.statuses() == ["failed 1", "failed 1", "todo 1"]


async def test_a_job_that_was_handed_back_and_taken_again_is_not_handed_back_twice(
    bench: Bench,
) -> None:
    """The answer to the first hand-back was lost, and the database takes a second for the same."""
    bench.task("a")
    await bench.add("a")
    (job,) = await _take(bench)
    held = {job.id: job}
    finisher = Finisher(
        bench.url, holds=lambda job: held.get(job.id) is job, forget=lambda _jobs: None
    )
    async with direct_connection(bench.url) as connection:
        await queries.finish(connection, [hand_back(job)])
        (again,) = await queries.take_jobs(
            connection, worker_id=job.worker_id, queues=None, tasks=["a"], limit=1
        )
    held[job.id] = again
    finisher.put(hand_back(job))
    sending = asyncio.create_task(finisher.run())
    await finisher.wait_until_empty()
    sending.cancel()
    assert await bench.statuses() == ["doing 0"]


async def test_an_effect_and_its_completion_are_one_commit(bench: Bench) -> None:
    async def effect(job: TakenJob) -> None:
        async with transaction() as tx:
            await execute(tx, EFFECT)
            await complete(tx)

    bench.task("a", effect)
    await bench.add("a")
    assert await bench.run() == ["a"]
    assert await bench.statuses() == ["succeeded 1"]
    assert await bench.values(EFFECTS) == ["effect"]


async def test_a_job_whose_completion_did_not_commit_is_run_again(bench: Bench) -> None:
    attempts: list[int] = []

    async def effect(job: TakenJob) -> None:
        attempts.append(job.attempts)
        with contextlib.suppress(LookupError):
            async with transaction() as tx:
                await execute(tx, EFFECT)
                await complete(tx)
                if job.attempts == 0:
                    raise LookupError("and the task hides it")

    bench.task("a", effect)
    await bench.add("a")
    await bench.run()
    assert await bench.values(EFFECTS) == []
    assert await bench.statuses() == ["doing 0"]
    assert await reap(bench.tasks, stalled_s=30) == 1
    await bench.run()
    assert await bench.values(EFFECTS) == ["effect"]
    assert await bench.statuses() == ["succeeded 2"]
    assert attempts == [0, 1]


async def test_a_worker_that_lost_a_job_cannot_commit_its_effect(bench: Bench) -> None:
    seen: list[BaseException] = []

    async def effect(job: TakenJob) -> None:
        await bench.sql("UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1")
        try:
            async with transaction() as tx:
                await execute(tx, EFFECT)
                await complete(tx)
        except JobTakenOver as taken:
            seen.append(taken)
            raise

    bench.task("a", effect)
    await bench.add("a")
    assert await bench.run() == []
    assert len(seen) == 1
    assert await bench.values(EFFECTS) == []
    assert await bench.statuses() == ["todo 1"]


async def test_a_failed_job_keeps_its_traceback_and_is_retried_until_it_gives_up(
    bench: Bench,
) -> None:
    async def fail(job: TakenJob) -> None:
        raise LookupError(f"no \x00 such thing, attempt {job.attempts + 1}")

    bench.task("a", fail)
    await bench.add("a")
    for _ in range(3):
        await bench.run()
        await asyncio.sleep(0.05)
    assert await bench.statuses() == ["failed 3"]
    errors = await bench.values("SELECT error FROM job_errors ORDER BY attempt")
    assert errors == [f"LookupError: no  such thing, attempt {n}" for n in (1, 2, 3)]
    assert "test_finishing.py" in (await bench.values("SELECT traceback FROM job_errors"))[0]


async def test_a_job_that_takes_too_long_is_cut_off(bench: Bench) -> None:
    async def sleep(job: TakenJob) -> None:
        await asyncio.sleep(30)

    bench.task("a", sleep, time_limit_s=0.1, retries=ONCE)
    await bench.add("a")
    await bench.run()
    assert await bench.statuses() == ["failed 1"]
    assert await bench.values("SELECT error FROM job_errors") == ["TookTooLong: over 0.1 s"]


async def test_a_job_that_ignores_its_time_limit_is_cut_off_again(bench: Bench) -> None:
    async def sleep(job: TakenJob) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    bench.task("a", sleep, time_limit_s=0.1, retries=ONCE)
    await bench.add("a")
    await asyncio.wait_for(bench.run(), 40)
    assert await bench.statuses() == ["failed 1"]


async def test_a_task_that_asks_the_process_to_exit_has_failed(bench: Bench) -> None:
    async def leave(job: TakenJob) -> None:
        raise SystemExit(1)

    bench.task("a", leave, retries=ONCE)
    await bench.add("a")
    await bench.run()
    assert await bench.statuses() == ["failed 1"]


class _WithoutMessage(Exception):
    def __str__(self) -> str:
        raise LookupError("no message")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a file \udcff"),
        _WithoutMessage(),
        asyncio.CancelledError(),
        BaseExceptionGroup("several", [GeneratorExit()]),
    ],
    ids=["a surrogate", "no message", "a cancellation from elsewhere", "several"],
)
async def test_however_a_task_fails_it_counts_as_an_attempt_and_other_jobs_go_on(
    bench: Bench, error: BaseException
) -> None:
    async def fail(job: TakenJob) -> None:
        if job.priority:
            raise error
        raise LookupError

    bench.task("a", fail, retries=ONCE)
    await bench.add("a", priority=1)
    await bench.add("a")
    async with asyncio.timeout(20):
        await bench.run()
    assert await bench.statuses() == ["failed 1", "failed 1"]
    assert type(error).__name__ in (await bench.values("SELECT error FROM job_errors"))[0]


async def test_waits_between_attempts_grow_to_a_limit_and_are_jittered() -> None:
    retries = Retries(attempts_max=20, first_wait_s=2, wait_s_max=60)
    for attempts in range(1, 20):
        waits = [retries.wait_s(attempts) for _ in range(200)]
        ceiling = min(60, 2**attempts)
        assert all(wait is not None and 0 <= wait <= ceiling for wait in waits)
        assert max(w or 0 for w in waits) > ceiling * 0.8
        assert min(w or 0 for w in waits) < ceiling * 0.2
    assert retries.wait_s(20) is None


async def test_a_job_is_not_retried_if_its_queueing_lock_is_in_use(bench: Bench) -> None:
    async def fail(job: TakenJob) -> None:
        await bench.add("b", queueing_lock="x", queue="unread")
        raise RuntimeError

    bench.task("a", fail)
    bench.task("c")
    await bench.add("a", queueing_lock="x")
    await bench.add("c")
    assert await bench.run(queues=("q",)) == ["c"]
    assert await bench.statuses() == ["aborted 1", "succeeded 1", "todo 0"]


async def test_a_retry_that_meets_its_queueing_lock_in_an_open_transaction_is_refused_once(
    bench: Bench,
) -> None:
    bench.task("a")
    await bench.add("a", queueing_lock="x")
    (job,) = await _take(bench)
    again = Ended(job=job, status=Status.TODO)

    async def finish() -> None:
        async with direct_connection(bench.url) as connection:
            with pytest.raises(Violated, match="queueing_lock"):
                await queries.finish(connection, [again])
            await queries.finish(connection, [again])

    async with transaction() as tx:
        await _insert(tx)
        finishing = asyncio.create_task(finish())
        await asyncio.sleep(0.2)
    await finishing
    assert await bench.statuses() == ["aborted 1", "todo 0"]


async def _insert(tx: Tx) -> None:
    await execute(
        tx,
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock)
        VALUES ('q', 'b', 'x')""",
    )


async def test_a_job_that_an_operator_aborts_is_cut_off_and_not_retried(bench: Bench) -> None:
    began = asyncio.Event()

    async def sleep(job: TakenJob) -> None:
        began.set()
        await asyncio.sleep(30)

    bench.task("a", sleep)
    job_id = await bench.add("a")
    worker = bench.worker()
    running = asyncio.create_task(worker.run())
    await began.wait()
    await bench.sql("SELECT procrastinate_cancel_job_v1(%(id)s, true, false)", id=job_id)
    for _ in range(100):
        if await bench.statuses() == ["aborted 1"]:
            break
        await asyncio.sleep(0.02)
    worker.stop()
    await running
    assert await bench.statuses() == ["aborted 1"]


async def test_a_lost_job_of_an_unknown_task_is_queued_again() -> None:
    job = LostJob(
        id=1,
        task_name="a",
        args="{}",
        attempts=24,
        priority=0,
        is_locked=False,
        has_queueing_lock=False,
        worker_id=1,
        is_held=False,
    )
    assert lost(None, job).status is Status.TODO, "its task may allow more attempts"
