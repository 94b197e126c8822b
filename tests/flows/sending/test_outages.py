"""Refunds and transfers past a gateway that does not work for a moment: soon, and never twice."""

from datetime import timedelta

import pytest

from app.foundation import db
from app.money.instructions.rules import attempts
from tests.databases import Databases
from tests.flows.sending.lines import (
    REFUND,
    TRANSFER,
    Fault,
    Line,
    cancelled,
    go_over,
    released,
    seconds_until_sent,
    wait,
)
from tests.laws import audit_is_clean
from tests.shop import Shop

EACH = pytest.mark.parametrize("gateway", ["paystack", "stripe", "flutterwave"])
ATTEMPTS = "SELECT attempt || ' ' || right(reference, 2) FROM instructions"


@EACH
async def test_a_refund_past_a_gateways_500_takes_seconds_and_is_paid_once(
    shop: Shop, gateway: str
) -> None:
    await cancelled(shop, gateway)
    line = Line(REFUND, [Fault.BEFORE])
    await go_over(shop, line)
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM instructions") == ["unknown"]
    assert await seconds_until_sent(shop) < 15
    assert len(await shop.sandbox.refunds()) == 1
    new = {"stripe": "2 -2"}  # what was answered under a key is repeated for a day
    assert await shop.values(ATTEMPTS) == [new.get(gateway, "2 -1")]
    assert len(line.sent) == 2
    await audit_is_clean()


@EACH
async def test_a_refund_that_was_made_although_the_gateway_answered_500_is_found(
    shop: Shop, gateway: str
) -> None:
    await cancelled(shop, gateway)
    await go_over(shop, Line(REFUND, [Fault.AFTER]))
    await shop.run_jobs()
    assert await seconds_until_sent(shop) < 10
    assert len(await shop.sandbox.refunds()) == 1
    assert await shop.values(ATTEMPTS) == ["1 -1"]
    await audit_is_clean()


@EACH
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.SLOW])
async def test_a_refund_without_an_answer_of_the_gateways_own_is_waited_for_before_another(
    shop: Shop, gateway: str, fault: Fault
) -> None:
    await cancelled(shop, gateway)
    line = Line(REFUND, [fault])
    await go_over(shop, line)
    await shop.run_jobs()
    for _ in range(4):
        await wait(shop, timedelta(minutes=1))
        await shop.sweep("resolve-unknown")
        await shop.run_jobs()
        assert await shop.values("SELECT state FROM instructions") == ["unknown"]
    await line.arrive()
    await wait(shop, timedelta(minutes=1))
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert await shop.values(ATTEMPTS) == ["1 -1"]
    assert (len(await shop.sandbox.refunds()), len(line.sent)) == (1, 1)
    await audit_is_clean()


@EACH
async def test_a_refund_that_one_list_does_not_show_yet_is_not_sent_again(
    shop: Shop, gateway: str
) -> None:
    await cancelled(shop, gateway)
    line = Line(REFUND, [Fault.AFTER])
    await go_over(shop, line)
    await shop.sandbox.fault("refunds", "late_row", times=20)
    await shop.run_jobs()
    assert await seconds_until_sent(shop) < 15
    assert (len(await shop.sandbox.refunds()), len(line.sent)) == (1, 1)
    assert await shop.values(ATTEMPTS) == ["1 -1"]
    await audit_is_clean()


@EACH
@pytest.mark.parametrize("fault", [Fault.LATE, Fault.LOST, Fault.SLOW])
async def test_a_refund_that_arrives_after_it_was_given_up_is_found_before_another_is_sent(
    shop: Shop, gateway: str, fault: Fault
) -> None:
    await cancelled(shop, gateway)
    line = Line(REFUND, [fault])
    await go_over(shop, line)
    await shop.run_jobs()
    await wait(shop, timedelta(seconds=4))
    if fault is not Fault.LATE:
        await wait(shop, attempts.ARRIVED_BY)
        await shop.sweep("resolve-unknown")
        await shop.run_jobs()
    assert await shop.values("SELECT state FROM instructions") == ["unknown"]  # one look is none
    await wait(shop, timedelta(seconds=6))
    assert await shop.values("SELECT state FROM instructions") == ["failed"]
    await line.arrive()
    assert await seconds_until_sent(shop) < 15
    assert (len(await shop.sandbox.refunds()), len(line.sent)) == (1, 1)
    assert await shop.values(ATTEMPTS) == ["2 -1"]
    await audit_is_clean()


