"""One statement per function on `mail_links`. Their clock is `now()`."""

from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_one, fetch_values
from app.people.mail_links.model import MailLink, TakeBack


async def insert(
    tx: Tx,
    *,
    link_id: UUID,
    account_id: UUID,
    purpose: str,
    address: str,
    lives_for: timedelta,
) -> None:
    await execute(
        tx,
        """
        INSERT INTO mail_links (id, account_id, purpose, address, made_at, expires_at)
        VALUES (%(link_id)s, %(account_id)s, %(purpose)s, %(address)s, now(),
                now() + %(lives_for)s)""",
        link_id=link_id,
        account_id=account_id,
        purpose=purpose,
        address=address,
        lives_for=lives_for,
    )


async def find(tx: Tx, *, link_id: UUID) -> MailLink | None:
    return await fetch_one(
        tx,
        MailLink,
        """
        SELECT id, account_id, purpose, address, made_at, expires_at,
               used_at IS NULL AND voided_at IS NULL AND expires_at > now() AS is_open
          FROM mail_links WHERE id = %(link_id)s""",
        link_id=link_id,
    )


async def use(tx: Tx, *, link_id: UUID) -> bool:
    """Mark a link as used; False if it is not open: of many at once, one uses it."""
    used = await execute(
        tx,
        """
        UPDATE mail_links SET used_at = now()
         WHERE id = %(link_id)s AND used_at IS NULL AND voided_at IS NULL
           AND expires_at > now()""",
        link_id=link_id,
    )
    return used == 1


async def void(
    tx: Tx, *, account_id: UUID, purposes: list[str], made_after: datetime | None = None
) -> int:
    return await execute(
        tx,
        """
        UPDATE mail_links SET voided_at = now()
         WHERE account_id = %(account_id)s AND purpose = ANY(%(purposes)s)
           AND used_at IS NULL AND voided_at IS NULL
           AND (%(made_after)s::timestamptz IS NULL OR made_at > %(made_after)s)""",
        account_id=account_id,
        purposes=purposes,
        made_after=made_after,
    )


async def find_take_back(tx: Tx, *, account_id: UUID) -> TakeBack | None:
    """The take-back of an account that is open for longest."""
    return await fetch_one(
        tx,
        TakeBack,
        """
        SELECT address, extract(epoch FROM expires_at - now())::float8 AS seconds
          FROM mail_links
         WHERE account_id = %(account_id)s AND purpose = 'take_back'
           AND used_at IS NULL AND voided_at IS NULL AND expires_at > now()
         ORDER BY expires_at DESC
         LIMIT 1""",
        account_id=account_id,
    )


async def delete_expired(tx: Tx, *, kept: timedelta, limit: int) -> list[UUID]:
    return await fetch_values(
        tx,
        UUID,
        """
        DELETE FROM mail_links WHERE id = ANY(ARRAY(
            SELECT id FROM mail_links
             WHERE expires_at <= now() - %(kept)s
             ORDER BY expires_at
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
        ))
        RETURNING id""",
        kept=kept,
        limit=limit,
    )
