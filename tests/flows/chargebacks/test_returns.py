"""A refund that comes back after a lost chargeback: nobody has it from us and from the bank."""

from typing import Any

from tests.flows.chargebacks.reports import (
    LOST,
    OPEN,
    books_are_right,
    owed,
    paid_stay,
    recovered,
    released,
    report,
)
from tests.flows.sending.admins import BECAUSE, REFUNDS
from tests.money.instructions.progress import follow, instructions
from tests.money.payees.payout_accounts import make_payee
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop


async def come_back(shop: Shop) -> None:
    """All refunds that have arrived come back."""
    for refund in await shop.sandbox.refunds():
        if refund["status"] == "processed":
            await shop.sandbox.end_refund(refund["id"], "reverse")
    await all_delivered(shop.sandbox)
    await shop.run_jobs()


async def refunded(shop: Shop) -> dict[str, Any]:
    """The payment of a stay of which the guest has all back."""
    booking, payment = await paid_stay(shop)
    await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    await follow(shop)
    return payment


async def got(shop: Shop) -> int:
    """What the guest has got from us."""
    refunds = await shop.sandbox.refunds()
    return sum(refund["amount"] for refund in refunds if refund["status"] == "processed")


async def reissue_all(shop: Shop) -> list[str]:
    """An admin sends again what came back; returns how each went."""
    page = await shop.get(shop.admin, REFUNDS, state="reversed")
    replies = [
        await shop.post(shop.admin, f"{REFUNDS}/{each['id']}/reissue", BECAUSE)
        for each in page["instructions"]
    ]
    return ["sent" if reply.is_success else reply.json()["code"] for reply in replies]


async def late_refund(shop: Shop, booking: dict[str, Any], amount: int, *, by: str) -> None:
    body = {
        "amount": {"amount": amount, "currency": "NGN"},
        "reason": "There was no water",
        "atWhoseCost": by,
    }
    reply = await shop.post(shop.admin, f"/api/admin/bookings/{booking['id']}/refunds", body)
    assert reply.status_code == 201, reply.text


async def test_a_refund_that_came_back_is_not_sent_again_if_the_bank_has_paid_the_guest(
    shop: Shop,
) -> None:
    payment = await refunded(shop)
    await report(payment, LOST)
    await come_back(shop)
    assert await reissue_all(shop) == ["taken_by_bank"] * 2
    await follow(shop)
    assert await got(shop) == 0
    assert await recovered(shop) == {"returns": payment["amount"]["amount"]}
    assert await owed(shop) == {}
    assert await shop.values("SELECT DISTINCT state FROM alerts") == ["resolved"]
    await books_are_right()


async def test_the_part_of_a_refund_that_the_bank_has_not_paid_is_sent_without_an_admin(
    shop: Shop,
) -> None:
    payment = await refunded(shop)
    total = payment["amount"]["amount"]
    await report(payment, LOST, amount=total - 7)
    await come_back(shop)
    await follow(shop)
    assert await got(shop) == 7
    assert await recovered(shop) == {"returns": total - 7}
    assert await owed(shop) == {}
    await books_are_right()


async def test_a_refund_that_came_back_makes_up_for_the_oldest_loss_first(shop: Shop) -> None:
    payment = await refunded(shop)
    total = payment["amount"]["amount"]
    await report(payment, LOST, amount=11)
    await report(payment, LOST, amount=total - 11, gateway_id="cb_2")
    await come_back(shop)
    parts = await shop.values(
        "SELECT concat_ws(' ', from_returns, loss) FROM chargebacks ORDER BY id"
    )
    assert parts == ["11 0", f"{total - 11} 0"]
    await books_are_right()


async def test_a_refund_beside_a_part_that_the_bank_gave_is_sent_again(shop: Shop) -> None:
    """Both together are no more than the guest has paid."""
    await make_payee(shop)
    booking, payment = await released(shop)
    await follow(shop)
    await late_refund(shop, booking, 1_000, by="host")
    await follow(shop)
    await report(payment, LOST, amount=payment["amount"]["amount"] - 1_000)
    await come_back(shop)
    assert await reissue_all(shop) == ["sent"]
    await follow(shop)
    assert await got(shop) == 1_000
    await books_are_right()


async def test_a_refund_at_the_platforms_cost_that_came_back_is_kept_by_the_platform(
    shop: Shop,
) -> None:
    await make_payee(shop)
    booking, payment = await released(shop)
    await follow(shop)
    price = {name: money["amount"] for name, money in booking["price"].items()}
    rental = price["rental"] + price["fee"]
    await late_refund(shop, booking, rental // 2, by="platform")
    await follow(shop)
    await report(payment, LOST)
    await come_back(shop)
    taken = await recovered(shop)
    assert taken["host"] == rental - rental // 10
    assert (taken["returns"], taken["loss"]) == (rental // 2, rental // 10 - rental // 2)
    assert await reissue_all(shop) == ["taken_by_bank"]
    assert await got(shop) == 0
    await books_are_right()


async def test_a_refund_reissued_while_a_chargeback_is_open_does_not_leave(shop: Shop) -> None:
    payment = await refunded(shop)
    await report(payment, OPEN)
    await come_back(shop)
    assert await reissue_all(shop) == ["sent"] * 2
    await follow(shop)
    assert await got(shop) == 0
    await report(payment, LOST)
    await follow(shop)
    assert await got(shop) == 0
    assert {each.split()[1] for each in await instructions(shop)} == {"reversed", "cancelled"}
    assert await recovered(shop) == {"refunds": payment["amount"]["amount"]}
    assert await owed(shop) == {}
    await books_are_right()


async def test_a_reissued_refund_that_comes_back_after_a_lost_chargeback_is_kept(
    shop: Shop,
) -> None:
    payment = await refunded(shop)
    await come_back(shop)
    assert await reissue_all(shop) == ["sent"] * 2
    await follow(shop)
    await report(payment, LOST)
    await come_back(shop)
    assert await got(shop) == 0
    assert await recovered(shop) == {"returns": payment["amount"]["amount"]}
    await books_are_right()
