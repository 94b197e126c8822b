"""A charge whose end nobody reports: who asks the gateway about it, when, and for how long."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from app.foundation.db import execute, transaction
from tests.shop import Shop

LOOKS = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'settle-payment'"


async def test_a_flood_of_visits_asks_one_question_at_a_time(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))

    async def flood() -> int:
        visits = (_visit(shop, payment["reference"]) for _ in range(30))
        assert set(await asyncio.gather(*visits)) == {200}
        return await shop.count(LOOKS)

    assert await flood() == 1
    await shop.forward(timedelta(minutes=20))
    assert await flood() == 1, "nobody has done the first yet"
    await shop.run_jobs()
    assert await flood() == 1, "the gateway has just been asked"
    await shop.forward(timedelta(seconds=11))
    assert await flood() == 2, "the guest may have paid by now"


async def test_a_look_up_begun_while_the_clock_was_ahead_does_not_keep_off_others(
    shop: Shop,
) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    await _visit(shop, payment["reference"])
    async with transaction() as tx:
        await execute(tx, "UPDATE payments SET asking_until = asking_until + interval '1 year'")
    await _visit(shop, payment["reference"])
    assert await shop.count(LOOKS) == 2


async def test_a_visit_finds_out_what_no_webhook_told(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await _visit(shop, payment["reference"])
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    await shop.forward(timedelta(hours=2))
    for reference in (payment["reference"], "pay-unknown"):
        assert await _visit(shop, reference) == 200
    assert await shop.count(LOOKS) == 1, "there is nothing to ask any more"


async def _visit(shop: Shop, reference: str) -> int:
    reply = await shop.api.get("/api/payments/return", params={"reference": reference})
    return reply.status_code


async def test_a_charge_open_for_an_hour_is_asked_about(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.forward(timedelta(hours=1, seconds=1))
    assert await shop.sweep("reconcile-payments") == 1
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


@pytest.mark.parametrize("how", ["the sweep", "the guest's return"])
async def test_a_charge_given_up_and_paid_all_the_same_is_not_forgotten(
    shop: Shop, how: str
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(timedelta(minutes=30, seconds=1))
    await shop.sweep("expire-holds")
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM payments") == ["abandoned"]
    await shop.values("UPDATE listings SET state = 'closed' RETURNING state")
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    if how == "the sweep":
        await shop.forward(timedelta(days=3))
        assert await shop.sweep("reconcile-payments") == 1
    else:
        assert await _visit(shop, payment["reference"]) == 200
    await shop.run_jobs()
    assert await shop.values("SELECT reason FROM instructions") == ["late payment"]
    assert await shop.sweep("reconcile-payments") == 0


async def test_an_unpaid_charge_is_asked_about_ever_more_seldom_and_not_for_ever(
    shop: Shop,
) -> None:
    await shop.pending(await shop.reserve("1A"))
    asked: list[int] = []
    for hour in range(0, 14 * 24, 6):
        if await shop.sweep("reconcile-payments"):
            asked.append(hour)
        await shop.run_jobs()
        await shop.forward(timedelta(hours=6))
    # At least as long again each time: how long by then, a moment decides.
    assert asked[:2] == [6, 12]
    assert all(later >= 2 * earlier for earlier, later in pairwise(asked))
    assert asked[-2] < 7 * 24 < asked[-1]
