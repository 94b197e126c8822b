"""Paying: each way a charge can end, and what becomes of the booking."""

import asyncio
from datetime import timedelta

from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop

HOLD = timedelta(minutes=15, seconds=1)
DEADLINE = timedelta(minutes=30, seconds=1)


async def test_a_paid_seat_is_confirmed(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    payment = await shop.pending(booking)
    assert payment["state"] == "pending"
    assert payment["checkoutUrl"].startswith(shop.sandbox.base_url)
    assert await shop.state(booking) == "awaiting_payment"
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM claims WHERE expires_at IS NULL") == 2
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]
    assert await shop.values("SELECT kind FROM notifications") == ["booking_confirmed"]
    history = await shop.get(shop.guest, f"/api/bookings/{booking['id']}/history")
    assert [move["state"] for move in history["moves"]] == [
        "held",
        "awaiting_payment",
        "confirmed",
    ]


async def test_paying_extends_the_hold_once(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.pending(booking)
    first = (await shop.get(shop.guest, f"/api/bookings/{booking['id']}"))["expiresAt"]
    await shop.forward(timedelta(minutes=20))
    await shop.pending(booking)
    second = (await shop.get(shop.guest, f"/api/bookings/{booking['id']}"))["expiresAt"]
    assert first == second > booking["expiresAt"]


async def test_a_declined_charge_leaves_the_hold_until_its_deadline(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.decline(payment["reference"])
    reply = await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert reply.json()["state"] == "failed"
    assert await shop.state(booking) == "awaiting_payment"
    second = await shop.pending(booking)
    assert second["reference"] != payment["reference"]
    await shop.sandbox.pay(second["reference"])
    await shop.post(shop.guest, f"/api/payments/{second['id']}/verify")
    assert await shop.state(booking) == "confirmed"


async def test_a_late_payment_finds_the_seat_still_free(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    await shop.sweep("expire-holds")
    assert await shop.state(booking) == "expired"
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_a_late_payment_for_a_seat_that_is_gone_is_refunded(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    winner = await shop.reserve("1A", who=shop.other)  # takes the expired hold over
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "expired"
    assert await shop.state(winner) == "held"
    assert await shop.values("SELECT reason FROM instructions") == ["late payment"]
    assert await shop.values("SELECT kind FROM alerts") == ["late_payment"]


async def test_a_second_success_is_refunded(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    first = await shop.pending(booking)
    await shop.sandbox.decline(first["reference"])
    await shop.post(shop.guest, f"/api/payments/{first['id']}/verify")
    second = await shop.pending(booking)
    for payment in (second, first):  # the gateway lets the guest try the declined one again
        await shop.sandbox.pay(payment["reference"])
        await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "confirmed"
    refunded = await shop.values(
        "SELECT payments.reference FROM instructions JOIN payments ON payments.id = payment_id"
    )
    assert refunded == [first["reference"]]
    assert await shop.values("SELECT kind FROM alerts") == ["second_payment"]


async def test_a_lost_webhook_is_made_up_for_when_the_hold_expires(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.forward(DEADLINE)
    await shop.sweep("expire-holds")
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_a_webhook_faster_than_the_gateways_answer(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "timeout_after_effect", delay_ms=700)
    starting = asyncio.create_task(shop.initiate(booking))
    while not (charges := await shop.sandbox.charges()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await shop.sandbox.pay(charges[0]["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    reply = await starting
    assert reply.status_code == 201
    assert reply.json()["state"] == "succeeded"


async def test_no_transaction_is_open_while_the_gateway_is_asked(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "delay", delay_ms=400)
    starting = asyncio.create_task(shop.initiate(booking))
    await asyncio.sleep(0.2)
    open_transactions = await shop.count(
        """
        SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND xact_start IS NOT NULL
           AND pid <> pg_backend_pid()"""
    )
    assert open_transactions == 0
    assert (await starting).status_code == 201


async def test_a_silent_gateway_is_asked_again_under_the_same_reference(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "error_500")
    unclear = await shop.initiate(booking, key="pay-1")
    assert unclear.status_code == 504
    assert unclear.json()["code"] == "gateway_unclear"
    again = await shop.initiate(booking, key="pay-1")
    assert again.status_code == 201
    assert await shop.count("SELECT count(*) FROM payments") == 1


async def test_a_lost_checkout_address_leads_to_a_new_charge(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "timeout_after_effect", delay_ms=50)
    assert (await shop.initiate(booking, key="pay-1")).status_code == 504
    again = await shop.initiate(booking, key="pay-1")
    assert again.status_code == 201, again.text
    states = await shop.values("SELECT state FROM payments ORDER BY id")
    assert states == ["abandoned", "pending"]
    await shop.sandbox.pay(again.json()["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_two_initiates_at_once_start_one_charge(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    replies = await asyncio.gather(*(shop.initiate(booking) for _ in range(10)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({r.json()["reference"] for r in replies if r.status_code == 201}) == 1
    assert len(await shop.sandbox.charges()) == 1


async def test_an_unpaid_hold_expires_and_its_seat_is_free(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.forward(HOLD)
    late = await shop.initiate(booking)
    assert late.status_code == 409
    assert late.json()["code"] == "hold_expired"
    await shop.sweep("expire-holds")
    assert await shop.state(booking) == "expired"
    assert await shop.count("SELECT count(*) FROM claims") == 0


async def test_a_late_payment_does_not_buy_what_the_host_has_taken_off_sale(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    await shop.sweep("expire-holds")
    await shop.values("UPDATE listings SET state = 'closed' RETURNING state")
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "expired"
    assert await shop.values("SELECT reason FROM instructions") == ["late payment"]


async def test_a_booking_cancelled_while_its_charge_begins_is_not_to_be_paid(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "delay", delay_ms=600)
    starting = asyncio.create_task(shop.initiate(booking))
    await asyncio.sleep(0.2)
    cancelled = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert cancelled.status_code == 200
    reply = await starting
    assert (reply.status_code, reply.json()["code"]) == (409, "not_payable")
    assert await shop.count("SELECT count(*) FROM notifications") == 0


async def test_the_same_key_after_the_money_came_answers_with_the_payment(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "timeout_after_effect", delay_ms=50)
    assert (await shop.initiate(booking, key="pay-1")).status_code == 504
    (charge,) = await shop.sandbox.charges()
    await shop.sandbox.pay(charge["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    again = await shop.initiate(booking, key="pay-1")
    assert (again.status_code, again.json()["state"]) == (201, "succeeded")


async def test_a_charge_that_was_paid_unseen_is_not_begun_again(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "timeout_after_effect", delay_ms=50)
    await shop.initiate(booking, key="pay-1")
    (charge,) = await shop.sandbox.charges()
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(charge["reference"])
    again = await shop.initiate(booking, key="pay-1")
    assert (again.status_code, again.json()["state"]) == (201, "succeeded")
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM payments") == 1


async def test_paying_early_never_shortens_a_hold(shop: Shop) -> None:
    booking = await shop.reserve("1A", holdDurationMinutes=60)
    await shop.pending(booking)
    seen = await shop.get(shop.guest, f"/api/bookings/{booking['id']}")
    assert seen["expiresAt"] == booking["expiresAt"]
