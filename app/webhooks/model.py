"""Webhook events as they are stored."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.errors import Malformed, NotFound, Unauthenticated
from app.gateways.port import EventKind, GatewayName
from app.wire import Output


class EventState(StrEnum):
    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


_S = EventState
MOVES: Final = MappingProxyType(
    {
        _S.RECEIVED: frozenset({_S.PROCESSED, _S.IGNORED, _S.FAILED}),
        _S.PROCESSED: frozenset[EventState](),
        _S.IGNORED: frozenset[EventState](),
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


class Receipt(Output, frozen=True):
    """What a gateway is told: we have it, and whether we had it already."""

    received: bool
    deduplicated: bool


class NoSuchGateway(NotFound):
    title = "There is no such gateway"


class ForgedWebhook(Unauthenticated):
    """The signature is missing or wrong: nothing of it is stored."""

    title = "The signature is not valid"


class UnreadableWebhook(Malformed):
    """Signed, but not in a form that this gateway sends."""

    title = "The webhook cannot be read"
