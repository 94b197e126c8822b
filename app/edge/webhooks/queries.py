"""One statement per function on `webhook_events`."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.edge.gateways.port import Event, GatewayName
from app.edge.webhooks.model import (
    FIRST_WAIT,
    TRIES_MAX,
    WAIT_MAX,
    EventFilter,
    EventReply,
    EventState,
    GivenUp,
    StoredEvent,
)
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new_value,
    fetch_one,
    fetch_value,
    fetch_values,
)


async def insert(
    tx: Tx,
    *,
    event_id: UUID,
    gateway: GatewayName,
    event: Event,
    body: bytes,
    is_ignored: bool,
) -> UUID | None:
    """Store an event; returns its id, None if it was acted on or is about to be.

    A known event is acted on again if that failed, or if no job has begun it for minutes.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        INSERT INTO webhook_events AS known
               (id, gateway, event_key, kind, name, reference, gateway_id, account, body,
                body_sha256, state, processed_at)
        VALUES (%(id)s, %(gateway)s, %(key)s, %(kind)s, %(name)s, %(reference)s, %(gateway_id)s,
                %(account)s, %(body)s, %(body_sha256)s,
                CASE WHEN %(is_ignored)s THEN 'ignored' ELSE 'received' END,
                CASE WHEN %(is_ignored)s THEN business_now() END)
            ON CONFLICT (gateway, event_key) DO UPDATE SET state = 'received'
         WHERE known.state = 'failed'
            OR (known.state = 'received'
                AND known.next_try_at <= business_now())
     RETURNING id""",
        id=event_id,
        gateway=gateway,
        key=event.key,
        kind=event.kind,
        name=event.name,
        reference=event.reference,
        gateway_id=event.gateway_id,
        account=event.account,
        is_ignored=is_ignored,
        body=body,
        body_sha256=hashlib.sha256(body).digest(),
    )


async def begin(tx: Tx, event_id: UUID) -> StoredEvent | None:
    """Count an attempt to act on an event; None if it was acted on already.

    The sweep that queues lost events waits longer than the event's job waits for its next attempt.
    """
    return await fetch_one(
        tx,
        StoredEvent,
        """
        UPDATE webhook_events
           SET state = 'received', attempts = attempts + 1,
               next_try_at = business_now() + interval '2 minutes'
                           + least(%(wait_max)s, %(first_wait)s * power(2, attempts))
         WHERE id = %(id)s AND state IN ('received', 'failed')
     RETURNING id, gateway, kind, name, reference, gateway_id, account, state, attempts""",
        id=event_id,
        first_wait=FIRST_WAIT,
        wait_max=WAIT_MAX,
    )


async def unprocessed(tx: Tx, *, limit: int) -> list[UUID]:
    """Events that are not given up, and whose job should have acted on them by now."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM webhook_events
         WHERE state IN ('received', 'failed') AND attempts < %(tries_max)s
           AND next_try_at <= (SELECT business_now())
         ORDER BY next_try_at
         LIMIT %(limit)s""",
        tries_max=TRIES_MAX,
        limit=limit,
    )


async def given_up(tx: Tx, *, shown_max: int) -> list[GivenUp]:
    """Per gateway: events that were tried as often as allowed, and the ids of the oldest."""
    return await fetch_all(
        tx,
        GivenUp,
        """
        SELECT gateway, count(*) AS events, min(received_at) AS since,
               (array_agg(id ORDER BY received_at))[:%(shown_max)s] AS shown
          FROM webhook_events
         WHERE state IN ('received', 'failed') AND attempts >= %(tries_max)s
         GROUP BY gateway""",
        tries_max=TRIES_MAX,
        shown_max=shown_max,
    )


async def end(
    tx: Tx, event_id: UUID, to: EventState, *, sources: list[EventState], error: str | None
) -> int:
    """Record how acting on an event ended; 0 if its state is none of `sources` any more."""
    return await execute(
        tx,
        """
        UPDATE webhook_events
           SET state = %(to)s, error = %(error)s,
               processed_at = CASE WHEN %(to)s <> 'failed' THEN business_now() END
         WHERE id = %(id)s AND state = ANY(%(sources)s)""",
        id=event_id,
        to=to,
        sources=sources,
        error=error,
    )


async def events(
    tx: Tx, wanted: EventFilter, *, before: UUID | None, limit: int
) -> list[EventReply]:
    """Events, newest first (ids are in the order of time), older than the event of this id."""
    return await fetch_all(
        tx,
        EventReply,
        """
        SELECT id, gateway, kind, name, reference, gateway_id, account, state, attempts, error,
               received_at, processed_at, dismissed_because
          FROM webhook_events
         WHERE (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )


async def events_of_references(
    tx: Tx, references: Sequence[str], *, before: UUID | None, limit: int
) -> list[EventReply]:
    """Events about any of these references, newest first, older than the event of this id."""
    return await fetch_all(
        tx,
        EventReply,
        """
        SELECT id, gateway, kind, name, reference, gateway_id, account, state, attempts, error,
               received_at, processed_at, dismissed_because
          FROM webhook_events
         WHERE reference = ANY(%(references)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        references=list(references),
        before=before,
        limit=limit,
    )


async def find(tx: Tx, event_id: UUID) -> EventReply | None:
    sql = "SELECT * FROM webhook_events WHERE id = %(id)s"
    return await fetch_one(tx, EventReply, sql, id=event_id)


async def body(tx: Tx, event_id: UUID) -> bytes:
    """The bytes that the gateway sent."""
    return await fetch_new_value(
        tx, bytes, "SELECT body FROM webhook_events WHERE id = %(id)s", id=event_id
    )


async def restart(tx: Tx, event: EventReply) -> EventReply | None:
    """Make an event new if it is still in the state in which `event` was read; else None."""
    return await fetch_one(
        tx,
        EventReply,
        """
        UPDATE webhook_events
           SET state = 'received', attempts = 0, error = NULL, processed_at = NULL,
               dismissed_because = NULL,
               next_try_at = business_now() + interval '2 minutes'
         WHERE id = %(id)s AND state = %(was)s
     RETURNING *""",
        id=event.id,
        was=event.state,
    )


async def dismiss(tx: Tx, event_id: UUID, *, reason: str) -> EventReply | None:
    """Ignore an event that has failed, or was given up unnoticed; None if it is neither."""
    return await fetch_one(
        tx,
        EventReply,
        """
        UPDATE webhook_events
           SET state = 'ignored', dismissed_because = %(reason)s, processed_at = business_now()
         WHERE id = %(id)s
           AND (state = 'failed' OR (state = 'received' AND attempts >= %(tries_max)s))
     RETURNING *""",
        id=event_id,
        reason=reason,
        tries_max=TRIES_MAX,
    )
