"""A lost chargeback is recovered from what is really there, in its order, and to the cent."""

from app.foundation.db import transaction
from tests import make
from tests.flows.chargebacks.reports import (
    LOST,
    OPEN,
    RENTAL_WINDOW,
    books_are_right,
    owed,
    paid_stay,
    parts,
    recovered,
    released,
    report,
    state,
)
from tests.flows.sending.late_refunds import another_trip, debts
from tests.money.escrow.pots import pots
from tests.money.instructions.progress import follow, instructions
from tests.money.payees.payout_accounts import make_payee
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop


async def test_a_chargeback_takes_all_that_is_held_and_cancels_a_stay_that_has_not_begun(
    shop: Shop,
) -> None:
    booking, payment = await paid_stay(shop)
    await report(payment, OPEN)
    await books_are_right()
    assert (await owed(shop))["chargeback_losses"] == -payment["amount"]["amount"]
    await report(payment, LOST)
    rental, deposit = parts(booking)
    assert await recovered(shop) == {"deposit": deposit, "rental": rental}
    assert await pots(shop, booking) == ["rental charged_back", "deposit charged_back"]
    assert await shop.state(booking) == "cancelled"
    assert await shop.count("SELECT count(*) FROM claims") == 0
    assert await owed(shop) == {}
    seen = await shop.get(shop.guest, f"/api/bookings/{booking['id']}/escrow")
    assert seen["stage"]["name"] == "payment refunded"
    await books_are_right()


async def test_a_partial_chargeback_takes_from_the_deposit_first_and_the_rest_is_released(
    shop: Shop,
) -> None:
    await make_payee(shop)
    booking, payment = await paid_stay(shop)
    rental, deposit = parts(booking)
    await report(payment, LOST, amount=deposit + 101)
    assert await recovered(shop) == {"deposit": deposit, "rental": 101}
    assert await shop.state(booking) == "confirmed"
    await shop.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    assert await shop.sweep("release-escrow") == 1
    commission = (rental - 101) // 10
    assert await instructions(shop) == [f"transfer queued {rental - 101 - commission}"]
    await books_are_right()
    await follow(shop)
    await books_are_right()


async def test_a_guest_who_cancels_after_a_chargeback_gets_back_what_the_bank_has_left(
    shop: Shop,
) -> None:
    booking, payment = await paid_stay(shop)
    rental, deposit = parts(booking)
    await report(payment, LOST, amount=deposit - 7)
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    assert await instructions(shop) == [f"refund queued {rental}", "refund queued 7"]
    await books_are_right()


