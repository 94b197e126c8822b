"""Telling somebody something, and what the outbox keeps of each attempt."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
import uuid_utils.compat

from app.edge.notifications import queries, rules
from app.edge.notifications.model import Claimed, Facts, Kind, Outcome
from app.foundation.alerts import Severity, raise_alert
from app.foundation.db import Tx
from app.foundation.queue import SendNotification, enqueue

# Longer than any attempt can take, so that a lease ends only when its holder is dead.
LEASE: Final = timedelta(minutes=5)

_log = structlog.get_logger(__name__)


async def notify(tx: Tx, *, account_id: UUID, kind: Kind, source_id: UUID, data: Facts) -> None:
    """Tell an account, once per kind and source, by mail, if the caller's transaction commits.

    `source_id` is what it is about: the booking's, charge's or refund's id.
    """
    notification_id: UUID = uuid_utils.compat.uuid7()
    inserted = await queries.insert(
        tx,
        notification_id=notification_id,
        account_id=account_id,
        kind=kind,
        source_id=source_id,
        data=data,
    )
    if inserted:
        await enqueue(tx, SendNotification(notification_id=notification_id))


async def claim(tx: Tx, notification_id: UUID) -> Claimed | None:
    """Take one notification for sending; None if it is not due or another worker has it."""
    return await queries.claim(tx, notification_id=notification_id, lease=LEASE)


async def claim_next(tx: Tx) -> Claimed | None:
    """Take the next notification that is due; None if there is none."""
    return await queries.claim_next(tx, lease=LEASE)


async def record_sent(tx: Tx, claimed: Claimed) -> Outcome:
    await queries.mark_sent(tx, notification_id=claimed.id)
    return Outcome.SENT


async def record_failure(tx: Tx, claimed: Claimed, *, error: str, permanent: bool) -> Outcome:
    """Plan the next attempt, or give up: at once if it is permanent, else after the last try."""
    _log.warning("mail not sent", kind=claimed.kind, attempts=claimed.attempts, error=error)
    if await _try_later(tx, claimed, error=error, permanent=permanent):
        return Outcome.RETRIED
    await raise_alert(
        tx,
        kind="mail_given_up",
        severity=Severity.WARNING,
        subject="refused by the recipient's server" if permanent else "mail server",
        details={"notificationId": claimed.id, "kind": claimed.kind, "error": error},
    )
    return Outcome.FAILED


async def record_not_composed(tx: Tx, claimed: Claimed, *, error: str) -> Outcome:
    """Plan the next attempt, when somebody may have mended its data or its template."""
    await _try_later(tx, claimed, error=error, permanent=False)
    await raise_alert(
        tx,
        kind="mail_not_composed",
        severity=Severity.CRITICAL,
        subject=claimed.kind,
        details={"notificationId": claimed.id, "error": error},
    )
    return Outcome.NOT_COMPOSED


async def _try_later(tx: Tx, claimed: Claimed, *, error: str, permanent: bool) -> bool:
    """Whether there is a next attempt; if not, the notification has failed."""
    if permanent or claimed.attempts >= rules.ATTEMPTS_MAX:
        await queries.mark_failed(
            tx, notification_id=claimed.id, attempts=claimed.attempts, error=error
        )
        return False
    await queries.mark_for_retry(
        tx,
        notification_id=claimed.id,
        attempts=claimed.attempts,
        wait=rules.wait_after(claimed.attempts),
        error=error,
    )
    return True
