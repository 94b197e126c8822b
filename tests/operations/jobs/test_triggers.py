"""Jobs triggered over HTTP, and how they are said to do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.foundation.db import transaction
from app.foundation.settings import settings
from tasks.runner import timer_queries
from tasks.runner.timers import Timer, last_tick, next_tick, task_of
from tests.operations.jobs.desk import Desk
from tests.production import production_at
from tests.tasks.runner.bench import Bench, working

OLD = "the-old-secret-of-the-scheduler"
NEW = "the-new-secret-of-the-scheduler"


@pytest.fixture(autouse=True)
async def _secrets(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setenv("JOB_SECRETS", f"{NEW},{OLD}")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _trigger(
    api: httpx.AsyncClient, name: str, *, wait: int = 0, secret: str = NEW
) -> httpx.Response:
    headers = {"x-job-secret": secret} if secret else {}
    return await api.post(f"/api/jobs/{name}", params={"wait": wait}, headers=headers)


async def _health(api: httpx.AsyncClient) -> Any:
    reply = await api.get("/api/jobs/health", headers={"x-job-secret": OLD})
    assert reply.status_code == 200, reply.text
    return reply.json()


class Schedule:
    """Periodic jobs of the test's own, made known as a worker makes them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    async def add(self, name: str, run: Any = None, cron: str = "0 0 1 1 *") -> None:
        async def nothing() -> int:
            return 7

        self.bench.tasks[name] = task_of(Timer(name=name, cron=cron, run=run or nothing))
        async with transaction() as tx:
            now = await timer_queries.server_time(tx)
            await timer_queries.begin_timers(
                tx,
                names=[name],
                crons=[cron],
                ticks=[last_tick(cron, now)],
                nexts=[next_tick(cron, now)],
                started_at=now,
            )


@pytest.fixture
def schedule(bench: Bench) -> Schedule:
    return Schedule(bench)


@pytest.mark.parametrize("secret", ["", "x", NEW[:-1], NEW + "x", f"{NEW},{OLD}", "\u00e9"])
async def test_without_a_job_secret_no_job_is_triggered_and_no_health_is_shown(
    api: httpx.AsyncClient, schedule: Schedule, secret: str
) -> None:
    await schedule.add("a")
    headers = {b"x-job-secret": secret.encode()}
    for reply in (
        await api.post("/api/jobs/a", headers=headers),
        await api.get("/api/jobs/health", headers=headers),
    ):
        assert (reply.status_code, reply.json()["code"]) == (401, "job_secret_wrong")
    assert await schedule.bench.statuses() == []


