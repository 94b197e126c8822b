"""Periodic jobs: each tick runs once, and only the last of several missed ticks is made up for."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.foundation.db import transaction
from tasks.runner import timer_queries as queries
from tasks.runner.timers import Timer, last_tick, next_tick, task_of, tick_forever
from tests.tasks.runner.bench import Bench

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def _move(tick: datetime, within: timedelta = timedelta(hours=1)) -> list[str]:
    async with transaction() as tx:
        return await queries.move_timers(
            tx,
            names=["a"],
            crons=["* * * * *"],
            ticks=[tick],
            within_s=[within.total_seconds()],
        )


async def _begin(tick: datetime) -> None:
    async with transaction() as tx:
        await queries.begin_timers(
            tx,
            names=["a"],
            crons=["* * * * *"],
            ticks=[tick],
            nexts=[tick + timedelta(minutes=1)],
            started_at=tick,
        )


async def _now() -> datetime:
    async with transaction() as tx:
        return await queries.server_time(tx)


async def test_a_tick_is_queued_once_however_many_workers_see_it(bench: Bench) -> None:
    now = await _now()
    await _begin(now - timedelta(minutes=1))
    queued = await asyncio.gather(*(_move(now) for _ in range(8)))
    assert sorted(queued) == 7 * [[]] + [["a"]]
    assert await _move(now - timedelta(seconds=30)) == [], "nor is an earlier one"
    assert len(await bench.statuses()) == 1


async def test_no_job_is_queued_for_ticks_before_a_timer_was_new(bench: Bench) -> None:
    await _begin(await _now())
    assert await _move(await _now() - timedelta(seconds=5)) == []


async def test_a_tick_that_was_missed_is_made_up_for_if_it_is_recent(bench: Bench) -> None:
    now = await _now()
    await _begin(now - timedelta(days=3))
    assert await _move(now - timedelta(hours=2), within=timedelta(hours=1)) == []
    assert await _move(now - timedelta(minutes=50), within=timedelta(hours=1)) == ["a"]


async def test_a_tick_queues_no_job_while_that_of_the_tick_before_is_queued(bench: Bench) -> None:
    now = await _now()
    await _begin(now - timedelta(minutes=5))
    assert await _move(now - timedelta(minutes=1)) == ["a"]
    assert await _move(now) == []


@pytest.mark.parametrize(
    ("cron", "now", "last", "following"),
    [
        ("* * * * *", NOON, NOON, NOON + timedelta(minutes=1)),
        ("* * * * *", NOON - timedelta(microseconds=1), NOON - timedelta(minutes=1), NOON),
        ("0 12 * * *", NOON - timedelta(seconds=1), NOON - timedelta(days=1), NOON),
        ("0 12 1 * *", NOON, NOON, NOON + timedelta(days=31)),
    ],
)
def test_the_last_and_the_next_tick_are_those_around_now(
    cron: str, now: datetime, last: datetime, following: datetime
) -> None:
    assert last_tick(cron, now) == last
    assert next_tick(cron, now) == following


async def test_each_tick_of_a_timer_runs_once_on_time_and_is_recorded(bench: Bench) -> None:
    counts = iter(range(100))

    async def run() -> int:
        return next(counts)

    timer = Timer(name="every-second", cron="* * * * * *", run=run)
    bench.tasks["every-second"] = task_of(timer)
    worker = bench.worker()
    ticking = [asyncio.create_task(tick_forever([timer])) for _ in range(3)]
    running = asyncio.create_task(worker.run())
    done = "SELECT name FROM job_runs WHERE count IS NOT NULL"
    while len(await bench.values(done)) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    for task in ticking:
        task.cancel()
    worker.stop()
    await running
    assert (
        await bench.values("SELECT tick::text FROM job_runs GROUP BY tick HAVING count(*) > 1")
        == []
    )
    assert await bench.values("SELECT name FROM job_runs WHERE started_at < tick") == []


async def test_a_run_that_fails_is_recorded_and_retried(bench: Bench) -> None:
    async def run() -> int:
        raise ValueError("not today")

    bench.tasks["a"] = task_of(Timer(name="a", cron="* * * * *", run=run))
    await bench.add("a", args={"timestamp": 1_900_000_000})
    await bench.run()
    assert await bench.values("SELECT error FROM job_runs") == ["ValueError: not today"]
    assert await bench.statuses() == ["todo 1"]
