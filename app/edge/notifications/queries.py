"""One statement per function on `notifications`, the outbox of mails."""

from datetime import timedelta
from uuid import UUID

from app.edge.notifications.model import Facts, Kind, Taken
from app.foundation.db import Tx, execute, fetch_one, json


async def insert(
    tx: Tx,
    *,
    notification_id: UUID,
    account_id: UUID,
    kind: Kind,
    source_id: UUID,
    data: Facts,
    address: str | None,
) -> bool:
    """Put a notification into the outbox; False if the account was notified of this already."""
    inserted = await execute(
        tx,
        """
        INSERT INTO notifications (id, account_id, kind, source_id, data, address)
        VALUES (%(id)s, %(account_id)s, %(kind)s, %(source_id)s, %(data)s, %(address)s)
            ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING""",
        id=notification_id,
        account_id=account_id,
        kind=kind,
        source_id=source_id,
        data=json(data),
        address=address,
    )
    return inserted == 1


async def take(tx: Tx, *, notification_id: UUID, lease: timedelta) -> Taken | None:
    """Take one notification if it is due: of many workers at once, one gets it."""
    return await fetch_one(
        tx,
        Taken,
        """
        UPDATE notifications
           SET attempts = attempts + 1, next_try_at = business_now() + %(lease)s
          FROM accounts
         WHERE notifications.id = %(id)s
           AND notifications.state = 'queued'
           AND notifications.next_try_at <= business_now()
           AND accounts.id = notifications.account_id
        RETURNING notifications.id, notifications.kind, notifications.source_id,
                  notifications.data, notifications.attempts, notifications.created_at,
                  coalesce(notifications.address, accounts.email) AS email, accounts.name,
                  accounts.locale, accounts.zone""",
        id=notification_id,
        lease=lease,
    )


async def take_next(tx: Tx, *, lease: timedelta) -> Taken | None:
    """Take the notification that has been due for the longest, of those that nobody is taking."""
    return await fetch_one(
        tx,
        Taken,
        """
        WITH due AS (
            SELECT id FROM notifications
             WHERE state = 'queued' AND next_try_at <= business_now()
             ORDER BY next_try_at
             LIMIT 1
               FOR UPDATE SKIP LOCKED
        )
        UPDATE notifications
           SET attempts = attempts + 1, next_try_at = business_now() + %(lease)s
          FROM due, accounts
         WHERE notifications.id = due.id AND accounts.id = notifications.account_id
        RETURNING notifications.id, notifications.kind, notifications.source_id,
                  notifications.data, notifications.attempts, notifications.created_at,
                  coalesce(notifications.address, accounts.email) AS email, accounts.name,
                  accounts.locale, accounts.zone""",
        lease=lease,
    )


async def mark_sent(tx: Tx, *, notification_id: UUID) -> None:
    """Record that the mail server accepted a mail: it is true whichever worker has it by now."""
    await execute(
        tx,
        """
        UPDATE notifications SET state = 'sent', sent_at = business_now(), last_error = NULL
         WHERE id = %(id)s AND state <> 'sent'""",
        id=notification_id,
    )


async def mark_for_retry(
    tx: Tx, *, notification_id: UUID, attempts: int, wait: timedelta, error: str
) -> None:
    """Plan the next attempt; changes nothing if another worker has taken it since."""
    await execute(
        tx,
        """
        UPDATE notifications
           SET next_try_at = business_now() + %(wait)s, last_error = %(error)s
         WHERE id = %(id)s AND state = 'queued' AND attempts = %(attempts)s""",
        id=notification_id,
        attempts=attempts,
        wait=wait,
        error=error,
    )


async def mark_failed(tx: Tx, *, notification_id: UUID, attempts: int, error: str) -> None:
    """Give up; changes nothing if another worker has taken it since."""
    await execute(
        tx,
        """
        UPDATE notifications SET state = 'failed', last_error = %(error)s
         WHERE id = %(id)s AND state = 'queued' AND attempts = %(attempts)s""",
        id=notification_id,
        attempts=attempts,
        error=error,
    )
