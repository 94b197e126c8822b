"""Each attempt at a call to a gateway is written down, and none of it costs an answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.edge.calls.stories import CallRecorder
from app.edge.gateways import http
from app.edge.gateways.http import Answered, Attempt, Call, Inconclusive
from app.edge.gateways.port import CheckoutReady, GatewayName, NewCharge, NewRefund, Refused
from app.edge.gateways.registry import gateway_named
from app.edge.gateways.retries import PATIENCE_OF_REQUESTS_S
from app.foundation import db
from app.foundation.db import Violated, execute, savepoint, transaction
from app.foundation.money import Money
from app.foundation.settings import settings
from tasks.operations import cleanup
from tests import make
from tests.shop import Shop, open_shop

PAYSTACK = GatewayName.PAYSTACK
ATTEMPTS = """
    SELECT concat_ws(' ', operation, attempt, outcome, status, error)
      FROM gateway_calls ORDER BY at, id"""


@pytest.fixture
async def shop(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A shop whose calls are made again, as in production."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    async with open_shop(database_url, patience_s=PATIENCE_OF_REQUESTS_S) as shop:
        yield shop
    settings.cache_clear()


def _call(number: int = 1, attempt: Attempt | None = None) -> Call:
    return Call(
        gateway=PAYSTACK,
        operation="verify",
        reference=f"pay-{number}",
        number=1,
        latency_ms=number,
        attempt=attempt or Answered(status=200, body={"secret": "card"}),
    )


def _charge(reference: str = "pay-0001") -> NewCharge:
    return NewCharge(
        reference=reference,
        money=Money(50_000, "NGN"),
        email="guest@example.com",
        return_url="https://berthold.test/",
        metadata={},
    )


async def _list(shop: Shop, **wanted: Any) -> list[dict[str, Any]]:
    page = await shop.get(shop.admin, "/api/admin/gateways/calls", **wanted)
    return page["calls"]


async def test_each_attempt_is_a_row_and_the_last_hour_is_summed_up(shop: Shop) -> None:
    await shop.sandbox.fault("initialize", "error_500", times=2)
    await shop.sandbox.fault("initialize", "too_many_requests", delay_ms=1)
    payment = await shop.pending(await shop.reserve("1A"))
    assert len(await shop.sandbox.charges()) == 1
    assert await shop.values(ATTEMPTS) == [
        "initialize 1 unclear 500 HTTP 500",
        "initialize 2 unclear 500 HTTP 500",
        "initialize 3 unclear 429 HTTP 429, asks to wait 0",
        "initialize 4 answered 200",
    ]
    reply = await shop.get(shop.admin, "/api/admin/gateways")
    hours = {each["name"]: each["lastHour"] for each in reply["gateways"]}
    hour = hours["paystack"]
    assert (hour["calls"], hour["retries"], hour["failures"]) == (1, 3, 3)
    assert 0 <= hour["latencyMsP50"] <= hour["latencyMsP95"]
    assert hours["stripe"] == {
        "calls": 0, "retries": 0, "failures": 0, "latencyMsP50": None, "latencyMsP95": None,
    }  # fmt: skip
    assert [call["attempt"] for call in await _list(shop, reference=payment["reference"])] == [
        4, 3, 2, 1,
    ]  # fmt: skip
    await shop.forward(timedelta(minutes=61))
    reply = await shop.get(shop.admin, "/api/admin/gateways")
    assert all(each["lastHour"]["calls"] == 0 for each in reply["gateways"])


async def test_a_call_that_waits_for_its_next_attempt_is_seen_waiting(shop: Shop) -> None:
    await shop.sandbox.fault("initialize", "too_many_requests", delay_ms=3_000)
    calling = asyncio.create_task(gateway_named(PAYSTACK).start_charge(_charge()))
    await _until(shop, "SELECT count(*) FROM gateway_calls", 1)
    assert not calling.done()
    (row,) = await _list(shop, reference="pay-0001")
    assert (row["attempt"], row["attemptsMax"], row["outcome"]) == (1, 4, "unclear")
    wait = datetime.fromisoformat(row["nextAttemptAt"]) - datetime.fromisoformat(row["at"])
    assert 3 <= wait.total_seconds() <= 4
    assert isinstance(await calling, CheckoutReady)
    last, first = await _list(shop, reference="pay-0001")
    assert (last["attempt"], last["nextAttemptAt"]) == (2, None)
    assert first == row


async def test_the_list_is_read_in_pages_and_by_gateway_reference_and_outcome(shop: Shop) -> None:
    recorder = CallRecorder()
    calls = [_call(number) for number in range(1, 8)]
    failed = _call(8, Inconclusive(reason="HTTP 503", status=503, is_outage=True))
    await asyncio.wait([recorder.record(call) for call in [*calls, failed]])
    seen, cursor = list[str](), ""
    while cursor is not None:
        page = await shop.get(
            shop.admin,
            "/api/admin/gateways/calls",
            limit=3,
            **({"cursor": cursor} if cursor else {}),
        )
        seen += [call["reference"] for call in page["calls"]]
        cursor = page["nextCursor"]
    assert seen == [f"pay-{number}" for number in range(8, 0, -1)]
    (unclear,) = await _list(shop, outcome="unclear")
    assert (unclear["status"], unclear["error"], unclear["latencyMs"]) == (503, "HTTP 503", 8)
    assert len(await _list(shop, gateway="paystack", reference="pay-3", outcome="answered")) == 1
    assert await _list(shop, gateway="stripe") == []
    for wrong in ({"cursor": "made-up"}, {"gateway": "bank"}, {"outcome": "good"}):
        reply = await shop.api.get(
            "/api/admin/gateways/calls", params=wrong, headers=make.bearer(shop.admin)
        )
        assert reply.status_code in (400, 422), reply.text


async def test_a_call_that_the_gateway_refuses_is_made_once_and_is_one_row(shop: Shop) -> None:
    payment = await shop.paid(await shop.reserve("1A"))
    refund = NewRefund(
        reference="rf-00000000000000000001-1",
        charge_reference=payment["reference"],
        money=Money(90_000_000, "NGN"),
        reason="A",
    )
    assert isinstance(await gateway_named(PAYSTACK).start_refund(refund), Refused)
    (row,) = await _list(shop, reference=refund.reference)
    assert (row["operation"], row["attempt"], row["outcome"]) == ("refund", 1, "denied")


async def test_a_gateway_that_goes_down_meanwhile_is_not_tried_again(shop: Shop) -> None:
    await shop.sandbox.fault("initialize", "error_500", times=9)
    for reference in ("pay-0001", "pay-0002", "pay-0003"):
        await gateway_named(PAYSTACK).start_charge(_charge(reference))
    attempts = await shop.values("SELECT attempt::text FROM gateway_calls ORDER BY at, id")
    assert attempts == ["1", "2", "3", "4", "1", "1"]
    again = "SELECT count(*) FROM gateway_calls WHERE next_attempt_at IS NOT NULL"
    assert await shop.count(again) == 3, "the fifth failure in a row is waited for in vain"


async def test_a_gateways_reply_is_returned_when_the_call_cannot_be_recorded(shop: Shop) -> None:
    await db.close_pool()
    with capture_logs() as lines:
        outcome = await gateway_named(PAYSTACK).start_charge(_charge())
    await db.open_pool(shop.url, size_max=10)
    assert isinstance(outcome, CheckoutReady)
    (lost,) = [line for line in lines if line["event"] == "gateway call not recorded"]
    facts = ("gateway", "operation", "reference", "attempt", "status", "outcome")
    assert [lost[fact] for fact in facts] == [
        "paystack", "initialize", "pay-0001", 1, 200, "answered",
    ]  # fmt: skip
    assert lost["log_level"] == "error"
    assert "Unavailable" in lost["error"]
    await gateway_named(PAYSTACK).start_charge(_charge("pay-0002"))
    assert await shop.values("SELECT reference FROM gateway_calls") == ["pay-0002"]


async def test_a_gateways_reply_does_not_wait_for_a_locked_gateway_calls_table(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_RECORDED_WITHIN_S", 0.05)
    async with transaction() as tx:
        await execute(tx, "LOCK TABLE gateway_calls")
        outcome = await asyncio.wait_for(gateway_named(PAYSTACK).start_charge(_charge()), 60)
        assert isinstance(outcome, CheckoutReady)
        assert await execute(tx, "SELECT FROM gateway_calls") == 0
    await _until(shop, "SELECT count(*) FROM gateway_calls", 1)


async def test_a_burst_of_calls_is_recorded_in_few_commits(shop: Shop) -> None:
    recorder = CallRecorder()
    await asyncio.wait([recorder.record(_call(number)) for number in range(1, 201)])
    assert await shop.count("SELECT count(*) FROM gateway_calls") == 200
    assert await shop.count("SELECT count(DISTINCT xmin::text) FROM gateway_calls") == 1


async def test_an_attempt_that_is_cancelled_is_recorded_too(shop: Shop) -> None:
    await shop.sandbox.fault("initialize", "delay", delay_ms=60_000)
    calling = asyncio.create_task(gateway_named(PAYSTACK).start_charge(_charge()))
    async with asyncio.timeout(60):
        while shop.sandbox.simulator.faults.rules:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await _until(shop, "SELECT count(*) FROM gateway_calls", 1)
    assert await shop.values(ATTEMPTS) == ["initialize 1 unclear the call was cancelled"]


async def test_recorded_calls_are_deleted_after_a_month_and_never_changed(shop: Shop) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO gateway_calls
                   (at, gateway, operation, reference, attempt, outcome, status, latency_ms)
            SELECT business_now() - days * interval '1 day', 'stripe', 'refund', 'rf-' || days, 1,
                   'answered', 200, 1
              FROM unnest(ARRAY[40, 31, 31, 29, 0]) AS days""",
        )
        async with savepoint(tx) as undo:
            with pytest.raises(Violated, match="gateway_calls_append_only"):
                await execute(tx, "UPDATE gateway_calls SET status = 201")
            undo()
    assert await cleanup(2) == 3
    kept = await shop.values("SELECT reference FROM gateway_calls ORDER BY at")
    assert kept == ["rf-29", "rf-0"]


async def _until(shop: Shop, sql: Any, count: int) -> None:
    async with asyncio.timeout(60):
        while await shop.count(sql) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
