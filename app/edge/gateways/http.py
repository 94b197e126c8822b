"""Calls to a gateway over HTTP, and what can be concluded from how they went."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import urlencode

import httpx
import msgspec
import structlog

from app.edge.gateways import retries
from app.edge.gateways.port import GatewayName
from app.edge.gateways.retries import NO_PATIENCE, Patience, Repeat

_CONNECT_SECONDS_MAX: Final = 5.0
_CONNECTIONS_MAX: Final = 20
_REPLY_BYTES_MAX: Final = 1_000_000
_INCONCLUSIVE_4XX: Final = frozenset({408, 425, 429})  # nothing was said about the call itself
_PASSING_4XX: Final = frozenset({408, 429})
_RECORDED_WITHIN_S: Final = 1.0  # then an answer goes its way, whether it is written down or not
_NUL: Final = b"\\u0000"
_REQUESTS: Final = msgspec.json.Encoder(decimal_format="number")

_log = structlog.get_logger(__name__)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """2xx with JSON. Whether the JSON makes sense is for the adapter to say."""

    outcome: ClassVar[str] = "answered"

    status: int
    body: Any


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """4xx with JSON: the gateway itself refused the call.

    Conclusive, unless it `follows_unclear`: then that is so of the last try only, and one before
    it may have had its effect, and be the very reason of this no.
    """

    outcome: ClassVar[str] = "denied"

    status: int
    body: Any
    follows_unclear: bool = False


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """No answer, or none that the gateway's program gave: the call may have had its effect.

    `is_replay`: the gateway remembers that it gave this answer to an earlier call, and will give
    no other to this call, however often it is made. `is_passing`: the next try may go otherwise,
    if it comes no sooner than `asked_s`, which is what the gateway has asked for.
    """

    outcome: ClassVar[str] = "unclear"

    reason: str
    status: int | None = None
    is_replay: bool = False
    is_outage: bool = False  # the gateway, or the way to it, is out of order
    is_passing: bool = False
    asked_s: float = 0.0


Attempt = Answered | Denied | Unclear


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that has ended, and how: `number` is 1, or more of a retry."""

    gateway: GatewayName
    operation: str
    reference: str
    number: int
    latency_ms: float
    attempt: Attempt


class Recorder(Protocol):
    """Told of each attempt. Whatever it does with it fails without anybody's being told."""

    def record(self, call: Call) -> asyncio.Future[None]:
        """The future ends when it is done with it."""
        ...

    def is_down(self, gateway: GatewayName) -> bool:
        """Whether a gateway has been silent for so long that it is better left alone."""
        ...


class _TooLate(Exception):
    """Whoever is sending was held up until it must not send any more."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A body of names and values, for gateways that do not take JSON."""

    fields: Sequence[tuple[str, str]]