@EACH
async def test_a_restored_database_does_not_send_a_refund_again(
    shop: Shop, gateway: str, databases: Databases
) -> None:
    await cancelled(shop, gateway)
    with databases.kept(shop.url.partition("?")[0].rpartition("/")[2]) as bring_back:
        await shop.run_jobs()
        assert len(await shop.sandbox.refunds()) == 1
        bring_back()
    await db.close_pool()
    await db.open_pool(shop.url, size_max=5)
    assert await shop.values("SELECT state || attempt FROM instructions") == ["queued0"]
    line = Line(REFUND, [])
    await go_over(shop, line)
    await shop.run_jobs()
    assert await seconds_until_sent(shop) < 10
    assert (len(await shop.sandbox.refunds()), line.sent) == (1, [])
    await audit_is_clean()


@EACH
async def test_a_refund_is_not_sent_while_nobody_can_say_whether_it_was(
    shop: Shop, gateway: str
) -> None:
    await cancelled(shop, gateway)
    line = Line(REFUND, [])
    await go_over(shop, line)
    await shop.sandbox.fault("refunds", "error_500", times=9)
    await shop.run_jobs()
    await shop.sandbox.clear_faults()
    assert (line.sent, await shop.values("SELECT state FROM instructions")) == ([], ["failed"])
    assert await seconds_until_sent(shop) < 40
    assert len(await shop.sandbox.refunds()) == 1
    await audit_is_clean()


@EACH
@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.LATE])
async def test_a_transfer_past_a_gateways_500_takes_seconds_and_is_paid_once(
    shop: Shop, gateway: str, fault: Fault
) -> None:
    await released(shop, gateway)
    line = Line(TRANSFER, [fault])
    await go_over(shop, line)
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM instructions") == ["unknown"]
    if fault is Fault.LATE:
        await wait(shop, timedelta(seconds=4))
        await wait(shop, timedelta(seconds=6))
        assert await shop.values("SELECT state FROM instructions") == ["failed"]
        await line.arrive()
    assert await seconds_until_sent(shop) < 15
    assert len(await shop.sandbox.transfers()) == 1
    await audit_is_clean()


@EACH
async def test_a_restored_database_does_not_send_a_transfer_again(
    shop: Shop, gateway: str, databases: Databases
) -> None:
    await released(shop, gateway)
    with databases.kept(shop.url.partition("?")[0].rpartition("/")[2]) as bring_back:
        await shop.run_jobs()
        bring_back()
    await db.close_pool()
    await db.open_pool(shop.url, size_max=5)
    assert await shop.values("SELECT state || attempt FROM instructions") == ["queued0"]
    line = Line(TRANSFER, [])
    await go_over(shop, line)
    await shop.run_jobs()
    assert await seconds_until_sent(shop) < 10
    assert len(await shop.sandbox.transfers()) == 1
    assert gateway != "stripe" or line.sent == [], "its keys are forgotten after a day"
    await audit_is_clean()


def test_attempts_after_outages_come_in_seconds_then_less_and_less_often() -> None:
    waits = [attempts.retry_after(number, was_outage=True) for number in range(1, 9)]
    seconds = [each.total_seconds() if each else None for each in waits]
    assert seconds == [5, 20, 80, 320, 1280, 3600, 3600, None]
    refused = [attempts.retry_after(number, was_outage=False) for number in range(1, 6)]
    assert refused == [timedelta(hours=1)] * 4 + [None]
