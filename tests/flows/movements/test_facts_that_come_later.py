"""Fees and exchanges that a gateway tells later, or changes: posted once, and corrected."""

from datetime import timedelta

import pytest

from app.edge.gateways.port import GatewayName
from tests.flows.movements.world import (
    books_agree,
    paid_out,
    paid_trip,
    reconciled,
    settle_down,
)
from tests.laws import audit_is_clean
from tests.money.payees.payout_accounts import account_at_stripe
from tests.shop import Shop
from tests.stories.losses import open_account


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


async def test_a_fee_that_comes_later_is_posted_though_the_reference_was_paid_again(shop: Shop):
    gateway = GatewayName.FLUTTERWAVE  # where a reference shows the payment that was made last
    await shop.sandbox.set_terms(gateway, lateSeconds=3_600)
    _, payment = await paid_trip(shop, gateway)
    await settle_down(shop)
    sandbox, books = shop.sandbox.simulator, shop.sandbox.simulator.books.transactions
    first = books.find(payment["reference"])
    assert first
    again = sandbox.cashier.pay_again(first)
    await settle_down(shop)
    known = "SELECT state || coalesce(' ' || fee, '') FROM payments"
    assert await shop.values(known) == ["succeeded", "succeeded"]
    fees = [sandbox.cashier.settle(charge).fee for charge in (first, again)]
    assert await reconciled(shop, gateway) == []
    assert sorted(await shop.values(known)) == sorted(f"succeeded {fee}" for fee in fees)
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


@pytest.mark.parametrize("gateway", [GatewayName.PAYSTACK, GatewayName.FLUTTERWAVE])
@pytest.mark.parametrize("is_told", ["before", "after"])
async def test_a_fee_that_comes_later_is_posted_though_the_transfer_came_back(
    shop: Shop, gateway: GatewayName, is_told: str
):
    booking, _ = await paid_trip(shop, gateway)
    await open_account(shop, gateway)
    await shop.sandbox.fault("transfer", "late", delay_ms=600_000)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    assert await shop.values("SELECT state || ' ' || fee FROM instructions") == ["confirmed 0"]
    [transfer] = await shop.sandbox.transfers()
    tell = shop.sandbox.simulator.bank.movers["fee"]
    if is_told == "before":
        tell(transfer["id"], "told")
    await shop.sandbox.end_transfer(transfer["id"], "reverse")
    await settle_down(shop)
    if is_told == "after":
        assert await shop.values("SELECT state || ' ' || fee FROM instructions") == ["reversed 0"]
        assert await reconciled(shop, gateway) == []
        tell(transfer["id"], "told")
    for _ in range(2):
        assert await reconciled(shop, gateway) == []
    fee = transfer["fee"]
    known = "SELECT state || ' ' || fee || ' ' || fee_corrections FROM instructions"
    assert await shop.values(known) == [f"reversed {fee} 1"]
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
    transfer = await paid_out(shop)
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
