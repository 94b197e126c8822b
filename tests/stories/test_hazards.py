"""What must be withstood: processes killed in the middle, Postgres restarted under load."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.development.postgres import Server, running_postgres
from app.foundation import db
from app.foundation.db import fetch_new_value, transaction
from app.foundation.migrate import migrate
from app.people.accounts.model import Principal, Role
from tests import make
from tests.sandbox.server import SandboxHandle, running_sandbox
from tests.shop import Shop
from tests.stories.processes import Web, Worker, running_web, running_worker


class House:
    """Web and worker as real processes, with a gateway; `shop` drives them from outside."""

    def __init__(self, shop: Shop, web: Web, worker: Worker) -> None:
        self.shop = shop
        self.web = web
        self.worker = worker

    async def until(self, booking: dict[str, Any], state: str, *, seconds: int = 30) -> None:
        for _ in range(seconds * 10):
            if await self.shop.state(booking) == state:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(await self.shop.state(booking))


@pytest.fixture
async def house(database_url: str, pool: None) -> AsyncIterator[House]:
    environment = {
        "DATABASE_URL": database_url,
        "GATEWAY_TIMEOUT_SECONDS": "20",
        "WORKER_STALLED_SECONDS": "2",
        "WORKER_HEARTBEAT_SECONDS": "0.5",
        "LOG_LEVEL": "WARNING",
    }
    async with running_sandbox() as sandbox:
        environment |= {
            "PAYSTACK_BASE_URL": sandbox.base_url,
            "PAYSTACK_SECRET_KEYS": sandbox.secret_key,
        }
        async with (
            running_web(environment) as web,
            running_worker(environment) as worker,
            httpx.AsyncClient(base_url=web.base_url, timeout=30) as api,
        ):
            shop = Shop(api, sandbox, database_url)
            await shop.fill()
            yield House(shop, web, worker)


@pytest.mark.parametrize("fault", ["delay", "timeout_after_effect"])
async def test_a_web_process_killed_before_the_gateways_answer_loses_no_charge(
    house: House, fault: str
) -> None:
    shop = house.shop
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", fault, delay_ms=3_000)
    cut_off = asyncio.create_task(shop.initiate(booking, key="pay-1"))
    while not await shop.count("SELECT count(*) FROM payments"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    house.web.kill()
    with pytest.raises(httpx.TransportError):
        await cut_off
    house.web.restart()
    await house.web.ready()

    busy = await shop.initiate(booking, key="pay-1")
    assert busy.status_code == 409, "the first request may still be at the gateway"
    await asyncio.sleep(3)
    await shop.forward(timedelta(seconds=31))
    again = await shop.initiate(booking, key="pay-1")
    assert again.status_code == 201, again.text
    await shop.sandbox.pay(again.json()["reference"])
    await shop.api.get("/api/payments/return", params={"reference": again.json()["reference"]})
    await house.until(booking, "confirmed")
    paid = [c for c in await shop.sandbox.charges() if c["status"] == "success"]
    assert len(paid) == 1
    assert await shop.count("SELECT count(*) FROM payments WHERE state = 'succeeded'") == 1
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_a_worker_killed_while_it_settles_a_payment_loses_nothing(house: House) -> None:
    shop = house.shop
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await shop.sandbox.fault("verify", "delay", delay_ms=5_000)
    await shop.api.get("/api/payments/return", params={"reference": payment["reference"]})
    doing = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
    while not await shop.count(doing):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    house.worker.kill()
    assert await shop.state(booking) == "awaiting_payment"
    house.worker.restart()
    await house.until(booking, "confirmed")
    history = await shop.values("SELECT state FROM booking_history ORDER BY id")
    assert history == ["held", "awaiting_payment", "confirmed"]
    assert await shop.count("SELECT count(*) FROM notifications") == 1


async def test_a_worker_told_to_stop_ends_cleanly(house: House) -> None:
    for _ in range(100):
        if await house.shop.count("SELECT count(*) FROM procrastinate_workers"):
            break
        await asyncio.sleep(0.1)
    assert house.worker.stop() == 0


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_of_postgres_under_load_loses_and_doubles_nothing(
    tmp_path: Path, mode: str
) -> None:
    with running_postgres(tmp_path / "pg", durable=True) as server:
        await migrate(server.url)
        environment = {"DATABASE_URL": server.url, "LOG_LEVEL": "CRITICAL"}
        async with running_sandbox() as sandbox:
            environment |= {
                "PAYSTACK_BASE_URL": sandbox.base_url,
                "PAYSTACK_SECRET_KEYS": sandbox.secret_key,
            }
            async with running_web(environment) as web, running_worker(environment):
                await _restart_under_load(server, web, sandbox, mode)


async def _restart_under_load(server: Server, web: Web, sandbox: SandboxHandle, mode: str) -> None:
    await db.open_pool(server.url, size_max=2)
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        guest = await make.account(tx)
        trip_id = await make.trip(tx, host, seats=400)
    async with httpx.AsyncClient(base_url=web.base_url, timeout=30) as api:
        seats = iter([f"{row}{letter}" for row in range(1, 101) for letter in "ABCD"])
        replies: list[httpx.Response] = []

        async def buyer() -> None:
            for seat in seats:
                body = {"tripId": str(trip_id), "seatNumbers": [seat]}
                replies.append(await _reserve(api, guest, body))

        buyers = [asyncio.create_task(buyer()) for _ in range(8)]
        await asyncio.sleep(0.4)
        await asyncio.to_thread(server.restart, mode=mode)
        await asyncio.gather(*buyers)

        statuses = Counter(reply.status_code for reply in replies)
        assert statuses.keys() <= {201, 503}, statuses
        assert statuses[201] > 200, statuses
        for reply in replies:
            if reply.status_code == 503:
                assert int(reply.headers["retry-after"]) > 0
        async with transaction() as tx:
            bookings = await fetch_new_value(tx, int, "SELECT count(*) FROM bookings")
            whole = await fetch_new_value(
                tx,
                int,
                """
                SELECT count(*) FROM bookings
                  JOIN claims ON booking_id = bookings.id
                  JOIN booking_history ON booking_history.booking_id = bookings.id
                  JOIN idempotency_keys
                    ON convert_from(reply, 'UTF8')::jsonb ->> 'id' = bookings.id::text""",
            )
        # A COMMIT whose answer was lost may have happened; but nothing is half done.
        assert bookings == whole >= statuses[201]
        await _pay_one(api, sandbox, guest, host)
    await db.close_pool()


async def _reserve(
    api: httpx.AsyncClient, guest: Principal, body: dict[str, Any]
) -> httpx.Response:
    headers = make.bearer(guest) | {"idempotency-key": uuid4().hex}
    return await api.post("/api/bookings/reserve", json=body, headers=headers)


async def _pay_one(
    api: httpx.AsyncClient, sandbox: SandboxHandle, guest: Principal, host: Principal
) -> None:
    """After the restart the worker settles as before."""
    async with transaction() as tx:
        trip_id = await make.trip(tx, host, seats=4)
    held = await _reserve(api, guest, {"tripId": str(trip_id), "seatNumbers": ["1A"]})
    headers = make.bearer(guest) | {"idempotency-key": "pay"}
    body = {"bookingId": held.json()["id"]}
    begun = await api.post("/api/payments/initiate", json=body, headers=headers)
    reference = begun.json()["reference"]
    await sandbox.pay(reference)
    await api.get("/api/payments/return", params={"reference": reference})
    for _ in range(200):
        seen = await api.get(f"/api/bookings/{held.json()['id']}", headers=make.bearer(guest))
        if seen.json()["state"] == "confirmed":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(seen.text)
