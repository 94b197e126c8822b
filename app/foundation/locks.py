"""Job locks: only one process at a time runs a job. Operators see which, and can end its lock.

The lock is an advisory lock of a Postgres session. A row beside it, the lease, shows which process
holds it and until when. The holder writes only through the session that has the lock. To end that
session is therefore to take away the lock and every uncommitted write together. A holder that
hangs does not renew its lease; after that, a process that wants the lock may end its session.

The session must be a direct connection. Behind a pooler in transaction mode, the lock would belong
to a server session that the pooler gives to another client for the next transaction.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
import uuid_utils.compat

from app.foundation.db import (
    Connection,
    Tx,
    execute,
    fetch_all,
    fetch_new_value,
    fetch_one,
    is_pooled,
    only_connection,
    transaction,
)
from app.foundation.errors import Unavailable
from app.foundation.settings import instance
from app.foundation.wire import Output

LEASE: Final = timedelta(minutes=5)
_RENEWED_EVERY: Final = timedelta(minutes=1)
_KEY_CLASS: Final = 0x6A6F6273  # "jobs"; the hash of the job's name is the other half of the key
_SESSION_END_MS_MAX: Final = 5_000

_log = structlog.get_logger(__name__)


class LockBusy(Exception):
    """Another process runs this job now; the message names it."""


class LockLost(Exception):
    """The holder's session was ended, and its uncommitted writes with it."""


class NoSession(Exception):
    """The URL is that of a pooler, but a lock needs a direct connection."""


class Lease(Output, frozen=True):
    """Which process holds a lock.

    `alive`: its session still exists. `expired`: it did not renew the lease in time, or did so
    while the server's clock was ahead: no lease lasts for longer than `LEASE`.
    """

    id: UUID
    name: str
    instance: str
    backend_pid: int
    backend_start: datetime
    acquired_at: datetime
    renewed_at: datetime
    expires_at: datetime
    expired: bool
    alive: bool


@asynccontextmanager
async def held(
    name: str, url: str, *, renewed_every: timedelta = _RENEWED_EVERY
) -> AsyncGenerator[None, None]:
    """Hold a lock. Every transaction() inside the block uses the session of the lock.

    `url` must not be that of a pooler (NoSession). Raises LockBusy if another process holds the
    lock, and LockLost if the lock is taken away before the block ends.
    """
    async with only_connection(url) as connection:
        if await is_pooled(connection):
            raise NoSession("Job locks need a direct connection: set DATABASE_DIRECT_URL.")
        lease_id = await _take(connection, name)
        done = asyncio.Event()
        renewing = asyncio.create_task(_renew_until(connection, lease_id, renewed_every, done))
        try:
            yield
        except Exception as error:
            if connection.closed:
                raise LockLost(f"the lock {name} was taken away") from error
            raise
        finally:
            done.set()
            await renewing
            await _unlock(connection, name, lease_id)


async def leases(tx: Tx) -> list[Lease]:
    """The leases of all locks, ordered by name."""
    return await fetch_all(
        tx,
        Lease,
        """
        SELECT job_locks.*, expires_at NOT BETWEEN now() AND now() + %(lease)s * 2 AS expired,
               EXISTS (SELECT FROM pg_stat_activity AS session
                        WHERE pid = backend_pid
                          AND session.backend_start = job_locks.backend_start) AS alive
          FROM job_locks ORDER BY name""",
        lease=LEASE,
    )


async def end(tx: Tx, lease_id: UUID) -> Lease | None:
    """Take a lock away from its holder, which can write nothing after this returns.

    None if the lease does not exist any more: the lock was released, or another process took it.
    Raises Unavailable if the holder's session does not end.
    """
    lease = await _find_lease(tx, lease_id=lease_id)
    if lease is None:
        return None
    if lease.alive and not await _end_session(tx, lease):
        raise Unavailable("The session that holds the lock did not end in time.", retry_after_s=5)
    await execute(tx, "DELETE FROM job_locks WHERE id = %(id)s", id=lease.id)
    _log.warning("job lock taken away", lock=lease.name, holder=lease.instance)
    return lease


async def end_expired(tx: Tx) -> list[Lease]:
    """Take away all locks whose lease was not renewed in time; returns those leases."""
    late = [lease for lease in await leases(tx) if lease.expired]
    return [ended for lease in late if (ended := await end(tx, lease.id))]


