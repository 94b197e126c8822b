"""A sender that is delayed between its commit and its call sends nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import msgspec
import pytest

from app.edge.gateways.port import Accepted, GatewayName, NewRefund, NewTransfer, Unknown
from app.edge.gateways.registry import close_gateways, gateway_named, open_gateways
from app.flows.sending import stories
from app.foundation.money import Money
from app.foundation.settings import Settings, settings
from app.money.instructions.rules import attempts
from tests.edge.gateways.adapters import bank_account
from tests.shop import Shop

LEASE = timedelta(seconds=3)
NOTE = "rf-00000000000000000001-1"


class HeldUp(httpx.AsyncHTTPTransport):
    """A network that is reached late, once: something else happens before the first refund."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and (meanwhile := self._meanwhile):
            self._meanwhile = None
            await meanwhile()
        return await super().handle_async_request(request)


async def reach_late(shop: Shop, meanwhile: Callable[[], Awaitable[None]]) -> None:
    await close_gateways()
    open_gateways(
        msgspec.structs.replace(
            settings(),
            paystack_base_url=shop.sandbox.base_url,
            paystack_secret_keys=(shop.sandbox.secret_key,),
        ),
        transports={GatewayName.PAYSTACK: HeldUp(meanwhile)},
    )


async def refund_queued(shop: Shop) -> UUID:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    (found,) = await shop.values("SELECT id::text FROM instructions")
    return UUID(found)


async def test_a_refund_given_up_and_sent_again_is_not_sent_by_the_delayed_first_sender(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_id = await refund_queued(shop)
    monkeypatch.setattr(attempts, "SENDING_FOR", LEASE)

    async def others_go_on() -> None:
        began = time.monotonic()
        await shop.forward(LEASE)
        for passes in (timedelta(minutes=6), timedelta(seconds=6), timedelta(hours=1, seconds=1)):
            await stories.look_up(refund_id)
            await shop.forward(passes)
        assert await shop.sweep("process-refunds") == 1
        await stories.send(refund_id)
        assert len(await shop.sandbox.refunds()) == 1
        await asyncio.sleep(LEASE.total_seconds() - (time.monotonic() - began))

    await reach_late(shop, others_go_on)
    await stories.send(refund_id)
    assert len(await shop.sandbox.refunds()) == 1
    await shop.sandbox.end_refund((await shop.sandbox.refunds())[0]["id"])
    await stories.look_up(refund_id)
    assert await shop.values("SELECT state || ' ' || attempt FROM instructions") == ["confirmed 2"]
    assert await shop.values("SELECT kind FROM alerts") == []


async def test_a_refund_request_delayed_past_its_time_does_not_leave(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.paid(booking)

    async def freeze() -> None:
        time.sleep(0.3)  # noqa: ASYNC251  nothing in this process goes on, as when it is stopped

    await reach_late(shop, freeze)
    gateway = gateway_named(GatewayName.PAYSTACK)
    refund = NewRefund(
        reference=NOTE,
        charge_reference=payment["reference"],
        money=Money(10_000, "NGN"),
        reason="A",
        send_before=time.monotonic() + 0.1,
    )
    outcome = await gateway.start_refund(refund)
    assert outcome == Unknown(reason="delayed for too long: not sent any more", has_ended=True)
    assert await shop.sandbox.refunds() == []
    in_time = msgspec.structs.replace(refund, send_before=time.monotonic() + 60)
    assert isinstance(await gateway.start_refund(in_time), Accepted)


async def test_a_transfer_request_past_its_time_does_not_leave(shop: Shop) -> None:
    gateway = gateway_named(GatewayName.PAYSTACK)
    transfer = NewTransfer(
        reference="tr-00000000000000000001-1",
        charge_reference="pay-1",
        recipient=await bank_account(gateway),
        money=Money(10_000, "NGN"),
        reason="A",
        send_before=time.monotonic(),
    )
    assert isinstance(await gateway.start_transfer(transfer), Unknown)
    assert await shop.sandbox.transfers() == []


def test_no_request_can_arrive_after_it_is_held_to_be_lost() -> None:
    longest_call = timedelta(seconds=25)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"gateway_timeout_seconds": 25.1}, Settings)
    assert attempts.SENDING_FOR + longest_call < attempts.ARRIVED_BY / 3


async def test_a_webhook_event_that_comes_before_the_answer_is_acted_on_after_it(
    shop: Shop,
) -> None:
    refund_id = await refund_queued(shop)
    events = """
        SELECT state FROM webhook_events
         WHERE position('"RR1"' IN convert_from(body, 'UTF8')) > 0"""
    states: list[str] = []

    async def meanwhile() -> None:
        booking = await shop.values("SELECT reference FROM payments")
        body = {
            "event": "refund.processed",
            "data": {"transaction_reference": booking[0], "refund_reference": "RR1"},
        }
        assert (await shop.webhook(msgspec.json.encode(body).decode())).status_code == 200
        await shop.run_jobs()
        states.extend(await shop.values(events))

    await reach_late(shop, meanwhile)
    await stories.send(refund_id)
    assert states == ["failed"]
    await shop.forward(timedelta(minutes=3))
    await shop.sweep("retry-webhooks")
    await shop.run_jobs()
    assert await shop.values(events) == ["processed"]
