"""Reports of chargebacks come often, late, out of order, wrongly: each is posted once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.edge.gateways.lists import Page
from app.edge.gateways.port import GatewayName
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks.model import ChargeNotPaid
from app.foundation.db import now, transaction
from app.foundation.money import Money
from tests.flows.chargebacks.reports import (
    LOST,
    OPEN,
    WON,
    books_are_right,
    found,
    paid_stay,
    recovered,
    report,
    state,
)
from tests.shop import Shop

LATER = timedelta(hours=6, seconds=1)
POSTED = """
    SELECT kind FROM ledger_transactions
     WHERE source_id IN (SELECT id FROM chargebacks) ORDER BY id"""
ALERTS = "SELECT kind || ' ' || state FROM alerts ORDER BY kind"


async def test_a_report_that_comes_ten_times_is_posted_once(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    for status in (OPEN, LOST):
        await asyncio.gather(*(report(payment, status, fee=1_500) for _ in range(10)))
    assert await shop.values(POSTED) == ["chargeback", "gateway_fee", "chargeback_recovery"]
    assert await shop.values(ALERTS) == ["chargeback_opened resolved"]
    assert await shop.count("SELECT count(*) FROM chargeback_history") == 2
    await books_are_right()


@pytest.mark.parametrize("first", [OPEN, WON])
@pytest.mark.parametrize("back", [4_900, 5_100])
async def test_what_an_exchanged_chargeback_costs_at_two_rates_is_posted(
    shop: Shop, first: Any, back: int
) -> None:
    _, payment = await paid_stay(shop)
    taken, returned = (Money(amount=amount, currency="USD") for amount in (5_000, back))
    for status in (first, WON, WON):
        again = {} if status is OPEN else {"returned": returned}
        await report(payment, status, settled=taken, fee=1_500, **again)
    assert await state(shop) == "won"
    assert await shop.values(POSTED) == ["chargeback", "gateway_fee", "chargeback_reversal"]
    assert await shop.values(
        """
        SELECT account.kind || ' ' || sum(amount) FROM ledger_entries
          JOIN ledger_accounts AS account ON account.id = account_id
         WHERE currency = 'USD' GROUP BY account.kind ORDER BY account.kind"""
    ) == [f"exchange {back - 5_000}", f"gateway_clearing {6_500 - back}", "gateway_fees -1500"]
    await books_are_right()


@pytest.mark.parametrize("status", [WON, LOST])
async def test_a_chargeback_first_reported_at_its_end_is_posted_whole(
    shop: Shop, status: Any
) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, status)
    await report(payment, OPEN)
    assert await state(shop) == status
    taken = ["chargeback", "chargeback_recovery"] if status is LOST else []
    assert await shop.values(POSTED) == taken
    assert await shop.values(ALERTS) == [
        "chargeback_contradicted open",
        "chargeback_opened resolved",
    ]
    await books_are_right()


async def test_a_chargeback_whose_money_is_taken_only_when_it_is_lost(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN, is_taken=False)
    assert await shop.values(POSTED) == []
    await report(payment, LOST, is_taken=False)
    assert await shop.values(POSTED) == ["chargeback", "chargeback_recovery"]
    await books_are_right()


async def test_the_money_of_a_won_chargeback_comes_back_some_time_later(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN)
    await report(payment, WON, is_taken=True)
    assert await shop.values(POSTED) == ["chargeback"]
    await books_are_right()
    await shop.forward(LATER)
    for asked in (1, 0):
        async with transaction() as tx:
            assert await chargebacks.look_up_open(tx, [GatewayName.PAYSTACK], limit=10) == asked
    await shop.forward(LATER)
    for _ in range(2):
        await report(payment, WON)
    assert await shop.values(POSTED) == ["chargeback", "chargeback_reversal"]
    async with transaction() as tx:
        assert await chargebacks.look_up_open(tx, [GatewayName.PAYSTACK], limit=10) == 0
    await books_are_right()


async def test_a_gateway_that_contradicts_itself_changes_nothing(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, LOST)
    before = await recovered(shop)
    await report(payment, WON)
    assert (await state(shop), await recovered(shop)) == ("lost", before)
    assert "chargeback_contradicted open" in await shop.values(ALERTS)
    await books_are_right()


async def test_an_answer_from_before_the_end_of_a_chargeback_contradicts_nothing(
    shop: Shop,
) -> None:
    _, payment = await paid_stay(shop)
    async with transaction() as tx:
        asked_at = await now(tx)
    await report(payment, LOST)
    for at, alerts in ((asked_at, 0), (None, 1)):
        async with transaction() as tx:
            reported = found(payment, OPEN)
            await chargebacks.post(
                tx, UUID(payment["id"]), reported, live=False, asked_at=at or await now(tx)
            )
        contradicted = "SELECT count(*) FROM alerts WHERE kind = 'chargeback_contradicted'"
        assert await shop.count(contradicted) == alerts


@pytest.mark.parametrize(
    "otherwise",
    [{"currency": "GHS"}, {"amount": 10**12}, {"amount": 0}, {"live": True}],
    ids=str,
)
async def test_a_report_that_does_not_fit_its_charge_changes_nothing(
    shop: Shop, otherwise: dict[str, Any]
) -> None:
    _, payment = await paid_stay(shop)
    assert await report(payment, LOST, **otherwise) is None
    assert await shop.values(ALERTS) == ["chargeback_mismatch open"]
    assert await shop.count("SELECT count(*) FROM chargebacks") == 0
    await books_are_right()


async def test_a_report_that_does_not_fit_the_one_before_changes_nothing(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN, amount=100)
    assert await report(payment, LOST, amount=101) is None
    assert await state(shop) == "open"
    assert "chargeback_mismatch open" in await shop.values(ALERTS)


async def test_the_amount_of_a_chargeback_may_fall_until_the_money_is_taken(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN, amount=1_000, is_taken=False)
    assert await report(payment, OPEN, amount=1_001, is_taken=False) is None
    await report(payment, LOST, amount=400)
    assert (await state(shop), await recovered(shop)) == ("lost", {"deposit": 400})
    await books_are_right()


async def test_a_won_chargeback_may_report_any_amount(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN, amount=1_000, is_taken=False)
    await report(payment, WON)
    assert await state(shop) == "won"
    assert "chargeback_mismatch open" not in await shop.values(ALERTS)
    await books_are_right()


async def test_a_charge_that_was_not_paid_cannot_be_charged_back(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    with pytest.raises(ChargeNotPaid):
        await report(payment, OPEN)


async def test_one_alert_is_raised_about_each_chargeback_that_is_not_ours(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    strange = {"reference": f"pay-{uuid4().hex}", "amount": payment["amount"]}
    listed = Page(
        rows=[found(payment, OPEN), found(strange, OPEN, gateway_id="cb_9")], unreadable=["cb_8"]
    )
    for _ in range(2):
        async with transaction() as tx:
            assert await chargebacks.look_up_listed(tx, GatewayName.PAYSTACK, listed) == 1
    assert await shop.values(
        "SELECT kind || ' ' || subject || ' ' || count FROM alerts ORDER BY subject"
    ) == ["chargeback_unknown paystack cb_8 2", "chargeback_unknown paystack cb_9 2"]


async def test_an_alert_about_evidence_due_soon_is_open_until_the_chargeback_ends(
    shop: Shop,
) -> None:
    _, payment = await paid_stay(shop)
    chargeback = await report(payment, OPEN)
    assert chargeback
    await shop.sweep("reconcile-chargebacks")
    assert await shop.values(ALERTS) == ["chargeback_opened open"]
    await shop.values("UPDATE chargebacks SET evidence_due_at = business_now() RETURNING id::text")
    await shop.forward(timedelta(minutes=-1))
    await shop.sweep("reconcile-chargebacks")
    assert await shop.values(ALERTS) == ["chargeback_due open", "chargeback_opened open"]
    await report(payment, WON)
    assert await shop.values(ALERTS) == ["chargeback_due resolved", "chargeback_opened resolved"]
