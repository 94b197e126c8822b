"""Webhooks that come many times, too early, or about something unknown."""

import asyncio
from datetime import timedelta

import msgspec

from app.foundation.db import execute, transaction
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop


async def test_the_same_webhook_fifty_times_in_parallel(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    (delivery,) = await shop.sandbox.deliveries()
    replies = await asyncio.gather(*(shop.webhook(delivery["body"]) for _ in range(50)))
    assert {reply.json()["deduplicated"] for reply in replies} == {True}
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM webhook_events") == 1
    assert await shop.count("SELECT count(*) FROM notifications") == 1
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_an_event_about_nothing_of_ours_is_parked_and_given_up_with_an_alert(
    shop: Shop,
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.values("UPDATE payments SET reference = 'pay-other' RETURNING reference")
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM webhook_events") == ["failed"]
    # A job's own next attempt may come at once: which of the two it is that tries does not matter.
    tried = "SELECT attempts FROM webhook_events"
    for _ in range(10):
        if await shop.count(tried) >= 10:
            break
        assert await shop.values("SELECT kind FROM alerts") == []
        assert await shop.sweep("retry-webhooks") == 0, "not before its time"
        await shop.forward(timedelta(hours=4))
        assert await shop.sweep("retry-webhooks") == 1
        await shop.run_jobs()
    assert await shop.count(tried) >= 10
    await shop.forward(timedelta(hours=4))
    assert await shop.sweep("retry-webhooks") == 0, "it was tried often enough"
    assert await shop.values("SELECT kind FROM alerts") == ["webhooks_given_up"]
    gave_up = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"
    assert await shop.count(gave_up) == 0, "the event says it, and can be replayed"


async def test_an_event_ahead_of_our_own_commit_is_acted_on_later(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.values("UPDATE payments SET reference = 'not yet' RETURNING reference")
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "awaiting_payment"
    async with transaction() as tx:
        await execute(tx, "UPDATE payments SET reference = %(it)s", it=payment["reference"])
    await shop.forward(timedelta(minutes=3))
    assert await shop.sweep("retry-webhooks") == 1
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]


async def test_a_webhook_ahead_of_its_gateway_is_tried_again(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    told = {"id": 7, "reference": payment["reference"], "status": "success"}
    body = msgspec.json.encode({"event": "charge.success", "data": told}).decode()
    assert (await shop.webhook(body)).status_code == 200
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM webhook_events") == ["failed"]
    assert await shop.state(booking) == "awaiting_payment"
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.forward(timedelta(minutes=3))
    assert await shop.sweep("retry-webhooks") == 1
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]
