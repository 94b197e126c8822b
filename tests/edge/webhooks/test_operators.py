"""Webhooks as operators see them: found, read, replayed; a replay repeats the question only."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from app.edge.webhooks import actions as webhooks
from app.foundation.db import execute, transaction
from tests import make
from tests.shop import Shop

WEBHOOKS = "/api/admin/webhooks"


async def _delivered(shop: Shop) -> str:
    """The body of the one webhook that the sandbox has delivered."""
    for _ in range(200):
        taken = [d for d in await shop.sandbox.deliveries() if d["last_status"] == 200]
        if taken:
            return str(taken[0]["body"])
        await asyncio.sleep(0.02)
    raise AssertionError(await shop.sandbox.deliveries())


async def _paid(shop: Shop) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A booking, its payment, and the body of the webhook about that, not acted on yet."""
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    return booking, payment, await _delivered(shop)


async def _list(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.get(shop.admin, WEBHOOKS, **params))["webhooks"]
    return found


async def _replay(shop: Shop, event: dict[str, Any]) -> httpx.Response:
    return await shop.post(shop.admin, f"{WEBHOOKS}/{event['id']}/replay")


async def test_a_webhook_is_found_and_shown_as_it_was_sent(shop: Shop) -> None:
    _, payment, body = await _paid(shop)
    await shop.run_jobs()
    (event,) = await _list(shop)
    assert (event["state"], event["gateway"], event["attempts"], event["reference"]) == (
        "processed",
        "paystack",
        1,
        payment["reference"],
    )
    seen = await shop.get(shop.admin, f"{WEBHOOKS}/{event['id']}")
    assert seen == event | {"body": body}
    for found in ({"state": "processed"}, {"gateway": "paystack"}):
        assert await _list(shop, **found) == [event]
    assert await _list(shop, reference=payment["reference"]) == [event]
    for missed in ({"state": "failed"}, {"reference": "pay-x"}):
        assert await _list(shop, **missed) == []


async def test_pages_of_webhooks_are_newest_first(shop: Shop) -> None:
    for n in range(5):
        body = f'{{"event": "customeridentification.success", "data": {{"id": {n}}}}}'
        assert (await shop.webhook(body)).status_code == 200
    everything = await _list(shop)
    assert len({event["id"] for event in everything}) == 5
    assert everything == sorted(everything, key=lambda event: event["id"], reverse=True)
    first = await shop.get(shop.admin, WEBHOOKS, limit=3)
    rest = await shop.get(shop.admin, WEBHOOKS, limit=3, cursor=first["nextCursor"])
    assert first["webhooks"] + rest["webhooks"] == everything
    assert rest["nextCursor"] is None


async def test_a_webhook_body_that_is_not_utf_8_is_shown(shop: Shop) -> None:
    await shop.webhook('{"event": "x", "data": {"id": 1}}')
    async with transaction() as tx:
        await execute(tx, r"UPDATE webhook_events SET body = '\x7bff007d'")
    (event,) = await _list(shop)
    seen = await shop.get(shop.admin, f"{WEBHOOKS}/{event['id']}")
    assert seen["body"] == "{\ufffd\x00}"


async def test_replaying_a_processed_webhook_asks_again_and_changes_nothing(shop: Shop) -> None:
    booking, _, _ = await _paid(shop)
    await shop.run_jobs()
    (event,) = await _list(shop)
    path = f"/api/bookings/{booking['id']}/history"
    before = await shop.get(shop.guest, path)

    replayed = (await _replay(shop, event)).json()
    assert (replayed["state"], replayed["attempts"]) == ("received", 0)
    await shop.run_jobs()
    (again,) = await _list(shop)
    assert (again["state"], again["attempts"]) == ("processed", 1)
    assert await shop.get(shop.guest, path) == before
    assert await shop.count("SELECT count(*) FROM audit_log WHERE action = 'settle_payment'") == 1


async def test_a_replay_acts_on_a_webhook_that_was_given_up(shop: Shop) -> None:
    booking, payment, _ = await _paid(shop)
    await shop.values("UPDATE payments SET reference = 'pay-other' RETURNING reference")
    await shop.run_jobs()
    (event,) = await _list(shop, state="failed")
    async with transaction() as tx:
        await execute(tx, "UPDATE payments SET reference = %(it)s", it=payment["reference"])
        await execute(tx, "UPDATE webhook_events SET attempts = 10, error = 'x'")
    await shop.forward(timedelta(minutes=3))
    from tasks.webhooks import retry_webhooks

    assert await retry_webhooks(100) == 0, "it was tried often enough"
    assert (await _replay(shop, event)).status_code == 200
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_a_replay_of_a_webhook_is_in_the_audit_log(shop: Shop) -> None:
    await _paid(shop)
    await shop.run_jobs()
    (event,) = await _list(shop)
    reply = await _replay(shop, event)
    audit = await shop.get(shop.admin, "/api/admin/audit", action="replay_webhook")
    (record,) = audit["records"]
    assert (record["actorId"], record["subjectKind"], record["subjectId"]) == (
        str(shop.admin.id),
        "webhook",
        event["id"],
    )
    assert (record["before"], record["after"]) == ({"state": "processed"}, {"state": "received"})
    assert record["requestId"] == reply.headers["x-request-id"]