async def test_a_transfer_that_has_not_left_is_cancelled(shop: Shop) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    await report(payment, OPEN)
    await follow(shop)
    rental, deposit = parts(booking)
    host = rental - rental // 10
    assert await instructions(shop) == [f"transfer queued {host}"], "it does not leave"
    await books_are_right()
    await report(payment, LOST)
    assert await instructions(shop) == [f"transfer cancelled {host}"]
    assert await pots(shop, booking) == ["rental released", "deposit charged_back"]
    assert await recovered(shop) == {"deposit": deposit, "transfers": host, "loss": rental // 10}
    assert await shop.sandbox.transfers() == []
    await books_are_right()


async def test_what_a_chargeback_leaves_of_a_transfer_is_sent(shop: Shop) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    rental, deposit = parts(booking)
    host = rental - rental // 10
    await report(payment, LOST, amount=deposit + 5)
    assert await instructions(shop) == [f"transfer cancelled {host}", f"transfer queued {host - 5}"]
    await books_are_right()
    await follow(shop)
    assert [each["amount"] for each in await shop.sandbox.transfers()] == [host - 5]
    assert (await pots(shop, booking))[0] == "rental released"
    await books_are_right()


async def test_a_transfer_that_waits_for_an_account_is_cancelled(shop: Shop) -> None:
    booking, payment = await released(shop)
    await report(payment, LOST)
    host = parts(booking)[0] - parts(booking)[0] // 10
    assert await instructions(shop) == [f"transfer cancelled {host}"]
    await books_are_right()


async def test_a_host_who_was_paid_owes_a_chargeback_and_pays_with_the_next_fares(
    shop: Shop,
) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    await follow(shop)
    await report(payment, LOST)
    rental, deposit = parts(booking)
    host = rental - rental // 10
    assert await recovered(shop) == {"deposit": deposit, "host": host, "loss": rental // 10}
    (debt,) = await debts(shop)
    assert debt["left"]["amount"] == host
    await books_are_right()
    await another_trip(shop, "1A", "1B")
    (debt,) = await debts(shop)
    assert debt["recovered"]["amount"] == min(host, 900_000)
    await follow(shop)
    await books_are_right()


async def test_a_transfer_that_came_back_is_not_sent_again(shop: Shop) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    await follow(shop)
    (transfer,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(transfer["reference"], "reverse")
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    rental, deposit = parts(booking)
    host = rental - rental // 10
    assert await instructions(shop) == [f"transfer reversed {host}"]
    await report(payment, LOST, amount=deposit + 5)
    assert await instructions(shop) == [
        f"transfer reversed {host}",
        f"transfer cancelled {host}",
        f"transfer queued {host - 5}",
    ]
    assert await shop.values("SELECT state FROM alerts WHERE kind = 'instruction_reversed'") == [
        "resolved"
    ]
    await books_are_right()


async def test_a_host_owes_no_more_for_a_chargeback_than_was_got(shop: Shop) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    await follow(shop)
    body = {
        "amount": {"amount": 1_000, "currency": "NGN"},
        "reason": "There was no water",
        "atWhoseCost": "host",
    }
    reply = await shop.post(shop.admin, f"/api/admin/bookings/{booking['id']}/refunds", body)
    assert reply.status_code == 201, reply.text
    await report(payment, LOST)
    rental, _ = parts(booking)
    taken = await recovered(shop)
    assert (taken["refunds"], taken["host"]) == (1_000, rental - rental // 10 - 1_000)
    await books_are_right()


async def test_what_a_host_owes_for_a_refund_is_not_taken_from_the_transfer_too(shop: Shop) -> None:
    booking, payment = await released(shop)
    body = {
        "amount": {"amount": 1_000, "currency": "NGN"},
        "reason": "There was no water",
        "atWhoseCost": "host",
    }
    reply = await shop.post(shop.admin, f"/api/admin/bookings/{booking['id']}/refunds", body)
    assert reply.status_code == 201, reply.text
    await report(payment, LOST)
    rental, _ = parts(booking)
    taken = await recovered(shop)
    assert (taken["refunds"], taken["transfers"]) == (1_000, rental - rental // 10 - 1_000)
    (debt,) = await debts(shop)
    assert debt["left"]["amount"] == 1_000
    assert (await instructions(shop))[-1] == "transfer waiting_for_payee 1000"
    await books_are_right()


async def test_a_refund_that_has_not_left_is_cancelled(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    rental, deposit = parts(booking)
    await report(payment, LOST, amount=deposit + 5)
    assert await instructions(shop) == [
        f"refund cancelled {rental}",
        f"refund queued {deposit}",
        f"refund queued {rental - deposit - 5}",
    ]
    assert await recovered(shop) == {"refunds": deposit + 5}
    await books_are_right()
    await follow(shop)
    assert sum(refund["amount"] for refund in await shop.sandbox.refunds()) == rental - 5
    await books_are_right()


async def test_a_refund_under_way_decides_who_bears_a_chargeback(shop: Shop) -> None:
    await shop.sandbox.set_pace(None)
    booking, payment = await paid_stay(shop)
    await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    await shop.run_jobs()
    await report(payment, LOST)
    assert await state(shop) == "open", "a refund may still arrive"
    await books_are_right()
    for refund in await shop.sandbox.refunds():
        await shop.sandbox.end_refund(refund["id"], "fail")
    await follow(shop)
    await report(payment, LOST)
    assert await recovered(shop) == {"refunds": payment["amount"]["amount"]}
    assert await shop.sweep("process-refunds") == 0, "nobody tries it again"
    await books_are_right()


async def test_a_guest_with_money_from_refund_and_bank_has_it_at_our_cost(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    await follow(shop)
    await report(payment, LOST)
    assert await recovered(shop) == {"loss": payment["amount"]["amount"]}
    await books_are_right()


async def test_a_charge_that_bought_nothing_can_be_charged_back(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    await report(payment, OPEN)
    await shop.sweep("process-refunds")
    await shop.run_jobs()
    assert await shop.sandbox.refunds() == []
    await report(payment, LOST)
    assert await recovered(shop) == {"refunds": payment["amount"]["amount"]}
    assert await shop.values("SELECT state FROM alerts WHERE kind = 'late_payment'") == ["resolved"]
    assert await owed(shop) == {}
    await books_are_right()


async def test_a_dispute_claims_no_more_than_chargebacks_have_left_and_ends_with_the_pot(
    shop: Shop,
) -> None:
    booking, payment = await paid_stay(shop)
    await shop.forward_to(booking["checkInAt"])
    reply = await shop.post(
        shop.guest, f"/api/bookings/{booking['id']}/disputes", {"reason": "No water."}
    )
    assert reply.status_code == 201, reply.text
    rental, deposit = parts(booking)
    await report(payment, LOST, amount=deposit + 11)
    (dispute,) = (await shop.get(shop.guest, f"/api/bookings/{booking['id']}/disputes"))["disputes"]
    assert (dispute["held"]["amount"], dispute["claimed"]["amount"]) == (rental - 11, rental - 11)
    await books_are_right()
    await report(payment, LOST, gateway_id="cb_2", amount=rental)
    (dispute,) = (await shop.get(shop.guest, f"/api/bookings/{booking['id']}/disputes"))["disputes"]
    assert dispute["state"] == "withdrawn"
    assert await shop.state(booking) == "confirmed", "it has begun"
    assert await recovered(shop) == {"rental": rental - 11, "loss": 11}
    await books_are_right()


async def test_a_request_whose_money_was_charged_back_is_cancelled(shop: Shop) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    booking = await shop.reserve("1A", trip_id=trip_id)
    payment = await shop.paid(booking)
    await report(payment, LOST)
    assert await shop.state(booking) == "cancelled"
    await books_are_right()
