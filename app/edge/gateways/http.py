"""Calls to a gateway over HTTP: attempts, the waits between them, and the record of each."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import httpx
import msgspec
import structlog

from app.edge.gateways import conclusions, retries
from app.edge.gateways.conclusions import Answered, Attempt, Denied, Inconclusive
from app.edge.gateways.port import GatewayName
from app.edge.gateways.retries import NO_PATIENCE, Patience, Repeat

_CONNECT_SECONDS_MAX: Final = 5.0
_CONNECTIONS_MAX: Final = 20
_REPLY_BYTES_MAX: Final = 1_000_000
_RECORDED_WITHIN_S: Final = 1.0  # the reply is returned then, whether it is recorded or not
_REQUESTS: Final = msgspec.json.Encoder(decimal_format="number")

_log = structlog.get_logger(__name__)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that has ended, and how. `number` is 1 for the first, more for a retry.

    There are `attempts_max` at the most. The next one begins in `next_in_s` seconds; None if there
    is none.
    """

    gateway: GatewayName
    operation: str
    reference: str
    number: int
    latency_ms: float
    attempt: Attempt
    attempts_max: int = 1
    next_in_s: float | None = None


class Recorder(Protocol):
    """Gets each attempt at a call. Its own failures must never reach the caller."""

    def record(self, call: Call) -> asyncio.Future[None]:
        """Record an attempt, before the next one is waited for; the future ends when it is done."""
        ...

    def is_down(self, gateway: GatewayName) -> bool:
        """Whether so many calls to a gateway failed in a row that no retry should follow."""
        ...


class _TooLate(Exception):
    """The request was delayed until it must not be sent any more."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A body of names and values, for gateways that do not accept JSON."""

    fields: Sequence[tuple[str, str]]


class Client:
    """Makes calls to one gateway, and keeps the connections to it.

    It follows no redirect. `timeout_s` bounds one attempt, with its connecting and reading;
    `patience` bounds how often and how long a call is tried again. `headers` go with every call.
    `read_float` parses numbers with a point. `transport` replaces the network: for a gateway in
    this process. `recorder` gets each attempt.
    """

    def __init__(
        self,
        gateway: GatewayName,
        *,
        base_url: str,
        secret_key: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        read_float: Callable[[str], Any] = float,
        transport: httpx.AsyncBaseTransport | None = None,
        recorder: Recorder | None = None,
        patience: Patience = NO_PATIENCE,
    ) -> None:
        self._gateway = gateway
        self._replies = msgspec.json.Decoder(float_hook=read_float)
        self._recorder = recorder
        self._patience = patience
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "Authorization": "Bearer " + secret_key,
                "Accept": "application/json",
                **(headers or {}),
            },
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_SECONDS_MAX, timeout_s)),
            limits=httpx.Limits(
                max_connections=_CONNECTIONS_MAX, max_keepalive_connections=_CONNECTIONS_MAX
            ),
            follow_redirects=False,
            trust_env=False,
            verify=_certificates(),
            transport=transport,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        reference: str,
        repeat: Repeat,
        body: msgspec.Struct | None = None,
        idempotency_key: str | None = None,
        on_behalf_of: str | None = None,
        send_before: float = inf,
    ) -> Attempt:
        """Make one attempt, or more if `repeat` allows it, and return what can be concluded.

        The body is sent as JSON, a Form as browsers send one; it is the same in each attempt. Each
        attempt is logged and recorded. `on_behalf_of` is whose account at Stripe is meant, if it is
        not our own.

        A connection that could not be opened is Inconclusive. The gateway cannot have seen that
        request, but a proxy or a broken connection pool may report the same error after a request
        was sent. Looking the reference up costs one read; an error could move money twice. A call
        delayed until `send_before`, on the clock of `time.monotonic()`, is Inconclusive too: it is
        not sent any more.
        """
        content, headers = _encode(body)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if on_behalf_of is not None:
            headers["Stripe-Account"] = on_behalf_of
        is_safe = repeat is Repeat.SAFE and self._patience.for_s > 0
        again_before = min(time.monotonic() + self._patience.for_s, send_before)
        waits_s = retries.waits_s(self._patience) if is_safe else iter(())
        attempts: list[Attempt] = []
        while True:
            call = await self._recorded(
                lambda: self._attempt(method, path, content, headers, send_before),
                lambda attempt: self._wait_s(attempt, waits_s, again_before),
                operation=operation,
                reference=reference,
                number=len(attempts) + 1,
                attempts_max=1 + (retries.RETRIES_MAX if is_safe else 0),
            )
            attempts.append(call.attempt)
            if call.next_in_s is None or self._is_down():
                return conclusions.of_all(attempts)
            await asyncio.sleep(call.next_in_s)

    async def close(self) -> None:
        await self._http.aclose()

    async def _recorded(
        self,
        attempt_once: Callable[[], Awaitable[Attempt]],
        wait_s: Callable[[Attempt], float | None],
        *,
        operation: str,
        reference: str,
        number: int,
        attempts_max: int,
    ) -> Call:
        """Make one attempt, log it and record it; one that is cancelled is recorded too."""
        attempt: Attempt = Inconclusive(reason="the call was cancelled")
        started = time.perf_counter()
        try:
            attempt = await attempt_once()
        finally:
            call = Call(
                gateway=self._gateway,
                operation=operation,
                reference=reference,
                number=number,
                latency_ms=round((time.perf_counter() - started) * 1000, 1),
                attempt=attempt,
                attempts_max=attempts_max,
                next_in_s=wait_s(attempt),
            )
            _log.info("gateway call", **facts_of(call))
            recorded = self._recorder.record(call) if self._recorder else None
        if recorded:
            await asyncio.wait({recorded}, timeout=_RECORDED_WITHIN_S)
        return call

    def _wait_s(
        self, attempt: Attempt, waits_s: Iterator[float], again_before: float
    ) -> float | None:
        """How long to wait before the next attempt; None if there is none."""
        if not (isinstance(attempt, Inconclusive) and attempt.is_temporary) or self._is_down():
            return None
        shortest_s = next(waits_s, None)
        if shortest_s is None:
            return None
        left_s = again_before - time.monotonic()
        return retries.wait_s(shortest_s, asked_s=attempt.asked_s, left_s=left_s)

    def _is_down(self) -> bool:
        return bool(self._recorder and self._recorder.is_down(self._gateway))

    async def _attempt(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        send_before: float,
    ) -> Attempt:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(
                    method,
                    path,
                    content=content,
                    headers=headers,
                    extensions={"trace": _watch(send_before)},
                ) as response,
            ):
                raw = await _read(response)
                attempt = conclusions.conclude(response.status_code, raw, self._replies)
                return conclusions.with_headers(attempt, response.headers)
        except _TooLate:
            return Inconclusive(reason="delayed for too long: not sent any more", has_ended=True)
        except (httpx.TimeoutException, TimeoutError):
            reason = f"no answer within {self._timeout_s:g} s"
            return Inconclusive(reason=reason, is_outage=True, is_temporary=True)
        except httpx.HTTPError as error:
            reason = f"the connection failed: {type(error).__name__}"
            return Inconclusive(reason=reason, is_outage=True, is_temporary=True)