async def test_replaying_or_reading_an_unknown_webhook_is_404(shop: Shop) -> None:
    nothing = {"id": make.new_id()}
    refused = await _replay(shop, nothing)
    assert (refused.status_code, refused.json()["code"]) == (404, "webhook_not_found")
    reply = await shop.api.get(f"{WEBHOOKS}/{nothing['id']}", headers=make.bearer(shop.admin))
    assert reply.status_code == 404


async def test_a_late_failure_does_not_change_a_processed_webhook(shop: Shop) -> None:
    await _paid(shop)
    await shop.run_jobs()
    (event,) = await _list(shop)
    async with transaction() as tx:
        await webhooks.failed(tx, UUID(event["id"]), error="too late")
    assert await _list(shop) == [event]


async def test_a_webhook_that_is_not_tried_again_has_an_alert_until_it_is_replayed(
    shop: Shop,
) -> None:
    await _paid(shop)
    await shop.values("UPDATE webhook_events SET attempts = 9 RETURNING id::text")
    await shop.forward(timedelta(minutes=3))
    alerts = "SELECT kind || ' ' || subject || ' ' || state FROM alerts"
    assert await shop.sweep("retry-webhooks") == 1
    assert await shop.values(alerts) == []
    (event,) = await _list(shop)
    async with transaction() as tx:
        await webhooks.begin(tx, UUID(event["id"]))
        await webhooks.failed(tx, UUID(event["id"]), error="once more")
    assert await shop.sweep("retry-webhooks") == 0
    assert await shop.values(alerts) == ["webhooks_given_up paystack open"]
    assert await shop.values("SELECT details -> 'ids' ->> 0 FROM alerts") == [event["id"]]
    assert (await _replay(shop, event)).status_code == 200
    assert await shop.values(alerts) == ["webhooks_given_up paystack resolved"]


async def test_a_webhook_that_was_given_up_is_dismissed_with_a_reason(shop: Shop) -> None:
    await _paid(shop)
    await shop.values("UPDATE webhook_events SET state = 'failed', attempts = 10 RETURNING state")
    assert await shop.sweep("retry-webhooks") == 0
    alerts = "SELECT kind || ' ' || subject || ' ' || state FROM alerts"
    assert await shop.values(alerts) == ["webhooks_given_up paystack open"]
    (event,) = await _list(shop)
    path = f"{WEBHOOKS}/{event['id']}/dismiss"
    assert (await shop.post(shop.admin, path, {"reason": ""})).status_code == 422
    assert (await shop.post(shop.guest, path, {"reason": "x"})).status_code == 403
    reply = await shop.post(shop.admin, path, {"reason": "It is of a test last year"})
    assert reply.status_code == 200, reply.text
    dismissed = reply.json()
    assert (dismissed["state"], dismissed["dismissedBecause"]) == (
        "ignored",
        "It is of a test last year",
    )
    assert await shop.values(alerts) == ["webhooks_given_up paystack resolved"]
    assert await shop.sweep("retry-webhooks") == 0
    (record,) = (await shop.get(shop.admin, "/api/admin/audit", action="dismiss_webhook"))[
        "records"
    ]
    assert (record["before"], record["after"]) == ({"state": "failed"}, {"state": "ignored"})
    assert record["reason"] == "It is of a test last year"
    again = await shop.post(shop.admin, path, {"reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "not_given_up")
    replayed = (await _replay(shop, event)).json()
    assert (replayed["state"], replayed["dismissedBecause"]) == ("received", None)


async def test_a_webhook_that_is_still_acted_on_cannot_be_dismissed(shop: Shop) -> None:
    await _paid(shop)
    (event,) = await _list(shop)
    reply = await shop.post(shop.admin, f"{WEBHOOKS}/{event['id']}/dismiss", {"reason": "x"})
    assert reply.status_code == 409
    nothing = await shop.post(shop.admin, f"{WEBHOOKS}/{make.new_id()}/dismiss", {"reason": "x"})
    assert nothing.status_code == 404


async def test_a_webhook_that_is_too_large_is_refused_and_not_stored(shop: Shop) -> None:
    reply = await shop.webhook('{"event": "x", "data": {"id": 1, "pad": "%s"}}' % ("x" * 300_000))
    assert (reply.status_code, reply.json()["code"]) == (413, "request_entity_too_large")
    assert await _list(shop) == []
