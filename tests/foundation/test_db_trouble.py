"""A database that goes away, or that only reads: 503, a new connection, and no false promise."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.foundation.db import (
    Tx,
    Violated,
    close_pool,
    direct_connection,
    execute,
    fetch_value,
    open_pool,
    transaction,
    transaction_on,
)
from app.foundation.db_errors import CommitUnknown
from app.foundation.errors import Unavailable
from tests.application import the_app, transport_to
from tests.foundation.proxy import Proxy, proxy_to

WRITE = "UPDATE business_clock SET movable = true"
WRITTEN = "SELECT movable FROM business_clock"


def _only_read(database: psycopg.Connection, *, is_on: bool) -> None:
    """Let new sessions only read, as those of a standby do."""
    name = Identifier(database.info.dbname)
    database.execute(
        SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(
            name, SQL("on" if is_on else "off")
        )
    )
    database.commit()


async def _write() -> None:
    async with transaction() as tx:
        await execute(tx, WRITE)


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    """This process's pool, of one connection through a proxy."""
    async with proxy_to(database_url) as (proxy, url):
        await open_pool(url, size_max=1)
        async with transaction() as tx:  # until the connection is there
            await fetch_value(tx, bool, WRITTEN)
        yield proxy
        await close_pool()


async def test_a_write_to_a_database_that_only_reads_is_unavailable_for_a_moment(
    fresh_database: psycopg.Connection, database_url: str
) -> None:
    _only_read(fresh_database, is_on=True)
    await open_pool(database_url, size_max=1)
    try:
        with pytest.raises(Unavailable, match="takes no changes") as refusal:
            await _write()
        assert refusal.value.retry_after_s is not None
        _only_read(fresh_database, is_on=False)
        await _write()  # on another connection: the first one would have failed for ever
    finally:
        await close_pool()


async def test_a_process_that_can_only_read_is_not_ready(
    fresh_database: psycopg.Connection, api: httpx.AsyncClient
) -> None:
    assert (await api.get("/health/ready")).status_code == 200
    _only_read(fresh_database, is_on=True)
    _end_other_sessions(fresh_database)
    for path in ("/health/ready", "/api/auth/register"):
        reply = await (
            api.get(path)
            if path == "/health/ready"
            else api.post(
                path, json={"email": "a@b.example", "name": "A", "password": "Tr0ub4dor&three"}
            )
        )
        assert (reply.status_code, reply.json()["code"]) == (503, "unavailable"), path
        assert int(reply.headers["Retry-After"]) > 0
    _only_read(fresh_database, is_on=False)
    _end_other_sessions(fresh_database)
    assert (await api.get("/health/ready")).status_code == 200


def _end_other_sessions(database: psycopg.Connection) -> None:
    database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    database.commit()


async def test_a_transaction_that_the_server_ended_because_it_was_idle_is_unavailable(
    pool: None,
) -> None:
    async def dawdle() -> None:
        async with transaction() as tx:
            await execute(tx, "SET LOCAL idle_in_transaction_session_timeout = '20ms'")
            await asyncio.sleep(0.3)
            await execute(tx, WRITE)

    with pytest.raises(Unavailable):
        await dawdle()
    await _write()


async def test_a_poolers_farewell_with_the_answer_to_begin_is_unavailable(proxy: Proxy) -> None:
    await _write()
    proxy.farewell_with = b"BEGIN"
    with pytest.raises(Unavailable):
        await _write()
    proxy.farewell_with = None
    await _write()


async def test_a_statement_after_a_failed_one_is_a_bug_and_no_trouble_of_the_database(
    pool: None,
) -> None:
    async def go_on() -> None:
        async with transaction() as tx:
            with pytest.raises(psycopg.errors.DivisionByZero):
                await execute(tx, "SELECT 1 / 0")
            await execute(tx, WRITE)

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await go_on()


# ---- COMMIT -------------------------------------------------------------------------------------


async def _write_directly(url: str) -> None:
    async with direct_connection(url) as connection, transaction_on(connection) as tx:
        await execute(tx, WRITE)


@pytest.mark.parametrize(("cut", "is_done"), [("cut_before", False), ("cut_after", True)])
async def test_a_commit_whose_answer_is_lost_says_that_it_is_not_known(
    proxy: Proxy, database_url: str, cut: str, *, is_done: bool
) -> None:
    setattr(proxy, cut, b"COMMIT")
    with pytest.raises(CommitUnknown, match="Look whether it was done"):
        await _write()
    setattr(proxy, cut, None)
    async with transaction() as tx:
        assert await fetch_value(tx, bool, WRITTEN) is is_done


async def test_a_lost_commit_of_a_direct_connection_says_that_it_is_not_known(
    database_url: str,
) -> None:
    async with proxy_to(database_url) as (proxy, url):
        proxy.cut_after = b"COMMIT"
        with pytest.raises(CommitUnknown):
            await _write_directly(url)


async def test_a_commit_that_the_server_refuses_has_done_nothing_for_certain(pool: None) -> None:
    async def insert_twice() -> None:
        async with transaction() as tx:
            await execute(
                tx,
                "CREATE TEMPORARY TABLE twice (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
            )
            await execute(tx, "INSERT INTO twice VALUES (1), (1)")

    with pytest.raises(Violated):
        await insert_twice()


async def test_no_reply_says_of_an_unknown_commit_that_nothing_was_changed(
    proxy: Proxy, api_of_pool: Callable[[], Awaitable[httpx.Response]]
) -> None:
    proxy.cut_after = b"COMMIT"
    reply = await api_of_pool()
    problem: dict[str, Any] = reply.json()
    assert (reply.status_code, problem["code"]) == (503, "commit_unknown")
    assert "nothing was changed" not in reply.text
    assert "Retry-After" in reply.headers


@pytest.fixture
def api_of_pool() -> Callable[[], Awaitable[httpx.Response]]:
    """A registration, at an application that uses whatever pool is open."""

    async def register() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=transport_to(the_app()), base_url="http://berthold.test"
        ) as client:
            return await client.post(
                "/api/auth/register",
                json={"email": "a@b.example", "name": "A", "password": "Tr0ub4dor&three"},
            )

    return register


async def test_what_was_rolled_back_is_not_called_unknown(proxy: Proxy) -> None:
    async def fail(tx: Tx) -> None:
        await execute(tx, WRITE)
        raise RuntimeError

    proxy.cut_before = b"ROLLBACK"
    with pytest.raises(RuntimeError):
        async with transaction() as tx:
            await fail(tx)
