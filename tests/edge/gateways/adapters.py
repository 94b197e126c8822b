"""Every adapter with what the conformance suite must know of it: a new one is a line in ALL."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, Final, NamedTuple, TypeVar

import httpx

from app.edge.gateways.flutterwave.adapter import Flutterwave
from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import Gateway
from app.edge.gateways.recipients import (
    NewRecipient,
    OnboardingNeeded,
    RecipientKind,
    RecipientReady,
)
from app.edge.gateways.stripe.adapter import Stripe
from app.sandbox.app import (
    FLUTTERWAVE_SECRET_KEY,
    FLUTTERWAVE_WEBHOOK_SECRET,
    SECRET_KEY,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
)
from app.sandbox.dialect import Dialect
from app.sandbox.flutterwave import dialect as flutterwave
from app.sandbox.paystack import dialect as paystack
from app.sandbox.stripe import dialect as stripe
from tests.edge.gateways.shapes import Strict
from tests.sandbox.server import SandboxHandle, sandbox_in_process

BASE: Final = "http://sandbox.test"
Transport = httpx.AsyncBaseTransport
W = TypeVar("W", bound="World")


class Adapter(NamedTuple):
    """An adapter. `currency` is one that its charges are made in here, with two decimals.

    `open` takes its secrets: the first calls and signs. `payee` makes somebody who can be paid.
    `knows_references`: of one reference it makes one charge. `signs_bodies`: its signature covers
    them. `reports_chargebacks`: its API and its webhooks do.
    """

    name: str
    currency: str
    secrets: tuple[str, str]
    open: Callable[..., Gateway]
    payee: Callable[[Gateway, SandboxHandle], Awaitable[str]]
    letter: Callable[[str], Dialect]
    knows_references: bool = True
    signs_bodies: bool = True
    reports_chargebacks: bool = True


def _paystack(
    transport: Transport, timeout_s: float, secrets: tuple[str, ...], key: str, **more: Any
) -> Gateway:
    return Paystack(
        secret_keys=(key or secrets[0], *secrets[1:]),
        base_url=BASE,
        timeout_s=timeout_s,
        transport=transport,
        **more,
    )


def _stripe(
    transport: Transport, timeout_s: float, secrets: tuple[str, ...], key: str, **more: Any
) -> Gateway:
    return Stripe(
        secret_key=key or STRIPE_SECRET_KEY,
        webhook_secrets=secrets,
        base_url=BASE,
        timeout_s=timeout_s,
        transport=transport,
        **more,
    )


def _flutterwave(
    transport: Transport, timeout_s: float, secrets: tuple[str, ...], key: str, **more: Any
) -> Gateway:
    return Flutterwave(
        secret_key=key or FLUTTERWAVE_SECRET_KEY,
        webhook_secrets=secrets,
        base_url=BASE,
        timeout_s=timeout_s,
        transport=transport,
        **more,
    )


async def bank_account(gateway: Gateway, _: SandboxHandle | None = None) -> str:
    """Somebody with a bank account in naira who can be paid: what the gateway calls them."""
    ready = await gateway.create_recipient(
        NewRecipient(
            name="Hannah Host",
            kind=RecipientKind.BANK_ACCOUNT,
            account_number="0001234567",
            bank_code="058",
            currency="NGN",
        )
    )
    assert isinstance(ready, RecipientReady), ready
    return ready.recipient


async def _connected_account(gateway: Gateway, sandbox: SandboxHandle) -> str:
    known = await gateway.create_recipient(
        NewRecipient(
            reference=f"pa-{token_hex(16)}",
            name="Hannah Host",
            kind=RecipientKind.GATEWAY_ACCOUNT,
            country="FR",
            currency="EUR",
        )
    )
    assert isinstance(known, OnboardingNeeded), known
    await sandbox.onboard(known.recipient)
    return known.recipient


ALL: Final = (
    Adapter(
        "paystack", "NGN", (SECRET_KEY, "sk_test_former_00000000000000000"), _paystack,
        bank_account, paystack.Paystack,
    ),
    Adapter(
        "stripe", "EUR", (STRIPE_WEBHOOK_SECRET, "whsec_former_0000000000000000000"), _stripe,
        _connected_account, stripe.Stripe,
    ),
    Adapter(
        "flutterwave", "NGN", (FLUTTERWAVE_WEBHOOK_SECRET, "former-secret-hash-000000000000000"),
        _flutterwave, bank_account, flutterwave.Flutterwave,
        knows_references=False, signs_bodies=False, reports_chargebacks=False,
    ),
)  # fmt: skip


class World:
    """An adapter at a sandbox of its own; all that it sends is held against the official shapes."""

    def __init__(self, adapter: Adapter, sandbox: SandboxHandle, transport: Transport) -> None:
        self.adapter = adapter
        self.sandbox = sandbox
        self.transport = Strict(adapter.name, transport)
        self.gateway = self.open()

    def open(self, *, timeout_s: float = 5, key: str = "", **more: Any) -> Gateway:
        return self.adapter.open(self.transport, timeout_s, self.adapter.secrets, key, **more)

    async def books(self) -> Mapping[str, Any]:
        """What happened in the adapter's currency. Wire amounts: hundredths."""
        return (await self.sandbox.books(self.adapter.name))[self.adapter.currency]


def adapter_named(name: str) -> Adapter:
    return next(adapter for adapter in ALL if adapter.name == name)


@asynccontextmanager
async def opened(adapter: Adapter, kind: type[W]) -> AsyncGenerator[W]:
    """A world of this adapter and kind, at a sandbox of its own."""
    async with sandbox_in_process() as (sandbox, transport):
        world = kind(adapter, sandbox, transport)
        yield world
        await world.gateway.close()
