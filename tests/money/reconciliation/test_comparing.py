"""Each kind of difference: found with its three columns, and gone when it is gone."""

from uuid import UUID

import pytest

from app.foundation.db import execute, fetch_new_value, transaction
from tests.money.reconciliation.desk import RECIPIENT, Desk


async def test_what_agrees_three_ways_is_no_difference(desk: Desk) -> None:
    payment, _ = await desk.paid()
    await desk.refunded(payment, 1_000)
    await desk.transferred(payment, 2_000)
    assert await desk.reconcile() == 3
    assert await desk.found() == []
    sums = """
        SELECT sum(at_gateway)::bigint FROM reconciliation_hours
         WHERE what = '{}' AND at_gateway = here AND here = in_ledger"""
    assert await desk.count(sums.format("charge")) == payment.amount
    assert await desk.count(sums.format("refund")) == 1_000
    assert await desk.count(sums.format("transfer")) == 2_000
    assert await desk.count(sums.format("fee")) == 300


# ---- charges -------------------------------------------------------------------------------------


async def test_a_charge_of_ours_that_is_not_here_is_missing_here_until_it_is(desk: Desk) -> None:
    desk.lists.charge(f"pay-{'a' * 32}", 5_000)
    assert await desk.seen() == ["charge missing_here 5000 None None"]
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT amount FROM payments WHERE origin = 'gateway'") == 5_000


async def test_charges_of_other_products_are_counted_and_are_no_difference(desk: Desk) -> None:
    desk.lists.charge("order-17", 5_000)
    foreign = desk.lists.charge("", 6_000, transfer_group=None)
    desk.lists.refund(foreign, 100)
    desk.lists.transfer(foreign, 100, to="acct_of_another_product")
    desk.lists.dispute(foreign, 100)
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT sum(others) FROM reconciliation_hours") == 5
    assert await desk.count("SELECT sum(at_gateway)::bigint FROM reconciliation_hours") == 0


async def test_a_charge_in_another_mode_than_our_key_is_none_of_ours(desk: Desk) -> None:
    desk.lists.charge(f"pay-{'a' * 32}", 5_000, livemode=True)
    await desk.reconcile()
    assert await desk.found() == []


async def test_an_attempt_that_failed_is_no_difference(desk: Desk) -> None:
    payment, _ = await desk.paid()
    desk.lists.charge(payment.reference, payment.amount, status="failed")
    desk.lists.charge(f"pay-{'b' * 32}", 700, status="failed")
    await desk.reconcile()
    assert await desk.found() == []


async def test_a_charge_that_the_gateway_does_not_list_is_missing_there(desk: Desk) -> None:
    payment, row = await desk.paid()
    desk.lists.rows["charges"].remove(row)
    amount = payment.amount
    assert await desk.seen() == [f"charge missing_there None {amount} {amount}"]
    desk.lists.rows["charges"].append(row)
    await desk.reconcile()
    assert await desk.found() == []


async def test_a_charge_begun_long_before_is_asked_for_rather_than_missed(desk: Desk) -> None:
    _, row = await desk.paid()
    row["created"] -= 5 * 86_400
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT count(*) FROM gateway_movements") == 1


async def test_a_charge_that_vanishes_from_the_list_is_missing_there(desk: Desk) -> None:
    payment, row = await desk.paid()
    await desk.reconcile()
    desk.lists.rows["charges"].remove(row)
    amount = payment.amount
    assert await desk.seen() == [f"charge missing_there None {amount} {amount}"]


async def test_another_amount_at_the_gateway_is_a_difference(desk: Desk) -> None:
    payment, row = await desk.paid()
    row["amount"] += 5
    amount = payment.amount
    assert await desk.seen() == [f"charge amount {amount + 5} {amount} {amount}"]


async def test_a_ledger_that_has_less_than_both_is_a_difference(desk: Desk) -> None:
    payment, _ = await desk.paid()
    async with transaction() as tx:
        await execute(tx, "SET LOCAL session_replication_role = replica")
        await execute(
            tx,
            "UPDATE ledger_transactions SET source_id = gen_random_uuid() WHERE kind = 'charge'",
        )
    amount = payment.amount
    assert await desk.seen() == [f"charge amount {amount} {amount} 0"]


