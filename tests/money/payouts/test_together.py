"""Payouts that are too small: they wait, are shown as waiting, and go together, each once."""

import asyncio
import random
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.edge.gateways.port import Refused
from app.flows.sending import actions as sending
from app.flows.sending import stories
from app.foundation.db import transaction
from app.money.instructions import actions as instructions
from app.money.instructions.actions import ArrivedBefore, Outcome
from app.money.instructions.model import Instruction, InstructionKind
from app.money.instructions.rules import together
from tests import make
from tests.flows.chargebacks.test_rules import instruction
from tests.laws import audit_is_clean
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.money.payouts.host_views import EMPTY, balance
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing

FARE: Final = 8_000  # NGN 80.00, of which the host gets 72.00; Paystack sends at least 100.00
SHARE: Final = 7_200


@given(amounts=st.lists(st.integers(1, 30_000), min_size=1, max_size=12))
def test_each_of_many_small_transfers_goes_once_and_what_waits_is_too_little(
    amounts: list[int],
) -> None:
    """As `begin_attempt` does it, transfer by transfer, in the order in which they come."""
    waiting: list[Instruction] = []
    sent: list[UUID] = []
    for amount in amounts:
        new = instruction(InstructionKind.TRANSFER, amount)
        party = together.choose(new, waiting)
        assert not party or sum(each.amount for each in party) >= 10_000
        assert party == sorted(party, key=lambda each: each.id)
        sent += [each.id for each in party]
        gone = {each.id for each in party}
        waiting = [each for each in [*waiting, new] if each.id not in gone]
    assert len(sent) == len(set(sent))
    assert sum(each.amount for each in waiting) < 10_000
    assert len(sent) + len(waiting) == len(amounts)


@given(amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=200))
def test_together_they_are_never_more_than_the_gateway_sends(amounts: list[int]) -> None:
    first, *others = (instruction(InstructionKind.TRANSFER, amount) for amount in amounts)
    party = together.choose(first, [replace(each, amount=each.amount) for each in others])
    assert sum(each.amount for each in party) <= together.amounts(first).most
    assert len(party) <= together.SHARES_MAX


async def fares(shop: Shop, *prices: int) -> list[dict[str, Any]]:
    """Journeys that are over, each at its price; what their host gets is about to be sent."""
    bookings: list[dict[str, Any]] = []
    for price in prices:
        async with transaction() as tx:
            trip_id = await make.trip(tx, shop.host, price=price)
        bookings.append(await shop.reserve("1A", trip_id=trip_id))
        await shop.paid(bookings[-1])
    await shop.forward_to(bookings[-1]["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == len(prices)
    return bookings


async def transfers(shop: Shop) -> list[dict[str, Any]]:
    """The host's transfers, the oldest first."""
    page = await shop.get(shop.host, "/api/host/transfers")
    return list(reversed(page["transfers"]))


async def states(shop: Shop) -> list[str]:
    return [each["state"] for each in await transfers(shop)]


async def at_gateway(shop: Shop) -> list[int]:
    return [each["amount"] for each in await shop.sandbox.transfers()]


async def test_a_small_share_waits_and_goes_together_with_the_next(shop: Shop) -> None:
    await add_account(shop)
    (booking,) = await fares(shop, FARE)
    await follow(shop)
    (waiting,) = await transfers(shop)
    assert (waiting["state"], waiting["waitsFor"]) == ("queued", "minimum")
    assert waiting["missing"] == {"amount": 2_800, "currency": "NGN"}
    assert waiting["explanation"] == (
        "Paystack sends at least 100.00 NGN at once. It goes out by itself, together with others, "
        "as soon as 28.00 NGN more is to be paid to you."
    )
    assert await balance(shop) == EMPTY | {"owed": SHARE, "waitingForMinimum": SHARE}
    escrow = await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow")
    (pot,) = escrow["pots"]
    assert pot["wait"]["waitsFor"] == (
        "more that is to be paid to the host, to go together with it"
    )
    assert pot["wait"]["until"] is None
    assert pot["instructions"][0]["missing"]["amount"] == 2_800
    assert await at_gateway(shop) == []
    await audit_is_clean()

    await fares(shop, FARE)
    await follow(shop)
    await fares(shop, FARE)
    await follow(shop)
    seen = await transfers(shop)
    assert [each["state"] for each in seen] == ["confirmed", "confirmed", "queued"]
    assert await at_gateway(shop) == [2 * SHARE]
    first, second, third = seen
    assert first["togetherWith"] == [second["id"]]
    assert second["togetherWith"] == [first["id"]]
    assert (third["togetherWith"], third["missing"]["amount"]) == ([], 2_800)
    assert await balance(shop) == EMPTY | {"owed": SHARE, "waitingForMinimum": SHARE}
    path = f"/api/admin/ledger/bookings/{booking['id']}"
    statement = await shop.get(shop.admin, path)
    assert "in one transfer with others: tr-" in str(statement)
    await audit_is_clean()

    await fares(shop, 500_000)  # large enough to go alone: what waits goes with it
    await follow(shop)
    assert await at_gateway(shop) == [2 * SHARE, SHARE + 450_000]
    assert set(await states(shop)) == {"confirmed"}
    fees = "SELECT count(*) FROM ledger_transactions WHERE kind = 'gateway_fee'"
    paid_out = f"{fees} AND source_id IN (SELECT id FROM instructions)"
    assert await shop.count(paid_out) == 2
    await audit_is_clean()


async def test_senders_at_the_same_time_send_each_share_once(shop: Shop) -> None:
    await add_account(shop)
    await fares(shop, *[FARE] * 5)
    ids = [UUID(each["id"]) for each in await transfers(shop)]
    await asyncio.gather(*(stories.send(each) for each in [*ids, *reversed(ids)]))
    await follow(shop)
    sums = await at_gateway(shop)
    waiting = (await states(shop)).count("queued")
    assert sum(sums) + waiting * SHARE == 5 * SHARE
    assert all(each >= 10_000 for each in sums)
    assert waiting <= 1
    await audit_is_clean()


async def test_one_transfer_that_comes_back_restores_each_share(shop: Shop) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "reverse")
    await fares(shop, FARE, FARE)
    await follow(shop)
    assert await states(shop) == ["reversed", "reversed"]
    assert await balance(shop) == EMPTY | {"owed": 2 * SHARE, "cameBack": 2 * SHARE}
    await audit_is_clean()
    await shop.sandbox.top_up(1_000_000, "NGN")  # the fee was kept
    for each in await transfers(shop):
        path = f"/api/admin/transfers/{each['id']}/reissue"
        again = await shop.post(shop.admin, path, {"reason": "The account is open again"})
        assert again.status_code == 201, again.text
    await follow(shop)
    assert await states(shop) == ["reversed", "reversed", "confirmed", "confirmed"]
    assert await at_gateway(shop) == [2 * SHARE, 2 * SHARE]
    assert await balance(shop) == EMPTY
    await audit_is_clean()


async def test_those_that_failed_together_are_tried_again_together(shop: Shop) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "fail")
    await fares(shop, FARE, FARE)
    await follow(shop)
    assert await states(shop) == ["failed", "failed"]
    await audit_is_clean()
    await shop.forward(timedelta(hours=1, seconds=1))
    assert await shop.sweep("retry-failed-transfers") == 2
    await follow(shop)
    assert await states(shop) == ["confirmed", "confirmed"]
    assert await at_gateway(shop) == [2 * SHARE, 2 * SHARE]
    await audit_is_clean()


