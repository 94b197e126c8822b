"""One statement per function on `sessions` and `refresh_tokens`.

Sessions and tokens expire by `now()`, the server's real time, and not by `business_now()`: access
tokens do too, and moving the business clock must not log everybody out.
"""

from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_value, fetch_values
from app.people.accounts.model import SessionRow, ShownToken, Standing


async def find_standing(
    tx: Tx,
    *,
    session_id: UUID,
    account_id: UUID,
    session_lives_for: timedelta,
    proved_for: timedelta,
) -> Standing | None:
    """What a session may do now; None if it has ended, or its account is disabled.

    A proof by password does not count once a second factor is set.
    """
    return await fetch_one(
        tx,
        Standing,
        """
        SELECT account.roles, factor.account_id IS NOT NULL AS has_factor,
               coalesce(session.proved_at > now() - %(proved_for)s
                        AND session.proved_at >= coalesce(factor.confirmed_at, '-infinity'),
                        false) AS proved
          FROM sessions AS session
          JOIN accounts AS account ON account.id = session.account_id
          LEFT JOIN second_factors AS factor
            ON factor.account_id = account.id AND factor.confirmed_at IS NOT NULL
         WHERE session.id = %(session_id)s AND account.id = %(account_id)s
           AND session.revoked_at IS NULL AND account.disabled_at IS NULL
           AND session.created_at > now() - %(session_lives_for)s""",
        session_id=session_id,
        account_id=account_id,
        session_lives_for=session_lives_for,
        proved_for=proved_for,
    )


async def set_proved(
    tx: Tx, *, session_id: UUID, password_hash: str | None, proved_for: timedelta
) -> datetime | None:
    """Record a proof, and until when it counts; None if the session has ended.

    With `password_hash` the proof was a password: none either if the account has another one by
    now, or a second factor, which a password does not prove.
    """
    return await fetch_value(
        tx,
        datetime,
        """
        UPDATE sessions AS session SET proved_at = clock_timestamp()
          FROM accounts AS account
         WHERE session.id = %(session_id)s AND account.id = session.account_id
           AND session.revoked_at IS NULL AND account.disabled_at IS NULL
           AND (%(password_hash)s::text IS NULL
                OR account.password_hash = %(password_hash)s
                   AND NOT EXISTS (SELECT FROM second_factors AS factor
                                    WHERE factor.account_id = account.id
                                      AND factor.confirmed_at IS NOT NULL))
        RETURNING session.proved_at + %(proved_for)s""",
        session_id=session_id,
        password_hash=password_hash,
        proved_for=proved_for,
    )


async def sessions_of(tx: Tx, *, account_id: UUID, limit: int) -> list[SessionRow]:
    """The sessions of an account that have not ended, the one that was used last first."""
    return await fetch_all(
        tx,
        SessionRow,
        """
        SELECT session.id, session.user_agent, session.address_range, session.created_at,
               max(token.issued_at) AS last_seen_at
          FROM sessions AS session
          JOIN refresh_tokens AS token ON token.session_id = session.id
         WHERE session.account_id = %(account_id)s AND session.revoked_at IS NULL
         GROUP BY session.id
        HAVING max(token.expires_at) > now()
         ORDER BY max(token.issued_at) DESC, session.id
         LIMIT %(limit)s""",
        account_id=account_id,
        limit=limit,
    )


async def insert_session(
    tx: Tx, *, session_id: UUID, account_id: UUID, user_agent: str, address_range: str
) -> int:
    """Insert a session; who opens it has proved who it is."""
    return await execute(
        tx,
        """
        INSERT INTO sessions (id, account_id, user_agent, address_range, created_at, proved_at)
        VALUES (%(session_id)s, %(account_id)s, %(user_agent)s, %(address_range)s, now(), now())""",
        session_id=session_id,
        account_id=account_id,
        user_agent=user_agent,
        address_range=address_range,
    )


async def insert_token(
    tx: Tx,
    *,
    token_hash: bytes,
    session_id: UUID,
    lives_for: timedelta,
    session_lives_for: timedelta,
) -> int:
    """Insert a token; it ends with its session at the latest."""
    return await execute(
        tx,
        """
        INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)
        SELECT %(token_hash)s, id, now(),
               least(now() + %(lives_for)s, created_at + %(session_lives_for)s)
          FROM sessions WHERE id = %(session_id)s""",
        token_hash=token_hash,
        session_id=session_id,
        lives_for=lives_for,
        session_lives_for=session_lives_for,
    )


