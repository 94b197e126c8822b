"""What an admin sees of the queue, and does to it."""

import asyncio
import time

import pytest

from app.foundation.db import execute, fetch_values, plan_for_values, transaction
from app.foundation.settings import settings
from tasks.runner.handlers import ONCE
from tasks.runner.model import TakenJob
from tests.operations.jobs.desk import Desk
from tests.tasks.runner.bench import NEVER_S, Bench, until, working


async def _fail(_job: TakenJob) -> None:
    raise ValueError(f"no such thing, said {settings().secret_keys[0].reveal()}")


async def _dead(bench: Bench, *queues: str) -> list[int]:
    """Jobs that gave up, one in each of these queues."""
    bench.task("a", _fail, retries=ONCE)
    ids = [await bench.add("a", queue=queue) for queue in queues]
    await bench.run()
    return ids


async def test_jobs_are_found_by_status_queue_and_task_the_newest_first(
    bench: Bench, desk: Desk
) -> None:
    dead = await _dead(bench, "x", "y")
    waiting = [await bench.add("b", queue="x"), await bench.add("c", queue="y", in_s=60)]

    async def found(**params: str) -> list[int]:
        return [job["id"] for job in (await desk.get("jobs", **params))["jobs"]]

    assert await found() == [*reversed(waiting), *reversed(dead)]
    assert await found(status="failed") == [*reversed(dead)]
    assert await found(status="todo", queue="x") == [waiting[0]]
    assert await found(task="c") == [waiting[1]]
    assert await found(status="succeeded") == []


async def test_pages_hold_each_job_once(bench: Bench, desk: Desk) -> None:
    ids = [await bench.add("a") for _ in range(5)]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = await desk.get("jobs", limit=2, **cursor)
        seen += [job["id"] for job in page["jobs"]]
        cursor = {"cursor": page["nextCursor"]}
    assert (seen, cursor) == (ids[::-1], {"cursor": None})


async def test_a_job_shows_why_it_failed_and_no_secrets(bench: Bench, desk: Desk) -> None:
    bench.task("a", _fail, retries=ONCE)
    args = {"id": 5, "cardNumber": "4111", "url": "smtp://me:hidden-word@mail.example"}
    job_id = await bench.add("a", args=args)
    await bench.run()
    seen = await desk.get(f"jobs/{job_id}")
    shown = "ValueError: no such thing, said [hidden]"
    assert seen["job"]["status"] == "failed"
    assert (seen["job"]["attempts"], seen["job"]["error"]) == (1, shown)
    assert seen["job"]["queuedAt"] <= seen["job"]["endedAt"]
    assert seen["arguments"] == {
        "id": 5,
        "cardNumber": "[hidden]",
        "url": "smtp://me:[hidden]@mail.example",
    }
    (failure,) = seen["failures"]
    assert (failure["attempt"], failure["error"]) == (1, shown)
    assert "test_admin.py" in failure["traceback"]
    assert settings().secret_keys[0] not in failure["traceback"]
    assert [event["type"] for event in seen["events"]] == ["failed", "started", "deferred"]
    listed = await desk.get("jobs")
    assert [job["error"] for job in listed["jobs"]] == [shown]


async def test_a_dead_letter_is_queued_again_and_its_attempts_go_on(
    bench: Bench, desk: Desk
) -> None:
    (job_id,) = await _dead(bench, "x")
    job = await desk.post(f"jobs/{job_id}/retry", reason="The gateway is back")
    assert (job["status"], job["attempts"]) == ("todo", 1)
    bench.task("a")
    assert await bench.run() == ["a"]
    assert await bench.statuses() == ["succeeded 2"]
    refused = await desk.ask(f"jobs/{job_id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_not_over")
    assert await desk.records() == [f"admin retry_job job {job_id} The gateway is back"]


async def test_a_job_that_waits_for_its_time_can_be_run_at_once(bench: Bench, desk: Desk) -> None:
    bench.task("a")
    job_id = await bench.add("a", in_s=3_600)
    async with working(bench.worker(look_every_s=NEVER_S)):
        await desk.post(f"jobs/{job_id}/retry")
        await until(bench, 1)


