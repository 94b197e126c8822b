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

TRIES_MAX: Final = 10  # after them an operator must look at it, and replay it

# The wait before the next try, doubled after each: about ten hours in all.
FIRST_WAIT: Final = timedelta(seconds=30)
WAIT_MAX: Final = timedelta(hours=3)


class EventState(StrEnum):
    RECEIVED = "received"  # a job will act on it
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
    gateway_id: str | None
    account: str | None  # see Event
    state: EventState
    attempts: int


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """How many events of a gateway are not tried again by themselves; `shown` has a few ids."""

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
    """An event as operators see it. `attempts` counts how often acting on it was begun.

    `gatewayId` is the gateway's id of the charge or transfer that it is about.
    `account` has the currencies of the account that signed it, where a gateway has several with us.
    `dismissedBecause` is an admin's reason to let it be.
    """

    id: UUID
    gateway: GatewayName
    kind: EventKind
    name: str
    reference: str | None
    gateway_id: str | None
    account: str | None
    state: EventState
    attempts: int
    error: str | None
    received_at: datetime
    processed_at: datetime | None
    dismissed_because: str | None


class EventWithBody(EventReply, frozen=True):
    """An event with the body that the gateway sent; bytes that are not UTF-8 become U+FFFD."""

    body: str


class EventPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    webhooks: list[EventReply]
    next_cursor: str | None


class Receipt(Output, frozen=True):
    """The reply to a gateway: its webhook is stored, and whether it was stored before."""

    received: bool
    deduplicated: bool


class NoSuchGateway(NotFound):
    title = "There is no such gateway"


class WebhookNotFound(NotFound):
    title = "There is no such webhook"


class NotGivenUp(Conflict):
    """Only an event that acting on has failed can be dismissed."""

    title = "The webhook has not failed"


class NothingOfOurs(Conflict):
    """A gateway reports something unknown to us. It may be faster than our own commit."""

    title = "Nothing here has this reference"


class AnotherAccounts(Conflict):
    """An account of ours reports something that is in a currency of another one."""

    title = "The webhook is signed by another account"


class ForgedWebhook(Unauthenticated):
    """The signature is missing or wrong: nothing of the webhook is stored."""

    title = "The signature is not valid"


class UnreadableWebhook(Malformed):
    """The webhook is signed, but does not have a form that this gateway sends."""

    title = "The webhook cannot be read"
