"""Migrations: numbered SQL files, each applied once, in order, by one process at a time."""

import asyncio
import hashlib
import re
from pathlib import Path

import msgspec
import structlog

from app.foundation.db import (
    Connection,
    direct_connection,
    execute,
    execute_script,
    fetch_all,
    fetch_value,
)
from app.foundation.db_errors import is_locked_out
from app.foundation.errors import Unavailable

FOLDER = Path(__file__).resolve().parents[2] / "migrations"

_LOCK_KEY = 0x62657274  # "bert"
_POLL_SECONDS = 0.1
_TRIES_MAX = 60  # of a file whose tables are in use
_PAUSE_SECONDS = 1.0
_NO_TRANSACTION = b"-- no-transaction"
_CONCURRENT_INDEX = re.compile(
    rb"^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?(\w+)", re.MULTILINE
)
_LOCKED = re.compile(
    rb"^ALTER TABLE (?:ONLY )?(\w+)|\bREFERENCES (\w+)"
    rb"|\bTRIGGER \w+ (?:AFTER|BEFORE) [A-Z ]+ ON (\w+)",
    re.MULTILINE,
)
_log = structlog.get_logger(__name__)


class MigrationChanged(Exception):
    """A file was edited after it had been applied: the database may differ from what it says."""


class _Applied(msgspec.Struct, frozen=True):
    name: str
    sha256: str


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply the files that are missing; returns the names of those applied by this call.

    Many processes may start this at once: one applies the files, the others wait for it and then
    find nothing to do. `url` must connect directly, without a pooler: the lock belongs to the
    database session.

    Raises Unavailable if others hold the tables of a file for longer than a minute: run it again.
    """
    async with direct_connection(url) as connection:
        # Without this, the statement of a process that was killed would run on in the server, and
        # its session would keep the lock.
        await execute(connection, "SET client_connection_check_interval = '2s'")
        # Tried again and again: a session that waited inside Postgres would deadlock with CREATE
        # INDEX CONCURRENTLY, which waits for every older snapshot to end.
        while not await fetch_value(  # noqa: ASYNC110
            connection, bool, "SELECT pg_try_advisory_lock(%(key)s)", key=_LOCK_KEY
        ):
            await asyncio.sleep(_POLL_SECONDS)
        return await _apply_missing(connection, folder)


async def _apply_missing(connection: Connection, folder: Path) -> list[str]:
    await execute(
        connection,
        """
        CREATE TABLE IF NOT EXISTS migrations (
            name       text PRIMARY KEY,
            sha256     text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )""",
    )
    rows = await fetch_all(connection, _Applied, "SELECT name, sha256 FROM migrations")
    applied = {row.name: row.sha256 for row in rows}
    done: list[str] = []
    for file in sorted(folder.glob("*.sql")):  # noqa: ASYNC240  there is no other task to hold up
        script = file.read_bytes()
        digest = hashlib.sha256(script).hexdigest()
        if file.name not in applied:
            await _apply(connection, file.name, script, digest)
            done.append(file.name)
        elif applied[file.name] != digest:
            raise MigrationChanged(f"{file.name} was edited after it was applied")
    return done


async def _apply(connection: Connection, name: str, script: bytes, digest: str) -> None:
    if script.startswith(_NO_TRANSACTION):
        for index in _CONCURRENT_INDEX.findall(script):  # an earlier try may have left it invalid
            await execute_script(connection, b"DROP INDEX CONCURRENTLY IF EXISTS " + index)
        await execute_script(connection, script)
        await _record(connection, name, digest)
    else:
        await _apply_between_others(connection, name, script, digest)
    _log.info("migration applied", migration=name)


async def _apply_between_others(
    connection: Connection, name: str, script: bytes, digest: str
) -> None:
    """Apply a file in one transaction, when no long one of others keeps it from its locks.

    DDL that waits for a lock makes all later statements on the table wait too. So it waits for half
    a second, lets them go on, and tries again. Autovacuum gives way only after a second, so that is
    waited for before, with a lock that does not hold up what reads and writes rows.
    """
    tables = dict.fromkeys(name for names in _LOCKED.findall(script) for name in names if name)
    for one in range(1, _TRIES_MAX + 1):
        try:
            async with connection.transaction():
                await execute(connection, "SET LOCAL lock_timeout = '5s'")
                for table in tables:
                    await _keep_vacuum_out(connection, table)
                await execute(connection, "SET LOCAL lock_timeout = '500ms'")
                await execute_script(connection, script)
                await _record(connection, name, digest)
        except Unavailable as error:
            if not is_locked_out(error) or one == _TRIES_MAX:
                raise
            _log.warning("migration waits for a lock", migration=name, tried=one)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def _keep_vacuum_out(connection: Connection, table: bytes) -> None:
    if await fetch_value(
        connection, bool, "SELECT to_regclass(%(name)s) IS NOT NULL", name=table.decode()
    ):
        mode = b" IN SHARE UPDATE EXCLUSIVE MODE"
        await execute_script(connection, b"LOCK TABLE " + table + mode)


async def _record(connection: Connection, name: str, digest: str) -> None:
    await execute(
        connection,
        "INSERT INTO migrations (name, sha256) VALUES (%(name)s, %(sha256)s)",
        name=name,
        sha256=digest,
    )
