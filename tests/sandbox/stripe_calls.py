"""Stripe's calls at the sandbox, as bytes: for what no adapter of ours would send."""

from typing import Any, Final

import httpx

from app.sandbox.app import STRIPE_SECRET_KEY
from tests.sandbox.server import SandboxHandle

HEADERS: Final = {
    "authorization": f"Bearer {STRIPE_SECRET_KEY}",
    "stripe-version": "2026-10-28.endive",
}


async def post(
    sandbox: SandboxHandle, path: str, *, key: str = "", **fields: Any
) -> httpx.Response:
    """`POST /v1/{path}`; `a__b` is the field `a[b]`."""
    form = {_field(name): str(value) for name, value in fields.items()}
    headers = HEADERS | ({"idempotency-key": key} if key else {})
    return await sandbox.client.post(f"/v1/{path}", data=form, headers=headers)


async def get(sandbox: SandboxHandle, path: str) -> Any:
    reply = await sandbox.client.get(f"/v1/{path}", headers=HEADERS)
    return reply.json()


async def session(
    sandbox: SandboxHandle, reference: str, amount: int, currency: str, **more: Any
) -> httpx.Response:
    """A page on which so much is paid."""
    form = {
        "mode": "payment",
        "success_url": "https://berthold.test/back",
        "client_reference_id": reference,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": currency,
        "line_items[0][price_data][unit_amount]": str(amount),
        "line_items[0][price_data][product_data][name]": "Booking",
        "payment_intent_data[transfer_group]": reference,
        **more,
    }
    return await sandbox.client.post("/v1/checkout/sessions", data=form, headers=HEADERS)


async def payee(sandbox: SandboxHandle) -> str:
    """An account that can be paid."""
    made = await post(sandbox, "accounts", type="express", country="FR")
    code = made.json()["id"]
    await sandbox.onboard(code)
    return code


def _field(name: str) -> str:
    first, *rest = name.split("__")
    return first + "".join(f"[{each}]" for each in rest)
