"""Store what a gateway says once, and queue acting on it; write down how that ended."""

from collections.abc import Mapping
from uuid import UUID

import structlog
import uuid_utils.compat

from app.db import Tx
from app.gateways.port import BadPayload, BadSignature, Event, Gateway
from app.queue import ProcessWebhook, enqueue
from app.webhooks import queries
from app.webhooks.model import EventState, ForgedWebhook, Receipt, StoredEvent, UnreadableWebhook

_log = structlog.get_logger(__name__)


def verify(gateway: Gateway, headers: Mapping[str, str], body: bytes) -> Event:
    """The event, if the gateway signed exactly these bytes.

    Raises ForgedWebhook, UnreadableWebhook.
    """
    try:
        return gateway.read_webhook(headers, body)
    except BadSignature as error:
        _log.warning("webhook refused", gateway=gateway.name, reason=str(error))
        raise ForgedWebhook("The signature does not fit the body.") from error
    except BadPayload as error:
        _log.warning("webhook unreadable", gateway=gateway.name, reason=str(error))
        raise UnreadableWebhook(str(error)) from error


async def store(tx: Tx, gateway: Gateway, event: Event, body: bytes) -> Receipt:
    """Store an event and queue acting on it, unless it is known and did not fail."""
    stored_id = await queries.insert(
        tx, event_id=uuid_utils.compat.uuid7(), gateway=gateway.name, event=event, body=body
    )
    if stored_id is None:
        return Receipt(received=True, deduplicated=True)
    await enqueue(tx, ProcessWebhook(event_id=stored_id))
    return Receipt(received=True, deduplicated=False)


async def retry_unprocessed(tx: Tx, *, limit: int) -> int:
    """Queue events again that were received, or failed, over two minutes ago; returns how many."""
    event_ids = await queries.unprocessed(tx, limit=limit)
    for event_id in event_ids:
        await enqueue(tx, ProcessWebhook(event_id=event_id))
    return len(event_ids)


async def begin(tx: Tx, event_id: UUID) -> StoredEvent | None:
    """An event to act on, its attempt counted; None if it has been acted on."""
    return await queries.begin(tx, event_id)


async def processed(tx: Tx, event_id: UUID) -> None:
    """In the transaction of the event's effect."""
    await queries.end(tx, event_id, EventState.PROCESSED)


async def ignored(tx: Tx, event_id: UUID) -> None:
    """Nothing is to be done about an event of this kind."""
    await queries.end(tx, event_id, EventState.IGNORED)


async def failed(tx: Tx, event_id: UUID, *, error: str) -> None:
    """Acting on it did not work; the gateway's next delivery, or a replay, tries again."""
    await queries.end(tx, event_id, EventState.FAILED, error=error)
