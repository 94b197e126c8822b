"""Jobs that were renamed: what is queued under an old name is done, paused and found as well."""

from uuid import UUID

import pytest

from app.foundation import queue
from app.foundation.audit import SYSTEM
from app.foundation.db import execute, execute_script, transaction
from app.foundation.migrate import FOLDER
from app.operations.jobs import actions as jobs
from app.operations.jobs.model import JobFilter, PauseKind, Redrive
from tasks.runner.handlers import TASKS
from tests import paid
from tests.shop import Shop

RENAMED = {
    "carry-out": "send-instruction",
    "look-up": "look-up-instruction",
    "let-out": "admit-refunds",
}

ENDED = "SELECT task_name || ' ' || status FROM procrastinate_jobs WHERE task_name = %(task)s"
RENAMING = (FOLDER / "0027_renamed_jobs.sql").read_bytes()
STATES = "SELECT state FROM instructions"
UNDER_ITS_OLD_NAME = """
    UPDATE procrastinate_jobs SET task_name = %(old)s
     WHERE task_name = %(new)s AND status = 'todo' RETURNING task_name"""


async def _under_its_old_name(shop: Shop, old: str) -> None:
    """What was just queued has the name that the previous release would have given it."""
    renamed = await shop.values(UNDER_ITS_OLD_NAME, old=old, new=RENAMED[old])
    assert renamed == [old]


async def _refund_queued(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")


def test_a_worker_knows_each_renamed_job_under_both_names() -> None:
    import tasks.worker  # noqa: F401

    assert RENAMED.keys() | set(RENAMED.values()) <= TASKS.keys()
    for old, new in RENAMED.items():
        assert queue.names_of(old) == queue.names_of(new) == (new, old)
    assert queue.names_of("cleanup") == ("cleanup",)


async def test_a_refund_queued_as_carry_out_is_sent(shop: Shop) -> None:
    await _refund_queued(shop)
    await _under_its_old_name(shop, "carry-out")
    await shop.run_jobs()
    assert await shop.values(ENDED, task="carry-out") == ["carry-out succeeded"]
    assert len(await shop.sandbox.refunds()) == 1


async def test_a_refund_whose_look_up_is_queued_as_look_up_is_confirmed(shop: Shop) -> None:
    await _refund_queued(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.run_jobs()
    assert await shop.values(STATES) == ["sent"]
    (refund,) = await shop.sandbox.refunds()
    await shop.sandbox.end_refund(refund["id"])
    instruction_id = UUID((await shop.values("SELECT id::text FROM instructions"))[0])
    async with transaction() as tx:
        await queue.enqueue(tx, queue.LookUpInstruction(instruction_id=instruction_id))
    await _under_its_old_name(shop, "look-up")
    await shop.run_jobs()
    assert await shop.values(ENDED, task="look-up") == ["look-up succeeded"]
    assert await shop.values(STATES) == ["confirmed"]


async def test_automatic_refunds_queued_as_let_out_are_admitted(shop: Shop) -> None:
    async with transaction() as tx:
        booking = await paid.seat(tx, request_to_book=True)
        await paid.left_unanswered(tx, booking)
    await _under_its_old_name(shop, "let-out")
    await shop.run_jobs()
    assert await shop.values(ENDED, task="let-out") == ["let-out succeeded"]
    admitted = "SELECT (let_out_at IS NOT NULL)::text FROM instructions"
    assert await shop.values(admitted) == ["true"]


@pytest.mark.parametrize("paused", ["carry-out", "send-instruction"])
async def test_pausing_one_name_of_a_task_pauses_both(shop: Shop, paused: str) -> None:
    await _refund_queued(shop)
    async with transaction() as tx:
        await jobs.pause(tx, PauseKind.TASK, paused, by=SYSTEM, reason="The gateway moves")
    await shop.run_jobs()
    await _under_its_old_name(shop, "carry-out")
    await shop.run_jobs()
    assert await shop.values(STATES) == ["queued"]
    async with transaction() as tx:
        assert await jobs.resume(tx, PauseKind.TASK, paused, by=SYSTEM, reason="It has moved") == []
    await shop.run_jobs()
    assert len(await shop.sandbox.refunds()) == 1


async def test_a_task_that_was_paused_before_it_was_renamed_stays_paused(pool: None) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            "INSERT INTO job_pauses (kind, name) VALUES ('task', 'let-out'), ('queue', 'look-up')",
        )
        await execute_script(tx, RENAMING)
        pauses = [(pause.kind, pause.name) for pause in await jobs.read_pauses(tx)]
    assert pauses == [("queue", "look-up"), ("task", "admit-refunds"), ("task", "let-out")]


async def test_dead_letters_are_found_and_retried_by_either_name(pool: None) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, status)
            VALUES ('money', 'carry-out', 'failed'), ('money', 'send-instruction', 'failed')""",
        )
        for name in ("carry-out", "send-instruction"):
            page = await jobs.read_jobs(tx, JobFilter(task=name), limit=9, cursor=None)
            assert [job.task for job in page.jobs] == ["send-instruction", "carry-out"]
        again = await jobs.retry_dead(tx, Redrive(task="carry-out", reason="It is back"), by=SYSTEM)
    assert len(again) == 2
