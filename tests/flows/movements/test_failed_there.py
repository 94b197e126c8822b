"""What somebody began at a gateway, and failed, is sent by us only if an admin asks for it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import gateway_named
from app.flows.mending import stories as mending
from app.flows.movements import stories
from app.foundation.db import transaction
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation import stories as runs
from tests.flows.movements.world import (
    books_agree,
    paid_trip,
    reconciled,
    settle_down,
    today,
)
from tests.shop import Shop
from tests.stories.losses import open_account

BOTH = pytest.mark.parametrize("gateway", [GatewayName.PAYSTACK, GatewayName.FLUTTERWAVE])


async def wait(shop: Shop) -> None:
    for _ in range(4):
        await shop.forward(timedelta(minutes=61))
        await shop.sweep("process-refunds")
        await shop.sweep("retry-failed-transfers")
        await settle_down(shop)


async def instructions(shop: Shop) -> list[str]:
    return await shop.values(
        "SELECT concat_ws(' ', origin, state, amount) FROM instructions ORDER BY id"
    )


async def retry(shop: Shop, kind: str) -> Any:
    page = await shop.get(shop.admin, f"/api/admin/{kind}s", state="failed")
    [failed] = page["instructions"]
    path = f"/api/admin/{kind}s/{failed['id']}/retry"
    reply = await shop.post(shop.admin, path, {"reason": "the guest has another card"})
    assert reply.status_code == 200, reply.text
    return reply.json()


@BOTH
async def test_a_refund_that_failed_there_waits_for_an_admin_who_sends_it(
    shop: Shop, gateway: GatewayName
) -> None:
    _, payment = await paid_trip(shop, gateway)
    await shop.sandbox.set_pace(None)
    part = payment["amount"]["amount"] // 5
    wire = (await shop.sandbox.charges())[0]["amount"] // 5
    made = await shop.sandbox.act("refunds", charge=payment["reference"], amount=wire)
    await settle_down(shop)
    await stories.take_in_refunds(UUID(payment["id"]))
    await shop.sandbox.end_refund(made["id"], "fail")
    await settle_down(shop)
    await wait(shop)
    assert len(await shop.sandbox.refunds()) == 1
    assert await instructions(shop) == [f"gateway failed {part}"]
    alerts = "SELECT state FROM alerts WHERE kind = 'instruction_given_up'"
    assert await shop.values(alerts) == ["open"]
    await books_agree(shop, gateway)
    story = await retry(shop, "refund")
    assert story["reissuedAs"]
    assert await shop.values(alerts) == ["resolved"]
    await settle_down(shop)
    [_, sent] = await shop.sandbox.refunds()
    await shop.sandbox.end_refund(sent["id"])
    await settle_down(shop)
    assert await instructions(shop) == [
        f"gateway cancelled {part}",
        f"berthold confirmed {part}",
    ]
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_the_rest_of_a_failed_refund_that_was_partly_made_again_there_waits_for_an_admin(
    shop: Shop,
) -> None:
    _, payment = await paid_trip(shop, GatewayName.PAYSTACK)
    await shop.sandbox.set_pace(None)
    for amount, end in ((100_000, "fail"), (40_000, "succeed")):
        made = await shop.sandbox.act("refunds", charge=payment["reference"], amount=amount)
        await settle_down(shop)
        await shop.sandbox.end_refund(made["id"], end)
        await settle_down(shop)
    await wait(shop)
    assert await instructions(shop) == [
        "gateway cancelled 100000",
        "berthold queued 60000",
        "gateway confirmed 40000",
    ]
    assert len(await shop.sandbox.refunds()) == 2
    await books_agree(shop, GatewayName.PAYSTACK)
    [waiting] = (await shop.get(shop.admin, "/api/admin/refunds", state="queued"))["instructions"]
    assert waiting["waitsFor"] == "approval"
    path = f"/api/admin/refunds/{waiting['id']}/retry"
    reply = await shop.post(shop.admin, path, {"reason": "the guest still waits for it"})
    assert reply.status_code == 200, reply.text
    await settle_down(shop)
    assert len(await shop.sandbox.refunds()) == 3
    await shop.sandbox.end_refund((await shop.sandbox.refunds())[2]["id"])
    await settle_down(shop)
    assert "berthold confirmed 60000" in await instructions(shop)
    await books_agree(shop, GatewayName.PAYSTACK)


async def test_a_payment_by_hand_that_failed_there_waits_for_an_admin_who_sends_it(
    shop: Shop,
) -> None:
    gateway = GatewayName.PAYSTACK
    await paid_trip(shop, gateway)
    await open_account(shop, gateway)
    await shop.forward(timedelta(days=4))
    await shop.sandbox.set_pace(None)
    [recipient] = await shop.values("SELECT recipient FROM payout_accounts")
    made = await shop.sandbox.act(
        "transfers", gateway=gateway, amount=90_000, currency="NGN", recipient=recipient
    )
    await reconciled(shop, gateway)
    assert await instructions(shop) == ["gateway sent 90000"]
    await shop.sandbox.end_transfer(made["id"], "fail")
    await settle_down(shop)
    await reconciled(shop, gateway)
    await wait(shop)
    assert await instructions(shop) == ["gateway failed 90000"]
    await books_agree(shop, gateway)
    await retry(shop, "transfer")
    await settle_down(shop)
    [_, sent] = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"])
    await settle_down(shop)
    assert await instructions(shop) == ["gateway cancelled 90000", "berthold confirmed 90000"]
    await books_agree(shop, gateway)


async def compared(shop: Shop, gateway: GatewayName) -> str:
    """The id of the difference that a run finds, which nobody mends."""
    async with transaction() as tx:
        run = await reconciliation.begin(tx, gateway, today())
    run = await runs.gather(gateway_named(gateway), run)
    await runs.compare(gateway_named(gateway), run, mending.OTHERS)
    [found] = await shop.values("SELECT id::text FROM differences WHERE closed_at IS NULL")
    return found


@pytest.mark.parametrize("gateway", list(GatewayName))
async def test_what_an_admin_has_posted_by_an_explanation_is_not_taken_in_again(
    shop: Shop, gateway: GatewayName
) -> None:
    _, payment = await paid_trip(shop, gateway)
    wire = (await shop.sandbox.charges())[0]["amount"] // 5
    await shop.sandbox.act("refunds", charge=payment["reference"], amount=wire)
    body = {"note": "made by hand", "account": "platform_revenue"}
    path = f"/api/admin/reconciliation/{await compared(shop, gateway)}/explain"
    explained = await shop.post(shop.admin, path, body)
    assert explained.status_code == 200, explained.text
    assert await stories.take_in_refunds(UUID(payment["id"])) == 0  # a webhook that came late
    await settle_down(shop)
    assert await reconciled(shop, gateway) == []
    assert await instructions(shop) == []
    await books_agree(shop, gateway)


async def test_a_charge_that_an_admin_has_posted_by_an_explanation_is_not_taken_in_again(
    shop: Shop,
) -> None:
    gateway = GatewayName.PAYSTACK
    made = await shop.sandbox.act(
        "charges", gateway=gateway, amount=9_000, currency="NGN", reference=f"pay-{'a' * 32}"
    )
    path = f"/api/admin/reconciliation/{await compared(shop, gateway)}/explain"
    body = {"note": "a gift", "account": "platform_revenue"}
    explained = await shop.post(shop.admin, path, body)
    assert explained.status_code == 200, explained.text
    await stories.take_in_charge(gateway, made["reference"], str(made["id"]), currency="NGN")
    assert await shop.count("SELECT count(*) FROM payments") == 0
    assert await reconciled(shop, gateway) == []


@pytest.mark.parametrize("gateway", list(GatewayName))
async def test_what_was_taken_in_meanwhile_is_not_explained_with_an_account_as_well(
    shop: Shop, gateway: GatewayName
) -> None:
    _, payment = await paid_trip(shop, gateway)
    await shop.sandbox.act("refunds", charge=payment["reference"])
    difference_id = await compared(shop, gateway)
    await settle_down(shop)  # the webhook has come
    path = f"/api/admin/reconciliation/{difference_id}/explain"
    body = {"note": "made by hand", "account": "platform_revenue"}
    refused = await shop.post(shop.admin, path, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_explain")
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)
