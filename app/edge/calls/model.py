"""Attempts at calls to gateways, and the health of a gateway that follows from them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.wire import Output

KEPT: Final = timedelta(days=30)

# ---- each attempt at a call ----------------------------------------------------------------------


class Outcome(StrEnum):
    ANSWERED = "answered"
    DENIED = "denied"  # the gateway itself refused
    # No answer, or one that did not come from the gateway's program: `error` says which.
    INCONCLUSIVE = "unclear"


class NewCall(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to be recorded."""

    gateway: GatewayName
    operation: str
    reference: str
    attempt: int
    outcome: Outcome
    status: int | None
    latency_ms: int
    error: str | None
    attempts_max: int
    next_in_s: float | None


class GatewayCall(Output, frozen=True):
    """A row of `gateway_calls`: one attempt. `attempt` is 1 for the first, more for a retry.

    It is there as soon as the attempt has ended: while `nextAttemptAt` is still to come, the call
    waits for its next attempt, of `attemptsMax` at the most. `latencyMs` is how long this attempt
    took. `reference` is our name for what the call is about, or the day if the call asks for the
    list of a day.
    """

    id: int
    at: datetime
    gateway: GatewayName
    operation: str
    reference: str
    attempt: int
    outcome: Outcome
    status: int | None
    attempts_max: int
    latency_ms: int
    error: str | None
    next_attempt_at: datetime | None


class CallPage(Output, frozen=True):
    calls: list[GatewayCall]
    next_cursor: str | None


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which attempts to show; None asks for any."""

    gateway: GatewayName | None
    reference: str | None
    outcome: Outcome | None


class CallFigures(Output, frozen=True):
    """A gateway's last hour: calls, how many retries they took, and how many attempts failed.

    Half of the attempts took no longer than `latencyMsP50`, and 95 of 100 no longer than
    `latencyMsP95`.
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


# ---- the health of a gateway ---------------------------------------------------------------------

# A gateway is down after this many failures in a row, counted over the calls of all processes.
FAILURES_MAX: Final = 5
IN_A_ROW_WITHIN: Final = timedelta(minutes=10)  # a failure before that does not count

# For how long no new charge goes to a gateway that is down; doubled with each further failure.
FIRST_PAUSE: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(minutes=2)


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `gateway_outages`: calls to a gateway that failed in a row.

    A gateway without such a row is up.
    """

    gateway: GatewayName
    failures: int
    since: datetime
    last_at: datetime
    down_until: datetime | None
    is_down: bool
    reason: str


class Condition(StrEnum):
    UP = "up"
    FAILING = "failing"  # its last call got no answer
    DOWN = "down"  # new charges go to other gateways; refunds and transfers wait


class GatewayReply(Output, frozen=True):
    """The health of a gateway: `failures` in a row, since `since`; `reason` is that of the last.

    At `downUntil` the next call to it is tried.
    """

    name: GatewayName
    condition: Condition
    failures: int
    since: datetime | None
    last_failure_at: datetime | None
    down_until: datetime | None
    reason: str | None
    last_hour: CallFigures


class GatewayList(Output, frozen=True):
    """All gateways in use, in the order in which they are preferred."""

    gateways: list[GatewayReply]
