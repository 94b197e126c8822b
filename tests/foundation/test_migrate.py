"""Migrations when many start at once, when a file was edited, fails, or its process is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.foundation import migrate as module
from app.foundation.db import (
    Connection,
    Violated,
    direct_connection,
    execute,
    fetch_value,
    fetch_values,
)
from app.foundation.errors import Unavailable
from app.foundation.migrate import MigrationChanged, migrate
from tests.databases import Databases
from tests.make import new_id


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """A database without any table."""
    with databases.copy(f"empty_{new_id().hex}", of="template0") as url:
        yield url


async def names(url: str) -> list[str]:
    async with direct_connection(url) as connection:
        return await fetch_values(connection, str, "SELECT name FROM migrations ORDER BY name")


async def has_table(url: str, table: str) -> bool:
    async with direct_connection(url) as connection:
        found = await fetch_value(
            connection, str, "SELECT to_regclass(%(table)s)::text", table=table
        )
    return found is not None


async def test_ten_processes_that_migrate_at_once_apply_each_file_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(10)))
    files = sorted(file.name for file in module.FOLDER.glob("*.sql"))
    assert sorted(name for names in applied for name in names) == files
    assert await names(empty_database) == files


async def test_a_migration_edited_after_it_was_applied_is_refused(
    empty_database: str, tmp_path: Path
) -> None:
    file = tmp_path / "0001_first.sql"
    file.write_text("CREATE TABLE one (id int PRIMARY KEY);")
    assert await migrate(empty_database, tmp_path) == [file.name]
    file.write_text("CREATE TABLE two (id int PRIMARY KEY);")
    with pytest.raises(MigrationChanged, match="0001_first"):
        await migrate(empty_database, tmp_path)
    assert not await has_table(empty_database, "two")


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE good (id int PRIMARY KEY);")
    broken = tmp_path / "0002_broken.sql"
    broken.write_text("CREATE TABLE half (id int PRIMARY KEY); SELECT 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(empty_database, tmp_path)
    assert await names(empty_database) == ["0001_good.sql"]
    assert not await has_table(empty_database, "half")

    broken.write_text("CREATE TABLE half (id int PRIMARY KEY);")
    assert await migrate(empty_database, tmp_path) == ["0002_broken.sql"]


async def test_a_migration_may_ask_for_no_transaction(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "0001_table.sql").write_text("CREATE TABLE one (id int PRIMARY KEY, at date);")
    (tmp_path / "0002_index.sql").write_text(
        "-- no-transaction\nCREATE INDEX CONCURRENTLY one_at ON one (at);"
    )
    applied = await asyncio.gather(*(migrate(empty_database, tmp_path) for _ in range(3)))
    assert sum(len(names) for names in applied) == 2
    assert await has_table(empty_database, "one_at")


async def test_an_index_that_a_migration_half_built_is_built_anew(
    empty_database: str, tmp_path: Path
) -> None:
    """Postgres keeps an index whose build failed, under its name, but does not use it."""
    (tmp_path / "0001_table.sql").write_text(
        "CREATE TABLE one AS SELECT 1 AS id FROM (VALUES (1), (2)) AS n;"
    )
    (tmp_path / "0002_index.sql").write_text(
        "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id);"
    )
    with pytest.raises(Violated, match="one_id"):
        await migrate(empty_database, tmp_path)
    assert await has_table(empty_database, "one_id")
    async with direct_connection(empty_database) as connection:
        await execute(connection, "TRUNCATE one")
        assert await migrate(empty_database, tmp_path) == ["0002_index.sql"]
        sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_id'::regclass"
        assert await fetch_value(connection, bool, sql)


async def test_a_migration_that_is_killed_leaves_no_lock_and_no_half_done_work(
    empty_database: str, tmp_path: Path
) -> None:
    slow = tmp_path / "0001_slow.sql"
    slow.write_text("CREATE TABLE half (id int PRIMARY KEY); SELECT pg_sleep(60);")
    program = (
        "import asyncio, pathlib; from app.foundation.migrate import migrate; "
        f"asyncio.run(migrate({empty_database!r}, pathlib.Path({str(tmp_path)!r})))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    async with direct_connection(empty_database) as connection:
        backend = None
        while backend is None:
            assert process.returncode is None
            await asyncio.sleep(0.05)
            backend = await fetch_value(
                connection,
                int,
                """
                SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'PgSleep'""",
            )
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        # A killed client's statement goes on until the server writes to it: end it, as TCP
        # keepalive or an operator would.
        await execute(connection, "SELECT pg_terminate_backend(%(pid)s)", pid=backend)

    slow.write_text("CREATE TABLE whole (id int PRIMARY KEY);")
    assert await asyncio.wait_for(migrate(empty_database, tmp_path), 10) == [slow.name]
    assert not await has_table(empty_database, "half")


async def test_migrating_a_database_that_cannot_be_reached_fails_as_unavailable(
    tmp_path: Path,
) -> None:
    with pytest.raises(Unavailable):
        await migrate(f"postgresql://somebody@/nothing?host={tmp_path}")


async def test_a_migration_that_waits_for_a_table_lets_others_use_it_and_tries_again(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_table.sql").write_text("CREATE TABLE one (id int PRIMARY KEY);")
    await migrate(empty_database, tmp_path)
    (tmp_path / "0002_column.sql").write_text("ALTER TABLE one ADD COLUMN at date;")
    async with direct_connection(empty_database) as long, direct_connection(empty_database) as soon:
        async with long.transaction():
            await execute(long, "SELECT FROM one")
            migrating = asyncio.create_task(migrate(empty_database, tmp_path))
            await _waits(soon, "one")
            await execute(soon, "SET lock_timeout = '5s'")
            await execute(soon, "INSERT INTO one (id) VALUES (1)")  # though `long` has not ended
        assert await migrating == ["0002_column.sql"]


async def _waits(connection: Connection, table: str) -> None:
    sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %(t)s::regclass AND NOT granted)"
    while not await fetch_value(connection, bool, sql, t=table):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