async def test_another_currency_at_the_gateway_is_a_difference(desk: Desk) -> None:
    payment, row = await desk.paid()
    row["currency"] = "usd"
    assert f"charge currency {payment.amount} None None" in await desk.seen()


async def test_a_charge_that_is_paid_there_only_is_settled(desk: Desk) -> None:
    await desk.paid()
    async with transaction() as tx:
        second = await desk.begun(tx)
    desk.lists.charge(second.reference, second.amount)
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT count(*) FROM payments WHERE state = 'succeeded'") == 2


async def test_a_charge_that_is_paid_here_only_is_a_difference_of_state(desk: Desk) -> None:
    payment, row = await desk.paid()
    row["status"] = "failed"
    amount = payment.amount
    assert await desk.seen() == [f"charge state 0 {amount} {amount}"]


async def test_a_fee_that_came_later_is_a_difference(desk: Desk) -> None:
    _, row = await desk.paid(fee=0)
    row["balance_transaction"]["fee"] = 320
    assert await desk.seen() == ["charge fee 320 0 0"]
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.balance("gateway_fees") == -320


async def test_a_fee_that_is_not_known_yet_is_no_difference(desk: Desk) -> None:
    _, row = await desk.paid()
    row["balance_transaction"] = "txn_not_expanded"
    await desk.reconcile()
    assert await desk.found() == []


async def test_a_second_payment_under_one_reference_is_one_payment_twice(desk: Desk) -> None:
    payment, _ = await desk.paid()
    desk.lists.charge(payment.reference, payment.amount)
    assert await desk.seen() == [f"charge twice {payment.amount} None None"]
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT count(*) FROM payments WHERE state = 'succeeded'") == 2


# ---- refunds and transfers -----------------------------------------------------------------------


async def test_a_refund_on_the_dashboard_is_missing_here(desk: Desk) -> None:
    _, row = await desk.paid()
    desk.lists.refund(row, 700)
    assert await desk.seen() == ["refund missing_here 700 None None"]
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT refunded FROM payments") == 700
    assert await desk.count("SELECT count(*) FROM instructions WHERE origin = 'gateway'") == 1


async def test_a_transfer_to_an_account_of_ours_is_missing_here(desk: Desk) -> None:
    foreign = desk.lists.charge("", 6_000, transfer_group=None)
    async with transaction() as tx:
        await desk.payout_account(tx, RECIPIENT)
    desk.lists.transfer(foreign, 400, to=RECIPIENT)
    assert await desk.seen() == ["transfer missing_here 400 None None"]


async def test_a_refund_that_the_gateway_does_not_have_is_missing_there(desk: Desk) -> None:
    payment, _ = await desk.paid()
    _, row = await desk.refunded(payment, 1_000)
    desk.lists.rows["refunds"].remove(row)
    assert await desk.seen() == ["refund missing_there None 1000 1000"]


@pytest.mark.parametrize("kind", ["refund", "transfer"])
async def test_another_amount_of_what_went_out_is_a_difference(desk: Desk, kind: str) -> None:
    payment, _ = await desk.paid()
    send = desk.refunded if kind == "refund" else desk.transferred
    _, row = await send(payment, 1_000)
    row["amount"] = 900
    assert await desk.seen() == [f"{kind} amount 900 1000 1000"]


async def test_a_part_of_a_transfer_that_came_back_is_a_difference(desk: Desk) -> None:
    payment, _ = await desk.paid()
    _, row = await desk.transferred(payment, 1_000)
    row["amount_reversed"] = 300
    assert await desk.seen() == ["transfer amount 700 1000 1000"]
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT returned FROM instructions") == 300


async def test_a_transfer_reversed_at_the_gateway_is_looked_up_and_posted(desk: Desk) -> None:
    payment, _ = await desk.paid()
    _, row = await desk.transferred(payment, 1_000)
    row |= {"amount_reversed": 1_000, "reversed": True}
    await desk.reconcile()
    assert await desk.found() == []
    reversals = "SELECT count(*) FROM ledger_transactions WHERE kind = 'transfer_reversal'"
    assert await desk.count(reversals) == 1


