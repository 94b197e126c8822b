"""The server's clock was wrong for a while: timers go on, and lost workers are found."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.foundation.db import direct_connection, transaction
from app.operations.jobs import actions as jobs
from tasks.runner import queries as runner
from tasks.runner import timer_queries as queries
from tasks.runner.model import Shown
from tasks.runner.reaping import Watch, bring_forward, reap
from tasks.runner.timers import Timer, last_tick, next_tick, task_of, tick_forever
from tests.tasks.runner.bench import Bench

A_YEAR_AHEAD = "interval '1 year'"
MINUTELY = "* * * * *"


async def _now() -> datetime:
    async with transaction() as tx:
        return await queries.server_time(tx)


class Deployed:
    """A process of some release, which knows the timer `a` by an expression of its own."""

    def __init__(self, cron: str, *, ago: timedelta = timedelta()) -> None:
        self.cron = cron
        self.ago = ago

    async def look(self, at: datetime) -> list[str]:
        """What a worker does each time it looks, at a time that is near the server's."""
        async with transaction() as tx:
            tick, following = last_tick(self.cron, at), next_tick(self.cron, at)
            await queries.begin_timers(
                tx, names=["a"], crons=[self.cron], ticks=[tick], nexts=[following],
                started_at=at - self.ago,
            )  # fmt: skip
            return await queries.move_timers(
                tx, names=["a"], crons=[self.cron], ticks=[tick], within_s=[3600.0]
            )


async def _state(bench: Bench) -> tuple[str, ...]:
    (row,) = await bench.values("SELECT cron || '|' || last_tick::text FROM job_ticks")
    return tuple(row.split("|"))


async def test_a_tick_in_the_future_does_not_silence_a_timer(bench: Bench) -> None:
    worker = Deployed(MINUTELY)
    await worker.look(await _now())
    await bench.sql(
        "UPDATE job_ticks SET last_tick = last_tick + interval '1 year',"
        " next_tick = next_tick + interval '1 year'"
    )
    assert await worker.look(await _now()) == ["a"], "at once"
    assert await worker.look(await _now()) == [], "but once only"
    assert await bench.values("SELECT (next_tick - now() < '61 s')::text FROM job_ticks") == [
        "true"
    ]


async def test_a_tick_in_the_future_does_not_run_again_what_has_run(bench: Bench) -> None:
    worker = Deployed("0 0 * * *")
    now = await _now()
    await worker.look(now)
    await bench.sql(
        "INSERT INTO job_runs (name, tick, job_id, attempt, worker_id, instance)"
        " VALUES ('a', %(tick)s, 1, 1, 1, 'here'), ('a', %(ahead)s, 2, 1, 1, 'here')",
        tick=last_tick(worker.cron, now),
        ahead=now + timedelta(days=400),
    )
    await bench.sql(f"UPDATE job_ticks SET last_tick = last_tick + {A_YEAR_AHEAD}")
    assert await worker.look(now) == []


async def test_a_clock_that_was_a_moment_ahead_makes_no_tick_run_twice(bench: Bench) -> None:
    worker = Deployed(MINUTELY)
    now = await _now()
    await worker.look(now - timedelta(minutes=1))
    await bench.sql("UPDATE job_ticks SET last_tick = %(at)s", at=now + timedelta(seconds=20))
    assert await worker.look(now) == []


async def test_a_running_worker_goes_on_when_all_ticks_are_a_year_ahead(bench: Bench) -> None:
    async def run() -> int:
        return 1

    timer = Timer(name="a", cron="* * * * * *", run=run)
    bench.tasks["a"] = task_of(timer)
    await bench.sql(
        "INSERT INTO job_ticks (name, cron, last_tick, next_tick, deployed_at, seen_at)"
        " SELECT 'a', '* * * * * *', ahead, ahead, ahead, ahead"
        "   FROM (SELECT now() + interval '1 year' AS ahead) AS wrong"
    )
    ticking = asyncio.create_task(tick_forever([timer]))
    try:
        async with asyncio.timeout(20):
            while not await bench.statuses():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        ticking.cancel()


