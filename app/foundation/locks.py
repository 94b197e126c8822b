"""Job locks: one process at a time does a job, operators see which, and can take it away.

The lock is an advisory one of a Postgres session; beside it a row tells who holds it, and until
when (the lease). All that the holder writes goes through that very session: whoever ends it has
taken the lock and the pen at once, and nothing that was begun can be committed any more. A holder
that hangs does not renew its lease, and whoever wants the lock after that may end its session.

The session is a direct connection. Through a pooler in transaction mode the lock would belong to
a server session that is handed to somebody else with the next transaction.
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
_KEYS: Final = 0x6A6F6273  # "jobs"; the name of the job is the other half of the key
_ENDS_WITHIN_MS: Final = 5_000

_log = structlog.get_logger(__name__)


class LockBusy(Exception):
    """Another process does this job now; the message says which."""


class LockLost(Exception):
    """The holder's session is gone, and with it what it had not committed."""


class NoSession(Exception):
    """A pooler stands before the database, where a lock needs a session of its own."""


class Lease(Output, frozen=True):
    """Who holds a lock. `alive`: its session is still there; `expired`: it has not been renewed."""

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
    """Hold a lock, and make every transaction() inside write through its session.

    `url` is a direct one. Raises LockBusy, at the end or before it LockLost, and NoSession.
    """
    async with only_connection(url) as connection:
        if await is_pooled(connection):
            raise NoSession("Job locks need a direct connection: set DATABASE_DIRECT_URL.")
        lease_id = await _take(connection, name)
        done = asyncio.Event()
        renewing = asyncio.create_task(_keep(connection, lease_id, renewed_every, done))
        try:
            yield
        except Exception as error:
            if connection.closed:
                raise LockLost(f"the lock {name} was taken away") from error
            raise
        finally:
            done.set()
            await renewing
            await _give_back(connection, name, lease_id)


async def leases(tx: Tx) -> list[Lease]:
    """Every lock that is held, by name."""
    return await fetch_all(
        tx,
        Lease,
        """
        SELECT job_locks.*, expires_at <= now() AS expired,
               EXISTS (SELECT FROM pg_stat_activity AS session
                        WHERE pid = backend_pid
                          AND session.backend_start = job_locks.backend_start) AS alive
          FROM job_locks ORDER BY name""",
    )


async def end(tx: Tx, lease_id: UUID) -> Lease | None:
    """Take a lock away from its holder, which can write nothing more once this returns.

    None if there is no such lease any more: the lock has been given back, or taken by another.
    Raises Unavailable if the holder's session does not end.
    """
    lease = await _look(tx, lease_id=lease_id)
    if lease is None:
        return None
    if lease.alive and not await _end_session(tx, lease):
        raise Unavailable("The holder's session does not end.", retry_after_s=5)
    await execute(tx, "DELETE FROM job_locks WHERE id = %(id)s", id=lease.id)
    _log.warning("job lock taken away", lock=lease.name, holder=lease.instance)
    return lease


async def end_expired(tx: Tx) -> list[Lease]:
    """Take away what was not renewed in time; returns what was."""
    late = [lease for lease in await leases(tx) if lease.expired]
    return [ended for lease in late if (ended := await end(tx, lease.id))]


async def _take(connection: Connection, name: str) -> UUID:
    if await _try(connection, name):
        return await _sign(connection, name)
    async with transaction() as tx:
        lease = await _look(tx, name=name)
        if lease and lease.expired:
            await end(tx, lease.id)
    if await _try(connection, name):
        return await _sign(connection, name)
    whose = f"{lease.instance}, since {lease.acquired_at:%H:%M:%S}" if lease else "another"
    raise LockBusy(f"held by {whose}")


async def _try(connection: Connection, name: str) -> bool:
    sql = "SELECT pg_try_advisory_lock(%(keys)s, hashtext(%(name)s))"
    return await fetch_new_value(connection, bool, sql, keys=_KEYS, name=name)


async def _sign(connection: Connection, name: str) -> UUID:
    """Put our name to the lock; what another left there is void, for the lock is ours."""
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


async def _keep(
    connection: Connection, lease_id: UUID, every: timedelta, done: asyncio.Event
) -> None:
    """Renew the lease until the work is done, or the session gone."""
    while not done.is_set() and not connection.closed:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), every.total_seconds())
            return
        try:
            await _renew(connection, lease_id)
        except Exception as error:  # noqa: BLE001  the holder goes on as long as its session lives
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
        _log.warning("job lock is signed by another, giving up")
        await connection.close()


async def _give_back(connection: Connection, name: str, lease_id: UUID) -> None:
    if connection.closed:
        return
    try:
        await execute(
            connection,
            """
            WITH gone AS (DELETE FROM job_locks WHERE id = %(id)s)
            SELECT pg_advisory_unlock(%(keys)s, hashtext(%(name)s))""",
            id=lease_id,
            keys=_KEYS,
            name=name,
        )
    except Unavailable as error:
        _log.warning("job lock not given back, its session ends", lock=name, exc_info=error)


async def _look(tx: Tx, *, lease_id: UUID | None = None, name: str | None = None) -> Lease | None:
    """One lease, held on to until the transaction ends."""
    return await fetch_one(
        tx,
        Lease,
        """
        SELECT job_locks.*, expires_at <= now() AS expired,
               EXISTS (SELECT FROM pg_stat_activity AS session
                        WHERE pid = backend_pid AND pid <> pg_backend_pid()
                          AND session.backend_start = job_locks.backend_start) AS alive
          FROM job_locks WHERE id = %(lease_id)s OR name = %(name)s
           FOR UPDATE""",
        lease_id=lease_id,
        name=name,
    )


async def _end_session(tx: Tx, lease: Lease) -> bool:
    """End the backend that holds the lock, if it still is the same one, and wait until it has."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT coalesce(bool_and(pg_terminate_backend(session.pid, %(within_ms)s)), true)
          FROM pg_stat_activity AS session JOIN pg_locks AS lock USING (pid)
         WHERE session.pid = %(pid)s AND session.backend_start = %(start)s
           AND locktype = 'advisory' AND objsubid = 2 AND classid::bigint = %(keys)s
           AND objid::bigint = hashtext(%(name)s)::bigint & 4294967295""",
        within_ms=_ENDS_WITHIN_MS,
        pid=lease.backend_pid,
        start=lease.backend_start,
        keys=_KEYS,
        name=lease.name,
    )