async def test_a_call_that_was_lost_goes_again_under_the_same_reference(shop: Shop) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "drop")
    await fares(shop, FARE, FARE)
    await follow(shop)
    assert await states(shop) == ["failed", "failed"]
    reference = "SELECT DISTINCT sent_as FROM instructions"
    before = await shop.values(reference)
    await shop.forward(timedelta(hours=1, seconds=1))
    await shop.sweep("retry-failed-transfers")
    await follow(shop)
    assert await states(shop) == ["confirmed", "confirmed"]
    assert await shop.values(reference) == before
    await audit_is_clean()


@pytest.mark.parametrize("ends", ["won", "lost"])
async def test_a_share_whose_charge_is_contested_stays_and_the_others_go(
    shop: Shop, ends: str
) -> None:
    await add_account(shop)
    await fares(shop, FARE)
    await follow(shop)
    charge = await shop.values("SELECT reference FROM payments")
    contested = await shop.sandbox.charge_back(charge[0])
    await follow(shop)
    await fares(shop, FARE)
    await follow(shop)
    assert await states(shop) == ["queued", "queued"]
    await fares(shop, FARE)
    await follow(shop)
    assert await states(shop) == ["queued", "confirmed", "confirmed"]
    assert await at_gateway(shop) == [2 * SHARE]
    await shop.sandbox.close_chargeback(contested["id"], ends)
    await follow(shop)
    await fares(shop, FARE)
    await follow(shop)
    left = {"won": ["confirmed", "confirmed"], "lost": ["cancelled", "queued"]}[ends]
    assert sorted(await states(shop)) == sorted([*left, "confirmed", "confirmed"])
    await audit_is_clean()


async def test_what_waits_follows_its_payee_to_another_account(shop: Shop) -> None:
    await add_account(shop)
    await fares(shop, FARE)
    await follow(shop)
    await add_account(shop, accountNumber="0123456780")
    await fares(shop, FARE)
    await follow(shop)
    assert await states(shop) == ["confirmed", "confirmed"]
    assert await at_gateway(shop) == [2 * SHARE]
    await audit_is_clean()


