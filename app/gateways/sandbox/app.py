"""create_sandbox(): the simulator as an application of its own."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide

from app.gateways.sandbox import api, checkout, control
from app.gateways.sandbox.books import MEMORY, Books
from app.gateways.sandbox.faults import Broken, Dropped, Faults
from app.gateways.sandbox.mail import Mail
from app.gateways.sandbox.simulator import Simulator
from app.gateways.sandbox.wire import WireError

SECRET_KEY: Final = "sk_test_sandbox_0000000000000000"  # noqa: S105  opens nothing but this
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class SandboxRefused(Exception):
    """The simulator does not run here."""


def create_sandbox(
    *,
    webhook_url: str,
    secret_keys: Sequence[str] = (SECRET_KEY,),
    books_path: str = MEMORY,
    retry_seconds: Sequence[float] = RETRY_SECONDS,
) -> Litestar:
    """The application. Webhooks go to `webhook_url`, signed with the first of the keys.

    `books_path` is an SQLite file, or in memory. Raises SandboxRefused in production, and where
    nothing says that this is not production: its payments are worth nothing.
    """
    if os.environ.get("BERTHOLD_ENV", "production") == "production":
        raise SandboxRefused("BERTHOLD_ENV is production: here guests pay with real money")
    if any(key.startswith("sk_live_") for key in secret_keys):
        raise SandboxRefused("the sandbox takes no live keys")
    simulator = _simulator(webhook_url, secret_keys, books_path, retry_seconds)
    return Litestar(
        route_handlers=[api.router, checkout.router, control.router],
        dependencies={"simulator": Provide(lambda: simulator, sync_to_thread=False)},
        lifespan=[_mail_delivery],
        state=State({"simulator": simulator}),
        openapi_config=None,
        exception_handlers={WireError: _refuse, Broken: _break, Dropped: _drop},
    )


def _simulator(
    webhook_url: str,
    secret_keys: Sequence[str],
    books_path: str,
    retry_seconds: Sequence[float],
) -> Simulator:
    books = Books(books_path)
    faults = Faults()
    mail = Mail(
        books,
        faults,
        webhook_url=webhook_url,
        secret_key=secret_keys[0],
        retry_seconds=retry_seconds,
    )
    return Simulator(secret_keys=secret_keys, books=books, faults=faults, mail=mail)


@asynccontextmanager
async def _mail_delivery(app: Litestar) -> AsyncGenerator[None]:
    simulator: Simulator = app.state.simulator
    delivering = asyncio.create_task(simulator.mail.deliver_forever())
    try:
        yield
    finally:
        delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering
        simulator.books.close()


def _refuse(_: Request[Any, Any, State], error: WireError) -> Response[Any]:
    return Response(error.body, status_code=error.status)


def _break(_: Request[Any, Any, State], __: Broken) -> Response[Any]:
    return Response({"status": False, "message": "An error occurred"}, status_code=500)


def _drop(_: Request[Any, Any, State], __: Dropped) -> Response[Any]:
    """Promise more than is sent: the server then cuts the connection in the middle."""
    return Response(b"{", headers={"content-length": "1000"}, media_type="application/json")
