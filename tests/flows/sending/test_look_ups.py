"""Look-ups whose answers come in a bad order, or are about attempts that are over."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.edge.gateways.port import FoundInstruction, MoneyOutStatus
from app.flows.sending import stories
from app.foundation.db import transaction
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from tests.flows.sending.admins import TRANSFERS, act, alerts, only_instruction, states
from tests.laws import audit_is_clean
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop


async def under_way(shop: Shop) -> dict[str, Any]:
    """A transfer that the gateway has taken, and does not end by itself."""
    await add_account(shop)
    await release_fares(shop, "1A")
    await shop.sandbox.set_pace(None)
    await shop.run_jobs()
    return (await only_instruction(shop))["instruction"]


async def test_an_answer_that_another_has_overtaken_is_asked_for_again(shop: Shop) -> None:
    transfer = await under_way(shop)
    async with transaction() as tx:
        asked = await instructions.begin_look_up(tx, UUID(transfer["id"]))
    assert asked
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.end_transfer(transfer["reference"], "succeed")
    await stories.look_up(asked.id)
    await shop.sandbox.end_transfer(transfer["reference"], "reverse")
    came_back = FoundInstruction(
        reference=transfer["reference"],
        status=MoneyOutStatus.REVERSED,
        gateway_id="1",
        money=Money(**transfer["amount"]),
        failure="",
        live=False,
        fee=None,
        data={},
    )
    async with transaction() as tx:
        await instructions.settle(tx, asked, came_back, live=False)
    assert states(await only_instruction(shop))[-1] == "confirmed"
    await shop.run_jobs()
    assert states(await only_instruction(shop))[-1] == "reversed"
    assert await alerts(shop) == ["instruction_reversed open"]
    await audit_is_clean()


async def second_attempt(shop: Shop) -> str:
    """A transfer whose first attempt has failed and whose second has arrived; returns the first's
    reference.
    """
    transfer = await under_way(shop)
    await shop.sandbox.fault("webhook", "drop", times=9)
    await shop.sandbox.end_transfer(transfer["reference"], "fail")
    await stories.look_up(UUID(transfer["id"]))
    await shop.sandbox.set_pace(0.02)
    await shop.forward(timedelta(hours=1, seconds=1))
    await shop.sweep("retry-failed-transfers")
    await follow(shop)
    story = await only_instruction(shop)
    assert (states(story)[-1], story["instruction"]["attempt"]) == ("confirmed", 2)
    return str(transfer["reference"])


async def test_a_late_report_that_a_failed_attempt_has_failed_changes_nothing(shop: Shop) -> None:
    first = await second_attempt(shop)
    await shop.sandbox.clear_faults()
    await shop.sandbox.replay(first)
    await _taken(shop, "transfer.failed", first)
    assert await alerts(shop) == []
    assert states(await only_instruction(shop))[-1] == "confirmed"


async def test_an_alert_is_raised_if_a_failed_attempt_has_moved_money_after_all(shop: Shop) -> None:
    first = await second_attempt(shop)
    await shop.sandbox.clear_faults()
    await shop.sandbox.end_transfer(first)
    await _taken(shop, "transfer.success", first)
    assert await alerts(shop) == ["superseded_attempt_moved open"]
    assert states(await only_instruction(shop))[-1] == "confirmed"
    assert len((await shop.get(shop.admin, TRANSFERS))["instructions"]) == 1


async def test_a_transfer_that_comes_back_before_the_refund_arrives_keeps_their_pot_open(
    shop: Shop,
) -> None:
    await add_account(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"])
    path = f"/api/bookings/{booking['id']}/disputes"
    dispute = (await shop.post(shop.guest, path, {"reason": "It was cold"})).json()
    await shop.sandbox.set_pace(None)
    split = {"toGuest": {"amount": 1_000_000, "currency": "NGN"}, "decision": "Half of it was"}
    reply = await shop.post(shop.admin, f"/api/admin/disputes/{dispute['id']}/resolve", split)
    assert reply.status_code == 200, reply.text
    await shop.run_jobs()
    (transfer,), (refund,) = await shop.sandbox.transfers(), await shop.sandbox.refunds()
    for verb in ("succeed", "reverse"):
        await shop.sandbox.end_transfer(transfer["reference"], verb)
        await follow(shop, times=1)
    await shop.sandbox.end_refund(refund["id"])
    await follow(shop)
    assert states(await only_instruction(shop))[-1] == "reversed"
    assert "rental releasing" in await shop.values("SELECT kind || ' ' || state FROM pots")
    await audit_is_clean()
    await shop.sandbox.set_pace(0.02)
    assert (await act(shop, "reissue", await only_instruction(shop))).status_code == 201
    await follow(shop)
    assert "rental released" in await shop.values("SELECT kind || ' ' || state FROM pots")
    await audit_is_clean()


async def _taken(shop: Shop, name: str, reference: str) -> None:
    """Wait until a webhook has come, and act on it."""
    about = "FROM webhook_events WHERE name = %(name)s AND reference = %(reference)s"
    for _ in range(500):
        if await shop.count(f"SELECT count(*) {about}", name=name, reference=reference):
            break
        await asyncio.sleep(0.02)
    await shop.run_jobs()
    assert await shop.values(f"SELECT state {about}", name=name, reference=reference) == [
        "processed"
    ]
