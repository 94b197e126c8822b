"""Attempts at calls to gateways, as they are kept and shown."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.wire import Output

KEPT: Final = timedelta(days=30)


class Outcome(StrEnum):
    ANSWERED = "answered"
    DENIED = "denied"  # the gateway itself said no
    UNCLEAR = "unclear"  # no answer, or none of the gateway's own: `error` says what came instead


class NewCall(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to be written down."""

    gateway: GatewayName
    operation: str
    reference: str
    attempt: int
    outcome: Outcome
    status: int | None
    latency_ms: int
    error: str | None


class GatewayCall(Output, frozen=True):
    """A row of `gateway_calls`. `attempt` is 1, or more of a retry; `latencyMs` that of it alone.

    `reference` is ours, of what the call is about; of a list it is the day.
    """

    id: int
    at: datetime
    gateway: GatewayName
    operation: str
    reference: str
    attempt: int
    outcome: Outcome
    status: int | None
    latency_ms: int
    error: str | None


class CallPage(Output, frozen=True):
    calls: list[GatewayCall]
    next_cursor: str | None


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    gateway: GatewayName | None
    reference: str | None
    outcome: Outcome | None


class CallFigures(Output, frozen=True):
    """A gateway's last hour: calls, how many retries they took, and how many attempts failed.

    Half of the attempts, and 95 of 100, took no longer than `latencyMsP50` and `latencyMsP95`.
    """

    calls: int
    retries: int
    failures: int
    latency_ms_p50: int | None = msgspec.field(name="latencyMsP50")
    latency_ms_p95: int | None = msgspec.field(name="latencyMsP95")


NO_CALLS: Final = CallFigures(
    calls=0, retries=0, failures=0, latency_ms_p50=None, latency_ms_p95=None
)


class FiguresRow(msgspec.Struct, frozen=True, kw_only=True):
    gateway: GatewayName
    calls: int
    retries: int
    failures: int
    latency_ms_p50: int
    latency_ms_p95: int