class Line:
    """The connections to one gateway.

    Follows no redirect. `timeout_s` bounds a whole attempt, its connecting and each read, and
    `patience` their number. `headers` go with every call. `read_float` parses numbers with a point.
    `transport` replaces the network: for a gateway in this process. `recorder` gets each attempt.
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
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {secret_key}",
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
        send_before: float = inf,
    ) -> Attempt:
        """Make one attempt, or more where `repeat` lets it, and say what can be concluded.

        The body goes as JSON, a Form as what browsers send; it is the same in each attempt. Of
        each one line is logged, and the recorder is told.

        A connection that could not be opened is Unclear too. Nothing can have been begun on it,
        but a proxy or a half-dead pool may say the same after the request has left, and looking
        the reference up costs one read: cheaper than to be wrong once. So is a call that was held
        up until `send_before`, on the clock of `time.monotonic()`: it does not leave any more.
        """
        content, headers = _encode(body)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        again_before = min(time.monotonic() + self._patience.for_s, send_before)
        waits_s = retries.waits_s(self._patience) if repeat is Repeat.SAFE else iter(())
        number = 0
        while True:
            number += 1
            call = await self._make(
                lambda: self._attempt(method, path, content, headers, send_before),
                operation=operation,
                reference=reference,
                number=number,
            )
            wait_s = self._wait_s(call.attempt, waits_s, again_before)
            if wait_s is None:
                return _after(number, call.attempt)
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        await self._client.aclose()

    async def _make(
        self,
        make: Callable[[], Awaitable[Attempt]],
        *,
        operation: str,
        reference: str,
        number: int,
    ) -> Call:
        """One attempt, and tell of it, also of one that was cancelled."""
        attempt: Attempt = Unclear(reason="the call was cancelled")
        started = time.perf_counter()
        try:
            attempt = await make()
        finally:
            call = Call(
                gateway=self._gateway,
                operation=operation,
                reference=reference,
                number=number,
                latency_ms=round((time.perf_counter() - started) * 1000, 1),
                attempt=attempt,
            )
            _log.info("gateway call", **facts_of(call))
            recorded = self._recorder.record(call) if self._recorder else None
        if recorded:
            await asyncio.wait({recorded}, timeout=_RECORDED_WITHIN_S)
        return call

    def _wait_s(
        self, attempt: Attempt, waits_s: Iterator[float], again_before: float
    ) -> float | None:
        """How long to wait before the next attempt; None if there is to be none."""
        if not (isinstance(attempt, Unclear) and attempt.is_passing):
            return None
        if self._recorder and self._recorder.is_down(self._gateway):
            return None
        longest_s = next(waits_s, None)
        if longest_s is None:
            return None
        left_s = again_before - time.monotonic()
        return retries.wait_s(longest_s, asked_s=attempt.asked_s, left_s=left_s)

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
                self._client.stream(
                    method,
                    path,
                    content=content,
                    headers=headers,
                    extensions={"trace": _watch(send_before)},
                ) as response,
            ):
                raw = await _read(response)
                attempt = _conclude(response.status_code, raw, self._replies)
                return _with_headers(attempt, response.headers)
        except _TooLate:
            return Unclear(reason="held up for too long: not sent any more")
        except (httpx.TimeoutException, TimeoutError):
            reason = f"no answer within {self._timeout_s:g} s"
            return Unclear(reason=reason, is_outage=True, is_passing=True)
        except httpx.HTTPError as error:
            reason = f"the connection failed: {type(error).__name__}"
            return Unclear(reason=reason, is_outage=True, is_passing=True)


def facts_of(call: Call) -> dict[str, Any]:
    """What is told of an attempt, without anything that it sent or got."""
    attempt = call.attempt
    return {
        "gateway": call.gateway.value,
        "operation": call.operation,
        "reference": call.reference,
        "attempt": call.number,
        "status": attempt.status,
        "latency_ms": call.latency_ms,
        "outcome": attempt.outcome,
        **({"reason": attempt.reason} if isinstance(attempt, Unclear) else {}),
    }


@cache
def _certificates() -> ssl.SSLContext:
    """Whom we believe to be who they say; read once, which takes as long as ten calls."""
    return httpx.create_ssl_context(trust_env=False)


def problems_of(attempt: Attempt, *, webhook_secrets: int) -> list[str]:
    """What is wrong, in words, where a call that only reads went so."""
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
        case Unclear(reason=reason):
            return [*problems, f"it cannot be reached: {reason}"]


def _after(number: int, last: Attempt) -> Attempt:
    """What a call comes to with the last of its attempts: all before it were unclear."""
    if number > 1 and isinstance(last, Denied):
        return msgspec.structs.replace(last, follows_unclear=True)
    return last


def _watch(send_before: float) -> Callable[[str, Any], Awaitable[None]]:
    """What the client calls before each of its steps; the last check is right before the write.

    https://www.encode.io/httpcore/extensions/#trace: `http11.send_request_headers.started`
    """

    async def watch(step: str, _: Any) -> None:
        is_write = "send_request" in step and step.endswith(".started")
        if is_write and time.monotonic() >= send_before:
            raise _TooLate

    return watch


async def _read(response: httpx.Response) -> bytes | None:
    """The body, or None if it is longer than any that makes sense."""
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


def _with_headers(attempt: Attempt, headers: httpx.Headers) -> Attempt:
    """Say how long the gateway asks to be left alone, and whether it would only repeat itself.

    `Idempotent-Replayed` and `Stripe-Should-Retry` are Stripe's; others have no such headers.
    """
    if not isinstance(attempt, Unclear):
        return attempt
    wait = headers.get("retry-after")
    now = retries.parse_date(headers.get("date")) or time.time()
    is_replay = headers.get("idempotent-replayed") == "true"
    is_final = is_replay or headers.get("stripe-should-retry") == "false"
    return msgspec.structs.replace(
        attempt,
        reason=f"{attempt.reason}, asks to wait {wait[:40]}" if wait else attempt.reason,
        is_replay=is_replay,
        is_outage=attempt.is_outage and not is_replay,
        is_passing=attempt.is_passing and not is_final,
        asked_s=retries.read_retry_after(wait, now=now),
    )


def _conclude(status: int, raw: bytes | None, replies: msgspec.json.Decoder[Any]) -> Attempt:
    answered, denied = httpx.codes.is_success(status), httpx.codes.is_client_error(status)
    if not (answered or denied) or status in _INCONCLUSIVE_4XX:
        is_outage = httpx.codes.is_server_error(status)
        return Unclear(
            reason=f"HTTP {status}",
            status=status,
            is_outage=is_outage,
            is_passing=is_outage or status in _PASSING_4XX,
        )
    if raw is None:
        return Unclear(reason=f"HTTP {status} with an endless body", status=status)
    if _NUL in raw:  # which no column of ours can hold
        return Unclear(reason=f"HTTP {status} with a NUL in it", status=status)
    try:
        body = replies.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not the gateway's program: a proxy's or firewall's page, or half of an answer.
        return Unclear(reason=f"HTTP {status} without readable JSON", status=status)
    return Answered(status=status, body=body) if answered else Denied(status=status, body=body)