async def _take(connection: Connection, name: str) -> UUID:
    if await _try_lock(connection, name):
        return await _write_lease(connection, name)
    async with transaction() as tx:
        lease = await _find_lease(tx, name=name)
        if lease and lease.expired:
            await end(tx, lease.id)
    if await _try_lock(connection, name):
        return await _write_lease(connection, name)
    whose = f"{lease.instance}, since {lease.acquired_at:%Y-%m-%d %H:%M:%S}" if lease else "another"
    raise LockBusy(f"held by {whose}")


async def _try_lock(connection: Connection, name: str) -> bool:
    sql = "SELECT pg_try_advisory_lock(%(keys)s, hashtext(%(name)s))"
    return await fetch_new_value(connection, bool, sql, keys=_KEY_CLASS, name=name)


async def _write_lease(connection: Connection, name: str) -> UUID:
    """Write the lease of a lock that this session has just got, over a lease left by another."""
    return await fetch_new_value(
        connection,
        UUID,
        """
        INSERT INTO job_locks (name, id, instance, backend_pid, backend_start, expires_at)
        SELECT %(name)s, %(id)s, %(instance)s, pid, backend_start, now() + %(lease)s
          FROM pg_stat_activity WHERE pid = pg_backend_pid()
            ON CONFLICT (name) DO UPDATE
           SET id = excluded.id, instance = excluded.instance, backend_pid = excluded.backend_pid,
               backend_start = excluded.backend_start, acquired_at = now(), renewed_at = now(),
               expires_at = excluded.expires_at
        RETURNING id""",
        name=name,
        id=uuid_utils.compat.uuid7(),
        instance=instance(),
        lease=LEASE,
    )


async def _renew_until(
    connection: Connection, lease_id: UUID, every: timedelta, done: asyncio.Event
) -> None:
    """Renew the lease until the work is done or the session has ended."""
    while not done.is_set() and not connection.closed:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), every.total_seconds())
            return
        try:
            await _renew(connection, lease_id)
        except Exception as error:  # noqa: BLE001  not fatal: the session holds the lock
            _log.warning("job lock not renewed", exc_info=error)


async def _renew(connection: Connection, lease_id: UUID) -> None:
    async with transaction() as tx:
        renewed = await execute(
            tx,
            """
            UPDATE job_locks SET renewed_at = now(), expires_at = now() + %(lease)s
             WHERE id = %(id)s""",
            id=lease_id,
            lease=LEASE,
        )
    if not renewed:
        _log.warning("job lock belongs to another process now, closing the session")
        await connection.close()


async def _unlock(connection: Connection, name: str, lease_id: UUID) -> None:
    if connection.closed:
        return
    try:
        await execute(
            connection,
            """
            WITH gone AS (DELETE FROM job_locks WHERE id = %(id)s)
            SELECT pg_advisory_unlock(%(keys)s, hashtext(%(name)s))""",
            id=lease_id,
            keys=_KEY_CLASS,
            name=name,
        )
    except Unavailable as error:
        _log.warning("job lock not released, its session ends", lock=name, exc_info=error)


async def _find_lease(
    tx: Tx, *, lease_id: UUID | None = None, name: str | None = None
) -> Lease | None:
    """The lease with this id or name, None if there is none; its row is locked."""
    return await fetch_one(
        tx,
        Lease,
        """
        SELECT job_locks.*, expires_at NOT BETWEEN now() AND now() + %(lease)s * 2 AS expired,
               EXISTS (SELECT FROM pg_stat_activity AS session
                        WHERE pid = backend_pid AND pid <> pg_backend_pid()
                          AND session.backend_start = job_locks.backend_start) AS alive
          FROM job_locks WHERE id = %(lease_id)s OR name = %(name)s
           FOR UPDATE""",
        lease_id=lease_id,
        name=name,
        lease=LEASE,
    )


async def _end_session(tx: Tx, lease: Lease) -> bool:
    """End the session that holds a lock; returns whether it has ended.

    A session that does not hold the lock any more is left alone.
    """
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT coalesce(bool_and(pg_terminate_backend(session.pid, %(within_ms)s)), true)
          FROM pg_stat_activity AS session JOIN pg_locks AS lock USING (pid)
         WHERE session.pid = %(pid)s AND session.backend_start = %(start)s
           AND locktype = 'advisory' AND objsubid = 2 AND classid::bigint = %(keys)s
           AND objid::bigint = hashtext(%(name)s)::bigint & 4294967295""",
        within_ms=_SESSION_END_MS_MAX,
        pid=lease.backend_pid,
        start=lease.backend_start,
        keys=_KEY_CLASS,
        name=lease.name,
    )
