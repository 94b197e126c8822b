"""The application in one process: the API on a loopback port, the sandbox gateway, a worker."""

import hashlib
import hmac
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

import tasks.worker  # noqa: F401  its import registers all handlers
from app.edge.calls.stories import CallRecorder
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation.db import execute, fetch_value, fetch_values, now, transaction
from app.foundation.settings import Secret, settings
from app.people.accounts.model import Principal, Role
from tasks import schedule
from tasks.runner.handlers import TASKS
from tasks.runner.worker import Options, Worker
from tests import make
from tests.application import the_app
from tests.sandbox.server import SandboxHandle, running_sandbox, serving


class Shop:
    """The application with a host, one trip and one stay, two guests, an admin, and a gateway."""

    host: Principal
    guest: Principal
    other: Principal
    admin: Principal
    trip_id: UUID
    stay_id: UUID

    def __init__(self, api: httpx.AsyncClient, sandbox: SandboxHandle, url: str) -> None:
        self.api = api
        self.sandbox = sandbox
        self.url = url

    async def fill(self) -> None:
        async with transaction() as tx:
            self.host = await make.account(tx, Role.GUEST, Role.HOST)
            self.guest = await make.account(tx)
            self.other = await make.account(tx)
            self.admin = await make.account(tx, Role.ADMIN)
            self.trip_id = await make.trip(tx, self.host, seats=8)
            self.stay_id = await make.stay(tx, self.host, rooms=2)

    async def post(
        self, who: Principal, path: str, body: Any = None, *, key: str = ""
    ) -> httpx.Response:
        headers = make.bearer(who) | {"idempotency-key": key or uuid4().hex}
        return await self.api.post(
            path,
            content=msgspec.json.encode(body or {}),
            headers=headers | {"content-type": "application/json"},
        )

    async def get(self, who: Principal, path: str, **params: Any) -> Any:
        reply = await self.api.get(path, params=params, headers=make.bearer(who))
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def reserve(
        self, *seats: str, who: Principal | None = None, trip_id: UUID | None = None, **more: Any
    ) -> dict[str, Any]:
        body = {"tripId": trip_id or self.trip_id, "seatNumbers": seats or ["1A"], **more}
        reply = await self.post(who or self.guest, "/api/bookings/reserve", body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def initiate(
        self, booking: dict[str, Any], *, who: Principal | None = None, key: str = ""
    ) -> httpx.Response:
        body = {"bookingId": booking["id"]}
        return await self.post(who or self.guest, "/api/payments/initiate", body, key=key)

    async def pending(self, booking: dict[str, Any]) -> dict[str, Any]:
        """A payment that the guest can pay now."""
        reply = await self.initiate(booking)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def paid(self, booking: dict[str, Any]) -> dict[str, Any]:
        """A payment that the guest has made, and that is recorded."""
        payment = await self.pending(booking)
        await self.sandbox.pay(payment["reference"])
        reply = await self.post(self.guest, f"/api/payments/{payment['id']}/verify")
        assert reply.json()["state"] == "succeeded", reply.text
        return reply.json()

    async def sleep_over(self, *, who: Principal | None = None, **more: Any) -> dict[str, Any]:
        """A stay of two nights, a few days from now, held."""
        async with transaction() as tx:
            today = (await now(tx)).date()
        body = {
            "listingId": self.stay_id,
            "checkIn": today + timedelta(days=3),
            "checkOut": today + timedelta(days=5),
            "unitCount": 1,
        }
        reply = await self.post(who or self.guest, "/api/bookings/reserve", body | more)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def forward_to(self, instant: str, *, past: timedelta = timedelta(seconds=1)) -> None:
        """Move business time to just past an instant of a reply."""
        async with transaction() as tx:
            ahead = datetime.fromisoformat(instant) - await now(tx)
        await self.forward(ahead + past)

    async def sweep(self, name: str) -> int:
        """Run one line of the schedule once."""
        [line] = [line for line in schedule.SCHEDULE if line.name == name]
        return await line.run(line.limit)

    async def webhook(self, body: str, *, signature: str = "") -> httpx.Response:
        """Send a webhook as Paystack would, signed as it signs."""
        key = self.sandbox.secret_key.encode()
        signed = hmac.new(key, body.encode(), hashlib.sha512).hexdigest()
        return await self.api.post(
            "/api/webhooks/paystack",
            content=body,
            headers={"x-paystack-signature": signature or signed},
        )

    async def state(self, booking: dict[str, Any]) -> str:
        seen = await self.get(self.admin, f"/api/bookings/{booking['id']}")
        return str(seen["state"])

    async def forward(self, by: timedelta) -> None:
        """Move business time on."""
        async with transaction() as tx:
            await execute(
                tx,
                "UPDATE business_clock SET movable = true, shift = shift + %(by)s",
                by=by,
            )

    async def run_jobs(self, *queues: str) -> None:
        """Run the queued jobs, as a worker would, but none that come meanwhile."""
        await Worker(
            TASKS,
            Options(url=self.url, queues=queues or ("money",), concurrency=10, grace_s=5),
        ).run_what_is_due()

    async def count(self, sql: Any, **params: Any) -> int:
        async with transaction() as tx:
            return await fetch_value(tx, int, sql, **params) or 0

    async def values(self, sql: Any, **params: Any) -> list[str]:
        async with transaction() as tx:
            return await fetch_values(tx, str, sql, **params)


@asynccontextmanager
async def open_shop(
    url: str, *, patience_s: float = 0, paystack_keys: Sequence[str] = ()
) -> AsyncGenerator[Shop, None]:
    """A shop on a migrated database, whose pool is open.

    A call to a gateway that failed is repeated only with `patience_s`. `paystack_keys`: of several
    businesses, as the settings have them.
    """
    async with serving(the_app()) as base_url:
        webhooks = base_url + "/api/webhooks/{gateway}"
        async with (
            running_sandbox(webhooks, paystack_keys=paystack_keys) as sandbox,
            httpx.AsyncClient(base_url=base_url, timeout=30, verify=False) as api,
        ):
            await close_gateways()
            open_gateways(
                msgspec.structs.replace(
                    settings(),
                    paystack_base_url=sandbox.base_url,
                    paystack_secret_keys=tuple(
                        Secret(key) for key in paystack_keys or [sandbox.secret_key]
                    ),
                    stripe_base_url=sandbox.base_url,
                    flutterwave_base_url=sandbox.base_url,
                ),
                recorder=CallRecorder(),
                patience_s=patience_s,
            )
            shop = Shop(api, sandbox, url)
            await shop.fill()
            yield shop
