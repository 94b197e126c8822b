"""What somebody does at a gateway without us is seen, posted and explained, at each gateway."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.edge.gateways.port import Accepted, GatewayName, NewTransfer
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.edge.gateways.registry import gateway_named
from app.flows.movements import stories
from app.foundation.db import execute, transaction
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.people.accounts.model import Role
from tests import make
from tests.flows.movements.world import (
    CURRENCIES,
    books_agree,
    paid_by_hand,
    paid_trip,
    reconciled,
    settle_down,
)
from tests.laws import audit_is_clean
from tests.money.payees.payout_accounts import account_at_stripe
from tests.shop import Shop
from tests.stories.losses import open_account
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


# ---- transfers at the dashboard ------------------------------------------------------------------


async def test_a_part_of_a_payout_that_is_reversed_at_stripe_is_owed_to_the_host_again(shop: Shop):
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    await shop.sandbox.act("reversals", transfer=transfer["reference"], amount=1_000)
    await settle_down(shop)
    assert await reconciled(shop, GatewayName.STRIPE) == []
    assert await shop.values("SELECT state || ' ' || returned FROM instructions") == [
        "confirmed 1000"
    ]
    await books_agree(shop, GatewayName.STRIPE)


async def test_a_payout_that_comes_back_in_two_parts_is_owed_to_the_host_once_and_is_no_difference(
    shop: Shop,
):
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    await shop.sandbox.act("reversals", transfer=transfer["reference"], amount=1_200)
    await settle_down(shop)
    await shop.sandbox.act("reversals", transfer=transfer["reference"])
    await settle_down(shop)
    assert await reconciled(shop, GatewayName.STRIPE) == []
    assert await shop.values("SELECT state || ' ' || returned FROM instructions") == [
        "reversed 1200"
    ]
    await books_agree(shop, GatewayName.STRIPE)


async def test_an_admin_sends_a_part_of_a_payout_that_came_back_again_and_once(shop: Shop):
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [first] = (await shop.get(shop.admin, "/api/admin/transfers"))["instructions"]

    async def reissue() -> Any:
        path = f"/api/admin/transfers/{first['id']}/reissue"
        return (await shop.post(shop.admin, path, {"reason": "the account is open again"})).json()

    assert (await reissue())["code"] == "not_reversed"
    await shop.sandbox.act("reversals", transfer=first["reference"], amount=1_200)
    await settle_down(shop)
    [seen] = (await shop.get(shop.host, "/api/host/balance"))["balances"]
    assert seen["owed"]["amount"] == seen["cameBack"]["amount"] == 1_200
    assert (await reissue())["instruction"]["amount"]["amount"] == 1_200
    assert (await reissue())["code"] == "reissued_before"
    await settle_down(shop)
    assert await shop.values("SELECT state || ' ' || amount FROM instructions ORDER BY id") == [
        f"confirmed {first['amount']['amount']}",
        "confirmed 1200",
    ]
    assert await reconciled(shop, GatewayName.STRIPE) == []
    await books_agree(shop, GatewayName.STRIPE)
    assert (await shop.get(shop.host, "/api/host/balance"))["balances"] == []
    await shop.sandbox.act("reversals", transfer=first["reference"])  # the rest, and that is owed
    await settle_down(shop)
    assert await reconciled(shop, GatewayName.STRIPE) == []
    await books_agree(shop, GatewayName.STRIPE)


@pytest.mark.parametrize("gateway", [GatewayName.PAYSTACK, GatewayName.FLUTTERWAVE])
async def test_a_payment_by_hand_to_a_host_without_a_charge_waits_for_a_person_each_time_it_changes(
    shop: Shop, gateway: GatewayName
):
    await paid_trip(shop, gateway)
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)  # who is owed nothing
    await open_account(shop, gateway, who=other)
    made = await paid_by_hand(shop, gateway, 9_000)
    for verb in ("reverse", None):
        assert len(await reconciled(shop, gateway)) == 1
        await _explain(shop)
        assert await reconciled(shop, gateway) == []
        await books_agree(shop, gateway)
        if verb:
            await shop.sandbox.end_transfer(made["id"], verb)
    fee = await shop.count(
        """
        SELECT -sum(amount)::bigint FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id WHERE kind = 'bank'"""
    )
    assert fee == made["fee"] > 0  # which the gateway keeps


async def _explain(shop: Shop) -> None:
    """An admin says of all that is open that it was paid from our own pocket."""
    path = "/api/admin/reconciliation"
    page = await shop.get(shop.admin, f"{path}/differences", state="open")
    for each in page["differences"]:
        body = {"note": "seen at the dashboard", "account": "bank"}
        reply = await shop.post(shop.admin, f"{path}/{each['id']}/explain", body)
        assert reply.is_success, reply.text


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


# ---- facts that come later -----------------------------------------------------------------------


@pytest.mark.parametrize("gateway", [GatewayName.STRIPE, GatewayName.FLUTTERWAVE])
async def test_a_fee_that_comes_later_is_asked_for_until_it_is_known_and_posted_once(
    shop: Shop, gateway: GatewayName
):
    await shop.sandbox.set_terms(gateway, lateSeconds=3_600)
    _, payment = await paid_trip(shop, gateway)
    await settle_down(shop)
    assert await shop.count("SELECT count(*) FROM payments WHERE fee IS NULL") == 1
    await shop.sandbox.settle(payment["reference"])
    await shop.forward(timedelta(minutes=10))
    await settle_down(shop)
    assert await shop.count("SELECT count(*) FROM payments WHERE fee > 0") == 1
    assert (
        await shop.count("SELECT count(*) FROM ledger_transactions WHERE kind = 'gateway_fee'") == 1
    )
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_a_fee_of_a_transfer_that_the_gateway_changes_is_corrected_by_a_posting(shop: Shop):
    gateway = GatewayName.PAYSTACK
    booking, _ = await paid_trip(shop, gateway)
    await open_account(shop, gateway)
    await shop.sandbox.fault("transfer", "late", delay_ms=600_000)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    assert await shop.values("SELECT state || ' ' || fee FROM instructions") == ["confirmed 0"]
    [transfer] = await shop.sandbox.transfers()
    shop.sandbox.simulator.bank.movers["fee"](transfer["id"], "told")
    assert await reconciled(shop, gateway) == []
    assert await shop.values("SELECT fee || ' ' || fee_corrections FROM instructions") == [
        f"{transfer['fee']} 1"
    ]
    assert await shop.values(
        """
        SELECT count(*) || ' ' || max(amount) FROM ledger_entries
          JOIN ledger_transactions ON ledger_transactions.id = transaction_id
         WHERE kind = 'fee_correction'"""
    ) == [f"2 {transfer['fee']}"]
    await books_agree(shop, gateway)


async def test_a_charge_settled_in_another_currency_is_paid_out_from_what_was_settled(shop: Shop):
    await shop.sandbox.set_terms("stripe", settlesIn={"EUR": {"currency": "USD", "rate": "1.10"}})
    booking, payment = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await settle_down(shop)
    amount = payment["amount"]["amount"]
    assert await shop.values("SELECT settled_currency || ' ' || settled_amount FROM payments") == [
        f"USD {amount * 110 // 100}"
    ]
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    host = amount - amount // 10
    assert (transfer["currency"], transfer["amount"]) == ("USD", host * 110 // 100)
    assert await shop.values("SELECT state FROM instructions") == ["confirmed"]
    assert await reconciled(shop, GatewayName.STRIPE) == []
    ours = await shop.count(
        """
        SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'gateway_clearing' AND currency = 'USD'"""
    )
    assert ours == (await shop.sandbox.books("stripe"))["USD"]["balance"]


@pytest.mark.parametrize("parts", [(1,), (1, 1, 1, 109), (250, 1, 2)])
async def test_what_comes_back_of_an_exchanged_transfer_is_posted_to_the_cent(
    shop: Shop, parts: tuple[int, ...]
):
    await shop.sandbox.set_terms("stripe", settlesIn={"EUR": {"currency": "USD", "rate": "1.10"}})
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    for part in (*parts, None):  # None is all the rest
        given = {"amount": part} if part else {}
        await shop.sandbox.act("reversals", transfer=transfer["reference"], **given)
        await settle_down(shop)
        assert await reconciled(shop, GatewayName.STRIPE) == []
        await _balance_is_the_ledgers(shop)
    assert await shop.values("SELECT state FROM instructions") == ["reversed"]


async def test_a_refund_of_an_exchanged_charge_is_posted_as_what_left_the_balance(shop: Shop):
    await shop.sandbox.set_terms("stripe", settlesIn={"EUR": {"currency": "USD", "rate": "1.10"}})
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await settle_down(shop)
    cancelled = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    await settle_down(shop)
    assert await shop.values("SELECT state || ' ' || settled_currency FROM instructions") == [
        "confirmed USD"
    ]
    assert await reconciled(shop, GatewayName.STRIPE) == []
    await _balance_is_the_ledgers(shop)


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_chargeback_of_an_exchanged_charge_is_posted_as_what_left_the_balance(
    shop: Shop, outcome: str
):
    await shop.sandbox.set_terms("stripe", settlesIn={"EUR": {"currency": "USD", "rate": "1.10"}})
    _, payment = await paid_trip(shop, GatewayName.STRIPE)
    await settle_down(shop)
    opened = await shop.sandbox.charge_back(payment["reference"], reason="fraudulent", days=7)
    await settle_down(shop)
    assert await reconciled(shop, GatewayName.STRIPE) == []
    assert await shop.values(
        "SELECT settled_currency || ' ' || settled_amount FROM chargebacks WHERE is_taken"
    ) == [f"USD {payment['amount']['amount'] * 110 // 100}"]
    await _balance_is_the_ledgers(shop)
    await shop.sandbox.close_chargeback(opened["id"], outcome)
    await settle_down(shop)
    assert await shop.values("SELECT state FROM chargebacks") == [outcome]
    assert await reconciled(shop, GatewayName.STRIPE) == []
    await _balance_is_the_ledgers(shop)


async def _balance_is_the_ledgers(shop: Shop) -> None:
    """Assert that all of the money at Stripe is in the currency that it settles in."""
    clearing = await shop.values(
        """
        SELECT currency || ' ' || -sum(amount) FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'gateway_clearing' GROUP BY currency ORDER BY currency"""
    )
    assert clearing == ["EUR 0", f"USD {(await shop.sandbox.books('stripe'))['USD']['balance']}"]
    await audit_is_clean()
