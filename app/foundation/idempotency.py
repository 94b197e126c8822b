"""Idempotency keys: a request that is sent twice takes effect once, and gets the same reply.

This follows the IETF draft "The Idempotency-Key HTTP Header Field" (07). While the first request
with a key runs, a second one is answered 409. A key that was used with another body is answered
422. Keys are kept for 24 hours.

A request that is one transaction calls `recall` first and `remember` last, so that a crash undoes
everything. A request that calls a gateway between two transactions calls `take` in the first, with
the id of what it created, and `remember` in the second. If it crashes between them, the key has no
reply; a request that finds it so after `busy_until` goes on with the resource that was created,
and does not create another.
"""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.foundation import limits
from app.foundation.db import Tx, execute, fetch_new
from app.foundation.errors import Conflict, Invalid, Malformed
from app.foundation.limits import Bucket, Used
from app.foundation.retention import Batch

KEPT: Final = timedelta(hours=24)

_LENGTH_MAX = 255


class KeyBusy(Conflict):
    """A request with this key is still running."""

    title = "A request with this Idempotency-Key is still running"


class KeyReused(Invalid):
    """The key was used before for a request with another body."""

    title = "This Idempotency-Key belongs to another request"


class KeyMissing(Malformed):
    """The request moves money, and such requests need a key."""

    title = "The Idempotency-Key header is required"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key, with its scope (which account, which route) and the hash of the request's body."""

    principal_id: UUID
    route: str  # method and path
    key: str
    body_sha256: bytes


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored under a key: a reply, or only the resource that was created."""

    held: bool  # whether this transaction got the lock of the key
    body_sha256: bytes | None
    status: int | None
    reply: bytes | None
    resource_id: UUID | None
    busy: bool  # whether the first request may still be running
    ahead_s: float | None = None  # of the bucket from which a token was taken


def read_key(text: str | None, *, principal_id: UUID, route: str, body: bytes) -> Key | None:
    """The key of a request, None if it has none. Raises Invalid for a key of a wrong form."""
    if text is None:
        return None
    if not 1 <= len(text) <= _LENGTH_MAX or not text.isascii() or not text.isprintable():
        raise Invalid.field("Idempotency-Key", f"must be 1 to {_LENGTH_MAX} printable characters")
    return Key(
        principal_id=principal_id,
        route=route,
        key=text,
        body_sha256=hashlib.sha256(body).digest(),
    )


async def recall(tx: Tx, key: Key | None, *, bucket: Bucket | None = None) -> Stored | None:
    """What is stored under this key, None if it is new. Locks the key until the transaction ends.

    Takes a token from `bucket` in the same statement, and without a key in the same round trip as
    the transaction begins. Raises KeyBusy while another request has the key, KeyReused if it was
    used with another body; Limited.
    """
    if key is None:
        if bucket:
            await limits.take(tx, bucket)
        return None
    stored = await (_look_and_take(tx, key, bucket) if bucket else _look(tx, key))
    if bucket and stored.ahead_s is not None:
        limits.judge(Used(bucket=bucket, ahead_s=stored.ahead_s))
    if not stored.held or (stored.busy and stored.reply is None):
        raise KeyBusy("Wait for the first request to end, then send this one again for its reply.")
    if stored.body_sha256 is None:
        return None
    if stored.body_sha256 != key.body_sha256:
        raise KeyReused("The key was used before with another body; use a new key.")
    return stored


async def _look(tx: Tx, key: Key) -> Stored:
    return await fetch_new(
        tx,
        Stored,
        """
        SELECT pg_try_advisory_xact_lock(hashtextextended(%(scope)s, 0)) AS held,
               body_sha256, status, reply, resource_id,
               coalesce(busy_until > business_now() AND created_at <= business_now(), false)
               AS busy  -- one that began in the future did so by a clock that was wrong
          FROM (SELECT) AS always
          LEFT JOIN idempotency_keys
            ON principal_id = %(principal_id)s AND route = %(route)s AND key = %(key)s
           AND created_at > business_now() - %(kept_for)s""",
        scope=f"{key.principal_id} {key.route} {key.key}",
        principal_id=key.principal_id,
        route=key.route,
        key=key.key,
        kept_for=KEPT,
    )


async def _look_and_take(tx: Tx, key: Key, bucket: Bucket) -> Stored:
    """As `_look`, and then as `limits.take`. The lock of the key comes first: while the statement
    waits for the bucket, nobody else can store a reply that it would not see.
    """
    return await fetch_new(
        tx,
        Stored,
        """
        WITH locked AS MATERIALIZED (
            SELECT pg_try_advisory_xact_lock(hashtextextended(%(scope)s, 0)) AS held,
                   business_now() AS moment
        ), taken AS (
            INSERT INTO limit_buckets AS known (key, full_at, window_s)
            SELECT %(bucket)s, now() + make_interval(secs => %(token_s)s), %(window_s)s
              FROM locked WHERE held
                ON CONFLICT (key) DO UPDATE
               SET window_s = excluded.window_s,
                   full_at = CASE WHEN known.full_at BETWEEN clock_timestamp() AND clock_timestamp()
                                       + make_interval(secs => 2 * excluded.window_s)
                                  THEN known.full_at ELSE clock_timestamp() END
                             + (excluded.full_at - now())
         RETURNING extract(epoch FROM full_at - clock_timestamp())::float8 AS ahead_s
        )
        SELECT held, (SELECT ahead_s FROM taken) AS ahead_s,
               body_sha256, status, reply, resource_id,
               coalesce(busy_until > moment AND created_at <= moment, false)
               AS busy  -- one that began in the future did so by a clock that was wrong
          FROM locked
          LEFT JOIN idempotency_keys
            ON principal_id = %(principal_id)s AND route = %(route)s AND key = %(key)s
           AND created_at > moment - %(kept_for)s""",
        scope=f"{key.principal_id} {key.route} {key.key}",
        principal_id=key.principal_id,
        route=key.route,
        key=key.key,
        kept_for=KEPT,
        bucket=bucket.key,
        token_s=bucket.token_s,
        window_s=float(bucket.policy.window_s),
    )


async def remember(tx: Tx, key: Key | None, *, status: int, reply: bytes) -> None:
    """Store the reply, in the transaction that commits what the reply describes."""
    if key is None:
        return
    kept = await execute(
        tx,
        """
        INSERT INTO idempotency_keys AS kept
               (principal_id, route, key, body_sha256, status, reply)
        VALUES (%(principal_id)s, %(route)s, %(key)s, %(body_sha256)s, %(status)s, %(reply)s)
            ON CONFLICT (principal_id, route, key) DO UPDATE
           SET body_sha256 = excluded.body_sha256, status = excluded.status,
               reply = excluded.reply, busy_until = NULL, created_at = business_now()
         WHERE kept.reply IS NULL OR kept.created_at <= business_now() - %(kept_for)s""",
        **msgspec.structs.asdict(key),
        status=status,
        reply=reply,
        kept_for=KEPT,
    )
    if not kept:  # another request stored its reply after recall() had looked
        raise KeyBusy("A request with this key has just ended. Send this one again for its reply.")


async def take(tx: Tx, key: Key, *, resource_id: UUID, busy_for: timedelta) -> None:
    """Store what the key's request creates, before the work that comes after this transaction.

    Other requests with this key get KeyBusy for the time `busy_for`.
    """
    await execute(
        tx,
        """
        INSERT INTO idempotency_keys
               (principal_id, route, key, body_sha256, resource_id, busy_until)
        VALUES (%(principal_id)s, %(route)s, %(key)s, %(body_sha256)s, %(resource_id)s,
                business_now() + %(busy_for)s)
            ON CONFLICT (principal_id, route, key) DO UPDATE
           SET body_sha256 = excluded.body_sha256, resource_id = excluded.resource_id,
               busy_until = excluded.busy_until, status = NULL, reply = NULL,
               created_at = business_now()""",
        **msgspec.structs.asdict(key),
        resource_id=resource_id,
        busy_for=busy_for,
    )


async def release(tx: Tx, key: Key) -> None:
    """End the busy time of a key: the work ended without a reply to store.

    The next request with this key goes on at once, with the resource stored by `take`.
    """
    await execute(
        tx,
        """
        UPDATE idempotency_keys SET busy_until = NULL
         WHERE principal_id = %(principal_id)s AND route = %(route)s AND key = %(key)s""",
        principal_id=key.principal_id,
        route=key.route,
        key=key.key,
    )


async def forget_old(tx: Tx, *, limit: int) -> Batch:
    """Delete a batch of the keys that are older than 24 hours."""
    deleted = await execute(
        tx,
        """
        DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM idempotency_keys
             WHERE created_at <= (SELECT business_now()) - %(kept_for)s
             LIMIT %(limit)s
        ))""",
        kept_for=KEPT,
        limit=limit,
    )
    return Batch.of(deleted, limit=limit)
