"""What stands around the application: safe headers, HEAD and OPTIONS, deadlines, public reads.

None of it knows a route. Each is an ASGI application around another one.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Receive, Scope, Send

from app.foundation.errors import Problem

# No page of ours may be framed, and none loads anything: a page that does says so itself.
_CSP: Final = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS: Final = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_A_YEAR: Final = "max-age=31536000; includeSubDomains"
_NO_SUCH_METHOD: Final = "ALLOW"  # nothing has this method: the refusal lists those there are
# A body that is shorter is not worth compressing: it is one packet anyway.
_COMPRESSED_BYTES_MIN: Final = 1_000
_COMPRESSION: Final = 5

Message = Any  # Litestar's is a union that no key is common to

BODY_SECONDS_MAX: Final = 20.0


class TooSlow(Problem):
    """408: a request's body did not arrive in time."""

    title = "The request's body did not arrive in time"
    status = HTTPStatus.REQUEST_TIMEOUT


def with_headers(app: ASGIApp, *, is_encrypted: bool) -> ASGIApp:
    """Give every reply the headers that keep browsers careful, unless the reply has its own.

    What is not said to be public is personal, and stored by nobody.
    """
    always = _HEADERS | ({"strict-transport-security": _A_YEAR} if is_encrypted else {})
    wanted = [(name.encode(), value.encode()) for name, value in always.items()]

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_missing(message, wanted)
            await send(message)

        await app(scope, receive, send_with_headers)

    return handle


def with_all_methods(app: ASGIApp) -> ASGIApp:
    """Answer HEAD as GET without its body, and OPTIONS with the methods of an address.

    A preflight of a browser goes on to the application, which knows the origins.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        method = cast("dict[str, Any]", scope).get("method")
        if method == "HEAD":
            await app(_with_method(scope, "GET"), receive, _without_body(send))
        elif method == "OPTIONS" and b"origin" not in dict(scope["headers"]):
            await app(_with_method(scope, _NO_SUCH_METHOD), receive, _only_allowed(send))
        else:
            await app(scope, receive, _with_head(send))

    return handle


def with_deadline(app: ASGIApp, *, seconds: float = BODY_SECONDS_MAX) -> ASGIApp:
    """Refuse a body that does not arrive in time: a client that sends nothing holds no process."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        ends = asyncio.get_running_loop().time() + seconds
        is_whole = False

        async def receive_in_time() -> Any:
            nonlocal is_whole
            if is_whole:  # what comes now is the end of the connection, whenever that is
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise TooSlow("Send it again, without pauses.") from None
            is_whole = not message.get("more_body", False)
            return message

        await app(scope, receive_in_time, send)

    return handle


def public_read(app: ASGIApp) -> ASGIApp:
    """Let everybody keep a reply, and ask whether it has changed; compress it if it is long.

    For GETs whose reply depends on the address alone. The tag is that of the reply as it is sent.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        started: Message | None = None
        body = bytearray()

        async def send_tagged(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message
                return
            if started is None or started["status"] != HTTPStatus.OK:
                await _send_both(send, started, message)
                started = None
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await _send_tagged(scope, send, started, bytes(body))

        await app(scope, receive, send_tagged)

    return handle


async def _send_both(send: Send, started: Message | None, message: Message) -> None:
    if started is not None:
        await send(started)
    await send(message)


async def _send_tagged(scope: Scope, send: Send, started: Message, body: bytes) -> None:
    asked = dict(scope["headers"])
    headers = MutableScopeHeaders(started)
    headers["vary"] = "Accept-Encoding"
    headers["cache-control"] = "public, no-cache"
    if len(body) >= _COMPRESSED_BYTES_MIN and b"gzip" in asked.get(b"accept-encoding", b""):
        body = gzip.compress(body, _COMPRESSION, mtime=0)
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    headers["etag"] = tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = asked.get(b"if-none-match", b"").decode("latin-1")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        del headers["content-length"]
        started, body = {**started, "status": HTTPStatus.NOT_MODIFIED}, b""
    await send(started)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _add_missing(message: Message, wanted: Sequence[tuple[bytes, bytes]]) -> None:
    """(Every reply passes here, so its headers are taken as the bytes that they are.)"""
    given = {name.lower() for name, _ in message["headers"]}
    missing = [header for header in wanted if header[0] not in given]
    message["headers"] = [*message["headers"], *missing]


def _with_method(scope: Scope, method: str) -> Scope:
    return cast("Scope", {**scope, "method": method})


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head


def _only_allowed(send: Send) -> Send:
    """Turn the refusal of a method that does not exist into the list of those that do."""
    is_list = False

    async def send_allowed(message: Message) -> None:
        nonlocal is_list
        if message["type"] == "http.response.start":
            is_list = message["status"] == HTTPStatus.METHOD_NOT_ALLOWED
            if is_list:
                allowed = _allowed(MutableScopeHeaders(message)["allow"])
                message = {
                    "type": "http.response.start",
                    "status": HTTPStatus.NO_CONTENT,
                    "headers": [(b"allow", allowed.encode())],
                }
        elif is_list and message.get("more_body", False):
            return
        elif is_list:
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return send_allowed


def _with_head(send: Send) -> Send:
    """Name HEAD in a list of methods that has GET."""

    async def send_named(message: Message) -> None:
        if message["type"] == "http.response.start" and _names_methods(message):
            headers = MutableScopeHeaders(message)
            headers["allow"] = _allowed(headers["allow"])
        await send(message)

    return send_named


def _names_methods(message: Message) -> bool:
    return any(name.lower() == b"allow" for name, _ in message["headers"])


def _allowed(methods: str) -> str:
    named = {method.strip() for method in methods.split(",") if method.strip()} | {"OPTIONS"}
    return ", ".join(sorted(named | ({"HEAD"} if "GET" in named else set())))