async def test_no_job_can_be_triggered_if_no_job_secret_is_set(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in production_at("postgresql://localhost/elsewhere").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("JOB_SECRETS")
    settings.cache_clear()
    assert settings().job_secrets == ()
    for secret in ("", "x"):
        assert (await _trigger(api, "a", secret=secret)).status_code == 401


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_either_of_two_live_secrets_runs_a_job_and_gets_its_result(
    api: httpx.AsyncClient, desk: Desk, schedule: Schedule, secret: str
) -> None:
    await schedule.add("a")
    (asked_at,) = await schedule.bench.values("SELECT to_json(now()) #>> '{}'")
    async with working(schedule.bench.worker()):
        reply = await _trigger(api, "a", wait=20, secret=secret)
    assert reply.status_code == 200, reply.text
    run = reply.json()["run"]
    assert (run["state"], run["count"], run["error"]) == ("done", 7, None)
    assert run["finishedAt"] >= run["startedAt"]
    tick = datetime.fromisoformat(run["tick"])
    assert tick >= datetime.fromisoformat(asked_at), "not late before it was asked for"
    (seen,) = (await desk.get("jobs/runs", name="a"))["runs"]
    assert seen == run
    assert (await desk.get("jobs/runs", name="b"))["runs"] == []
    assert await desk.records() == ["system run_job periodic_job a asked for with a job secret"]


async def test_expire_seats_is_another_name_of_expire_holds(
    api: httpx.AsyncClient, schedule: Schedule
) -> None:
    await schedule.add("expire-holds")
    reply = (await _trigger(api, "expire-seats")).json()
    assert (reply["name"], reply["run"]) == ("expire-holds", None)


async def test_triggering_a_queued_job_queues_no_second_one_and_runs_it_now(
    api: httpx.AsyncClient, schedule: Schedule
) -> None:
    await schedule.add("a")
    first = (await _trigger(api, "a")).json()
    await schedule.bench.sql("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 h'")
    async with working(schedule.bench.worker()):
        again = (await _trigger(api, "a", wait=20)).json()
    assert again["jobId"] == first["jobId"]
    assert again["run"]["state"] == "done"


async def test_a_run_that_fails_says_why(api: httpx.AsyncClient, schedule: Schedule) -> None:
    async def fail() -> int:
        raise ValueError(f"not with {NEW}")

    await schedule.add("a", fail)
    async with working(schedule.bench.worker()):
        run = (await _trigger(api, "a", wait=20)).json()["run"]
    assert (run["state"], run["error"]) == ("failed", "ValueError: not with [hidden]")
    (seen,) = (await _health(api))["periodic"]
    assert (seen["state"], seen["failures"] >= 1, seen["lastDoneAt"]) == ("failing", True, None)


async def test_a_trigger_stops_waiting_if_the_job_does_not_end(
    api: httpx.AsyncClient, schedule: Schedule
) -> None:
    done = asyncio.Event()

    async def wait() -> int:
        await done.wait()
        return 0

    await schedule.add("a", wait)
    async with working(schedule.bench.worker()):
        reply = (await _trigger(api, "a", wait=1)).json()
        done.set()
    assert reply["run"] is None or reply["run"]["state"] == "running"


async def test_a_run_that_is_cut_off_has_failed(bench: Bench, schedule: Schedule) -> None:
    began = asyncio.Event()

    async def wait() -> int:
        began.set()
        await asyncio.sleep(60)
        return 0

    await schedule.add("a", wait)
    await bench.add("a", args={"timestamp": 1_900_000_000})
    async with working(bench.worker(grace_s=0.1)):
        await asyncio.wait_for(began.wait(), 20)
    assert await bench.values("SELECT outcome || ' ' || error FROM job_runs") == ["failed cut off"]


async def test_a_periodic_job_that_no_worker_knows_is_not_found(api: httpx.AsyncClient) -> None:
    reply = await _trigger(api, "no-such-job")
    assert (reply.status_code, reply.json()["code"]) == (404, "periodic_job_not_found")
    assert (await _trigger(api, "a", wait=26)).status_code == 422


# ---- health -------------------------------------------------------------------------------------


async def test_health_shows_the_state_of_each_periodic_job(
    api: httpx.AsyncClient, bench: Bench, schedule: Schedule
) -> None:
    await schedule.add("a", cron="0 0 1 1 *")
    await schedule.add("b", cron="0 0 2 1 *")
    async with working(bench.worker()):
        await _trigger(api, "a", wait=20)
        health = await _health(api)
    assert (health["healthy"], health["problems"]) == (True, [])
    a, b = health["periodic"]
    assert (a["name"], a["cron"], a["state"], a["failures"]) == ("a", "0 0 1 1 *", "ok", 0)
    assert a["lastRun"]["state"] == "done"
    assert 0 <= a["lastRun"]["latenessMs"] < 60_000
    assert a["lastRun"]["durationMs"] >= 0
    assert a["lastDoneAt"] == a["lastRun"]["finishedAt"]
    assert a["nextRun"].endswith("-01-01T00:00:00Z")
    assert (b["state"], b["lastRun"], b["lastDoneAt"]) == ("new", None, None)


async def test_a_run_whose_worker_is_gone_is_shown_as_lost(
    api: httpx.AsyncClient, bench: Bench, schedule: Schedule
) -> None:
    await schedule.add("a")
    await bench.sql(
        """
        INSERT INTO job_runs (name, tick, job_id, attempt, worker_id, instance)
        VALUES ('a', now(), 1, 1, 99, 'gone:1')"""
    )
    (seen,) = (await _health(api))["periodic"]
    assert (seen["state"], seen["lastRun"]["state"]) == ("failing", "lost")


async def test_failures_are_counted_since_the_last_success(
    api: httpx.AsyncClient, bench: Bench, schedule: Schedule
) -> None:
    await schedule.add("a")
    await bench.sql(
        """
        INSERT INTO job_runs (name, tick, job_id, attempt, worker_id, instance, finished_at,
                              outcome, count, error)
        SELECT 'a', now(), 1, 1, 1, 'here:1', now(), outcome,
               CASE outcome WHEN 'done' THEN 1 END, CASE WHEN outcome <> 'done' THEN 'x' END
          FROM unnest(ARRAY['failed', 'done', 'failed', 'skipped', 'failed']) AS outcome"""
    )
    (seen,) = (await _health(api))["periodic"]
    assert seen["failures"] == 2
    assert (await _health(api))["problems"] == ["no worker is alive", "a is failing"]


async def test_health_shows_queues_and_workers(api: httpx.AsyncClient, bench: Bench) -> None:
    async with working(bench.worker(queues=("x",), concurrency=3)) as worker:
        for in_s in (None, -90, 60):
            await bench.add("of another release", queue="y", in_s=in_s)
        await bench.sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
            " VALUES ('z', 'a', 'failed')"
        )
        health = await _health(api)
        (seen,) = health["workers"]
        assert (seen["id"], seen["queues"], seen["concurrency"]) == (
            worker.heartbeat.worker_id,
            ["x"],
            3,
        )
        assert seen["alive"]
        assert seen["silentS"] < 30
        assert ":" in seen["instance"]
    y, z = health["queues"]
    assert (y["name"], y["ready"], y["scheduled"], y["running"], y["dead"]) == ("y", 2, 1, 0, 0)
    assert 90 <= y["oldestReadyS"] < 200
    assert (z["name"], z["ready"], z["dead"], z["oldestReadyS"]) == ("z", 0, 1, None)
    assert health["unknownTasks"] == [{"name": "of another release", "jobs": 3}]
    assert health["problems"] == [
        "1 jobs of z gave up",
        "no worker knows the task of another release: 3 jobs wait",
    ]


