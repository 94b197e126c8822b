"""create_sandbox(): the simulator as an application of its own."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, Final, Protocol

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import (
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)

from app.sandbox import acts, checkout, control, desk, onboarding
from app.sandbox.bank import Bank
from app.sandbox.books.books import Books
from app.sandbox.books.store import MEMORY
from app.sandbox.cashier import Cashier
from app.sandbox.dashboard import Dashboard
from app.sandbox.dialect import Dialect
from app.sandbox.faults import Broken, Dropped, Faults, TooMany
from app.sandbox.flutterwave import dialect as flutterwave
from app.sandbox.flutterwave.api import routers as flutterwave_routers
from app.sandbox.flutterwave.wire import errors as flutterwave_errors
from app.sandbox.issuer import Issuer
from app.sandbox.paystack import dialect as paystack
from app.sandbox.paystack.api import disputes, refunds, transactions, transfers
from app.sandbox.paystack.wire import errors as paystack_errors
from app.sandbox.simulator import Simulator
from app.sandbox.stripe import dialect as stripe
from app.sandbox.stripe.api import routers as stripe_routers
from app.sandbox.stripe.wire import errors as stripe_errors
from app.sandbox.webhooks import WebhookSender

# These keys are valid only at the sandbox.
SECRET_KEY: Final = "sk_test_sandbox_0000000000000000"  # noqa: S105
STRIPE_SECRET_KEY: Final = "sk_test_sandbox_stripe_000000000"  # noqa: S105
STRIPE_WEBHOOK_SECRET: Final = "whsec_sandbox_000000000000000000"  # noqa: S105
FLUTTERWAVE_SECRET_KEY: Final = "FLWSECK_TEST-sandbox0000000000000000-X"  # noqa: S105
FLUTTERWAVE_WEBHOOK_SECRET: Final = "sandbox-flutterwave-secret-hash-00"  # noqa: S105
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
STEP_SECONDS: Final = 1.0

_Refusal = (
    flutterwave_errors.FlutterwaveError | paystack_errors.WireError | stripe_errors.StripeError
)
_LIVE: Final = ("_live_", "FLWSECK-")


class _Errors(Protocol):
    """The errors of a gateway that are not the call's fault."""

    def broken(self) -> _Refusal: ...

    def too_many(self) -> _Refusal: ...


class SandboxRefused(Exception):
    """The simulator does not run here."""


def create_sandbox(
    *,
    webhook_url: str,
    secret_keys: Sequence[str] = (SECRET_KEY,),
    stripe_secret_key: str = STRIPE_SECRET_KEY,
    stripe_webhook_secret: str = STRIPE_WEBHOOK_SECRET,
    flutterwave_secret_key: str = FLUTTERWAVE_SECRET_KEY,
    flutterwave_webhook_secret: str = FLUTTERWAVE_WEBHOOK_SECRET,
    books_path: str = MEMORY,
    retry_seconds: Sequence[float] = RETRY_SECONDS,
    step_seconds: float | None = STEP_SECONDS,
) -> "Sandbox":
    """The application: all gateways at one address.

    Webhooks go to `webhook_url`, where `{gateway}` stands for the name of the sender; Paystack's
    are signed with the first of the `secret_keys` of their business (`NGN:key` names its
    currencies), the others' with a secret for webhooks.
    `books_path` is an SQLite file, or in memory. A refund or transfer moves by itself, a step every
    `step_seconds`; None: only a call moves it. Raises SandboxRefused in production, and if no
    setting says that this is not production: its payments are worth nothing.
    """
    if os.environ.get("BERTHOLD_ENV", "production") == "production":
        raise SandboxRefused("BERTHOLD_ENV is production: guests pay with real money there")
    keys = (*secret_keys, stripe_secret_key, flutterwave_secret_key)
    if any(mark in key for key in keys for mark in _LIVE):
        raise SandboxRefused("the sandbox takes no live keys")
    dialects: dict[str, Dialect] = {
        paystack.NAME: paystack.Paystack(*secret_keys),
        stripe.NAME: stripe.Stripe(stripe_webhook_secret),
        flutterwave.NAME: flutterwave.Flutterwave(flutterwave_webhook_secret),
    }
    books, faults = Books(books_path), Faults()
    webhooks = WebhookSender(
        books.deliveries, faults, dialects, webhook_url=webhook_url, retry_seconds=retry_seconds
    )
    bank = Bank(books, webhooks, dialects, step_seconds=step_seconds)
    simulator = Simulator(
        secret_keys={
            paystack.NAME: secret_keys,
            stripe.NAME: [stripe_secret_key],
            flutterwave.NAME: [flutterwave_secret_key],
        },
        dialects=dialects,
        books=books,
        faults=faults,
        webhooks=webhooks,
        bank=bank,
        issuer=Issuer(books, webhooks, dialects),
        cashier=Cashier(books, webhooks, dialects, bank, faults),
        dashboard=Dashboard(books, dialects, bank),
    )
    return Sandbox(simulator)


