"""A transfer that somebody makes at the dashboard is taken in for the host whose account it is."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.edge.gateways.port import GatewayName
from app.sandbox.app import STRIPE_SECRET_KEY
from tests.flows.movements.world import (
    CURRENCIES,
    books_agree,
    paid_by_hand,
    paid_trip,
    reconciled,
    settle_down,
)
from tests.shop import Shop
from tests.stories.losses import open_account

GATEWAYS = pytest.mark.parametrize("gateway", list(GatewayName))
STRIPE = GatewayName.STRIPE


async def over(shop: Shop, *bookings: dict[str, Any]) -> None:
    """The trips are over, and their money is divided; nothing is sent yet."""
    await shop.forward_to(max(each["checkOutAt"] for each in bookings), past=timedelta(hours=3))
    await shop.sweep("release-escrow")


async def try_all(shop: Shop) -> None:
    for _ in range(3):
        await shop.forward(timedelta(hours=1, minutes=5))
        await shop.sweep("retry-failed-transfers")
        await settle_down(shop)


async def transfers(shop: Shop) -> list[str]:
    return await shop.values(
        """
        SELECT concat_ws(' ', origin, state, amount) FROM instructions
         WHERE kind = 'transfer' ORDER BY id"""
    )


async def debts(shop: Shop) -> list[str]:
    return await shop.values("SELECT amount || ' ' || recovered FROM host_debts ORDER BY id")


@GATEWAYS
async def test_a_host_who_was_paid_before_the_trip_is_not_paid_again(
    shop: Shop, gateway: GatewayName
) -> None:
    booking, payment = await paid_trip(shop, gateway)
    await open_account(shop, gateway)
    await settle_down(shop)
    amount = payment["amount"]["amount"]
    host = amount - amount // 10
    wire = (await shop.sandbox.charges())[0]["amount"] * host // amount
    await paid_by_hand(shop, gateway, wire)
    assert await reconciled(shop, gateway) == []
    assert await debts(shop) == [f"{host} 0"]
    await books_agree(shop, gateway)
    await shop.forward(timedelta(days=4))
    await over(shop, booking)
    await settle_down(shop)
    await try_all(shop)
    assert await transfers(shop) == [f"gateway confirmed {host}"]
    assert await debts(shop) == [f"{host} {host}"]
    assert len(await shop.sandbox.transfers()) == 1
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_a_payment_by_hand_does_the_waiting_transfer_of_just_its_amount(shop: Shop) -> None:
    gateway = GatewayName.PAYSTACK
    first, _ = await paid_trip(shop, gateway)
    second, _ = await paid_trip(shop, gateway)
    await shop.sandbox.act("refunds", charge=(await shop.sandbox.charges())[1]["reference"],
                           amount=100_000)  # fmt: skip
    await settle_down(shop)
    await open_account(shop, gateway)
    await shop.sandbox.fault("transfer", "fail", times=2)
    await shop.forward(timedelta(days=4))
    await over(shop, first, second)
    await settle_down(shop)
    amounts = await shop.values(
        "SELECT amount::text FROM instructions WHERE kind = 'transfer' AND state <> 'cancelled'"
    )
    assert sorted(amounts) == ["360000", "450000"]
    await paid_by_hand(shop, gateway, 360_000)
    assert await reconciled(shop, gateway) == []
    assert await debts(shop) == []
    await shop.sandbox.clear_faults()
    await try_all(shop)
    assert sorted(await transfers(shop)) == [
        "berthold cancelled 360000",
        "berthold confirmed 450000",
        "gateway confirmed 360000",
    ]
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_a_payment_by_hand_of_another_amount_does_the_oldest_and_the_rest_is_a_debt(
    shop: Shop,
) -> None:
    gateway = GatewayName.PAYSTACK
    booking, payment = await paid_trip(shop, gateway)
    await open_account(shop, gateway)
    await settle_down(shop)
    await shop.sandbox.fault("transfer", "fail", times=1)
    await shop.forward(timedelta(days=4))
    await over(shop, booking)
    await settle_down(shop)
    amount = payment["amount"]["amount"]
    host = amount - amount // 10
    await shop.sandbox.clear_faults()
    await paid_by_hand(shop, gateway, host + 700)
    assert await reconciled(shop, gateway) == []
    assert await debts(shop) == ["700 0"]
    await try_all(shop)
    assert await transfers(shop) == [
        f"berthold cancelled {host}",
        f"gateway confirmed {host + 700}",
    ]
    await books_agree(shop, gateway)


async def test_what_comes_back_of_a_payment_by_hand_is_owed_to_the_host_again(shop: Shop) -> None:
    await paid_trip(shop, STRIPE)
    await open_account(shop, STRIPE)
    await settle_down(shop)
    made = await paid_by_hand(shop, STRIPE, 1_000)
    assert await reconciled(shop, STRIPE) == []
    await shop.sandbox.act("reversals", transfer=str(made["id"]))
    await settle_down(shop)
    assert await reconciled(shop, STRIPE) == []
    assert await transfers(shop) == ["gateway reversed 1000"]
    await books_agree(shop, STRIPE)


async def in_the_group(shop: Shop, payment: dict[str, Any], account: str, amount: int) -> None:
    """Somebody makes a transfer with Stripe's API, in the group of a charge."""
    reply = await shop.sandbox.client.post(
        "/v1/transfers",
        data={
            "amount": amount,
            "currency": CURRENCIES[STRIPE].lower(),
            "destination": account,
            "transfer_group": payment["reference"],
        },
        headers={
            "authorization": f"Bearer {STRIPE_SECRET_KEY}",
            "stripe-version": "2026-10-28.endive",
            "idempotency-key": uuid4().hex,
        },
    )
    assert reply.is_success, reply.text


async def test_a_transfer_of_a_charge_to_somebody_else_is_no_debt_of_its_host(shop: Shop) -> None:
    _, payment = await paid_trip(shop, STRIPE)
    await open_account(shop, STRIPE)
    await settle_down(shop)
    [known] = await shop.values("SELECT recipient FROM payout_accounts")
    await shop.sandbox.act("transfers", gateway="stripe", amount=1, currency="EUR")
    [stranger] = [each["code"] for each in await shop.sandbox.accounts() if each["code"] != known]
    await in_the_group(shop, payment, stranger, 1_000)
    await settle_down(shop)
    [left] = await reconciled(shop, STRIPE)
    assert left.startswith("stripe transfer missing_here")
    assert await debts(shop) == []
    assert await transfers(shop) == []
    await in_the_group(shop, payment, known, 500)
    assert await reconciled(shop, STRIPE) == [left], "only the host's own is taken in"
    assert await debts(shop) == ["500 0"]
