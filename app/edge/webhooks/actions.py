"""Store an event that a gateway reports once, queue a job to act on it, and record how it ended."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
import structlog
import uuid_utils.compat

from app.edge.gateways.port import BadPayload, BadSignature, Event, Gateway, GatewayName
from app.edge.webhooks import queries, rules
from app.edge.webhooks.model import (
    MOVES,
    AnotherAccounts,
    EventFilter,
    EventPage,
    EventReply,
    EventState,
    EventWithBody,
    ForgedWebhook,
    NotGivenUp,
    Receipt,
    StoredEvent,
    UnreadableWebhook,
    WebhookNotFound,
)
from app.foundation import audit, paging, states
from app.foundation.alerts import (
    Severity,
    Sighting,
    raise_alert,
    raise_alerts,
    resolve_alerts,
)
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.clipping import clip
from app.foundation.db import Tx, plan_for_values
from app.foundation.queue import ProcessWebhook, enqueue

_GIVEN_UP: Final = "webhooks_given_up"
_ANOTHER_ACCOUNTS: Final = "webhook_of_another_account"
_SHOWN_MAX: Final = 20

_log = structlog.get_logger(__name__)


def verify(gateway: Gateway, headers: Mapping[str, str], body: bytes) -> Event:
    """The event in a body, if the gateway signed exactly these bytes.

    Raises ForgedWebhook, UnreadableWebhook.
    """
    try:
        return gateway.read_webhook(headers, body)
    except BadSignature as error:
        _log.warning("webhook refused", gateway=gateway.name, reason=str(error))
        raise ForgedWebhook("The signature does not match the body.") from error
    except BadPayload as error:
        _log.warning("webhook unreadable", gateway=gateway.name, reason=str(error))
        raise UnreadableWebhook(str(error)) from error


async def store(tx: Tx, gateway: Gateway, event: Event, body: bytes) -> Receipt:
    """Store an event and queue a job to act on it, unless it is known and did not fail.

    One that cannot be about anything of ours is stored as ignored: nobody is to act on it.
    """
    is_ignored = rules.is_strangers(event)
    stored_id = await queries.insert(
        tx,
        event_id=uuid_utils.compat.uuid7(),
        gateway=gateway.name,
        event=event,
        body=body,
        is_ignored=is_ignored,
    )
    if stored_id is None:
        return Receipt(received=True, deduplicated=True)
    if is_ignored:
        return Receipt(received=True, deduplicated=False)
    await enqueue(tx, ProcessWebhook(event_id=stored_id))
    return Receipt(received=True, deduplicated=False)


async def retry_unprocessed(tx: Tx, *, limit: int) -> int:
    """Queue events again whose job was lost, or gave up; returns how many.

    Events that were tried too often are not queued: an alert for each gateway lists them.
    """
    await _alert_given_up(tx)
    event_ids = await queries.unprocessed(tx, limit=limit)
    for event_id in event_ids:
        await enqueue(tx, ProcessWebhook(event_id=event_id))
    return len(event_ids)


async def begin(tx: Tx, event_id: UUID) -> StoredEvent | None:
    """The event to act on, with this attempt counted; None if it was acted on already."""
    return await queries.begin(tx, event_id)


async def processed(tx: Tx, event_id: UUID) -> None:
    """Record that an event was acted on, in the transaction of its effect."""
    await _end(tx, event_id, EventState.PROCESSED)


async def ignored(tx: Tx, event_id: UUID) -> None:
    """Record that nothing is to be done about an event of this kind."""
    await _end(tx, event_id, EventState.IGNORED)


async def set_aside(tx: Tx, event: StoredEvent, why: AnotherAccounts) -> None:
    """Record that an event is not acted on, for another account would have to report that.

    Either somebody has the key of the account that signed it, or keys and currencies are mixed up
    in the settings: operators are alerted.
    """
    await _end(tx, event.id, EventState.IGNORED, error=clip(str(why)))
    await raise_alert(
        tx,
        kind=_ANOTHER_ACCOUNTS,
        severity=Severity.CRITICAL,
        subject=f"{event.gateway} {event.account}",
        details={"webhook": str(event.id), "reference": event.reference, "reason": str(why)},
    )


async def failed(tx: Tx, event_id: UUID, *, error: str) -> None:
    """Record that acting on an event failed: an attempt, a delivery or a replay may follow."""
    await _end(tx, event_id, EventState.FAILED, error=clip(error))


async def _end(tx: Tx, event_id: UUID, to: EventState, *, error: str | None = None) -> None:
    """Record how it ended; of two jobs that acted on it at once, the first one decides."""
    await queries.end(tx, event_id, to, sources=states.sources(MOVES, to), error=error)


# ---- for operators -------------------------------------------------------------------------------


async def read_events(tx: Tx, wanted: EventFilter, *, limit: int, cursor: str | None) -> EventPage:
    """A page of events, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    return _page(await queries.events(tx, wanted, before=before, limit=limit + 1), limit)


