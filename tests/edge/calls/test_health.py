"""A gateway that is down: new charges go to the next one, and what belongs to it waits."""

from datetime import timedelta
from typing import Any

import pytest

from app.edge.calls.actions import health
from app.edge.calls.model import FAILURES_MAX
from app.edge.calls.stories import CallRecorder
from app.edge.gateways.http import Answered, Attempt, Call, Inconclusive
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import gateway_named
from app.foundation.db import execute, transaction
from tests import make
from tests.shop import Shop

PAYSTACK = GatewayName.PAYSTACK


async def _usd_booking(shop: Shop, seat: str = "1A") -> dict[str, Any]:
    """Of a bus that Paystack and Stripe could both be paid for."""
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, seats=4, currency="USD", price=5_000)
    return await shop.reserve(seat, trip_id=trip_id)


async def _record(gateway: GatewayName, attempt: Attempt) -> None:
    await CallRecorder().record(
        Call(
            gateway=gateway,
            operation="verify",
            reference="pay-1",
            number=1,
            latency_ms=12.5,
            attempt=attempt,
        )
    )


async def _fail(gateway: GatewayName = PAYSTACK, times: int = FAILURES_MAX) -> None:
    for _ in range(times):
        await _record(gateway, Inconclusive(reason="HTTP 503", status=503, is_outage=True))


async def _down() -> set[GatewayName]:
    async with transaction() as tx:
        return set(await health.gateways_down(tx))


async def _condition(shop: Shop, name: str = "paystack") -> dict[str, Any]:
    gateway = await shop.get(shop.admin, "/api/admin/gateways")
    return next(each for each in gateway["gateways"] if each["name"] == name)


async def test_new_charges_go_to_the_next_gateway_while_the_first_is_down(shop: Shop) -> None:
    first = await shop.pending(await _usd_booking(shop))
    await _fail()
    second = await shop.pending(await _usd_booking(shop))
    assert (first["gateway"], second["gateway"]) == ("paystack", "stripe")
    await shop.forward(timedelta(minutes=3))
    third = await shop.pending(await _usd_booking(shop))
    assert third["gateway"] == "paystack", "it is tried again after a while"


async def test_a_charge_that_was_never_started_is_replaced_by_one_at_another_gateway(
    shop: Shop,
) -> None:
    booking = await _usd_booking(shop)
    await shop.sandbox.fault("initialize", "error_500", times=FAILURES_MAX)
    for _ in range(FAILURES_MAX):
        assert (await shop.initiate(booking, key="pay")).status_code == 504
    again = await shop.initiate(booking, key="pay")
    assert (again.status_code, again.json()["gateway"]) == (201, "stripe"), again.text
    await shop.sandbox.pay(again.json()["reference"])
    path = f"/api/payments/{again.json()['id']}/verify"
    assert (await shop.post(shop.guest, path)).json()["state"] == "succeeded"
    assert await shop.state(booking) == "confirmed"
    states = await shop.values("SELECT gateway || ' ' || state FROM payments ORDER BY id")
    assert states == ["paystack abandoned", "stripe succeeded"]


async def test_a_charge_that_can_be_paid_stays_at_its_gateway_when_that_goes_down(
    shop: Shop,
) -> None:
    booking = await _usd_booking(shop)
    payment = await shop.pending(booking)
    await _fail()
    assert (await shop.pending(booking))["reference"] == payment["reference"]


async def test_if_all_gateways_are_down_the_first_is_tried(shop: Shop) -> None:
    for gateway in GatewayName:
        await _fail(gateway)
    assert await _down() == set(GatewayName)
    assert (await shop.pending(await _usd_booking(shop)))["gateway"] == "paystack"
    assert await _down() == set(GatewayName) - {PAYSTACK}, "it has answered"


async def test_refunds_and_transfers_wait_for_their_own_gateway(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    assert (await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")).is_success
    await _fail()
    await shop.run_jobs()
    story = "SELECT state || ' ' || attempt || ' ' || gateway FROM instructions"
    assert await shop.values(story) == ["queued 0 paystack"]
    assert await shop.sandbox.refunds() == []
    await shop.forward(timedelta(minutes=3))
    await shop.sweep("process-refunds")
    await shop.run_jobs()
    assert await shop.values(story) == ["sent 1 paystack"]
    assert await _down() == set()


async def test_an_operator_sees_which_gateway_is_down_and_is_alerted_once(shop: Shop) -> None:
    alerts = "SELECT kind || ' ' || subject || ' ' || state FROM alerts"
    await _fail(times=FAILURES_MAX - 1)
    assert (await _condition(shop))["condition"] == "failing"
    assert await shop.values(alerts) == []
    await _fail(times=3)
    gateway = await _condition(shop)
    assert (gateway["condition"], gateway["failures"], gateway["reason"]) == ("down", 7, "HTTP 503")
    assert (await _condition(shop, "stripe"))["condition"] == "up"
    assert await shop.values(alerts) == ["gateway_down paystack open"]
    assert await shop.values("SELECT count::text FROM alerts") == ["1"]
    await _record(PAYSTACK, Answered(status=200, body=None))
    assert (await _condition(shop))["condition"] == "up"
    assert await shop.values(alerts) == ["gateway_down paystack resolved"]


async def test_failures_of_a_gateway_that_are_far_apart_do_not_add_up(shop: Shop) -> None:
    await _fail(times=FAILURES_MAX - 1)
    await shop.forward(timedelta(minutes=11))
    await _fail(times=1)
    assert (await _condition(shop))["failures"] == 1


async def test_an_outage_from_a_time_when_the_clock_was_ahead_is_over(shop: Shop) -> None:
    await _fail()
    assert await _down() == {PAYSTACK}
    async with transaction() as tx:
        await execute(
            tx,
            "UPDATE gateway_outages SET last_at = last_at + interval '1 year',"
            " down_until = down_until + interval '1 year'",
        )
    assert await _down() == set()
    await _fail(times=1)
    assert (await _condition(shop))["failures"] == 1


async def test_each_failure_of_a_gateway_that_is_down_makes_the_pause_longer(shop: Shop) -> None:
    pause = """
        SELECT extract(epoch FROM down_until - last_at)::int::text FROM gateway_outages"""
    pauses: list[str] = []
    await _fail()
    for _ in range(4):
        pauses += await shop.values(pause)
        await _fail(times=1)
    assert pauses == ["30", "60", "120", "120"]


async def test_failures_seen_by_another_process_count_and_end_with_an_answer_here(
    shop: Shop,
) -> None:
    await _fail()
    health._failing.clear()  # as in a process that has made no call yet
    payment = await shop.pending(await _usd_booking(shop))
    assert payment["gateway"] == "stripe"
    await gateway_named(PAYSTACK).find_charge("pay-nobody-knows")
    assert await _down() == set()


@pytest.mark.parametrize(
    ("fault", "failures"),
    [("error_500", 1), ("drop", 1), ("too_many_requests", 0)],
)
async def test_only_missing_replies_and_server_errors_count_as_failures(
    shop: Shop, fault: str, failures: int
) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", fault)
    assert (await shop.initiate(booking)).status_code == 504
    assert (await _condition(shop))["failures"] == failures


async def test_a_refusal_ends_the_outage_of_a_gateway(shop: Shop) -> None:
    await _fail()
    assert await _down() == {PAYSTACK}
    await gateway_named(PAYSTACK).find_charge("pay-nobody-knows")
    assert await _down() == set()
