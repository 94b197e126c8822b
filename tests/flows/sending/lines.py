"""Lines to the gateways on which calls go wrong, and a shop whose calls go over such a line."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import httpx
import msgspec

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation.db import execute, transaction
from app.foundation.settings import settings
from tests.money.payees.payout_accounts import account_at_stripe, add_account, make_payee
from tests.shop import Shop
from tests.stories.trips import trip_at

REFUND, TRANSFER = ("/refund", "/refunds"), ("/transfer", "/transfers")

_WALLET: Final[dict[str, Any]] = {
    "kind": "mobile_money",
    "accountNumber": "256771234567",
    "bankCode": "MPS",
}


class Fault(StrEnum):
    BEFORE = "500 before the effect"
    AFTER = "500 after the effect"
    LATE = "500, and the effect comes later"
    SLOW = "504, and the effect comes later"
    LOST = "no answer, and the request arrives later"


class Line(httpx.AsyncHTTPTransport):
    """A network on which the next POSTs to some paths go wrong, one after the other.

    What was answered with 500 under an idempotency key is answered so for ever.
    """

    def __init__(self, paths: Sequence[str], faults: Sequence[Fault]) -> None:
        super().__init__()
        self._paths = tuple(paths)
        self._faults = list(faults)
        self._spent = set[str]()
        self._late = list[httpx.Request]()
        self.sent = list[str]()  # the paths of the POSTs that were tried

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or not request.url.path.endswith(self._paths):
            return await super().handle_async_request(request)
        self.sent.append(request.url.path)
        key = request.headers.get("idempotency-key")
        if key in self._spent:
            return httpx.Response(500, json={}, headers={"Idempotent-Replayed": "true"})
        fault = self._faults.pop(0) if self._faults else None
        if fault is None:
            return await super().handle_async_request(request)
        return await self._go_wrong(request, fault, key)

    async def arrive(self) -> None:
        """Let the requests arrive that were on their way."""
        for request in self._late:
            reply = await super().handle_async_request(request)
            await reply.aread()
        self._late.clear()

    async def _go_wrong(
        self, request: httpx.Request, fault: Fault, key: str | None
    ) -> httpx.Response:
        body = await request.aread()
        again = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        if fault is Fault.AFTER:
            await (await super().handle_async_request(again)).aread()
        if fault in (Fault.LATE, Fault.SLOW, Fault.LOST):
            again.headers.pop("idempotency-key", None)
            self._late.append(again)
        if fault is Fault.LOST:
            raise httpx.ReadTimeout("no answer")
        if key:
            self._spent.add(key)
        return httpx.Response(504 if fault is Fault.SLOW else 500, json={})


async def go_over(shop: Shop, line: Line) -> None:
    """Let all calls to the gateways go over this line."""
    await close_gateways()
    open_gateways(
        msgspec.structs.replace(
            settings(),
            paystack_base_url=shop.sandbox.base_url,
            paystack_secret_keys=(shop.sandbox.secret_key,),
            stripe_base_url=shop.sandbox.base_url,
            flutterwave_base_url=shop.sandbox.base_url,
        ),
        transports=dict.fromkeys(GatewayName, line),
    )


async def cancelled(shop: Shop, gateway: str) -> dict[str, Any]:
    """A booking paid through a gateway and cancelled: its refund is queued."""
    booking = await trip_at(shop, gateway, days_ahead=30)
    await shop.paid(booking)
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    assert await shop.values("SELECT gateway || ' ' || state FROM instructions") == [
        f"{gateway} queued"
    ]
    return booking


async def released(shop: Shop, gateway: str) -> None:
    """A trip paid through a gateway is over: the transfer to its host is queued."""
    match gateway:
        case "stripe":
            await account_at_stripe(shop)
        case "flutterwave":
            reply = await add_account(shop, currency="UGX", **_WALLET)
            assert reply.status_code == 201, reply.text
        case _:
            await make_payee(shop)
    booking = await trip_at(shop, gateway)
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == 1
    assert await shop.values("SELECT kind || ' ' || state FROM instructions") == ["transfer queued"]


async def wait(shop: Shop, by: timedelta) -> None:
    """Let time pass for business and for the queue, then do what is due."""
    await shop.forward(by)
    async with transaction() as tx:
        await execute(
            tx,
            "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %(by)s"
            " WHERE status = 'todo' AND scheduled_at IS NOT NULL",
            by=by,
        )
    await shop.run_jobs()


async def seconds_until_sent(shop: Shop, seconds_max: int = 30) -> int:
    """How many seconds pass until the gateway has taken the only instruction."""
    for seconds in range(seconds_max):
        if await shop.values("SELECT state FROM instructions WHERE sent_at IS NOT NULL"):
            return seconds
        await wait(shop, timedelta(seconds=1))
    raise AssertionError(await shop.values("SELECT state || ' ' || failure FROM instructions"))