async def test_a_transfer_that_we_did_not_begin_is_posted_back_once_it_is_reversed(
    desk: Desk,
) -> None:
    _, charge = await desk.paid()
    async with transaction() as tx:
        await desk.payout_account(tx, RECIPIENT)
        await execute(  # it is that of the host of the charge
            tx, "UPDATE payout_accounts SET host_id = (SELECT host_id FROM pots LIMIT 1)"
        )
    row = desk.lists.transfer(charge, 400, to=RECIPIENT)
    await desk.reconcile()
    assert await desk.balance("gateway_clearing") == -11_700 + 400
    row |= {"amount_reversed": 400, "reversed": True}
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.balance("gateway_clearing") == -11_700
    vanished = "SELECT count(*) FROM alerts WHERE kind = 'instruction_vanished'"
    assert await desk.count(vanished) == 0


async def test_an_earlier_attempt_that_has_moved_money_is_money_paid_twice(desk: Desk) -> None:
    payment, charge = await desk.paid()
    await desk.refunded(payment, 1_000)
    async with transaction() as tx:
        key = await fetch_new_value(tx, UUID, "SELECT coalesce(key, id) FROM instructions")
    desk.lists.refund(charge, 1_000, reference=f"rf-{key.hex}-9")
    assert await desk.seen() == ["refund twice 1000 None None"]


# ---- chargebacks, payouts, changes ---------------------------------------------------------------


async def test_a_chargeback_that_nobody_reported_is_looked_up_and_posted(desk: Desk) -> None:
    _, charge = await desk.paid()
    desk.lists.dispute(charge, 1_000)
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT sum(amount)::bigint FROM chargebacks WHERE is_taken") == 1_000


async def test_a_chargeback_that_is_given_back_there_only_is_posted(desk: Desk) -> None:
    _, charge = await desk.paid()
    row = desk.lists.dispute(charge, 1_000)
    await desk.reconcile()
    row |= {"status": "won", "balance_transactions": []}
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT count(*) FROM chargebacks WHERE NOT is_taken") == 1


async def test_a_fee_of_the_gateways_service_is_posted_by_itself(desk: Desk) -> None:
    desk.lists.change(-250, "stripe_fee")
    await desk.reconcile()
    assert await desk.found() == []
    await desk.reconcile()
    assert await desk.balance("gateway_fees") == -250
    assert await desk.balance("gateway_clearing") == 250


async def test_any_other_change_of_our_balance_waits_for_a_person(desk: Desk) -> None:
    desk.lists.change(9_900, "topup")
    assert await desk.seen() == ["change missing_here 9900 None None"]
    await desk.reconcile()
    assert await desk.unexplained() == {"EUR": 9_900}
    assert await desk.count("SELECT count(*) FROM alerts WHERE kind = 'difference'") == 1


async def test_a_payout_to_our_bank_is_posted_once_it_is_paid(desk: Desk) -> None:
    desk.lists.payout(4_000)
    on_its_way = desk.lists.payout(500, status="in_transit")
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.balance("bank") == -4_000
    on_its_way["status"] = "paid"
    await desk.reconcile()
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.balance("bank") == -4_500
    assert await desk.balance("gateway_clearing") == 4_500


async def test_a_payout_that_comes_back_after_all_is_posted_back(desk: Desk) -> None:
    row = desk.lists.payout(4_000)
    await desk.reconcile()
    row |= {"status": "failed", "failure_code": "account_closed"}
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.balance("bank") == 0


@pytest.mark.parametrize("fee", [300, 310])
async def test_a_settled_amount_that_the_gateway_corrects_is_posted_anew(
    desk: Desk, fee: int
) -> None:
    balance = {"amount": 13_200, "currency": "usd", "fee": 300}
    _, row = await desk.paid(balance_transaction=balance)
    for amount in (13_100, 13_250, 13_100):
        row["balance_transaction"] = {"amount": amount, "currency": "usd", "fee": fee}
        await desk.reconcile()
        await desk.reconcile()
        assert await desk.found() == []
        assert await desk.balance("gateway_clearing") == -(amount - fee)
    assert await desk.count("SELECT fee_corrections FROM payments") == 3