async def find_token(
    tx: Tx, *, token_hash: bytes, tolerated: timedelta, session_lives_for: timedelta
) -> ShownToken | None:
    return await fetch_one(
        tx,
        ShownToken,
        """
        SELECT token.session_id, session.account_id, session.user_agent,
               token.used_at IS NOT NULL AS used,
               coalesce(token.used_at > clock_timestamp() - %(tolerated)s, false)
                   AS replaced_just_now,
               token.expires_at <= now() AS expired,
               session.created_at <= now() - %(session_lives_for)s AS over,
               session.revoked_at IS NOT NULL AS revoked
          FROM refresh_tokens AS token
          JOIN sessions AS session ON session.id = token.session_id
         WHERE token.token_hash = %(token_hash)s""",
        token_hash=token_hash,
        tolerated=tolerated,
        session_lives_for=session_lives_for,
    )


async def find_unused(tx: Tx, *, token_hashes: list[bytes]) -> bytes | None:
    """The one of these tokens that exists and was not used yet; None if there is none."""
    return await fetch_value(
        tx,
        bytes,
        """
        SELECT token_hash FROM refresh_tokens
         WHERE token_hash = ANY(%(token_hashes)s) AND used_at IS NULL""",
        token_hashes=token_hashes,
    )


async def use_token(tx: Tx, *, token_hash: bytes) -> bool:
    """Mark a token as used; False if it was used before."""
    used = await execute(
        tx,
        """
        UPDATE refresh_tokens SET used_at = clock_timestamp()
         WHERE token_hash = %(token_hash)s AND used_at IS NULL""",
        token_hash=token_hash,
    )
    return used == 1


async def revoke_session(tx: Tx, *, session_id: UUID, because: str) -> UUID | None:
    """End a session; returns the id of its account, or None if it had ended before."""
    return await fetch_value(
        tx,
        UUID,
        """
        UPDATE sessions SET revoked_at = now(), revoked_because = %(because)s
         WHERE id = %(session_id)s AND revoked_at IS NULL
        RETURNING account_id""",
        session_id=session_id,
        because=because,
    )


async def revoke_own(tx: Tx, *, session_id: UUID, account_id: UUID, because: str) -> bool:
    """End a session of this account; False if it has no such session that has not ended."""
    ended = await execute(
        tx,
        """
        UPDATE sessions SET revoked_at = now(), revoked_because = %(because)s
         WHERE id = %(session_id)s AND account_id = %(account_id)s AND revoked_at IS NULL""",
        session_id=session_id,
        account_id=account_id,
        because=because,
    )
    return ended == 1


async def revoke_sessions_of(tx: Tx, *, account_id: UUID, because: str) -> int:
    return await execute(
        tx,
        """
        UPDATE sessions SET revoked_at = now(), revoked_because = %(because)s
         WHERE account_id = %(account_id)s AND revoked_at IS NULL""",
        account_id=account_id,
        because=because,
    )


async def delete_expired_tokens(tx: Tx, *, kept: timedelta, limit: int) -> list[UUID]:
    """Delete tokens that expired at least `kept` ago; returns the session of each of them."""
    return await fetch_values(
        tx,
        UUID,
        """
        DELETE FROM refresh_tokens WHERE token_hash = ANY(ARRAY(
            SELECT token_hash FROM refresh_tokens
             WHERE expires_at <= now() - %(kept)s
             ORDER BY expires_at
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
        ))
        RETURNING session_id""",
        kept=kept,
        limit=limit,
    )


async def delete_revoked_tokens(tx: Tx, *, kept: timedelta, limit: int) -> list[UUID]:
    """Delete tokens of sessions that ended at least `kept` ago; returns the session of each."""
    return await fetch_values(
        tx,
        UUID,
        """
        DELETE FROM refresh_tokens WHERE token_hash = ANY(ARRAY(
            SELECT token.token_hash
              FROM sessions AS session
              JOIN refresh_tokens AS token ON token.session_id = session.id
             WHERE session.revoked_at <= now() - %(kept)s
             LIMIT %(limit)s
               FOR UPDATE OF token SKIP LOCKED
        ))
        RETURNING session_id""",
        kept=kept,
        limit=limit,
    )


async def delete_sessions_without_tokens(tx: Tx, *, session_ids: list[UUID]) -> int:
    return await execute(
        tx,
        """
        DELETE FROM sessions
         WHERE id = ANY(%(session_ids)s)
           AND NOT EXISTS (SELECT FROM refresh_tokens WHERE session_id = sessions.id)""",
        session_ids=session_ids,
    )
