"""The schema changes while web and worker of the release before go on, on very many bookings."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection, errors

from app.foundation.migrate import FOLDER, migrate
from tests.benchmarks import past, seed
from tests.databases import Databases, run_sql
from tests.make import new_id
from tests.size import FULL
from tests.stories import release_before

BOOKINGS: Final = 1_000_000 if FULL else 20_000
LOCKED_MAX_S: Final = 1.0
WRITERS: Final = 4
_NAME: Final = "release before"
_NIGHTS: Final = 400  # days from now, after all that is loaded

_CLEARING: Final = """
    INSERT INTO ledger_accounts (kind, gateway, currency)
    VALUES ('gateway_clearing', 'paystack', 'NGN')"""

# How long each of the writers has been waiting for a lock, and each table been closed to them.
_WAITS: Final = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float
      FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE NOT granted AND application_name = %s"""
_CLOSED: Final = """
    SELECT relation::regclass::text || ' ' || pid FROM pg_locks
     WHERE granted AND mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
       AND relation IN (SELECT oid FROM pg_class WHERE relkind = 'r' AND relname IN (
           'bookings', 'claims', 'pots', 'payments', 'instructions', 'ledger_accounts',
           'ledger_transactions', 'ledger_entries', 'accounts', 'listings', 'units'))"""


class Seen(msgspec.Struct):
    """What was seen while the schema changed."""

    longest_wait_s: float = 0.0
    longest_closed: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    slowest_s: float = 0.0
    transactions: int = 0

    @property
    def closed_s(self) -> float:
        return max(self.longest_closed.values(), default=0.0)


@pytest.fixture
async def old(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    """A database as the release before left it, with very many bookings."""
    with databases.empty(f"before_{new_id().hex}") as url:
        await migrate(url, _folder(tmp_path))
        await asyncio.to_thread(_fill, url)
        yield url


def _folder(tmp_path: Path) -> Path:
    """The migrations of the release before."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in sorted(FOLDER.glob("*.sql")):
        if file.name <= release_before.LAST_MIGRATION:
            shutil.copy(file, folder)
    return folder


def _fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        past.insert(connection, BOOKINGS)
        connection.execute("RESET session_replication_role")
        run_sql(connection, "ANALYZE")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(url, autocommit=True, application_name=_NAME) as one:
        one.prepare_threshold = None  # a statement whose columns have changed is prepared anew
        yield one


async def _write(url: str, number: int, stop: asyncio.Event, seen: Seen) -> None:
    """Book, pay, cancel and sweep as the release before does, until told to stop."""
    async with _connected(url) as connection:
        turn = 0
        while not stop.is_set():
            unit, days = number * 50 + turn % 50, _NIGHTS + turn // 50
            started = time.perf_counter()
            held = await release_before.reserve(connection, unit=unit, days=days)
            await release_before.begin(connection, held)
            await release_before.settle(connection, held)
            if turn % 2:
                await release_before.cancel(connection, held)
            await release_before.reserve(connection, unit=unit, days=days + 5_000, minutes=-1)
            await release_before.sweep(connection)
            seen.slowest_s = max(seen.slowest_s, time.perf_counter() - started)
            seen.transactions += 5 + turn % 2
            turn += 1


async def _watch(url: str, stop: asyncio.Event, seen: Seen) -> None:
    since: dict[str, float] = {}
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            waits = await (await connection.execute(_WAITS, [_NAME])).fetchone()
            assert waits
            seen.longest_wait_s = max(seen.longest_wait_s, waits[0])
            now = time.perf_counter()
            closed = await (await connection.execute(_CLOSED)).fetchall()
            since = {table: since.get(table, now) for (table,) in closed}
            for table, start in since.items():
                seen.longest_closed[table] = max(seen.longest_closed.get(table, 0.0), now - start)
            await asyncio.sleep(0.005)


async def _migrate_beside(url: str) -> Seen:
    """Apply what is missing while others write; what they had to wait for."""
    seen, stop = Seen(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(_write(url, number, stop, seen))
        group.create_task(_watch(url, stop, seen))
        await asyncio.sleep(1)
        await migrate(url)
        await asyncio.sleep(1)
        stop.set()
    return seen


async def _rows(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return run_sql(connection, sql).fetchall()


@pytest.mark.timeout(1800)
async def test_bookings_go_on_while_their_tables_change_and_nobody_waits_for_a_second(
    old: str,
) -> None:
    seen = await _migrate_beside(old)
    applied = await _rows(old, "SELECT name FROM migrations ORDER BY name")
    print(f"{BOOKINGS} bookings; {seen}")
    assert [name for (name,) in applied] == sorted(file.name for file in FOLDER.glob("*.sql"))
    assert seen.transactions > 0
    assert seen.longest_wait_s < LOCKED_MAX_S
    assert seen.closed_s < LOCKED_MAX_S

    # What it wrote before, meanwhile and after is a booking of one part, all of it paid by guests.
    assert await _rows(
        old,
        """
        SELECT count(*) FROM bookings
         WHERE part_of IS NOT NULL OR part <> 1 OR parts <> 1 OR stand_alone OR discount <> 0""",
    ) == [(0,)]
    assert await _rows(
        old, "SELECT count(*) FROM pots WHERE voucher <> 0 OR from_voucher IS NOT NULL"
    ) == [(0,)]
    assert (
        await _rows(
            old,
            """
        SELECT conname FROM pg_constraint
         WHERE NOT convalidated AND connamespace = 'public'::regnamespace""",
        )
        == []
    )


async def test_the_release_before_cannot_settle_a_booking_of_several_parts_and_leaves_it_whole(
    database_url: str,
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        seed.insert_people(connection, guests=seed.GUESTS)
        seed.insert_stays(connection, rooms=seed.ROOMS)
        run_sql(connection, _CLEARING)
    async with _connected(database_url) as connection:
        alone = await release_before.reserve(connection, unit=0, days=_NIGHTS)
        await release_before.begin(connection, alone)
        await release_before.settle(connection, alone)

        first = await release_before.reserve(connection, unit=1, days=_NIGHTS)
        later = await release_before.reserve(connection, unit=2, days=_NIGHTS)
        await release_before.begin(connection, first)
        await connection.execute("UPDATE bookings SET parts = 2 WHERE id = %s", [first.id])
        await connection.execute(
            "UPDATE bookings SET part_of = %s, part = 2 WHERE id = %s", [first.id, later.id]
        )
        with pytest.raises(errors.CheckViolation, match="a charge of"):
            await release_before.begin(connection, first)
        both = 2 * release_before.RENTAL
        await connection.execute(
            "UPDATE payments SET amount = %s WHERE id = %s", [both, first.payment_id]
        )
        with pytest.raises(errors.CheckViolation, match=f"hold {both // 2} of the {both}"):
            await release_before.settle(connection, first, total=both)
    assert await _rows(
        database_url,
        """
        SELECT bookings.state, payments.state, (SELECT count(*) FROM pots
                                                 WHERE booking_id = bookings.id)
          FROM bookings JOIN payments ON booking_id = bookings.id
         ORDER BY payments.amount""",
    ) == [("confirmed", "succeeded", 1), ("awaiting_payment", "created", 0)]
