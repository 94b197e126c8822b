"""A load generator thin enough not to be what is measured: HTTP/1.1 over bare protocols."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
import uvloop


class Answer(msgspec.Struct, frozen=True):
    """One reply: its status, and how long it took."""

    status: int
    seconds: float


class Result(msgspec.Struct, frozen=True):
    """What came of a run."""

    answers: list[Answer]
    seconds: float

    def count(self, status: int) -> int:
        return Counter(answer.status for answer in self.answers)[status]

    def per_s(self, status: int) -> float:
        """Replies with this status per second."""
        return round(self.count(status) / self.seconds, 1)

    def ms(self, percent: float) -> float:
        """The latency that so many percent of the replies stayed below, in milliseconds."""
        ordered = sorted(answer.seconds for answer in self.answers)
        index = min(len(ordered) - 1, int(len(ordered) * percent / 100))
        return round(ordered[index] * 1000, 1)

    def must_be(self, status: int) -> "Result":
        """Itself, if nothing but this came back: a benchmark of refusals would mislead."""
        statuses = Counter(answer.status for answer in self.answers)
        if set(statuses) != {status}:
            raise AssertionError(f"not only {status}: {dict(statuses)}")
        return self


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST with a JSON body on a connection that stays open, as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{lines}\r\n"
    )
    return head.encode() + body


def run(port: int, calls: Sequence[bytes], *, clients: int) -> Result:
    """Send all calls from so many clients at once, each waiting for its reply before the next."""
    return uvloop.run(_run(port, calls, clients))


async def _run(port: int, calls: Sequence[bytes], clients: int) -> Result:
    loop = asyncio.get_running_loop()
    queue, answers = iter(calls), list[Answer]()
    connected = [
        await loop.create_connection(lambda: _Client(queue, answers), "127.0.0.1", port)
        for _ in range(clients)
    ]
    started = time.perf_counter()
    for _, client in connected:
        client.send_next()
    await asyncio.gather(*(client.done for _, client in connected))
    return Result(answers, time.perf_counter() - started)


class _Client(asyncio.Protocol):
    """One connection; takes calls from the common queue until it is empty."""

    def __init__(self, queue: Iterator[bytes], answers: list[Answer]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._queue = queue
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        call = next(self._queue, None)
        if call is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._started = time.perf_counter()
        self._transport.write(call)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_ends = self._received.find(b"\r\n\r\n")
        if head_ends < 0 or len(self._received) < head_ends + 4 + _length(self._received):
            return
        seconds = time.perf_counter() - self._started
        self._answers.append(Answer(int(self._received[9:12]), seconds))
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


def _length(reply: bytes) -> int:
    start = reply.lower().index(b"content-length:") + len(b"content-length:")
    return int(reply[start : reply.index(b"\r\n", start)])
