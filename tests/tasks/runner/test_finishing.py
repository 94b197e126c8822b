"""How jobs end: once, by whoever owns them, and with what went wrong written down."""

import asyncio
import contextlib

import pytest

from app.foundation.db import Tx, Violated, direct_connection, execute, transaction
from tasks.runner import queries
from tasks.runner.claiming import claim
from tasks.runner.finishing import Finisher
from tasks.runner.handlers import ONCE, Retries
from tasks.runner.model import Claimed, Ended, Lost, Status, WhenLost
from tasks.runner.reaping import reap
from tasks.runner.running import JobTaken, complete, hand_back, lost
from tests.tasks.runner.bench import Bench

EFFECT = "INSERT INTO job_pauses (kind, name) VALUES ('task', 'effect')"
EFFECTS = "SELECT name FROM job_pauses WHERE name = 'effect'"


async def _take(bench: Bench) -> list[Claimed]:
    """What a worker holds that has not been heard of for a minute."""
    async with direct_connection(bench.url) as connection:
        worker_id = await queries.register(connection)
        jobs = await claim(
            connection, worker_id=worker_id, queues=None, tasks=list(bench.tasks), limit=100
        )
        await execute(
            connection,
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'",
        )
        return jobs


async def _finish(bench: Bench, job: Claimed) -> bool:
    async with direct_connection(bench.url) as connection:
        return bool(await queries.finish_succeeded(connection, [job]))


async def test_jobs_of_the_lost_run_again_and_the_sleepers_finish_is_refused(bench: Bench) -> None:
    bench.task("a")
    await bench.add("a")
    (job,) = await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 1
    assert await bench.statuses() == ["todo 1"]
    assert not await _finish(bench, job), "given back"
    (again,) = await _take(bench)
    assert not await _finish(bench, job), "in another's hands"
    assert await bench.statuses() == ["doing 1"]
    assert await _finish(bench, again)
    assert not await _finish(bench, job), "done by another"
    assert await bench.statuses() == ["succeeded 2"]
    assert await reap(bench.tasks, stalled_s=30) == 0
    assert await bench.values("SELECT id::text FROM procrastinate_workers") == []


async def test_jobs_of_the_living_are_left_alone(bench: Bench) -> None:
    bench.task("a")
    await bench.add("a")
    await _take(bench)
    await bench.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '29 s'")
    assert await reap(bench.tasks, stalled_s=30) == 0
    assert await bench.statuses() == ["doing 0"]


async def test_a_job_whose_worker_was_struck_off_is_found(bench: Bench) -> None:
    """By a stock worker, say, which does that when it starts."""
    bench.task("a")
    await bench.add("a")
    await _take(bench)
    await bench.sql("DELETE FROM procrastinate_workers")
    assert await reap(bench.tasks, stalled_s=30) == 1
    assert await bench.statuses() == ["todo 1"]


async def test_lost_jobs_of_one_queueing_lock_keep_nobody_waiting(bench: Bench) -> None:
    """Two ticks of a periodic job, say, whose first run was not over when the second came."""
    bench.task("a")
    for _ in range(2):
        await bench.add("a", queueing_lock="x")
        await _take(bench)
    await bench.add("a")
    await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 3
    assert await bench.statuses() == ["todo 1", "aborted 1", "todo 1"]


async def test_a_task_can_have_its_lost_jobs_held_for_an_operator(bench: Bench) -> None:
    bench.task("a", when_lost=WhenLost.HOLD)
    bench.task("b", retries=ONCE)
    await bench.add("a")
    await bench.add("b")
    await _take(bench)
    assert await reap(bench.tasks, stalled_s=30) == 2
    assert await bench.statuses() == ["failed 1", "failed 1"]
    assert await bench.values("SELECT error FROM job_errors") == 2 * ["its worker was lost"]


async def test_a_worker_that_was_lost_has_said_what_is_held(bench: Bench) -> None:
    """The one that finds it lost is of another release, and knows none of its tasks."""
    bench.task("a", when_lost=WhenLost.HOLD)
    bench.task("b", retries=ONCE)
    bench.task("c")
    for name in bench.tasks:
        await bench.add(name)
    (job, *_) = await _take(bench)
    async with direct_connection(bench.url) as connection:
        await queries.introduce(connection, job.worker_id, bench.worker().pulse.introduction)
    assert await reap({}, stalled_s=30) == 3
    assert await bench.statuses() == ["failed 1", "failed 1", "todo 1"]


async def test_what_was_handed_back_and_claimed_again_is_not_handed_back_twice(
    bench: Bench,
) -> None:
    """The answer to the first hand-back was lost; to the database the second is like it."""
    bench.task("a")
    await bench.add("a")
    (job,) = await _take(bench)
    held = {job.id: job}
    finisher = Finisher(
        bench.url, holds=lambda job: held.get(job.id) is job, forget=lambda _jobs: None
    )
    async with direct_connection(bench.url) as connection:
        await queries.finish(connection, [hand_back(job)])
        (again,) = await claim(
            connection, worker_id=job.worker_id, queues=None, tasks=["a"], limit=1
        )
    held[job.id] = again
    finisher.put(hand_back(job))
    sending = asyncio.create_task(finisher.run())
    await finisher.emptied()
    sending.cancel()
    assert await bench.statuses() == ["doing 0"]


