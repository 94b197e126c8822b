"""What gateways reported of one booking's money, listed for admins."""

import asyncio
from typing import Any

import msgspec

from app.foundation.db import execute, transaction
from tests import make
from tests.shop import Shop

WEBHOOKS = "/api/admin/webhooks"


async def _pay(shop: Shop, booking: dict[str, Any]) -> dict[str, Any]:
    """Pay for a booking and act on the webhook that reports it; returns the payment."""
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    async with asyncio.timeout(60):
        while not any(d["last_status"] == 200 for d in await shop.sandbox.deliveries()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await shop.run_jobs()
    return payment


async def test_webhooks_about_a_bookings_charges_and_transfers_are_listed_by_booking(
    shop: Shop,
) -> None:
    booking = await shop.reserve("1A")
    payment = await _pay(shop, booking)
    other = await shop.reserve("1B")
    path = f"{WEBHOOKS}/booking/{booking['id']}"
    (charge,) = (await shop.get(shop.admin, path))["webhooks"]
    assert (charge["reference"], charge["state"]) == (payment["reference"], "processed")
    body = {"event": "transfer.success", "data": {"id": 1, "status": "success"}}
    for attempt in (1, 2):
        reference = f"tr-{attempt:032x}-{attempt}"
        body["data"] |= {"reference": reference, "transfer_code": f"TRF_{attempt}"}
        assert (await shop.webhook(msgspec.json.encode(body).decode())).status_code == 200
    await _store_old_transfer(booking, "tr-" + "0" * 31 + "1-1")
    first = await shop.get(shop.admin, path, limit=1)
    assert [event["kind"] for event in first["webhooks"]] == ["transfer_changed"]
    rest = await shop.get(shop.admin, path, limit=1, cursor=first["nextCursor"])
    assert rest == {"webhooks": [charge], "nextCursor": None}
    assert (await shop.get(shop.admin, f"{WEBHOOKS}/booking/{other['id']}"))["webhooks"] == []
    unknown = f"{WEBHOOKS}/booking/{make.new_id()}"
    nowhere = await shop.api.get(unknown, headers=make.bearer(shop.admin))
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "booking_not_found")


async def _store_old_transfer(booking: dict[str, Any], reference: str) -> None:
    """Store a transfer whose first attempt had this reference; its second has another one."""
    async with transaction() as tx:
        await execute(
            tx,
            """
            WITH transfer AS (
                INSERT INTO instructions (id, kind, state, booking_id, payment_id, source_id,
                       payee_id, gateway, target, amount, currency, reason, attempt, reference,
                       next_try_at)
                SELECT gen_random_uuid(), 'transfer', 'sending', id, payment_id,
                       gen_random_uuid(), host_id, 'paystack', 'RCP_1', 100, currency, 'a test',
                       2, 'tr-now', business_now()
                  FROM (SELECT bookings.*, payments.id AS payment_id
                          FROM bookings JOIN payments ON booking_id = bookings.id
                         WHERE bookings.id = %(booking_id)s) AS paid
             RETURNING id
            )
            INSERT INTO instruction_history
                   (instruction_id, was, state, attempt, reference, reason)
            SELECT id, 'queued', 'sending', 1, %(reference)s, 'a test' FROM transfer""",
            booking_id=booking["id"],
            reference=reference,
        )
