"""create_sandbox(): the simulator as an application of its own."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide

from app.gateways.sandbox import checkout, control
from app.gateways.sandbox.bank import Bank
from app.gateways.sandbox.books.books import Books
from app.gateways.sandbox.books.store import MEMORY
from app.gateways.sandbox.faults import Broken, Dropped, Faults, TooMany
from app.gateways.sandbox.mail import Mail
from app.gateways.sandbox.paystack.api import refunds, transactions, transfers
from app.gateways.sandbox.paystack.wire.errors import WireError
from app.gateways.sandbox.simulator import Simulator

SECRET_KEY: Final = "sk_test_sandbox_0000000000000000"  # noqa: S105  opens nothing but this
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
STEP_SECONDS: Final = 1.0


class SandboxRefused(Exception):
    """The simulator does not run here."""


def create_sandbox(
    *,
    webhook_url: str,
    secret_keys: Sequence[str] = (SECRET_KEY,),
    books_path: str = MEMORY,
    retry_seconds: Sequence[float] = RETRY_SECONDS,
    step_seconds: float | None = STEP_SECONDS,
) -> Litestar:
    """The application. Webhooks go to `webhook_url`, signed with the first of the keys.

    `books_path` is an SQLite file, or in memory. A refund or transfer goes on by itself, a step
    every `step_seconds`; None: it waits to be told. Raises SandboxRefused in production, and where
    nothing says that this is not production: its payments are worth nothing.
    """
    if os.environ.get("BERTHOLD_ENV", "production") == "production":
        raise SandboxRefused("BERTHOLD_ENV is production: here guests pay with real money")
    if any(key.startswith("sk_live_") for key in secret_keys):
        raise SandboxRefused("the sandbox takes no live keys")
    books, faults = Books(books_path), Faults()
    mail = Mail(
        books.deliveries,
        faults,
        webhook_url=webhook_url,
        secret_key=secret_keys[0],
        retry_seconds=retry_seconds,
    )
    bank = Bank(books, mail, step_seconds=step_seconds)
    simulator = Simulator(secret_keys=secret_keys, books=books, faults=faults, mail=mail, bank=bank)
    return Litestar(
        route_handlers=[
            transactions.router,
            refunds.router,
            transfers.router,
            checkout.router,
            control.router,
        ],
        dependencies={"simulator": Provide(lambda: simulator, sync_to_thread=False)},
        lifespan=[_background],
        state=State({"simulator": simulator}),
        openapi_config=None,
        exception_handlers={
            WireError: _refuse,
            Broken: _break,
            Dropped: _drop,
            TooMany: _slow_down,
        },
    )


@asynccontextmanager
async def _background(app: Litestar) -> AsyncGenerator[None]:
    simulator: Simulator = app.state.simulator
    running = [
        asyncio.create_task(simulator.mail.deliver_forever()),
        asyncio.create_task(simulator.bank.go_on_forever()),
    ]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        simulator.books.close()


def _refuse(_: Request[Any, Any, State], error: WireError) -> Response[Any]:
    return Response(error.body, status_code=error.status)


def _break(_: Request[Any, Any, State], __: Broken) -> Response[Any]:
    return Response({"status": False, "message": "An error occurred"}, status_code=500)


def _slow_down(_: Request[Any, Any, State], error: TooMany) -> Response[Any]:
    return Response(
        {"status": False, "message": "Too many requests"},
        status_code=429,
        headers={"retry-after": str(error.retry_after_s)},
    )


def _drop(_: Request[Any, Any, State], __: Dropped) -> Response[Any]:
    """Promise more than is sent: the server then cuts the connection in the middle."""
    return Response(b"{", headers={"content-length": "1000"}, media_type="application/json")
