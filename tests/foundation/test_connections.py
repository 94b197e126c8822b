"""Connections, with real sockets: large and slow heads, half-sent bodies, too many at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from app.foundation import asgi, connections
from app.foundation.connections import HEAD_BYTES_MAX, Connection
from tests.sandbox.server import serving
from tests.sandbox.webhooks import eventually

GET = b"GET /x HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /x HTTP/1.1\r\nhost: x\r\n"


class Hasty(Connection):
    head_seconds_max = 0.3


class Application:
    """Answers with the length of the body; `/wait` only when it may, and `/hasty` at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        if scope["path"] == "/wait":
            await self.may_answer.wait()
        length, more = 0, scope["path"] != "/hasty"
        while more:
            message = await receive()
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = str(length).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Client:
    """A socket. What it reads ends with the connection, or with the time that it waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def reply(self) -> tuple[int, bytes]:
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            [length] = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            return int(head.split()[1]), await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        """Whether the server ends the connection, within two seconds."""
        try:
            async with asyncio.timeout(2):
                return await self.reader.read() == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@asynccontextmanager
async def talking_to(url: str) -> AsyncIterator[Client]:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def url(application: Application) -> AsyncIterator[str]:
    async with serving(application, http=Hasty) as url:
        yield url


def header(length: int) -> bytes:
    return b"x-long: " + b"a" * length + b"\r\n"


@pytest.mark.parametrize(
    "head",
    [
        GET + header(HEAD_BYTES_MAX) + b"\r\n",
        GET + b"".join(b"a%d: b\r\n" % n for n in range(4_000)) + b"\r\n",
        GET + b"x-never-ending: " + b"a" * 2 * HEAD_BYTES_MAX,
        b"GET /" + b"a" * 2 * HEAD_BYTES_MAX,
        POST + b"content-length: 5\r\n" + header(HEAD_BYTES_MAX) + b"\r\nhello",
    ],
    ids=["one", "many", "endless", "address", "with a body"],
)
async def test_a_head_that_is_too_large_gets_431_and_the_connection_ends(
    url: str, application: Application, head: bytes
) -> None:
    async with talking_to(url) as client:
        await client.send(head)
        status, body = await client.reply()
        assert (status, json.loads(body)["code"]) == (431, "head_too_large")
        assert await client.is_closed()
    assert application.asked == []


async def test_a_head_is_too_large_whatever_the_pieces_that_it_comes_in(
    url: str, application: Application
) -> None:
    async with talking_to(url) as client:
        with suppress(ConnectionError):
            await client.send(GET, *[header(900)] * 40)
        assert (await client.reply())[0] == 431
    assert application.asked == []


async def test_heads_of_a_usual_size_and_large_bodies_are_answered_on_one_connection(
    url: str,
) -> None:
    async with talking_to(url) as client:
        for _ in range(3):
            body = b"b" * 3 * HEAD_BYTES_MAX
            length = b"content-length: %d\r\n\r\n" % len(body)
            await client.send(POST + header(HEAD_BYTES_MAX // 2) + length, body)
            assert await client.reply() == (200, str(len(body)).encode())
        await client.send(GET + b"\r\n" + GET + b"\r\n")  # two at once
        assert [await client.reply() for _ in range(2)] == [(200, b"0")] * 2


async def test_a_head_that_stops_half_way_gets_408(url: str, application: Application) -> None:
    async with talking_to(url) as client:
        await client.send(GET)
        status, body = await client.reply()
        assert (status, json.loads(body)["code"]) == (408, "too_slow")
        assert await client.is_closed()
    assert application.asked == []


async def test_a_head_that_trickles_has_no_longer(url: str) -> None:
    async with talking_to(url) as client:
        for _ in range(20):
            try:
                await client.send(b"GET /x HTTP/1.1\r\n"[:1] if _ else GET)
            except ConnectionError:
                break
            await asyncio.sleep(0.05)
        assert (await client.reply())[0] == 408


async def test_a_connection_on_which_nothing_is_asked_ends(url: str) -> None:
    async with talking_to(url) as client:
        assert await client.is_closed()


async def test_the_second_head_of_a_connection_has_a_deadline_too(url: str) -> None:
    async with talking_to(url) as client:
        await client.send(GET + b"\r\n")
        assert await client.reply() == (200, b"0")
        await asyncio.sleep(0.4)  # idle: that is the keep-alive's affair
        await client.send(GET + b"\r\n")
        assert await client.reply() == (200, b"0")
        await client.send(GET)
        assert (await client.reply())[0] == 408


async def test_a_body_that_is_sent_half_ends_by_the_deadline_of_bodies(
    application: Application,
) -> None:
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asgi.with_deadline(application, seconds=0.2)(scope, receive, send)
        except asgi.TooSlow:
            await send({"type": "http.response.start", "status": 408,
                        "headers": [(b"content-length", b"0")]})  # fmt: skip
            await send({"type": "http.response.body", "body": b""})

    async with serving(refusing, http=Connection) as url, talking_to(url) as client:
        await client.send(POST + b"content-length: 1000\r\n\r\nhalf of it")
        assert await client.reply() == (408, b"")
        assert await client.is_closed(), "the rest is not waited for"


async def test_what_is_answered_before_its_body_has_come_ends_the_connection(url: str) -> None:
    async with talking_to(url) as client:
        await client.send(b"POST /hasty HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf")
        assert await client.reply() == (200, b"0")
        assert await client.is_closed()


async def test_above_the_limit_requests_get_503_and_only_liveness_is_answered(
    application: Application,
) -> None:
    async with (
        serving(application, http=Connection, limit_concurrency=2) as url,
        talking_to(url) as first,
        talking_to(url) as second,
    ):
        for client in (first, second):
            await client.send(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
        await eventually(lambda: _are_asked(application, 2))
        async with talking_to(url) as third:
            await third.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert await third.reply() == (200, b"0")
            await third.send(b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
            status, body = await third.reply()
            assert (status, json.loads(body)["code"]) == (503, "too_many_connections")
            assert await third.is_closed()
        application.may_answer.set()
        assert [await each.reply() for each in (first, second)] == [(200, b"0")] * 2
        first.writer.close()
        await asyncio.sleep(0.1)
        async with talking_to(url) as fourth:
            await fourth.send(GET + b"\r\n")
            assert await fourth.reply() == (200, b"0"), "there is room again"
    assert application.asked == ["/wait", "/wait", "/health/live", "/x"]


async def _are_asked(application: Application, count: int) -> bool:
    return len(application.asked) == count


async def test_the_limits_leave_room_for_what_they_stand_between() -> None:
    assert connections.KEEP_ALIVE_SECONDS > 90
    assert 20 < connections.SHUTDOWN_SECONDS < 30
    assert connections.CONNECTIONS_MAX < 1_024
