"""What a gateway says of a charge is compared with it, and recorded once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.edge.gateways.port import FoundCharge, GatewayName, NewRefund
from app.edge.gateways.registry import gateway_named
from app.flows.checkout import actions as checkout
from app.foundation.db import transaction
from app.foundation.money import Money
from app.money.payments import actions as payments
from tests.laws import audit_is_clean
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop


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
    await all_delivered(shop.sandbox)
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
