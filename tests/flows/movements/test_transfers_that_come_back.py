"""What comes back of a transfer is owed to its host again; what was sent by hand is explained."""

from typing import Any

import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.db import transaction
from app.people.accounts.model import Role
from tests import make
from tests.flows.movements.world import (
    books_agree,
    paid_by_hand,
    paid_out,
    paid_trip,
    reconciled,
    settle_down,
)
from tests.shop import Shop
from tests.stories.losses import open_account


async def test_a_part_of_a_payout_that_is_reversed_at_stripe_is_owed_to_the_host_again(shop: Shop):
    transfer = await paid_out(shop)
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
    transfer = await paid_out(shop)
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
    await paid_out(shop)
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