async def test_health_shows_how_long_the_first_ready_job_has_waited(
    api: httpx.AsyncClient, bench: Bench
) -> None:
    await bench.add("a")
    await bench.add("a")
    await bench.sql(
        "UPDATE procrastinate_events SET at = at - interval '1 hour' WHERE id ="
        " (SELECT min(id) FROM procrastinate_events)"
    )
    (queue,) = (await _health(api))["queues"]
    assert 3_600 <= queue["oldestReadyS"] < 3_700


async def test_the_next_tick_of_a_periodic_job_is_never_one_that_is_over(
    bench: Bench, schedule: Schedule
) -> None:
    """A worker that was slow may write what it worked out before another one did."""
    await schedule.add("a", cron="* * * * *")
    now = (await _written_next(bench)) - timedelta(minutes=1)
    wrong, right = now + timedelta(days=365), now + timedelta(minutes=1)
    for nexts in (wrong, right, now):
        async with transaction() as tx:
            await timer_queries.begin_timers(
                tx,
                names=["a"],
                crons=["* * * * *"],
                ticks=[now],
                nexts=[nexts],
                started_at=now,
            )
    assert await _written_next(bench) == right


async def _written_next(bench: Bench) -> datetime:
    return datetime.fromisoformat((await bench.values("SELECT next_tick::text FROM job_ticks"))[0])
