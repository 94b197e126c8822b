"""Webhook events as they are stored."""

from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.port import EventKind, GatewayName
from app.foundation.errors import Conflict, Malformed, NotFound, Unauthenticated
from app.foundation.wire import Output

TRIES_MAX: Final = 10  # after them an operator must look, and replay it

# How long to wait for another try at the most, doubled after each: some ten hours in all.
FIRST_WAIT: Final = timedelta(seconds=30)
WAIT_MAX: Final = timedelta(hours=3)


class EventState(StrEnum):
    RECEIVED = "received"  # to be acted on
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


_S = EventState
MOVES: Final = MappingProxyType(
    {
        _S.RECEIVED: frozenset({_S.PROCESSED, _S.IGNORED, _S.FAILED}),
        _S.PROCESSED: frozenset({_S.RECEIVED}),  # replayed by an operator
        _S.IGNORED: frozenset({_S.RECEIVED}),
        _S.FAILED: frozenset({_S.PROCESSED, _S.IGNORED, _S.RECEIVED}),
    }
)


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `webhook_events`, without its body."""

    id: UUID
    gateway: GatewayName
    kind: EventKind
    name: str
    reference: str | None
    state: EventState
    attempts: int


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a gateway that are not tried again by themselves; `shown` are some of them."""

    gateway: GatewayName
    events: int
    since: datetime
    shown: list[UUID]


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to show; None asks for any."""

    state: EventState | None
    gateway: GatewayName | None
    reference: str | None


class EventReply(Output, frozen=True):
    """An event as operators see it. `attempts` counts how often it was begun to act on."""

    id: UUID
    gateway: GatewayName
    kind: EventKind
    name: str
    reference: str | None
    state: EventState
    attempts: int
    error: str | None
    received_at: datetime
    processed_at: datetime | None


class EventWithBody(EventReply, frozen=True):
    """The same with what the gateway sent; bytes that are no UTF-8 are shown as U+FFFD."""

    body: str


class EventPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    webhooks: list[EventReply]
    next_cursor: str | None


class Receipt(Output, frozen=True):
    """What a gateway is told: we have it, and whether we had it already."""

    received: bool
    deduplicated: bool


class NoSuchGateway(NotFound):
    title = "There is no such gateway"


class WebhookNotFound(NotFound):
    title = "There is no such webhook"


class NothingOfOurs(Conflict):
    """A gateway tells of what we know nothing of. It may be faster than our own commit."""

    title = "Nothing of ours is called this"


class ForgedWebhook(Unauthenticated):
    """The signature is missing or wrong: nothing of it is stored."""

    title = "The signature is not valid"


class UnreadableWebhook(Malformed):
    """Signed, but not in a form that this gateway sends."""

    title = "The webhook cannot be read"
