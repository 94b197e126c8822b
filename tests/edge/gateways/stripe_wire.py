"""What Stripe answers, in its own words, and an adapter that gets these answers."""

from collections.abc import Callable
from typing import Any

import httpx
import stripe

from app.edge.gateways.stripe.adapter import Stripe
from app.sandbox.app import STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET
from tests.edge.gateways.adapters import BASE
from tests.edge.gateways.requests import CHARGE, PRICE

SECOND_SECRET = "whsec_second_0000000000000000000"


def listening(answer: Callable[[httpx.Request], httpx.Response]) -> Stripe:
    return Stripe(
        secret_key=STRIPE_SECRET_KEY,
        webhook_secrets=[STRIPE_WEBHOOK_SECRET, SECOND_SECRET],
        base_url=BASE,
        timeout_s=5,
        transport=httpx.MockTransport(answer),
    )


def answering(status: int, body: Any, **headers: str) -> Stripe:
    return listening(lambda _: httpx.Response(status, json=body, headers=headers))


def listed(*objects: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(objects), "has_more": more}


def charge(**changes: Any) -> dict[str, Any]:
    fields = {
        "id": "ch_1", "transfer_group": CHARGE, "status": "succeeded", "amount": PRICE,
        "currency": "eur", "livemode": False, "failure_message": None, "outcome": None,
        "balance_transaction": {"amount": PRICE, "currency": "eur", "fee": 7_500},
    }  # fmt: skip
    return fields | changes


def error(kind: str, code: str = "") -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": "No."}}


def signed(body: bytes, *, secret: str = STRIPE_WEBHOOK_SECRET, at: int | None = None) -> str:
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)


def read(body: bytes, signature: str) -> Any:
    gateway = answering(500, {})
    return gateway.read_webhook({"Stripe-Signature": signature}, body)
