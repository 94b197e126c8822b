"""What somebody does at a gateway without us is seen, posted and explained, at each gateway."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.edge.gateways.port import Accepted, GatewayName, NewTransfer
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.edge.gateways.registry import gateway_named
from app.flows.movements import stories
from app.foundation.db import execute, transaction
from app.foundation.money import Money
from app.foundation.queue import TakeInCharge, enqueue
from app.money.instructions import actions as instructions
from tests import make
from tests.flows.movements.world import (
    CURRENCIES,
    books_agree,
    paid_trip,
    reconciled,
    settle_down,
)
from tests.shop import Shop
from tests.stories.trips import trip_at, trip_in_shillings

GATEWAYS = pytest.mark.parametrize("gateway", list(GatewayName))


# ---- refunds at the dashboard --------------------------------------------------------------------


@GATEWAYS
async def test_a_whole_refund_at_the_dashboard_is_posted_and_ends_the_booking(
    shop: Shop, gateway: GatewayName
):
    booking, payment = await paid_trip(shop, gateway)
    await shop.sandbox.act("refunds", charge=payment["reference"])
    await settle_down(shop)
    assert await reconciled(shop, gateway) == []
    assert await shop.state(booking) == "cancelled"
    assert await shop.values("SELECT DISTINCT state FROM pots") == ["refunded"]
    assert await shop.values("SELECT origin || ' ' || state FROM instructions") == [
        "gateway confirmed"
    ]
    seen = await shop.get(shop.guest, "/api/payments/status", reference=payment["reference"])
    assert seen["refunded"] == seen["received"] == seen["amount"]
    assert seen["paysBooking"]
    assert await shop.count("SELECT count(*) FROM alerts WHERE kind = 'taken_in'") == 1
    assert set(await shop.values("SELECT kind FROM notifications")) >= {
        "rental_given_back",
        "refund_sent",
    }
    await books_agree(shop, gateway)


@GATEWAYS
async def test_a_part_refunded_at_the_dashboard_is_missing_in_escrow_and_the_host_gets_the_rest(
    shop: Shop, gateway: GatewayName
):
    booking, payment = await paid_trip(shop, gateway)
    wire = (await shop.sandbox.charges())[0]["amount"]
    await shop.sandbox.act("refunds", charge=payment["reference"], amount=wire // 5)
    await settle_down(shop)
    assert await reconciled(shop, gateway) == []
    amount = payment["amount"]["amount"]
    assert await shop.state(booking) == "confirmed"
    assert await shop.count("SELECT given_back FROM pots") == amount // 5
    assert await shop.count("SELECT refunded FROM payments") == amount // 5
    await books_agree(shop, gateway)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    pot = await shop.values("SELECT concat_ws(' ', to_guest, commission, to_host) FROM pots")
    left = amount - amount // 5
    assert pot == [f"0 {left // 10} {left - left // 10}"]
    await books_agree(shop, gateway)


async def test_a_refund_at_the_dashboard_does_what_was_promised_and_not_sent(shop: Shop):
    booking, payment = await paid_trip(shop, GatewayName.PAYSTACK)
    cancelled = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    await shop.sandbox.act("refunds", charge=payment["reference"])
    async with transaction() as tx:  # our own is not sent yet: its job waits
        await execute(tx, "DELETE FROM procrastinate_jobs WHERE task_name = 'send-instruction'")
    await stories.take_in_refunds(UUID(payment["id"]))
    await settle_down(shop)
    assert await reconciled(shop, GatewayName.PAYSTACK) == []
    assert sorted(await shop.values("SELECT origin || ' ' || state FROM instructions")) == [
        "berthold cancelled",
        "gateway confirmed",
    ]
    assert len(await shop.sandbox.refunds()) == 1
    await books_agree(shop, GatewayName.PAYSTACK)


@GATEWAYS
async def test_a_charge_that_was_given_back_before_our_first_look_is_no_success(
    shop: Shop, gateway: GatewayName
):
    booking = await trip_at(shop, gateway)
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await shop.sandbox.act("refunds", charge=payment["reference"])
    await shop.forward(timedelta(minutes=6))
    await stories.learn_charge(UUID(payment["id"]))
    await settle_down(shop)
    assert await shop.state(booking) == "awaiting_payment"
    assert await shop.count("SELECT count(*) FROM pots") == 0
    assert await shop.values("SELECT origin FROM instructions") == ["gateway"]
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


# ---- charges that we do not know -----------------------------------------------------------------


async def test_a_second_success_under_one_reference_is_given_back_to_its_own_payment(shop: Shop):
    booking, payment = await paid_trip(shop, GatewayName.FLUTTERWAVE)
    await shop.sandbox.act("attempts", charge=payment["reference"], outcome="paid")
    await settle_down(shop)
    await shop.sweep("process-refunds")
    await settle_down(shop)
    assert await shop.state(booking) == "confirmed"
    assert sorted(await shop.values("SELECT origin || ' ' || state FROM payments")) == [
        "berthold succeeded",
        "gateway succeeded",
    ]
    [refund] = await shop.sandbox.refunds()
    first, second = sorted(await shop.sandbox.charges(), key=lambda charge: charge["id"])
    assert refund["transaction_id"] == second["id"] != first["id"]
    assert await reconciled(shop, GatewayName.FLUTTERWAVE) == []
    await books_agree(shop, GatewayName.FLUTTERWAVE)


async def test_a_job_takes_in_a_second_success_which_is_given_back(shop: Shop):
    _, payment = await paid_trip(shop, GatewayName.FLUTTERWAVE)
    await settle_down(shop)
    await shop.sandbox.fault("webhook", "drop")
    second = await shop.sandbox.act("attempts", charge=payment["reference"], outcome="paid")
    async with transaction() as tx:
        job = TakeInCharge(
            gateway="flutterwave", reference=payment["reference"], charge_id=str(second["id"])
        )
        await enqueue(tx, job)
    await shop.run_jobs()
    jobs = (
        "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'take-in-charge' ORDER BY id"
    )
    assert (await shop.values(jobs))[0] == "succeeded"
    assert await shop.count("SELECT count(*) FROM payments WHERE origin = 'gateway'") == 1


async def test_a_declined_attempt_after_the_paid_one_does_not_hide_the_payment(shop: Shop):
    booking = await trip_in_shillings(shop)
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=2)
    await shop.sandbox.pay(payment["reference"])
    await shop.sandbox.act("attempts", charge=payment["reference"], outcome="declined")
    await settle_down(shop)
    await shop.sandbox.clear_faults()
    await stories.learn_charge(UUID(payment["id"]))
    assert await shop.state(booking) == "confirmed"
    await books_agree(shop, GatewayName.FLUTTERWAVE)


@GATEWAYS
async def test_a_charge_of_ours_of_which_nothing_is_here_is_found_and_given_back(
    shop: Shop, gateway: GatewayName
):
    reference = f"pay-{make.new_id().hex}"
    currency = CURRENCIES[gateway]
    made = await shop.sandbox.act(
        "charges", gateway=gateway, amount=9_000, currency=currency, reference=reference
    )
    await reconciled(shop, gateway)
    await shop.sweep("process-refunds")
    await settle_down(shop)
    await shop.sweep("process-refunds")
    await settle_down(shop)
    assert await reconciled(shop, gateway) == []
    assert await shop.values("SELECT reference || ' ' || state FROM payments") == [
        f"{reference} succeeded"
    ]
    assert await shop.values("SELECT set_aside_because FROM payments") == ["unknown payment"]
    [refund] = await shop.sandbox.refunds()
    assert refund["amount"] == made["amount"]
    await books_agree(shop, gateway)


async def test_an_unknown_charge_that_somebody_gives_back_at_the_gateway_needs_nobody_any_more(
    shop: Shop,
):
    reference = f"pay-{make.new_id().hex}"
    too_large_for_any_run = 30_000_000
    await shop.sandbox.act(
        "charges",
        gateway="paystack",
        amount=too_large_for_any_run,
        currency="NGN",
        reference=reference,
    )
    await reconciled(shop, GatewayName.PAYSTACK)
    alerts = "SELECT state FROM alerts WHERE kind = 'unknown_payment'"
    await shop.sandbox.act("refunds", charge=reference, amount=1_000_000)
    await reconciled(shop, GatewayName.PAYSTACK)
    assert await shop.values(alerts) == ["open"]
    await shop.sandbox.act("refunds", charge=reference)
    await reconciled(shop, GatewayName.PAYSTACK)
    assert await shop.values(alerts) == ["resolved"]
    await books_agree(shop, GatewayName.PAYSTACK)


async def test_a_charge_that_was_paid_out_before_a_restore_is_not_given_back_as_well(shop: Shop):
    payment_id = make.new_id()
    reference = f"pay-{payment_id.hex}"
    await shop.sandbox.act(
        "charges", gateway="paystack", amount=900_000, currency="NGN", reference=reference
    )
    gateway = gateway_named(GatewayName.PAYSTACK)
    host = await gateway.create_recipient(
        NewRecipient(
            kind=RecipientKind.BANK_ACCOUNT, currency="NGN", name="Host", bank_code="044",
            account_number="0690000031", reference=reference,
        )
    )  # fmt: skip
    assert isinstance(host, RecipientReady)
    sent = await gateway.start_transfer(
        NewTransfer(
            reference=instructions.references_of_payouts(payment_id)[0],
            charge_reference=reference,
            recipient=host.recipient,
            money=Money(810_000, "NGN"),
            reason="rental released",
        )
    )
    assert isinstance(sent, Accepted)
    await reconciled(shop, GatewayName.PAYSTACK)
    await shop.sweep("process-refunds")
    await settle_down(shop)
    assert await shop.values("SELECT set_aside_because FROM payments") == ["payment paid out"]
    assert await shop.sandbox.refunds() == []
    assert await shop.count("SELECT count(*) FROM alerts WHERE kind = 'payment_paid_out'") == 1


async def test_what_strangers_do_on_the_same_account_is_no_difference(shop: Shop):
    await shop.sandbox.act("charges", gateway="paystack", amount=500_000, currency="NGN")
    assert await reconciled(shop, GatewayName.PAYSTACK) == []
    assert await shop.count("SELECT count(*) FROM payments") == 0