async def test_health_calls_a_timer_with_a_tick_in_the_future_late_and_says_when(
    bench: Bench,
) -> None:
    await bench.sql(
        "INSERT INTO job_ticks (name, cron, last_tick, next_tick)"
        " VALUES ('a', '* * * * *', '2999-01-02 03:04:05Z', '2999-01-02 03:05:00Z')"
    )
    async with transaction() as tx:
        health = await jobs.read_health(tx)
    (job,) = health.periodic
    assert (job.state, job.next_run) == ("late", datetime(2999, 1, 2, 3, 5, tzinfo=UTC))
    assert "a is late: its last tick, 2999-01-02 03:04:05 UTC, lies in the future" in (
        health.problems
    )


async def test_runs_from_a_time_when_the_clock_was_wrong_can_be_listed(bench: Bench) -> None:
    await bench.sql(
        "INSERT INTO job_ticks (name, cron, last_tick, next_tick)"
        " VALUES ('a', '* * * * *', now(), now() + interval '1 minute')"
    )
    await bench.sql(
        "INSERT INTO job_runs (name, tick, job_id, attempt, worker_id, instance, started_at,"
        " finished_at, outcome, count) VALUES"
        " ('a', now(), 1, 1, 1, 'here', now() + interval '90 years', now(), 'done', 1)"
    )
    async with transaction() as tx:
        (job,) = (await jobs.read_health(tx)).periodic
    assert job.last_run
    assert job.last_run.lateness_ms > 2**31
    assert job.last_run.duration_ms == 0


# ---- an expression that changed -----------------------------------------------------------------


async def test_a_timer_with_a_new_expression_has_missed_nothing(bench: Bench) -> None:
    now = await _now()
    before, after = (f"0 {(now - timedelta(hours=h)).hour} * * *" for h in (2, 1))
    await bench.sql(
        "INSERT INTO job_ticks (name, cron, last_tick, next_tick, deployed_at)"
        " VALUES ('a', %(cron)s, %(last)s, %(next)s, now() - interval '1 day')",
        cron=before,
        last=last_tick(before, now),
        next=next_tick(before, now),
    )
    assert last_tick(after, now) > last_tick(before, now), "a tick that the old one did not have"
    assert await Deployed(after).look(now) == []
    assert await _state(bench) == (after, last_tick(after, now).strftime("%Y-%m-%d %H:%M:%S+00"))


async def test_of_two_expressions_side_by_side_that_of_the_later_deployment_counts(
    bench: Bench,
) -> None:
    old = Deployed("*/2 * * * *", ago=timedelta(hours=1))
    new = Deployed(MINUTELY)
    now = await _now()
    await old.look(now - timedelta(minutes=4))
    await new.look(now - timedelta(minutes=3))
    for _ in range(3):
        assert await old.look(now) == [], "it is not the old one's any more"
        assert (await _state(bench))[0] == new.cron
    assert await new.look(now) == ["a"], "what the old workers did has lost no tick of it"
    assert await old.look(now + timedelta(minutes=2)) == []


async def test_workers_with_an_older_expression_take_over_when_the_others_are_gone(
    bench: Bench,
) -> None:
    old = Deployed("*/2 * * * *", ago=timedelta(hours=1))
    await Deployed(MINUTELY).look(await _now())
    await bench.sql("UPDATE job_ticks SET seen_at = seen_at - interval '2 minutes'")
    await old.look(await _now())
    assert (await _state(bench))[0] == MINUTELY
    await bench.sql("UPDATE job_ticks SET seen_at = seen_at - interval '2 minutes'")
    await old.look(await _now())
    assert (await _state(bench))[0] == old.cron


@pytest.mark.parametrize("column", ["deployed_at", "seen_at"])
async def test_a_deployment_in_the_future_does_not_keep_a_timer(bench: Bench, column: str) -> None:
    await Deployed(MINUTELY).look(await _now())
    await bench.sql(f"UPDATE job_ticks SET {column} = {column} + {A_YEAR_AHEAD}")
    later = Deployed("*/2 * * * *", ago=timedelta(hours=1))
    await later.look(await _now())
    assert (await _state(bench))[0] == later.cron


