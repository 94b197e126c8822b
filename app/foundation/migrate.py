"""Migrations: numbered SQL files, applied once each, in order, by one process at a time."""

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

FOLDER = Path(__file__).resolve().parents[2] / "migrations"

_LOCK_KEY = 0x62657274  # "bert"
_POLL_SECONDS = 0.1
_NO_TRANSACTION = b"-- no-transaction"
_BUILT = re.compile(
    rb"^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?(\w+)", re.MULTILINE
)
_log = structlog.get_logger(__name__)


class MigrationChanged(Exception):
    """A file that was applied has since been edited: its effect in the database is unknown."""


class _Applied(msgspec.Struct, frozen=True):
    name: str
    sha256: str


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing; returns the names of the files applied by this call.

    Safe when many processes start at once: one works, the others wait for it and find nothing
    to do. `url` must be a direct connection: the lock lives as long as the session.
    """
    async with direct_connection(url) as connection:
        # Else a killed migrator's statement, and the lock with it, would live on in the server.
        await execute(connection, "SET client_connection_check_interval = '2s'")
        # Polled, not awaited: a waiter inside Postgres would deadlock with CREATE INDEX
        # CONCURRENTLY, which waits for every older snapshot.
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
    for file in sorted(folder.glob("*.sql")):  # noqa: ASYNC240  nothing else runs yet
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
        for index in _BUILT.findall(script):  # half of it, where a try before this one broke off
            await execute_script(connection, b"DROP INDEX CONCURRENTLY IF EXISTS " + index)
        await execute_script(connection, script)
        await _record(connection, name, digest)
    else:
        async with connection.transaction():
            # DDL that waits for a lock makes everything behind it wait too: rather fail.
            await execute(connection, "SET LOCAL lock_timeout = '3s'")
            await execute_script(connection, script)
            await _record(connection, name, digest)
    _log.info("migration applied", migration=name)


async def _record(connection: Connection, name: str, digest: str) -> None:
    await execute(
        connection,
        "INSERT INTO migrations (name, sha256) VALUES (%(name)s, %(sha256)s)",
        name=name,
        sha256=digest,
    )