def facts_of(call: Call) -> dict[str, Any]:
    """What is logged of an attempt: nothing that it sent or received."""
    attempt = call.attempt
    return {
        "gateway": call.gateway.value,
        "operation": call.operation,
        "reference": call.reference,
        "attempt": call.number,
        "status": attempt.status,
        "latency_ms": call.latency_ms,
        "outcome": attempt.outcome,
        **({"reason": attempt.reason} if isinstance(attempt, Inconclusive) else {}),
    }


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that we trust. Read once: reading them takes as long as ten calls."""
    return httpx.create_ssl_context(trust_env=False)


def problems_of(attempt: Attempt, *, webhook_secrets: int) -> list[str]:
    """What is wrong with a gateway's settings, in words, by how a call that only reads ended."""
    problems = [] if webhook_secrets else ["it has no secret to check its webhooks with"]
    match attempt:
        case Answered():
            return problems
        case Denied(status=401 | 403):
            return [
                *problems,
                "it does not take the key: is it the right one, and of this account?",
            ]
        case Denied(status=status):
            return [*problems, f"it refuses to answer: HTTP {status}"]
        case Inconclusive(reason=reason):
            return [*problems, f"it cannot be reached: {reason}"]


def _watch(send_before: float) -> Callable[[str, Any], Awaitable[None]]:
    """A function that httpx calls before each of its steps: it checks the time before each write.

    https://www.encode.io/httpcore/extensions/#trace: `http11.send_request_headers.started`
    """

    async def watch(step: str, _: Any) -> None:
        is_write = "send_request" in step and step.endswith(".started")
        if is_write and time.monotonic() >= send_before:
            raise _TooLate

    return watch


async def _read(response: httpx.Response) -> bytes | None:
    """The body of a reply, or None if it is too long to make sense."""
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > _REPLY_BYTES_MAX:
            return None
    return bytes(read)


def _encode(body: msgspec.Struct | None) -> tuple[bytes | None, dict[str, str]]:
    match body:
        case None:
            return None, {}
        case Form(fields=fields):
            return urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        case _:
            return _REQUESTS.encode(body), {"Content-Type": "application/json"}