async def test_when_a_bank_takes_one_of_those_that_failed_the_other_waits_again(
    shop: Shop,
) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "fail")
    await fares(shop, FARE, FARE)
    await follow(shop)
    assert await states(shop) == ["failed", "failed"]
    (first, *_) = await shop.values("SELECT reference FROM payments ORDER BY id")
    taken = await shop.sandbox.charge_back(first)
    await follow(shop)
    await shop.sandbox.close_chargeback(taken["id"], "lost")
    await follow(shop)
    assert await states(shop) == ["cancelled", "failed"]
    await shop.forward(timedelta(hours=1, seconds=1))
    await shop.sweep("retry-failed-transfers")
    await follow(shop)
    assert await states(shop) == ["cancelled", "queued"]
    _, left = await transfers(shop)
    assert (left["waitsFor"], left["missing"]["amount"]) == ("minimum", 2_800)
    await audit_is_clean()
    await fares(shop, FARE)
    await follow(shop)
    assert await states(shop) == ["cancelled", "confirmed", "confirmed"]
    await audit_is_clean()


async def test_a_look_up_of_any_of_them_asks_about_the_one_that_the_gateway_knows(
    shop: Shop,
) -> None:
    await shop.sandbox.set_pace(None)
    await add_account(shop)
    await fares(shop, FARE, FARE)
    await follow(shop)
    assert await states(shop) == ["sent", "sent"]
    (sent,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"])
    for each in await transfers(shop):
        path = f"/api/admin/transfers/{each['id']}/look-up"
        story = (await shop.post(shop.admin, path)).json()
        assert story["instruction"]["state"] == "confirmed"
        assert story["instruction"]["reference"] == sent["reference"]
    await follow(shop)
    await audit_is_clean()


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_goes_wrong_each_share_is_paid_once_or_waits(shop: Shop, seed: int) -> None:
    chance = random.Random(f"together {seed}")
    await add_account(shop)
    await shop.sandbox.top_up(10_000_000, "NGN")
    for _ in range(4):
        if chance.random() < 0.7:
            kind = chance.choice(["fail", "reverse", "drop", "timeout_after_effect", "stuck"])
            await shop.sandbox.fault("transfer", kind)
        await fares(shop, *[chance.randrange(5_000, 20_000) for _ in range(chance.randint(1, 3))])
        await follow(shop)
        await _mend(shop)
    await shop.sandbox.clear_faults()
    for sent in await shop.sandbox.transfers():
        if sent["status"] == "pending":
            await shop.sandbox.end_transfer(sent["reference"])
    await follow(shop)
    await _mend(shop)
    ended = await transfers(shop)
    waiting = [each["amount"]["amount"] for each in ended if each["state"] == "queued"]
    assert {each["state"] for each in ended} <= {"confirmed", "queued", "reversed"}
    assert sum(waiting) < 10_000
    await agree_on_clearing(shop, "paystack", "NGN", topped_up=10_000_000)
    await audit_is_clean()


async def _mend(shop: Shop) -> None:
    """An admin sends again what came back, and what has failed is tried again."""
    for each in await transfers(shop):
        if each["state"] == "reversed":
            path = f"/api/admin/transfers/{each['id']}/reissue"
            await shop.post(shop.admin, path, {"reason": "Again"})
    await shop.forward(timedelta(hours=1, seconds=1))
    await shop.sweep("retry-failed-transfers")
    await follow(shop)


async def test_an_earlier_attempt_that_arrived_is_looked_up_if_it_was_about_the_same(
    shop: Shop,
) -> None:
    await add_account(shop)
    await fares(shop, FARE, FARE)
    first = UUID((await transfers(shop))[0]["id"])
    known = "SELECT DISTINCT coalesce(sent_as, reference) FROM instructions"
    await _record(first, Refused(reason="No."))
    earlier = await shop.values(known)
    await shop.forward(timedelta(hours=1, seconds=1))
    assert await shop.sweep("retry-failed-transfers") == 2
    await _record(first, ArrivedBefore(reference=earlier[0]))
    assert await states(shop) == ["unknown", "unknown"]
    assert await shop.values(known) == earlier
    await audit_is_clean()


async def test_an_earlier_attempt_about_others_that_arrived_is_left_to_a_person(
    shop: Shop,
) -> None:
    await add_account(shop)
    await fares(shop, FARE, FARE)
    first = UUID((await transfers(shop))[0]["id"])
    await _record(first, ArrivedBefore(reference=f"tr-{first.hex}-0"))
    assert await states(shop) == ["failed", "failed"]
    alerts = await shop.values("SELECT kind FROM alerts WHERE state <> 'resolved'")
    assert alerts == ["instruction_given_up", "instruction_given_up"]
    await shop.forward(timedelta(days=1))
    assert await shop.sweep("retry-failed-transfers") == 0


async def _record(transfer_id: UUID, outcome: Outcome) -> None:
    """Begin an attempt, of which the gateway hears nothing, and record how it went."""
    async with transaction() as tx:
        begun = await sending.begin(tx, transfer_id)
    assert begun is not None
    async with transaction() as tx:
        await instructions.record(tx, begun.instruction, outcome)
