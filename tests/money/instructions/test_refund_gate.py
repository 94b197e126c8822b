"""The refund gate: so many automatic refunds go out per run, however many workers there are."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.flows.sending import actions as sending
from app.foundation.db import Violated, execute, fetch_values, transaction
from app.foundation.settings import settings
from app.market.bookings.model import Booking
from tests import paid
from tests.shop import Shop

RUN = timedelta(minutes=10)
PRICE = 500_000
PATH = "/api/admin/breaker"
AT_GATEWAY = "SELECT amount::text FROM instructions WHERE state <> 'queued' ORDER BY id"
ALERTS = "SELECT kind || ' ' || state FROM alerts ORDER BY id"


@pytest.fixture
def two_per_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BREAKER_REFUNDS", "2")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def little_per_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BREAKER_AMOUNTS", f"EUR=100, NGN={2 * PRICE}")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


async def unanswered(*prices: int) -> list[Booking]:
    """Paid requests that no host has answered in time, declined: a refund of each price."""
    declined: list[Booking] = []
    for price in prices:
        async with transaction() as tx:
            booking = await paid.seat(tx, price=price, request_to_book=True)
            await paid.left_unanswered(tx, booking)
            declined.append(booking)
    return declined


async def admit() -> int:
    async with transaction() as tx:
        return len(await sending.admit_refunds(tx, limit=100))


async def work(shop: Shop) -> None:
    """Do what is queued, and what that has queued."""
    for _ in range(2):
        await shop.run_jobs()


async def values(sql: Any) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(tx, str, sql)


async def refunds(shop: Shop, *, waiting: bool) -> list[dict[str, Any]]:
    listed = (await shop.get(shop.admin, "/api/admin/refunds"))["instructions"]
    return [each for each in reversed(listed) if each["waitsAtBreaker"] is waiting]


async def override(shop: Shop, **more: Any) -> Any:
    return await shop.post(shop.admin, f"{PATH}/override", {"reason": "A bus broke"} | more)


async def test_a_booking_request_that_no_host_answers_is_refunded_within_seconds(
    shop: Shop,
) -> None:
    await unanswered(PRICE)
    await work(shop)
    assert await values(AT_GATEWAY) == [str(PRICE)]
    assert await values(ALERTS) == []


async def test_refunds_beyond_the_limit_wait_for_the_next_run_and_one_alert_says_so(
    two_per_run: None, shop: Shop
) -> None:
    await unanswered(*[PRICE + n for n in range(5)])
    await work(shop)
    await shop.sweep("process-refunds")
    await work(shop)
    assert await values(AT_GATEWAY) == [f"{PRICE}", f"{PRICE + 1}"]
    assert await values(ALERTS) == ["breaker_tripped open"]
    for sent in (4, 5):
        await shop.forward(RUN)
        await shop.sweep("process-refunds")
        await work(shop)
        assert len(await values(AT_GATEWAY)) == sent
    assert await values(ALERTS) == ["breaker_tripped resolved"]


async def test_refunds_admitted_while_the_clock_was_ahead_close_the_gate_to_nobody(
    two_per_run: None, pool: None
) -> None:
    await unanswered(*[PRICE] * 4)
    assert await admit() == 2
    async with transaction() as tx:
        await execute(tx, "UPDATE instructions SET let_out_at = let_out_at + interval '1 year'")
    assert await admit() == 2


async def test_two_runs_at_once_admit_together_what_one_may(two_per_run: None, pool: None) -> None:
    await unanswered(*[PRICE] * 6)
    assert sorted(await asyncio.gather(*(admit() for _ in range(8)))) == [0] * 7 + [2]
    sent = await values("SELECT id::text FROM instructions WHERE let_out_at IS NOT NULL")
    jobs = """
        SELECT args ->> 'instruction_id' FROM procrastinate_jobs
         WHERE task_name = 'send-instruction'"""
    assert sorted(await values(jobs)) == sorted(sent)


async def test_a_refund_too_large_for_any_run_waits_for_an_admin_and_an_alert_says_so(
    little_per_run: None, shop: Shop
) -> None:
    await unanswered(2 * PRICE + 1, PRICE, PRICE, PRICE)
    await work(shop)
    assert await values(AT_GATEWAY) == [str(PRICE)] * 2  # the large one keeps no other from going
    seen = await shop.get(shop.admin, PATH)
    (total,) = seen["waiting"]
    assert (seen["refundsPerRun"], seen["refundsInThisRun"]) == (50, 2)
    assert (total["refunds"], total["tooLarge"]) == (2, 1)
    assert total["amount"] == {"amount": 3 * PRICE + 1, "currency": "NGN"}
    assert total["amountPerRun"] == {"amount": 2 * PRICE, "currency": "NGN"}
    for _ in range(2):
        await shop.forward(RUN)
        await shop.sweep("process-refunds")
        await work(shop)
    assert len(await values(AT_GATEWAY)) == 3
    assert await values(ALERTS) == ["breaker_tripped open"]
    assert await values("SELECT details -> 'NGN' ->> 'tooLargeForAnyRun' FROM alerts") == ["1"]
    reply = await override(shop)
    assert (reply.status_code, reply.json()["waiting"]) == (200, [])
    await work(shop)
    assert len(await values(AT_GATEWAY)) == 4
    assert await values(ALERTS) == ["breaker_tripped resolved"]


async def test_an_override_has_a_reason_is_audited_and_counts_for_no_run(
    two_per_run: None, shop: Shop
) -> None:
    await unanswered(*[PRICE] * 4)
    chosen = (await refunds(shop, waiting=True))[2]["id"]
    assert (await override(shop, reason=" ")).status_code == 422
    reply = await override(shop, refundIds=[chosen])
    assert reply.json()["waiting"][0]["refunds"] == 3
    assert (await override(shop, refundIds=[chosen])).json()["code"] == "nothing_waits"
    assert await values(
        "SELECT subject_id || ': ' || reason FROM audit_log WHERE action = 'override_breaker'"
    ) == [f"{chosen}: A bus broke"]
    await work(shop)
    assert len(await values(AT_GATEWAY)) == 3
    (last,) = await refunds(shop, waiting=True)
    assert (await override(shop, refundIds=[last["id"], last["id"]])).status_code == 200
    assert (await override(shop)).json()["code"] == "nothing_waits"


async def test_the_refund_of_a_late_payment_waits_at_the_gate_too(
    little_per_run: None, shop: Shop
) -> None:
    await unanswered(PRICE, PRICE)
    await work(shop)
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    await work(shop)
    (waits,) = await refunds(shop, waiting=True)
    assert waits["reason"] == "late payment"
    assert "breaker_tripped open" in await values(ALERTS)


async def test_refunds_that_a_person_asks_for_and_deposits_do_not_wait_at_the_gate(
    little_per_run: None, shop: Shop
) -> None:
    async with transaction() as tx:
        cancelled = await paid.stay(tx, guest=shop.guest, price=5 * PRICE, deposit=PRICE)
        returned = await paid.stay(tx, deposit=5 * PRICE, days_ahead=2)
    await shop.post(shop.guest, f"/api/bookings/{cancelled.id}/cancel")
    await shop.forward(timedelta(days=4))
    await shop.sweep("release-escrow")
    assert await _automatic(cancelled.id, returned.id) == ["false"] * 3


async def test_a_failed_refund_is_tried_again_without_passing_the_gate_twice(
    two_per_run: None, shop: Shop
) -> None:
    await unanswered(PRICE, PRICE)
    await work(shop)
    await values("UPDATE instructions SET state = 'failed' RETURNING state")
    await unanswered(PRICE, PRICE)
    await shop.forward(timedelta(hours=1, seconds=1))
    assert await shop.sweep("process-refunds") == 4
    assert await values(ALERTS) == []


async def test_the_database_refuses_to_send_a_refund_that_waits_at_the_gate(pool: None) -> None:
    await unanswered(PRICE)
    with pytest.raises(Violated, match="instructions_pass_breaker"):
        async with transaction() as tx:
            await execute(tx, "UPDATE instructions SET state = 'sending'")


async def _automatic(*booking_ids: UUID) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(
            tx,
            str,
            """
            SELECT automatic::text FROM instructions
             WHERE booking_id = ANY(%(ids)s) AND kind = 'refund'""",
            ids=list(booking_ids),
        )