# ---- retries ------------------------------------------------------------------------------------


async def test_a_retry_that_waits_for_a_time_when_the_clock_was_ahead_is_brought_forward(
    bench: Bench,
) -> None:
    bench.task("a")
    for _ in range(4):
        await bench.add("a", in_s=366 * 86_400)
    await bench.sql("UPDATE procrastinate_jobs SET attempts = 1 WHERE id > 1")
    await bench.sql("UPDATE procrastinate_jobs SET scheduled_at = now() + '59 min' WHERE id = 3")
    await bench.sql("UPDATE procrastinate_jobs SET task_name = 'b' WHERE id = 4")
    await bring_forward(bench.tasks)
    due = "SELECT id::text FROM procrastinate_jobs WHERE scheduled_at <= now()"
    assert await bench.values(due) == ["2"], "not a first attempt, a long wait, another's task"
    assert await bench.run() == ["a"]


# ---- heartbeats ---------------------------------------------------------------------------------


async def _lost_with(bench: Bench, heartbeat: str) -> int:
    """A worker that died with a job in its hands and with this last heartbeat; returns its id."""
    bench.task("a")
    await bench.add("a")
    async with direct_connection(bench.url) as connection:
        worker_id = await runner.register(connection)
        await runner.take_jobs(connection, worker_id=worker_id, queues=None, tasks=["a"], limit=1)
    await bench.sql(f"UPDATE procrastinate_workers SET last_heartbeat = {heartbeat}")
    return worker_id


async def test_a_lost_worker_with_a_heartbeat_in_the_future_is_reaped(bench: Bench) -> None:
    await _lost_with(bench, f"now() + {A_YEAR_AHEAD}")
    assert await reap(bench.tasks, stalled_s=30) == 1
    assert await bench.statuses() == ["todo 1"]
    assert await bench.values("SELECT id::text FROM procrastinate_workers") == []


async def test_a_heartbeat_that_is_a_moment_ahead_is_one_of_a_living_worker(bench: Bench) -> None:
    await _lost_with(bench, "now() + interval '20 s'")
    assert await reap(bench.tasks, stalled_s=30) == 0


@pytest.mark.parametrize("jump", ["- interval '1 hour'", f"+ {A_YEAR_AHEAD}"])
async def test_a_worker_whose_heartbeat_changes_lives_whatever_the_clock_says(
    bench: Bench, jump: str
) -> None:
    worker_id = await _lost_with(bench, f"now() {jump}")
    assert await reap(bench.tasks, stalled_s=30, but=[worker_id]) == 0
    assert await bench.statuses() == ["doing 0"]
    assert len(await bench.values("SELECT id::text FROM procrastinate_workers")) == 1


def test_a_heartbeat_stands_still_after_two_thirds_of_the_patience() -> None:
    watch, noon = Watch(stalled_s=30), datetime(2030, 1, 1, 12, tzinfo=UTC)
    one, other = (Shown(worker_id=n, last_heartbeat=noon) for n in (1, 2))
    assert watch.beating([one, other], at=100.0) == [1, 2], "nothing is known of them yet"
    moved = Shown(worker_id=2, last_heartbeat=noon - timedelta(days=1))
    assert watch.beating([one, moved], at=119.0) == [1, 2]
    assert watch.beating([one, moved], at=120.0) == [2], "1 has stood still for 20 s"
    assert watch.beating([moved], at=121.0) == [2], "and is gone"
    assert watch.beating([one], at=150.0) == [1], "who comes back begins anew"


async def test_health_shows_no_worker_as_alive_whose_heartbeat_lies_in_the_future(
    bench: Bench,
) -> None:
    worker_id = await _lost_with(bench, "'2999-01-02 03:04:05Z'")
    async with transaction() as tx:
        health = await jobs.read_health(tx)
    assert [worker.alive for worker in health.workers] == [False]
    at = "2999-01-02 03:04:05 UTC"
    assert health.problems[:2] == [
        "no worker is alive",
        f"worker {worker_id} is not alive: its heartbeat, {at}, lies in the future",
    ]
