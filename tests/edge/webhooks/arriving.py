"""Webhooks of a test's own making, signed as each gateway signs."""

import json
import zlib
from typing import Any, Final

from app.sandbox.app import FLUTTERWAVE_WEBHOOK_SECRET, SECRET_KEY, STRIPE_WEBHOOK_SECRET
from app.sandbox.flutterwave.dialect import Flutterwave
from app.sandbox.paystack.dialect import Paystack
from app.sandbox.stripe.dialect import Stripe
from tests.shop import Shop

_DIALECTS: Final = {
    "paystack": Paystack(SECRET_KEY),
    "stripe": Stripe(STRIPE_WEBHOOK_SECRET),
    "flutterwave": Flutterwave(FLUTTERWAVE_WEBHOOK_SECRET),
}


def stripe(kind: str, about: Any, **more: Any) -> dict[str, Any]:
    event_id = f"evt_{zlib.crc32(str((kind, about)).encode())}"
    event = {"id": event_id, "object": "event", "type": kind, "data": {"object": about}}
    return event | more


async def arrive(shop: Shop, gateway: str, body: Any) -> None:
    raw = json.dumps(body).encode()
    reply = await shop.api.post(
        f"/api/webhooks/{gateway}", content=raw, headers=_DIALECTS[gateway].signed(raw)
    )
    assert (reply.status_code, reply.json()["received"]) == (200, True), reply.text
