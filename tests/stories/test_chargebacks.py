"""A guest's bank wants a charge back: told by webhooks, asked about, frozen, decided, booked."""

from datetime import timedelta
from typing import Any

import pytest

from app.money.payments.model import GatewayUnclear
from tests.flows.chargebacks.reports import books_are_right, paid_stay, recovered, state
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.trips import trip_in_euros

CLEARING = """
    SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entries
      JOIN ledger_accounts ON ledger_accounts.id = account_id
     WHERE kind = 'gateway_clearing' AND gateway = %(gateway)s"""


async def heard(shop: Shop) -> None:
    """What the gateway has told is acted on."""
    await all_delivered(shop.sandbox)
    await shop.run_jobs()


async def books_agree(shop: Shop, gateway: str, currency: str) -> None:
    """We have as much at the gateway as it says."""
    theirs = (await shop.sandbox.books(gateway))[currency]["balance"]
    assert await shop.count(CLEARING, gateway=gateway) == theirs
    await books_are_right()


async def cancelling(shop: Shop, booking: dict[str, Any]) -> tuple[int, str]:
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    return reply.status_code, reply.json().get("code", "")


async def test_paystack_takes_it_when_it_is_lost(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    chargeback = await shop.sandbox.charge_back(payment["reference"])
    await heard(shop)
    assert await state(shop) == "open"
    assert await cancelling(shop, booking) == (409, "charge_contested")
    await books_agree(shop, "paystack", "NGN")
    await shop.sandbox.close_chargeback(chargeback["id"], "lost")
    await heard(shop)
    assert sum((await recovered(shop)).values()) == payment["amount"]["amount"]
    assert await shop.state(booking) == "cancelled"
    await books_agree(shop, "paystack", "NGN")
    unended = "SELECT name FROM webhook_events WHERE state <> 'processed'"
    assert await shop.values(unended) == []


async def test_stripe_takes_it_at_once_and_gives_it_back_when_it_is_won(shop: Shop) -> None:
    booking = await trip_in_euros(shop, days_ahead=30)
    payment = await shop.paid(booking)
    chargeback = await shop.sandbox.charge_back(payment["reference"])
    await heard(shop)
    assert await cancelling(shop, booking) == (409, "charge_contested")
    await books_agree(shop, "stripe", "EUR")
    await shop.sandbox.close_chargeback(chargeback["id"], "won")
    await heard(shop)
    assert await state(shop) == "won"
    await books_agree(shop, "stripe", "EUR")
    assert await cancelling(shop, booking) == (200, "")


async def test_one_of_which_no_webhook_came_is_found_in_the_days_list(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await heard(shop)
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


async def test_a_silent_gateway_keeps_nobody_from_asking_the_others(shop: Shop) -> None:
    payment = await shop.paid(await trip_in_euros(shop, days_ahead=30))
    await heard(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.charge_back(payment["reference"])
    await shop.sandbox.fault("chargebacks", "error_500")
    with pytest.raises(GatewayUnclear):
        await shop.sweep("find-chargebacks")
    await shop.run_jobs()
    assert await state(shop) == "open"


async def test_a_day_on_which_a_gateway_was_not_to_be_asked_is_made_up_for(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await heard(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.charge_back(payment["reference"])
    await shop.forward(timedelta(days=2))
    assert await shop.sweep("find-chargebacks") == 1
