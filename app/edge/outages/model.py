"""Gateways that do not answer."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from app.edge.calls.model import CallFigures
from app.edge.gateways.port import GatewayName
from app.foundation.wire import Output

FAILURES_MAX: Final = 5  # in a row, whichever processes made the calls: then a gateway is down
IN_A_ROW_WITHIN: Final = timedelta(minutes=10)  # what failed longer ago does not count

# How long no new charge goes to a gateway that is down, doubled with each failure after that.
FIRST_PAUSE: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(minutes=2)


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `gateway_outages`: its calls that failed in a row. None of them: it is up."""

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
    DOWN = "down"  # new charges go elsewhere, and what is to be sent waits


class GatewayReply(Output, frozen=True):
    """How a gateway is. `failures` in a row, since `since`; `reason` is that of the last.

    From `downUntil` on it is tried again.
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
    """In the order in which they are preferred."""

    gateways: list[GatewayReply]
