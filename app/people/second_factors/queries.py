"""One statement per function on `second_factors` and `recovery_codes`. Their clock is `now()`."""

from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_one, fetch_value
from app.people.second_factors.model import Factor


async def begin(tx: Tx, *, account_id: UUID, secret: bytes) -> bool:
    """Store a secret in place of one that was not confirmed; False if one is in use."""
    begun = await execute(
        tx,
        """
        INSERT INTO second_factors (account_id, secret, began_at)
        VALUES (%(account_id)s, %(secret)s, now())
            ON CONFLICT (account_id) DO UPDATE
               SET secret = excluded.secret, began_at = excluded.began_at
             WHERE second_factors.confirmed_at IS NULL""",
        account_id=account_id,
        secret=secret,
    )
    return begun == 1


async def lock(
    tx: Tx, *, account_id: UUID, wrong_codes_max: int, wrong_for: timedelta
) -> Factor | None:
    """The factor of an account, locked: another code for it waits for our commit."""
    return await fetch_one(
        tx,
        Factor,
        """
        SELECT secret, confirmed_at, last_step,
               wrong_codes >= %(wrong_codes_max)s
                   AND wrong_since > clock_timestamp() - %(wrong_for)s AS too_many,
               floor(extract(epoch FROM clock_timestamp()))::bigint AS moment
          FROM second_factors
         WHERE account_id = %(account_id)s
           FOR UPDATE""",
        account_id=account_id,
        wrong_codes_max=wrong_codes_max,
        wrong_for=wrong_for,
    )


async def is_confirmed(tx: Tx, *, account_id: UUID) -> bool:
    known = await fetch_value(
        tx,
        bool,
        "SELECT confirmed_at IS NOT NULL FROM second_factors WHERE account_id = %(account_id)s",
        account_id=account_id,
    )
    return known is True


async def accept(tx: Tx, *, account_id: UUID, step: int, secret: bytes) -> None:
    """Record a right code of the app, which confirms the factor; store its secret anew."""
    await execute(
        tx,
        """
        UPDATE second_factors
           SET last_step = greatest(last_step, %(step)s), secret = %(secret)s,
               confirmed_at = coalesce(confirmed_at, now()), wrong_codes = 0, wrong_since = NULL
         WHERE account_id = %(account_id)s""",
        account_id=account_id,
        step=step,
        secret=secret,
    )


async def count_wrong(tx: Tx, *, account_id: UUID, wrong_for: timedelta) -> None:
    await execute(
        tx,
        """
        UPDATE second_factors
           SET wrong_codes = CASE WHEN wrong_since > now() - %(wrong_for)s
                                  THEN least(wrong_codes + 1, 1000) ELSE 1 END,
               wrong_since = CASE WHEN wrong_since > now() - %(wrong_for)s
                                  THEN wrong_since ELSE now() END
         WHERE account_id = %(account_id)s""",
        account_id=account_id,
        wrong_for=wrong_for,
    )


async def use_recovery_code(tx: Tx, *, account_id: UUID, code_hash: bytes) -> bool:
    used = await execute(
        tx,
        """
        UPDATE recovery_codes SET used_at = now()
         WHERE account_id = %(account_id)s AND code_hash = %(code_hash)s AND used_at IS NULL""",
        account_id=account_id,
        code_hash=code_hash,
    )
    return used == 1


async def delete_recovery_codes(tx: Tx, *, account_id: UUID) -> None:
    await execute(
        tx,
        "DELETE FROM recovery_codes WHERE account_id = %(account_id)s",
        account_id=account_id,
    )


async def insert_recovery_codes(tx: Tx, *, account_id: UUID, code_hashes: list[bytes]) -> None:
    await execute(
        tx,
        """
        INSERT INTO recovery_codes (account_id, code_hash)
        SELECT %(account_id)s, code_hash FROM unnest(%(code_hashes)s::bytea[]) AS code_hash""",
        account_id=account_id,
        code_hashes=code_hashes,
    )


async def delete(tx: Tx, *, account_id: UUID, confirmed_after: datetime | None = None) -> bool:
    """Delete a factor, or only one that was confirmed after an instant."""
    deleted = await execute(
        tx,
        """
        DELETE FROM second_factors
         WHERE account_id = %(account_id)s
           AND (%(confirmed_after)s::timestamptz IS NULL OR confirmed_at > %(confirmed_after)s)""",
        account_id=account_id,
        confirmed_after=confirmed_after,
    )
    return deleted == 1