class Sandbox:
    """The ASGI application of one simulator; all simulators of a process share the routes."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            scope["state"] = {"simulator": self.simulator}
            await _routes()(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Run the gateways' own work meanwhile: send webhooks, move refunds and transfers."""
        running = [
            asyncio.create_task(self.simulator.webhooks.deliver_forever()),
            asyncio.create_task(self.simulator.bank.run_forever()),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            self.simulator.books.close()

    async def _live(self, receive: Any, send: Any) -> None:
        """Reply to the server's two messages, that it starts and that it stops."""
        await receive()
        async with self.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@cache
def _routes() -> Litestar:
    """All routes, built once: that takes longer than most tests that need a sandbox."""
    return Litestar(
        route_handlers=[
            transactions.router,
            refunds.router,
            disputes.router,
            transfers.router,
            *stripe_routers,
            *flutterwave_routers,
            checkout.router,
            onboarding.router,
            control.router,
            acts.router,
            desk.router,
        ],
        dependencies={"simulator": Provide(_simulator_of, sync_to_thread=False)},
        openapi_config=None,
        exception_handlers={
            flutterwave_errors.FlutterwaveError: _refuse,
            paystack_errors.WireError: _refuse,
            stripe_errors.StripeError: _refuse,
            Broken: _break,
            Dropped: _drop,
            TooMany: _slow_down,
            NotFoundException: _no_route,
            MethodNotAllowedException: _no_route,
        },
    )


def _simulator_of(request: Request[Any, Any, State]) -> Simulator:
    """The simulator that a request is for, of all in this process."""
    return request.state.simulator


def _refuse(_: Request[Any, Any, State], error: _Refusal) -> Response[Any]:
    return Response(error.body, status_code=error.status)


def _break(request: Request[Any, Any, State], _: Broken) -> Response[Any]:
    return _refuse(request, _errors_of(request).broken())


def _slow_down(request: Request[Any, Any, State], error: TooMany) -> Response[Any]:
    refusal = _errors_of(request).too_many()
    return Response(
        refusal.body, status_code=refusal.status, headers={"retry-after": str(error.retry_after_s)}
    )


def _no_route(request: Request[Any, Any, State], error: HTTPException) -> Response[Any]:
    """A call that no gateway has, in the words of the gateway that was asked."""
    path = request.url.path
    if path.startswith("/v1/"):
        return _refuse(request, stripe_errors.no_route(request.method, path))
    if path.startswith("/v3/"):
        return _refuse(request, flutterwave_errors.not_found("Route"))
    return Response(
        {"status_code": error.status_code, "detail": error.detail}, status_code=error.status_code
    )


def _errors_of(request: Request[Any, Any, State]) -> _Errors:
    """The errors of the gateway that was asked."""
    _, version, *_ = request.url.path.split("/")
    match version:
        case "v1":
            return stripe_errors
        case "v3":
            return flutterwave_errors
        case _:
            return paystack_errors


def _drop(_: Request[Any, Any, State], __: Dropped) -> Response[Any]:
    """Announce more bytes than are sent: the server then cuts the connection."""
    return Response(b"{", headers={"content-length": "1000"}, media_type="application/json")
