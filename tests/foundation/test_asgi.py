"""What stands around the application: headers, HEAD and OPTIONS, deadlines, public reads."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from app.foundation import asgi
from app.foundation.db import transaction
from tests import make

PERSONAL = ("/api/me", "/api/bookings", "/api/nowhere")
ORIGIN = {"Origin": "https://app.example"}


@pytest.fixture
async def bearer(pool: None) -> dict[str, str]:
    async with transaction() as tx:
        return make.bearer(await make.account(tx))


async def test_every_reply_keeps_browsers_careful(
    api: httpx.AsyncClient, bearer: dict[str, str]
) -> None:
    for path in (*PERSONAL, "/health/live", "/api/payments/return?reference=none"):
        headers = (await api.get(path, headers=bearer)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers  # it is said over https alone


async def test_over_https_browsers_are_kept_to_https() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    transport = httpx.ASGITransport(asgi.with_headers(app, is_encrypted=True))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://berthold.test") as client:
        headers = (await client.get("/")).headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")


async def test_head_is_get_without_its_body(api: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    for path in ("/api/listings", "/api/me", "/health/live", "/api/nowhere"):
        get = await api.get(path, headers=bearer)
        head = await api.head(path, headers=bearer)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers["content-length"] == get.headers["content-length"]


async def test_options_lists_every_method_of_an_address(api: httpx.AsyncClient) -> None:
    for path, methods in (
        ("/api/listings", "GET, HEAD, OPTIONS, POST"),
        ("/api/me", "GET, HEAD, OPTIONS, PATCH"),
        ("/api/bookings/reserve", "GET, HEAD, OPTIONS, POST"),
        ("/api/auth/login", "OPTIONS, POST"),
    ):
        reply = await api.options(path)
        assert (reply.status_code, reply.headers["allow"], reply.content) == (204, methods, b"")
    refused = await api.put("/api/listings", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (await api.options("/api/nowhere")).status_code == 404


async def test_a_browser_may_ask_from_configured_origins_alone(api: httpx.AsyncClient) -> None:
    asked = ORIGIN | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    allowed = await api.options("/api/bookings/reserve", headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (
        204, ORIGIN["Origin"],
    )  # fmt: skip
    stranger = await api.options(
        "/api/bookings/reserve", headers=asked | {"Origin": "https://x.test"}
    )
    assert stranger.status_code == 400
    assert "access-control-allow-origin" not in stranger.headers
    read = await api.get("/api/listings", headers={"Origin": "https://x.test"})
    assert "access-control-allow-origin" not in read.headers


async def test_a_public_reply_is_sent_again_only_if_it_has_changed(
    api: httpx.AsyncClient, pool: None
) -> None:
    first = await api.get("/api/listings")
    assert first.headers["cache-control"] == "public, no-cache"
    known = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = await api.get("/api/listings", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (
        304, b"", first.headers["etag"],
    )  # fmt: skip
    async with transaction() as tx:
        host = await make.account(tx)
        await make.stay(tx, host)
    changed = await api.get("/api/listings", headers=known)
    assert changed.status_code == 200
    refused = await api.get("/api/listings?limit=0")
    assert (refused.status_code, refused.headers["cache-control"]) == (422, "no-store")
    assert "etag" not in refused.headers


async def test_a_long_public_reply_is_compressed_for_those_who_ask(
    api: httpx.AsyncClient, pool: None
) -> None:
    async with transaction() as tx:
        host = await make.account(tx)
        for _ in range(5):
            await make.stay(tx, host)
    plain = await api.get("/api/listings", headers={"Accept-Encoding": "identity"})
    async with api.stream("GET", "/api/listings", headers={"Accept-Encoding": "gzip"}) as reply:
        raw = b"".join([part async for part in reply.aiter_raw()])
    assert reply.headers["content-encoding"] == "gzip"
    assert int(reply.headers["content-length"]) == len(raw) < len(plain.content)
    assert gzip.decompress(raw) == plain.content
    assert reply.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    """Its beginning came, and then nothing, as from a client that holds connections open."""
    parts: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def receive() -> Any:
        if not parts:
            await asyncio.Event().wait()
        return parts.pop()

    async def send(_: Any) -> None:
        raise AssertionError("nothing is answered here")

    slow = asgi.with_deadline(app, seconds=0.02)
    with pytest.raises(asgi.TooSlow):
        await slow({"type": "http"}, receive, send)  # type: ignore[arg-type]
    parts.append({"type": "http.request", "body": b"}", "more_body": False})
    await slow({"type": "http"}, receive, send)  # type: ignore[arg-type]