async def test_a_job_with_a_queueing_lock_that_is_queued_already_is_not_queued_again(
    bench: Bench, desk: Desk
) -> None:
    bench.task("a", _fail, retries=ONCE)
    dead = [await bench.add("a", queueing_lock="only one")]
    await bench.run()
    dead.append(await bench.add("a", queueing_lock="only one"))
    await bench.run()
    await bench.add("a", queueing_lock="only one")
    refused = await desk.ask(f"jobs/{dead[0]}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "same_job_queued")
    assert (await desk.post("jobs/retry"))["jobIds"] == []
    await bench.run()
    assert (await desk.post("jobs/retry"))["jobIds"] == dead[:1]
    assert await desk.records() == [f"admin retry_job job {dead[0]} Why not"]


async def test_dead_letters_are_queued_again_by_queue_and_task(bench: Bench, desk: Desk) -> None:
    one, two, three = await _dead(bench, "x", "y", "x")
    assert (await desk.post("jobs/retry", task="b"))["jobIds"] == []
    assert (await desk.post("jobs/retry", queue="x", task="a", limit=1))["jobIds"] == [one]
    assert (await desk.post("jobs/retry"))["jobIds"] == [two, three]
    assert len(await desk.records()) == 3


async def test_a_job_that_waits_is_cancelled_and_may_be_queued_again(
    bench: Bench, desk: Desk
) -> None:
    bench.task("a")
    job_id = await bench.add("a")
    assert (await desk.post(f"jobs/{job_id}/cancel"))["status"] == "cancelled"
    assert await bench.run() == []
    refused = await desk.ask(f"jobs/{job_id}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_over")
    await desk.post(f"jobs/{job_id}/retry")
    assert await bench.run() == ["a"]
    assert await desk.records() == [
        f"admin cancel_job job {job_id} Why not",
        f"admin retry_job job {job_id} Why not",
    ]


async def test_a_job_starts_when_the_job_before_it_on_its_lock_is_cancelled(
    bench: Bench, desk: Desk
) -> None:
    bench.task("a")
    async with working(bench.worker(look_every_s=NEVER_S)):
        first = await bench.add("of-the-next-release", lock="x")
        await bench.add("a", lock="x")
        await bench.add("a")
        await until(bench, 1)
        await desk.post(f"jobs/{first}/cancel")
        await until(bench, 2)


async def test_a_job_that_runs_is_ended_and_an_ended_one_dismissed(
    bench: Bench, desk: Desk
) -> None:
    began = asyncio.Event()

    async def run(_job: TakenJob) -> None:
        began.set()
        await asyncio.sleep(60)

    bench.task("a", run)
    job_id = await bench.add("a")
    async with working(bench.worker()):
        await asyncio.wait_for(began.wait(), 20)
        job = await desk.post(f"jobs/{job_id}/cancel")
        assert (job["status"], job["abortRequested"]) == ("doing", True)
        await _until_status(bench, "aborted 1")
    (dead,) = await _dead(bench, "x")
    assert (await desk.post(f"jobs/{dead}/cancel"))["status"] == "cancelled"


async def _until_status(bench: Bench, status: str) -> None:
    give_up_at = time.monotonic() + 20
    while (seen := await bench.statuses()) != [status]:
        assert time.monotonic() < give_up_at, seen
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("kind", "name"), [("queue", "x"), ("task", "a")])
async def test_jobs_of_a_paused_queue_wait_and_start_when_it_is_resumed(
    bench: Bench, desk: Desk, kind: str, name: str
) -> None:
    bench.task("a")
    bench.task("b")
    paused = await desk.post(f"{kind}s/{name}/pause", reason="The gateway is down")
    assert [(p["kind"], p["name"]) for p in paused["pauses"]] == [(kind, name)]
    await desk.post(f"{kind}s/{name}/pause")
    await bench.add("a", queue="x")
    async with working(bench.worker(queues=("x", "y"), look_every_s=NEVER_S)):
        await bench.add("b", queue="y")
        await until(bench, 1)
        assert bench.ran == ["b"]
        queues = {q["name"]: q for q in (await desk.get("jobs/health"))["queues"]}
        assert (queues["x"]["ready"], queues["x"]["paused"]) == (1, kind == "queue")
        assert (await desk.post(f"{kind}s/{name}/resume"))["pauses"] == []
        await until(bench, 2)
    await desk.post(f"{kind}s/{name}/resume")
    assert (await desk.get("jobs/pauses"))["pauses"] == []
    assert await desk.records() == [
        f"admin pause_{kind} {kind} {name} The gateway is down",
        f"admin resume_{kind} {kind} {name} Why not",
    ], "what changes nothing is not recorded"


async def test_a_queue_of_a_long_name_can_be_resumed(desk: Desk) -> None:
    """It is no channel that Postgres could be told to notify, and no queue of any job."""
    name = 100 * "q"
    await desk.post(f"queues/{name}/pause")
    assert (await desk.post(f"queues/{name}/resume"))["pauses"] == []


async def test_a_job_that_is_not_there_is_not_found(desk: Desk) -> None:
    for verb in ("retry", "cancel"):
        refused = await desk.ask(f"jobs/1/{verb}")
        assert (refused.status_code, refused.json()["code"]) == (404, "job_not_found")


@pytest.mark.parametrize(
    ("status", "index"),
    [
        ("failed", "jobs_ended_badly"),
        ("todo", "procrastinate_jobs_id_lock_idx_v1"),
        ("succeeded", "procrastinate_jobs_pkey"),
    ],
)
async def test_a_page_of_jobs_costs_the_same_however_many_are_done(
    bench: Bench, status: str, index: str
) -> None:
    await bench.sql(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, status)
        SELECT 'q', 'a', 'succeeded' FROM generate_series(1, 20000)"""
    )
    async with transaction() as tx:
        await execute(tx, "ANALYZE procrastinate_jobs")
        await plan_for_values(tx)
        plan = await fetch_values(
            tx,
            str,
            """
            EXPLAIN SELECT * FROM procrastinate_jobs
             WHERE (%(status)s::procrastinate_job_status IS NULL OR status = %(status)s)
             ORDER BY id DESC LIMIT 20""",
            status=status,
        )
    assert index in "\n".join(plan)
