"""What can be concluded from how a call to a gateway ended."""

import time
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import httpx
import msgspec

from app.edge.gateways import retries
from app.edge.gateways.port import Unknown

_INCONCLUSIVE_4XX: Final = frozenset({408, 425, 429})  # they say nothing about the call itself
_TEMPORARY_4XX: Final = frozenset({408, 429})
# Such an answer comes from the gateway's program when it has done with the call. Other errors may
# come from a proxy that has given up waiting, while the program goes on.
_ENDING: Final = frozenset({429, 500})
_NUL: Final = b"\\u0000"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """2xx with JSON. The adapter checks whether the JSON makes sense."""

    outcome: ClassVar[str] = "answered"

    status: int
    body: Any


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """4xx with JSON: the gateway itself refused the call.

    That is conclusive, unless it `follows_inconclusive`: then an earlier attempt may have had its
    effect, and may even be the reason why this one was refused.
    """

    outcome: ClassVar[str] = "denied"

    status: int
    body: Any
    follows_inconclusive: bool = False


class Inconclusive(msgspec.Struct, frozen=True, kw_only=True):
    """No reply, or one that is not from the gateway's program: the call may have had its effect.

    `is_replay`: the gateway stored this reply to an earlier call, and repeats it for every call
    with the same idempotency key. `is_temporary`: the next attempt may end differently, if it comes
    after the `asked_s` seconds that the gateway asks to wait. `has_ended`: the gateway has done
    with the call, and what it has not done by now it will not do. `spends_key`: it answered with an
    error, which it may have stored under the idempotency key. Of a call with several attempts
    `has_ended` holds if it holds for all of them, `spends_key` if it does for at least one.
    """

    outcome: ClassVar[str] = "unclear"  # the word in the log and in `gateway_calls`

    reason: str
    status: int | None = None
    is_replay: bool = False
    is_outage: bool = False  # the gateway, or the network to it, does not work
    is_temporary: bool = False
    has_ended: bool = False
    spends_key: bool = False
    asked_s: float = 0.0


Attempt = Answered | Denied | Inconclusive


def conclude(status: int, raw: bytes | None, replies: msgspec.json.Decoder[Any]) -> Attempt:
    """What one reply means. `raw` is None if the body is too long to make sense."""
    answered, denied = httpx.codes.is_success(status), httpx.codes.is_client_error(status)
    if not (answered or denied) or status in _INCONCLUSIVE_4XX:
        is_outage = httpx.codes.is_server_error(status)
        return Inconclusive(
            reason=f"HTTP {status}",
            status=status,
            is_outage=is_outage,
            is_temporary=is_outage or status in _TEMPORARY_4XX,
            has_ended=status in _ENDING,
            spends_key=is_outage,
        )
    if raw is None:
        return Inconclusive(reason=f"HTTP {status} with an endless body", status=status)
    if _NUL in raw:  # no text column of Postgres can hold it
        return Inconclusive(reason=f"HTTP {status} with a NUL in it", status=status)
    try:
        body = replies.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not from the gateway's program: a page of a proxy or firewall, or half of a reply.
        return Inconclusive(reason=f"HTTP {status} without readable JSON", status=status)
    return Answered(status=status, body=body) if answered else Denied(status=status, body=body)


def with_headers(attempt: Attempt, headers: httpx.Headers) -> Attempt:
    """Add what the headers say: how long to wait, and whether the gateway would repeat this reply.

    `Idempotent-Replayed` and `Stripe-Should-Retry` are Stripe's; other gateways do not send them.
    """
    if not isinstance(attempt, Inconclusive):
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
        is_temporary=attempt.is_temporary and not is_final,
        spends_key=attempt.spends_key or is_replay,
        asked_s=retries.read_retry_after(wait, now=now),
    )


def of_all(attempts: Sequence[Attempt]) -> Attempt:
    """What the attempts at a call mean together: all before the last one were inconclusive."""
    last, unclear = attempts[-1], [each for each in attempts if isinstance(each, Inconclusive)]
    match last:
        case Denied() if unclear:
            return msgspec.structs.replace(last, follows_inconclusive=True)
        case Inconclusive():
            return msgspec.structs.replace(
                last,
                has_ended=all(each.has_ended for each in unclear),
                spends_key=any(each.spends_key for each in unclear),
            )
        case _:
            return last


def unknown(attempt: Inconclusive, *, is_keyed: bool = False) -> Unknown:
    """What an inconclusive call that should begin something leaves us with.

    `is_keyed`: it had an idempotency key, under which the gateway stores errors too.
    """
    return Unknown(
        reason=attempt.reason,
        has_ended=attempt.has_ended,
        is_spent=is_keyed and attempt.spends_key,
    )
