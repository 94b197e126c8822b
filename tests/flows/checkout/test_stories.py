"""Paying: each way a charge can end, and what becomes of the booking."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.edge.gateways.port import FoundCharge, GatewayName, NewRefund
from app.edge.gateways.registry import gateway_named
from app.flows.checkout import actions as checkout
from app.foundation.db import execute, transaction
from app.foundation.money import Money
from app.money.payments import actions as payments
from tests import make
from tests.laws import audit_is_clean
from tests.shop import Shop

HOLD = timedelta(minutes=15, seconds=1)
DEADLINE = timedelta(minutes=30, seconds=1)
LOOKS = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'settle-payment'"


async def _delivered(shop: Shop) -> None:
    """Wait until a webhook of the sandbox has been taken."""
    for _ in range(200):
        if any(d["last_status"] == 200 for d in await shop.sandbox.deliveries()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await shop.sandbox.deliveries())


async def test_a_paid_seat_is_confirmed(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    payment = await shop.pending(booking)
    assert payment["state"] == "pending"
    assert payment["checkoutUrl"].startswith(shop.sandbox.base_url)
    assert await shop.state(booking) == "awaiting_payment"
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
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
    await _expire(shop)
    assert await shop.state(booking) == "expired"
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_a_late_payment_for_a_seat_that_is_gone_is_refunded(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    winner = await shop.reserve("1A", who=shop.other)  # takes the expired hold over
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
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


@pytest.mark.parametrize(
    ("instead", "came"),
    [
        ({"amount": 499_900}, "499900 NGN"),
        ({"amount": 700_000}, "700000 NGN"),
        ({"amount": 500, "currency": "GHS"}, "500 GHS"),
    ],
)
async def test_a_wrong_sum_buys_nothing_and_goes_back_as_it_came(
    shop: Shop, instead: dict[str, Any], came: str
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    assert payment["amount"] == {"amount": 500_000, "currency": "NGN"}
    await shop.sandbox.pay(payment["reference"], **instead)
    await _delivered(shop)
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]
    assert await shop.values("SELECT amount || ' ' || currency FROM payments") == [came]
    assert await shop.state(booking) == "awaiting_payment", "who erred may pay again"
    assert await shop.values("SELECT kind || ' ' || state FROM alerts") == ["wrong_payment open"]
    assert await shop.values("SELECT kind FROM notifications") == ["refund_pending"]
    again = await shop.paid(booking)
    assert again["reference"] != payment["reference"]
    assert await shop.state(booking) == "confirmed"
    for _ in range(2):
        await shop.run_jobs()
        await shop.forward(timedelta(minutes=16))
        await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    refunds = await shop.values(
        "SELECT amount || ' ' || currency || ' ' || state FROM instructions"
    )
    assert refunds == [f"{came} confirmed"]
    assert await shop.values("SELECT kind || ' ' || state FROM alerts") == [
        "wrong_payment resolved"
    ]
    amount, currency = came.split()
    assert (await shop.sandbox.books())[currency]["refunded"] == int(amount)
    await audit_is_clean()


async def test_a_charge_of_another_reference_or_mode_changes_nothing_and_alerts(
    shop: Shop,
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    found = await gateway_named(GatewayName.PAYSTACK).find_charge(payment["reference"])
    assert isinstance(found, FoundCharge)
    for strange in (
        msgspec.structs.replace(found, live=True),
        msgspec.structs.replace(found, reference="pay-another"),
    ):
        async with transaction() as tx:
            ours = await payments.get(tx, UUID(payment["id"]))
            settled = await checkout.settle(tx, ours, strange, live=False)
        assert settled.state == "pending"
    assert await shop.state(booking) == "awaiting_payment"
    raised = "SELECT kind || ' ' || count || ' ' || state FROM alerts"
    assert await shop.values(raised) == ["payment_mismatch 2 open"]
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "confirmed"
    assert await shop.values(raised) == ["payment_mismatch 2 resolved"]


async def test_a_lost_webhook_is_made_up_for_when_the_hold_expires(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.forward(DEADLINE)
    await _expire(shop)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_the_same_webhook_fifty_times_in_parallel(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
    (delivery,) = await shop.sandbox.deliveries()
    replies = await asyncio.gather(*(shop.webhook(delivery["body"]) for _ in range(50)))
    assert {reply.json()["deduplicated"] for reply in replies} == {True}
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT count(*) FROM webhook_events") == 1
    assert await shop.count("SELECT count(*) FROM notifications") == 1
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_fifty_settlers_at_once_confirm_once(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    path = f"/api/payments/{payment['id']}/verify"
    replies = await asyncio.gather(*(shop.post(shop.guest, path) for _ in range(50)))
    assert {reply.status_code for reply in replies} == {200}
    history = "SELECT state FROM booking_history ORDER BY id"
    assert await shop.values(history) == ["held", "awaiting_payment", "confirmed"]
    assert await shop.state(booking) == "confirmed"


async def test_a_charge_that_its_gateway_calls_reversed_stays_paid_for(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    verify = f"/api/payments/{payment['id']}/verify"
    await shop.post(shop.guest, verify)
    refund = NewRefund(
        reference="rf-0000000000000001-1",
        charge_reference=payment["reference"],
        money=Money(amount=payment["amount"]["amount"], currency=payment["amount"]["currency"]),
        reason="by hand, at the gateway",
    )
    await gateway_named(GatewayName.PAYSTACK).start_refund(refund)
    await shop.sandbox.end_refund(refund.reference)
    assert (await shop.sandbox.charges())[0]["status"] == "reversed"

    reply = await shop.post(shop.guest, verify)

    assert reply.json()["state"] == "succeeded"
    assert await shop.state(booking) == "confirmed"


async def test_a_webhook_faster_than_the_gateways_answer(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "timeout_after_effect", delay_ms=700)
    starting = asyncio.create_task(shop.initiate(booking))
    while not (charges := await shop.sandbox.charges()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await shop.sandbox.pay(charges[0]["reference"])
    await _delivered(shop)
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
    await _delivered(shop)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_two_initiates_at_once_start_one_charge(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    replies = await asyncio.gather(*(shop.initiate(booking) for _ in range(10)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({r.json()["reference"] for r in replies if r.status_code == 201}) == 1
    assert len(await shop.sandbox.charges()) == 1


async def test_an_event_about_nothing_of_ours_is_parked_and_given_up_with_an_alert(
    shop: Shop,
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.values("UPDATE payments SET reference = 'pay-other' RETURNING reference")
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
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
    await _delivered(shop)
    await shop.run_jobs()
    assert await shop.state(booking) == "awaiting_payment"
    async with transaction() as tx:
        await execute(tx, "UPDATE payments SET reference = %(it)s", it=payment["reference"])
    await shop.forward(timedelta(minutes=3))
    assert await shop.sweep("retry-webhooks") == 1
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]


async def test_an_unpaid_hold_expires_and_its_seat_is_free(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.forward(HOLD)
    late = await shop.initiate(booking)
    assert late.status_code == 409
    assert late.json()["code"] == "hold_expired"
    await _expire(shop)
    assert await shop.state(booking) == "expired"
    assert await shop.count("SELECT count(*) FROM claims") == 0


async def _expire(shop: Shop) -> None:
    from tasks.bookings import expire_holds

    await expire_holds(500)


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
    await _retry_webhooks()
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.values("SELECT state FROM webhook_events") == ["processed"]


async def test_a_late_payment_does_not_buy_what_the_host_has_taken_off_sale(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    await _expire(shop)
    await shop.values("UPDATE listings SET state = 'closed' RETURNING state")
    await shop.sandbox.pay(payment["reference"])
    await _delivered(shop)
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
    await _delivered(shop)
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
    from tasks.checkout import reconcile_payments

    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.forward(timedelta(hours=1, seconds=1))
    assert await reconcile_payments(500) == 1
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


@pytest.mark.parametrize("how", ["the sweep", "the guest's return"])
async def test_a_charge_given_up_and_paid_all_the_same_is_not_forgotten(
    shop: Shop, how: str
) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(DEADLINE)
    await _expire(shop)
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


async def test_a_column_added_under_a_running_api_heals_by_itself(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    path = f"/api/bookings/{booking['id']}"
    for _ in range(12):  # prepared on its connection by now
        await shop.get(shop.guest, path)
    async with transaction() as tx:
        await execute(tx, "ALTER TABLE bookings ADD COLUMN note text NOT NULL DEFAULT ''")
    headers = make.bearer(shop.guest)
    statuses = [(await shop.api.get(path, headers=headers)).status_code for _ in range(25)]
    assert set(statuses) <= {200, 503}
    assert statuses[-5:] == [200] * 5
    assert (await shop.reserve("1B"))["state"] == "held"


async def _retry_webhooks() -> None:
    from tasks.webhooks import retry_webhooks

    assert await retry_webhooks(100) == 1
