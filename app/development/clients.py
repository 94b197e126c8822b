"""What the demo does in the name of its people: requests, business time moved, jobs run."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.development.seed import PASSWORD
from app.foundation.business_clock import move_clock, read_clock
from app.foundation.db import direct_connection, transaction_on
from app.foundation.queue import enqueue_run
from app.foundation.settings import settings
from app.people.accounts import actions as accounts
from app.people.second_factors import actions as second_factors


async def log_in(client: httpx.AsyncClient, email: str) -> None:
    """Log a client in as one of the demo people, for all its later requests."""
    code = await _code(email)
    session = await post(client, "/api/auth/login", email=email, password=PASSWORD, code=code)
    client.headers["authorization"] = f"Bearer {session['accessToken']}"


async def _code(email: str) -> str | None:
    """A code of the second factor, where one is set; waits until there is a new one."""
    async with direct_connection(settings().direct_url) as connection:
        while True:
            async with transaction_on(connection) as tx:
                known = await accounts.find_credentials(tx, email=email)
                if not known or not await second_factors.is_set(tx, account_id=known.account_id):
                    return None
                if code := await second_factors.find_code(tx, account_id=known.account_id):
                    return code
            await asyncio.sleep(1)


async def get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    reply = await client.get(path)
    return reply.raise_for_status().json()


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    key = {"Idempotency-Key": str(uuid4())}
    reply = await client.post(path, json=body, headers=key)
    return reply.raise_for_status().json()


async def now() -> datetime:
    """Read business time."""
    async with (
        direct_connection(settings().direct_url) as connection,
        transaction_on(connection) as tx,
    ):
        return (await read_clock(tx)).now


async def forward(by: timedelta) -> None:
    """Move business time on for everybody."""
    async with (
        direct_connection(settings().direct_url) as connection,
        transaction_on(connection) as tx,
    ):
        await move_clock(tx, by=by)


async def run_now(name: str) -> None:
    """Have the worker run a periodic job now, not at its next time."""
    async with (
        direct_connection(settings().direct_url) as connection,
        transaction_on(connection) as tx,
    ):
        await enqueue_run(tx, name, timestamp=int(time.time()))
