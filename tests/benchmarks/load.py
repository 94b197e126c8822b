"""A load generator thin enough not to be what is measured: HTTP/1.1 over plain streams."""

import asyncio
import time
from collections.abc import Iterable, Sequence

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One request, already in bytes."""

    wire: bytes


class Answer(msgspec.Struct, frozen=True):
    status: int
    seconds: float


def post(path: str, body: bytes, headers: dict[str, str]) -> Call:
    """A POST with a JSON body on a connection that stays open."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{lines}\r\n"
    )
    return Call(head.encode() + body)


async def run(port: int, calls: Iterable[Call], *, clients: int) -> tuple[list[Answer], float]:
    """Send all calls from so many clients at once; the answers, and the seconds it took."""
    queue = iter(calls)
    answers: list[Answer] = []
    started = time.perf_counter()
    await asyncio.gather(*(_client(port, queue, answers) for _ in range(clients)))
    return answers, time.perf_counter() - started


async def _client(port: int, queue: Iterable[Call], answers: list[Answer]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for call in queue:
        started = time.perf_counter()
        writer.write(call.wire)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        await reader.readexactly(_length(head))
        answers.append(Answer(status, time.perf_counter() - started))
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    return int(lower[start : lower.index(b"\r\n", start)])


def percentile_ms(answers: Sequence[Answer], percent: float) -> float:
    """The latency that so many percent of the answers stayed below, in milliseconds."""
    ordered = sorted(answer.seconds for answer in answers)
    index = min(len(ordered) - 1, int(len(ordered) * percent / 100))
    return round(ordered[index] * 1000, 1)
