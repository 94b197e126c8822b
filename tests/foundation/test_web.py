"""What every route shares: refusals that name each wrong field, and nothing that is a 500."""

import httpx
import pytest

from app.foundation.db import transaction
from tests import make


@pytest.fixture
async def headers(pool: None) -> dict[str, str]:
    async with transaction() as tx:
        return make.bearer(await make.account(tx))


async def test_every_wrong_query_parameter_is_named_as_the_client_knows_it(
    api: httpx.AsyncClient,
) -> None:
    reply = await api.get("/api/listings?checkIn=foo&limit=1000&priceMin=-1")
    assert reply.status_code == 422
    assert [e["field"] for e in reply.json()["errors"]] == ["checkIn", "priceMin", "limit"]


async def test_a_missing_query_parameter_is_named(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reply = await api.get("/api/payments/status", headers=headers)
    assert reply.json()["errors"] == [{"field": "reference", "message": "is required"}]


async def test_every_wrong_field_of_a_body_is_named_at_once(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = {
        "tripId": 5,
        "seatCount": "3",
        "seatNumbers": [1, "x\x00"],
        "unknown": 1,
        "passengers": [{"seat": 3}],
    }
    reply = await api.post("/api/bookings/reserve", headers=headers, json=body)
    assert reply.status_code == 422
    assert [e["field"] for e in reply.json()["errors"]] == [
        "unknown",
        "tripId",
        "seatNumbers[0]",
        "seatNumbers[1]",
        "seatCount",
        "passengers[0].name",
        "passengers[0].seat",
    ]


@pytest.mark.parametrize(
    ("content", "content_type", "refusal"),
    [
        (b"", "application/json", (422, "invalid")),
        (b"{", "application/json", (400, "malformed")),
        (b"\xff\xfe", "application/json", (400, "malformed")),
        (b'"\\ud800"', "application/json", (400, "malformed")),
        (b"[" * 60_000, "application/json", (400, "malformed")),
        (b"null", "application/json", (422, "invalid")),
        (b"{}", "text/plain", (400, "malformed")),
        (b"x" * 10_000_000, "application/json", (413, "request_entity_too_large")),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    content: bytes,
    content_type: str,
    refusal: tuple[int, str],
) -> None:
    reply = await api.post(
        "/api/bookings/reserve",
        headers=headers | {"content-type": content_type},
        content=content,
    )
    assert (reply.status_code, reply.json()["code"]) == refusal, reply.text


@pytest.mark.parametrize("path", ["/api/listings?q=%00", "/api/listings/%00"])
async def test_a_nul_in_an_address_is_refused(api: httpx.AsyncClient, path: str) -> None:
    reply = await api.get(path)
    assert reply.status_code in (400, 404)


async def test_refusals_of_the_framework_are_problems_too(api: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/nope", 404), ("DELETE", "/api/listings", 405)):
        reply = await api.request(method, path)
        assert reply.status_code == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["requestId"] == reply.headers["x-request-id"]


async def test_a_sound_request_id_is_kept_and_a_wild_one_replaced(api: httpx.AsyncClient) -> None:
    kept = await api.get("/health/live", headers={"x-request-id": "trace-12345678"})
    assert kept.headers["x-request-id"] == "trace-12345678"
    wild = await api.get("/health/live", headers={"x-request-id": 'a"}\t<script>'})
    assert "script" not in wild.headers["x-request-id"]
