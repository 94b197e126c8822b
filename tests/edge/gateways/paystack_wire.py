"""What Paystack says, in its own words, and a network that says it."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from app.edge.gateways.paystack.adapter import Paystack
from app.sandbox.app import SECRET_KEY

BASE = "http://sandbox.test"


def paystack(
    transport: httpx.AsyncBaseTransport, *, key: str = SECRET_KEY, timeout_s: float = 5
) -> Paystack:
    return Paystack(secret_keys=[key], base_url=BASE, timeout_s=timeout_s, transport=transport)


def answering(status: int, body: Any) -> Paystack:
    """A gateway behind a network that answers everything with this."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return paystack(httpx.MockTransport(lambda _: httpx.Response(status, content=content)))


def listening(answer: Callable[[httpx.Request], httpx.Response]) -> Paystack:
    """A gateway behind a network where each request is answered by this."""
    return paystack(httpx.MockTransport(answer))


def reply(data: Any, **changes: Any) -> dict[str, Any]:
    return {"status": True, "message": "ok", "data": data, **changes}


def refusal(message: str, code: str = "") -> dict[str, Any]:
    fields = {"status": False, "message": message}
    return fields | ({"type": "api_error", "code": code, "meta": {"nextStep": "?"}} if code else {})


def transaction(**changes: Any) -> dict[str, Any]:
    data = {
        "id": 4099260516,
        "domain": "test",
        "status": "success",
        "reference": "bk-1",
        "amount": 500_000,
        "requested_amount": 500_000,
        "currency": "NGN",
        "fees": 7_500,
        "channel": "card",
        "gateway_response": "Successful",
        "paid_at": "2026-01-05T10:00:00.000Z",
        "metadata": {},
    }
    return reply({**data, **changes})


def refund(**changes: Any) -> dict[str, Any]:
    """A refund as `GET /refund` lists it."""
    listed = {
        "integration": 100982,
        "transaction": 4099260516,
        "dispute": None,
        "settlement": None,
        "id": 3018284,
        "domain": "test",
        "currency": "NGN",
        "amount": 200_000,
        "status": "processed",
        "refunded_at": None,
        "refunded_by": "ops@example.com",
        "customer_note": "Booking cancelled",
        "merchant_note": "rf-0000000000000001-1",
        "deducted_amount": 200_000,
        "fully_deducted": 1,
        "createdAt": "2026-01-05T10:00:00.000Z",
        "bank_reference": None,
        "reason": "PROCESSED",
    }
    return {**listed, **changes}


def transfer(**changes: Any) -> dict[str, Any]:
    """A transfer as `GET /transfer/verify/{reference}` tells it."""
    data = {
        "id": 860703114,
        "domain": "test",
        "status": "success",
        "reference": "tr-0000000000000001-1",
        "transfer_code": "TRF_1ptvuv321ahaa7q",
        "amount": 900_000,
        "currency": "NGN",
        "reason": "Bus to Lagos",
        "failures": None,
        "fee_charged": 1_000,
        "recipient": {"recipient_code": "RCP_1", "details": {"account_number": "0001234567"}},
        "session": {"provider": "nip", "id": "1"},
        "gateway_response": "Successful",
        "transferred_at": None,
        "updatedAt": "2026-01-05T10:00:00.000Z",
    }
    return reply({**data, **changes})
