"""A guest's bank wants a charge back: reported by webhooks, looked up, frozen, decided, posted."""

from datetime import timedelta
from typing import Any

import pytest

from app.money.payments.model import GatewayUnclear
from tests.flows.chargebacks.reports import books_are_right, paid_stay, recovered, state
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing
from tests.stories.trips import trip_in_euros


async def webhooks_processed(shop: Shop) -> None:
    """Wait for all webhooks, and do what follows from them."""
    await all_delivered(shop.sandbox)
    await shop.run_jobs()


async def books_agree(shop: Shop, gateway: str, currency: str) -> None:
    """Assert that all books agree: ours with the gateway's, and each of ours with the others."""
    await agree_on_clearing(shop, gateway, currency)
    await books_are_right()


async def cancelling(shop: Shop, booking: dict[str, Any]) -> tuple[int, str]:
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    refusal = "" if reply.is_success else reply.json()["code"]
    return reply.status_code, refusal


async def test_paystack_takes_the_money_of_a_chargeback_when_it_is_lost(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    chargeback = await shop.sandbox.charge_back(payment["reference"])
    await webhooks_processed(shop)
    assert await state(shop) == "open"
    assert await cancelling(shop, booking) == (409, "charge_contested")
    await books_agree(shop, "paystack", "NGN")
    await shop.sandbox.close_chargeback(chargeback["id"], "lost")
    await webhooks_processed(shop)
    assert sum((await recovered(shop)).values()) == payment["amount"]["amount"]
    assert await shop.state(booking) == "cancelled"
    await books_agree(shop, "paystack", "NGN")
    unended = "SELECT name FROM webhook_events WHERE state <> 'processed'"
    assert await shop.values(unended) == []


async def test_stripe_takes_the_money_of_a_chargeback_at_once_and_gives_it_back_when_it_is_won(
    shop: Shop,
) -> None:
    booking = await trip_in_euros(shop, days_ahead=30)
    payment = await shop.paid(booking)
    chargeback = await shop.sandbox.charge_back(payment["reference"])
    await webhooks_processed(shop)
    assert await cancelling(shop, booking) == (409, "charge_contested")
    await books_agree(shop, "stripe", "EUR")
    await shop.sandbox.close_chargeback(chargeback["id"], "won")
    await webhooks_processed(shop)
    assert await state(shop) == "won"
    await books_agree(shop, "stripe", "EUR")
    assert await cancelling(shop, booking) == (200, "")


async def test_a_chargeback_of_which_no_webhook_came_is_found_in_the_list_of_the_day(
    shop: Shop,
) -> None:
    _, payment = await paid_stay(shop)
    await webhooks_processed(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    chargeback = await shop.sandbox.charge_back(payment["reference"])
    assert await shop.sweep("find-chargebacks") == 1
    await shop.run_jobs()
    assert await state(shop) == "open"
    await shop.sandbox.close_chargeback(chargeback["id"], "lost")
    await shop.forward(timedelta(hours=6, seconds=1))
    assert await shop.sweep("reconcile-chargebacks") == 1
    await shop.run_jobs()
    assert await state(shop) == "lost"
    await books_agree(shop, "paystack", "NGN")


async def test_chargebacks_of_other_gateways_are_found_while_one_gateway_is_silent(
    shop: Shop,
) -> None:
    payment = await shop.paid(await trip_in_euros(shop, days_ahead=30))
    await webhooks_processed(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.charge_back(payment["reference"])
    await shop.sandbox.fault("chargebacks", "error_500")
    with pytest.raises(GatewayUnclear):
        await shop.sweep("find-chargebacks")
    await shop.run_jobs()
    assert await state(shop) == "open"


async def test_chargebacks_of_days_on_which_a_gateway_was_not_asked_are_found_later(
    shop: Shop,
) -> None:
    _, payment = await paid_stay(shop)
    await webhooks_processed(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.charge_back(payment["reference"])
    await shop.forward(timedelta(days=2))
    assert await shop.sweep("find-chargebacks") == 1
