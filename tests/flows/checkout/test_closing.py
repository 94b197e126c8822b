"""Pages of charges that are not to be paid any more, and charges that a job starts at last."""

from datetime import timedelta
from typing import Any

import pytest

from app.foundation.db import execute, transaction
from tests.laws import audit_is_clean
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.trips import trip_at

CLOSING = pytest.mark.parametrize("gateway", ["stripe", "flutterwave"])
EACH = pytest.mark.parametrize("gateway", ["stripe", "flutterwave", "paystack"])


async def held(shop: Shop, gateway: str) -> Any:
    """A trip that is held, and can be paid for through this gateway."""
    return await trip_at(shop, gateway, days_ahead=30)


async def is_closed(shop: Shop, payment: dict[str, Any]) -> bool:
    books = shop.sandbox.simulator.books.transactions
    found = books.find(payment["reference"])
    assert found is not None
    return found.closed_at is not None


async def cancel(shop: Shop, booking: Any) -> None:
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text


async def charges(shop: Shop) -> list[str]:
    return await shop.values("SELECT state FROM payments ORDER BY id")


@CLOSING
async def test_a_booking_cancelled_before_it_is_paid_closes_its_page(
    shop: Shop, gateway: str
) -> None:
    booking = await held(shop, gateway)
    payment = await shop.pending(booking)
    await cancel(shop, booking)
    assert not await is_closed(shop, payment)
    await shop.run_jobs()
    assert await is_closed(shop, payment)
    await shop.sandbox.pay(payment["reference"])
    sums = (await shop.sandbox.books(gateway)).values()
    assert sum(each["money_in"] for each in sums) == 0
    assert await shop.count("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0


@CLOSING
async def test_a_booking_that_expires_closes_its_page(shop: Shop, gateway: str) -> None:
    payment = await shop.pending(await held(shop, gateway))
    await shop.forward(timedelta(minutes=31))
    assert await shop.sweep("expire-holds") == 1
    await shop.run_jobs()
    assert await is_closed(shop, payment)
    assert await charges(shop) == ["abandoned"]
    await audit_is_clean()


@CLOSING
async def test_a_page_that_was_paid_meanwhile_is_settled_as_a_late_payment(
    shop: Shop, gateway: str
) -> None:
    booking = await held(shop, gateway)
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await cancel(shop, booking)
    await shop.run_jobs()
    assert await charges(shop) == ["succeeded"]
    assert await shop.values("SELECT kind FROM instructions") == ["refund"]
    assert await shop.values("SELECT kind FROM alerts") == ["late_payment"]
    assert await shop.count("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0
    await audit_is_clean()


async def test_the_page_of_a_declined_attempt_is_closed_too(shop: Shop) -> None:
    booking = await held(shop, "stripe")
    payment = await shop.pending(booking)
    await shop.sandbox.decline(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await charges(shop) == ["failed"]
    await cancel(shop, booking)
    await shop.run_jobs()
    assert await is_closed(shop, payment)


@CLOSING
async def test_closing_that_gets_no_answer_is_tried_again(shop: Shop, gateway: str) -> None:
    booking = await held(shop, gateway)
    payment = await shop.pending(booking)
    await cancel(shop, booking)
    await shop.sandbox.fault("close", "drop")
    await shop.run_jobs()
    assert not await is_closed(shop, payment)
    await _again(shop)
    assert await is_closed(shop, payment)


async def test_a_gateway_that_closes_no_pages_is_asked_about_the_charge_only(shop: Shop) -> None:
    booking = await held(shop, "paystack")
    payment = await shop.pending(booking)
    await cancel(shop, booking)
    await shop.run_jobs()
    operations = "SELECT operation FROM gateway_calls WHERE reference = %(it)s ORDER BY at, id"
    assert await shop.values(operations, it=payment["reference"]) == ["initialize", "verify"]


# ---- what a request could not finish, a job goes on with ---------------------------------------


@EACH
@pytest.mark.parametrize("fault", ["error_500", "drop"])
async def test_a_charge_whose_request_got_no_answer_is_started_by_a_job(
    shop: Shop, gateway: str, fault: str
) -> None:
    booking = await held(shop, gateway)
    await shop.sandbox.fault("initialize", fault)
    reply = await shop.initiate(booking, key="k-1")
    assert (reply.status_code, reply.json()["code"]) == (504, "gateway_unclear")
    await shop.run_jobs()
    assert (await charges(shop))[-1] == "pending"
    again = await shop.initiate(booking, key="k-1")
    assert again.status_code == 201, again.text
    assert again.json()["checkoutUrl"]
    await shop.sandbox.pay(again.json()["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    await audit_is_clean()


@EACH
async def test_a_charge_that_was_started_although_no_answer_came_is_paid_once(
    shop: Shop, gateway: str
) -> None:
    booking = await held(shop, gateway)
    await shop.sandbox.fault("initialize", "error_500_after_effect")
    assert (await shop.initiate(booking, key="k-1")).status_code == 504
    await shop.run_jobs()
    assert (await charges(shop))[-1] == "pending"
    assert (await shop.initiate(booking, key="k-1")).status_code == 201
    assert (await charges(shop)).count("pending") == 1


async def test_a_job_starts_no_charge_of_a_booking_that_is_not_to_be_paid_any_more(
    shop: Shop,
) -> None:
    booking = await held(shop, "paystack")
    await shop.sandbox.fault("initialize", "error_500")
    await shop.initiate(booking)
    await cancel(shop, booking)
    await shop.run_jobs()
    assert await shop.sandbox.charges() == []
    assert await shop.count("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0


async def test_a_look_up_that_a_person_could_not_wait_for_goes_on_by_a_job(shop: Shop) -> None:
    booking = await held(shop, "paystack")
    payment = await shop.pending(booking)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.pay(payment["reference"])
    await shop.sandbox.fault("verify", "error_500")
    reply = await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert reply.status_code == 504
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def _again(shop: Shop) -> None:
    """Do the jobs that wait for another attempt, at once."""
    at_once = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
    async with transaction() as tx:
        await execute(tx, at_once)
    await shop.run_jobs()