async def read_events_about(
    tx: Tx, references: Sequence[str], *, limit: int, cursor: str | None
) -> EventPage:
    """A page of the events about any of these references, newest first.

    Raises Invalid for a made-up cursor.
    """
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    events = await queries.events_of_references(tx, references, before=before, limit=limit + 1)
    return _page(events, limit)


def _page(events: list[EventReply], limit: int) -> EventPage:
    page, next_cursor = paging.cut(events, limit, by=lambda event: event.id)
    return EventPage(webhooks=page, next_cursor=next_cursor)


async def read_event(tx: Tx, event_id: UUID) -> EventWithBody:
    """An event with what the gateway sent. Raises WebhookNotFound."""
    event = await _find(tx, event_id)
    body = await queries.body(tx, event_id)
    return EventWithBody(**msgspec.structs.asdict(event), body=body.decode(errors="replace"))


async def replay(tx: Tx, event_id: UUID, *, admin_id: UUID) -> EventReply:
    """Act on an event again, whatever its state: the gateway is asked for its current state.

    Raises WebhookNotFound, MoveRefused.
    """
    event = await _find(tx, event_id)
    if event.state is not EventState.RECEIVED:
        states.check(MOVES, event.state, EventState.RECEIVED)
    replayed = await queries.restart(tx, event)
    if replayed is None:
        raise states.MoveRefused("It is being acted on at this moment.")
    await enqueue(tx, ProcessWebhook(event_id=event_id))
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="replay_webhook",
        subject=Subject("webhook", event_id),
        before={"state": event.state},
        after={"state": replayed.state},
    )
    await _alert_given_up(tx)
    return replayed


async def dismiss(tx: Tx, event_id: UUID, *, admin_id: UUID, reason: str) -> EventReply:
    """Let an event be that could not be acted on: nobody tries again, and its alert ends.

    Raises WebhookNotFound, NotGivenUp.
    """
    event = await _find(tx, event_id)
    dismissed = await queries.dismiss(tx, event_id, reason=reason)
    if dismissed is None:
        raise NotGivenUp(f"It is {event.state}.")
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="dismiss_webhook",
        subject=Subject("webhook", event_id),
        before={"state": event.state},
        after={"state": dismissed.state},
        reason=reason,
    )
    await _alert_given_up(tx)
    return dismissed


async def _alert_given_up(tx: Tx) -> None:
    """Raise an alert for each gateway with events that are not tried again, else resolve it."""
    given_up = await queries.given_up(tx, shown_max=_SHOWN_MAX)
    await raise_alerts(
        tx,
        [
            Sighting(
                kind=_GIVEN_UP,
                severity=Severity.CRITICAL,
                subject=group.gateway,
                details={
                    "webhooks": group.events,
                    "since": group.since.isoformat(),
                    "ids": [str(event_id) for event_id in group.shown],
                },
            )
            for group in given_up
        ],
    )
    clear = set(GatewayName) - {group.gateway for group in given_up}
    await resolve_alerts(tx, (_GIVEN_UP,), sorted(clear))


async def _find(tx: Tx, event_id: UUID) -> EventReply:
    if event := await queries.find(tx, event_id):
        return event
    raise WebhookNotFound(f"There is no webhook {event_id}.")
