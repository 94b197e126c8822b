"""Notify an account by mail, and record each attempt to send the mail."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
import uuid_utils.compat

from app.edge.notifications import queries, rules
from app.edge.notifications.model import Facts, Kind, Outcome, Taken
from app.foundation.alerts import Severity, raise_alert
from app.foundation.clipping import clip
from app.foundation.db import Tx
from app.foundation.queue import SendNotification, enqueue

# Longer than any attempt can take, so that a lease ends only when its holder is dead.
LEASE: Final = timedelta(minutes=5)

_log = structlog.get_logger(__name__)


async def notify(
    tx: Tx,
    *,
    account_id: UUID,
    kind: Kind,
    source_id: UUID,
    data: Facts,
    address: str | None = None,
) -> None:
    """Notify an account by mail, once per kind and source, if the caller's transaction commits.

    `source_id` is the id of what it is about: a booking, charge or refund. The mail goes to the
    account's address as it is when it is sent, or to `address`.
    """
    notification_id: UUID = uuid_utils.compat.uuid7()
    inserted = await queries.insert(
        tx,
        notification_id=notification_id,
        account_id=account_id,
        kind=kind,
        source_id=source_id,
        data=data,
        address=address,
    )
    if inserted:
        await enqueue(tx, SendNotification(notification_id=notification_id))


async def take(tx: Tx, notification_id: UUID) -> Taken | None:
    """Take one notification for sending; None if it is not due, or another worker has it."""
    return await queries.take(tx, notification_id=notification_id, lease=LEASE)


async def take_next(tx: Tx) -> Taken | None:
    """Take the next notification that is due; None if there is none."""
    return await queries.take_next(tx, lease=LEASE)


async def record_sent(tx: Tx, taken: Taken) -> Outcome:
    await queries.mark_sent(tx, notification_id=taken.id)
    return Outcome.SENT


async def record_failure(tx: Tx, taken: Taken, *, error: str, permanent: bool) -> Outcome:
    """Plan the next attempt, or give up: at once if the failure is permanent, else in the end."""
    _log.warning("mail not sent", kind=taken.kind, attempts=taken.attempts, error=error)
    if await _try_later(tx, taken, error=error, permanent=permanent):
        return Outcome.RETRIED
    await raise_alert(
        tx,
        kind="mail_given_up",
        severity=Severity.WARNING,
        subject="refused by the recipient's server" if permanent else "mail server",
        details={"notificationId": taken.id, "kind": taken.kind, "error": error},
    )
    return Outcome.FAILED


async def record_not_composed(tx: Tx, taken: Taken, *, error: str) -> Outcome:
    """Plan the next attempt: until then its data or template may have been repaired."""
    await _try_later(tx, taken, error=error, permanent=False)
    await raise_alert(
        tx,
        kind="mail_not_composed",
        severity=Severity.CRITICAL,
        subject=taken.kind,
        details={"notificationId": taken.id, "error": error},
    )
    return Outcome.NOT_COMPOSED


async def _try_later(tx: Tx, taken: Taken, *, error: str, permanent: bool) -> bool:
    """Plan the next attempt if there is one; if not, mark it as failed and return False."""
    error = clip(error)
    if permanent or taken.attempts >= rules.ATTEMPTS_MAX:
        await queries.mark_failed(
            tx, notification_id=taken.id, attempts=taken.attempts, error=error
        )
        return False
    await queries.mark_for_retry(
        tx,
        notification_id=taken.id,
        attempts=taken.attempts,
        wait=rules.wait_after(taken.attempts),
        error=error,
    )
    return True