async def test_an_effect_and_its_completion_are_one_commit(bench: Bench) -> None:
    async def effect(job: Claimed) -> None:
        async with transaction() as tx:
            await execute(tx, EFFECT)
            await complete(tx)

    bench.task("a", effect)
    await bench.add("a")
    assert await bench.run() == ["a"]
    assert await bench.statuses() == ["succeeded 1"]
    assert await bench.values(EFFECTS) == ["effect"]


async def test_a_completion_that_did_not_commit_is_none(bench: Bench) -> None:
    attempts: list[int] = []

    async def effect(job: Claimed) -> None:
        attempts.append(job.attempts)
        with contextlib.suppress(LookupError):
            async with transaction() as tx:
                await execute(tx, EFFECT)
                await complete(tx)
                if job.attempts == 0:
                    raise LookupError("and the task says nothing of it")

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


async def test_who_lost_the_job_cannot_commit_its_effect(bench: Bench) -> None:
    seen: list[BaseException] = []

    async def effect(job: Claimed) -> None:
        await bench.sql("UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1")
        try:
            async with transaction() as tx:
                await execute(tx, EFFECT)
                await complete(tx)
        except JobTaken as taken:
            seen.append(taken)
            raise

    bench.task("a", effect)
    await bench.add("a")
    assert await bench.run() == []
    assert len(seen) == 1
    assert await bench.values(EFFECTS) == []
    assert await bench.statuses() == ["todo 1"]


async def test_a_failure_is_kept_with_its_traceback_and_tried_again_until_it_gives_up(
    bench: Bench,
) -> None:
    async def fail(job: Claimed) -> None:
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
    async def sleep(job: Claimed) -> None:
        await asyncio.sleep(30)

    bench.task("a", sleep, time_limit_s=0.1, retries=ONCE)
    await bench.add("a")
    await bench.run()
    assert await bench.statuses() == ["failed 1"]
    assert await bench.values("SELECT error FROM job_errors") == ["TookTooLong: over 0.1 s"]


async def test_a_job_that_ignores_its_time_limit_is_cut_off_again(bench: Bench) -> None:
    async def sleep(job: Claimed) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    bench.task("a", sleep, time_limit_s=0.1, retries=ONCE)
    await bench.add("a")
    await asyncio.wait_for(bench.run(), 40)
    assert await bench.statuses() == ["failed 1"]


async def test_a_task_that_asks_the_process_to_exit_has_failed(bench: Bench) -> None:
    async def leave(job: Claimed) -> None:
        raise SystemExit(1)

    bench.task("a", leave, retries=ONCE)
    await bench.add("a")
    await bench.run()
    assert await bench.statuses() == ["failed 1"]


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise LookupError("no words")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a file \udcff"),
        _Unspeakable(),
        asyncio.CancelledError(),
        BaseExceptionGroup("several", [GeneratorExit()]),
    ],
    ids=["a surrogate", "no words", "somebody else's cancellation", "several"],
)
async def test_however_a_task_fails_it_is_an_attempt_and_keeps_no_other_job_waiting(
    bench: Bench, error: BaseException
) -> None:
    async def fail(job: Claimed) -> None:
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


async def test_waits_grow_are_capped_and_jittered() -> None:
    retries = Retries(attempts_max=20, first_wait_s=2, wait_s_max=60)
    for attempts in range(1, 20):
        waits = [retries.wait_s(attempts) for _ in range(200)]
        ceiling = min(60, 2**attempts)
        assert all(wait is not None and 0 <= wait <= ceiling for wait in waits)
        assert max(w or 0 for w in waits) > ceiling * 0.8
        assert min(w or 0 for w in waits) < ceiling * 0.2
    assert retries.wait_s(20) is None


async def test_a_retry_ends_where_its_successor_is_queued_already(bench: Bench) -> None:
    async def fail(job: Claimed) -> None:
        await bench.add("b", queueing_lock="x", queue="nobody's")
        raise RuntimeError

    bench.task("a", fail)
    bench.task("c")
    await bench.add("a", queueing_lock="x")
    await bench.add("c")
    assert await bench.run(queues=("q",)) == ["c"]
    assert await bench.statuses() == ["aborted 1", "succeeded 1", "todo 0"]


async def test_a_successor_that_comes_at_the_same_moment_is_a_conflict_and_then_seen(
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


async def test_a_job_somebody_wants_to_end_is_cut_off_and_not_tried_again(bench: Bench) -> None:
    began = asyncio.Event()

    async def sleep(job: Claimed) -> None:
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


async def test_an_exhausted_job_is_not_given_back_when_lost() -> None:
    job = Lost(
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
    assert lost(None, job).status is Status.TODO, "who does not know the task decides nothing"
