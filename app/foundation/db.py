"""Postgres: the pool, transactions, and rows as structs.

Only this file and those beside it, `db_errors.py`, `db_pools.py` and `db_rows.py`, import psycopg.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, LiteralString, NewType, NoReturn, TypeVar

import msgspec
import psycopg
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

from app.foundation.db_errors import (
    CommitUnknown,
    is_spoiled,
    translated,
    translated_commit,
    unavailable,
)
from app.foundation.db_errors import Violated as Violated  # noqa: PLC0414  for all rooms
from app.foundation.db_pools import (
    KEEPALIVES,
    Connection,
    configure,
    cursor_of,
    limit_reader,
    open_connection,
    pool_of_all,
    pool_of_readers,
)
from app.foundation.db_pools import close_pool as close_pool  # noqa: PLC0414
from app.foundation.db_pools import is_pooled as is_pooled  # noqa: PLC0414
from app.foundation.db_pools import open_pool as open_pool  # noqa: PLC0414
from app.foundation.db_rows import names, row_as

T = TypeVar("T")

Tx = NewType("Tx", Connection)  # only transaction() makes one

_CONNECT_TIMEOUT_S = 10

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)


@asynccontextmanager
async def transaction(*, of_reader: bool = False) -> AsyncGenerator[Tx, None]:
    """One transaction on a pooled connection: commits at the end, rolls back on any exception.

    Inside only_connection() it uses that connection instead. `of_reader`: see reading().

    Raises Unavailable if Postgres cannot be reached, goes away before the end, or takes no changes;
    then nothing is committed. Raises CommitUnknown if the answer to COMMIT was lost, which may have
    been done. This is why requests that create something carry idempotency keys, and jobs are
    idempotent.
    """
    if only := _shared.get():
        async with only.transaction() as tx:
            yield tx
        return
    with translated():
        pool = pool_of_readers() if of_reader else pool_of_all()
        connection = await open_connection(pool)
        try:
            if of_reader:
                await limit_reader(connection)
            yield Tx(connection)  # psycopg sends BEGIN ahead of the first statement
        except BaseException as error:
            await _rollback(connection, error)
            raise
        else:
            await _commit(connection)
        finally:
            await pool.putconn(connection)


def reading() -> AbstractAsyncContextManager[Tx]:
    """A transaction for somebody who is not logged in: it changes nothing, and each statement ends
    within a second. It is on a pool of its own, so that it delays nobody but other readers.

    Raises Unavailable, also if too many are reading.
    """
    return transaction(of_reader=True)


async def _commit(connection: Connection) -> None:
    try:
        with translated_commit():
            await connection.commit()
    except (psycopg.InternalError, CommitUnknown):
        await connection.close()
        raise


async def _rollback(connection: Connection, error: BaseException) -> None:
    if connection.closed:
        return
    if is_spoiled(error):
        await connection.close()
        return
    try:
        await connection.rollback()
    except psycopg.OperationalError:
        await connection.close()  # the server then rolls back by itself


@asynccontextmanager
async def savepoint(tx: Tx) -> AsyncGenerator[Callable[[], NoReturn], None]:
    """A part of a transaction that can be undone, with the function that undoes and leaves it."""
    if tx.info.transaction_status is TransactionStatus.IDLE:
        await tx.execute("SELECT")  # without BEGIN, psycopg would commit at the end of the block
    async with tx.transaction() as inner:

        def undo() -> NoReturn:
            raise psycopg.Rollback(inner)

        yield undo


@asynccontextmanager
async def direct_connection(url: str) -> AsyncGenerator[Connection, None]:
    """A new connection, not of the pool and past any pooler: for migrations and session locks."""
    with translated():
        async with await Connection.connect(
            url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, **KEEPALIVES
        ) as connection:
            yield connection


class _SharedConnection:
    """One connection for all transactions of a block, which run one after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._user: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx, None]:
        if self._user is asyncio.current_task():
            raise RuntimeError("this task is in a transaction already, and would wait for itself")
        async with self._lock:
            self._user = asyncio.current_task()
            try:
                async with transaction_on(self._connection) as tx:
                    yield tx
            finally:
                self._user = None


_shared: ContextVar[_SharedConnection | None] = ContextVar("only_connection", default=None)


@asynccontextmanager
async def only_connection(url: str) -> AsyncGenerator[Connection, None]:
    """A new connection that every transaction() in the block uses; if it breaks, they all fail."""
    async with direct_connection(url) as connection:
        await configure(connection)
        before = _shared.set(_SharedConnection(connection))
        try:
            yield connection
        finally:
            _shared.reset(before)


async def listen(connection: Connection, channels: Sequence[str]) -> None:
    """Subscribe a direct connection to the notifications of these channels."""
    for channel in channels:
        with translated():
            await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))


async def notifications(connection: Connection, *, for_s: float) -> AsyncGenerator[str]:
    """The payloads of notifications, as they arrive, for this many seconds."""
    with translated():
        async for notify in connection.notifies(timeout=for_s):
            yield notify.payload


@asynccontextmanager
async def transaction_on(connection: Connection) -> AsyncGenerator[Tx, None]:
    """A transaction on a direct connection: commits at the end, rolls back on any exception.

    Raises what transaction() does. A connection that must not be used again is closed.
    """
    with translated():
        is_done = False
        try:
            async with connection.transaction():
                yield Tx(connection)
                is_done = True
        except BaseException as error:
            if is_spoiled(error) or (is_done and not connection.closed):
                await connection.close()
            if is_done:
                with translated_commit():
                    raise
            raise


async def fetch_one(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> T | None:
    """The first row as `kind`, or None if there is no row."""
    cursor = await _run(tx, sql, params)
    row = await cursor.fetchone()
    return None if row is None else row_as(kind, names(kind, sql, cursor), row)


async def fetch_new(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> T:
    """The row of a statement that always returns one, such as INSERT … RETURNING."""
    if (row := await fetch_one(tx, kind, sql, **params)) is None:
        raise LookupError(f"no {kind.__name__} came back from the database")
    return row


async def fetch_all(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> list[T]:
    """All rows, each as `kind`."""
    cursor = await _run(tx, sql, params)
    columns = names(kind, sql, cursor)
    return [row_as(kind, columns, row) for row in await cursor.fetchall()]


async def begin_with(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> list[T]:
    """All rows of the first statement of a transaction, which is sent together with its BEGIN.

    psycopg waits for the answer to its own BEGIN, also in a pipeline: one round trip more. In a
    transaction that has begun already, and behind a pooler, this is fetch_all().
    """
    has_begun = tx.info.transaction_status is not TransactionStatus.IDLE
    if has_begun or tx.prepare_threshold is None:
        return await fetch_all(tx, kind, sql, **params)
    with translated():
        tx._autocommit = True  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            async with tx.pipeline():
                await tx.execute("BEGIN", prepare=False)
                cursor = await tx.execute(sql, params)
        finally:
            tx._autocommit = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    columns = names(kind, sql, cursor)
    return [row_as(kind, columns, row) for row in await cursor.fetchall()]


async def fetch_value(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> T | None:
    """The first column of the first row as `kind`, or None when there is no row or it is NULL."""
    cursor = await _run(tx, sql, params)
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else msgspec.convert(row[0], kind)


async def fetch_new_value(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> T:
    """The value of a statement that always returns one; see fetch_value()."""
    if (value := await fetch_value(tx, kind, sql, **params)) is None:
        raise LookupError(f"no {kind.__name__} came back from the database")
    return value


async def fetch_values(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> list[T]:
    """The first column of every row as `kind`."""
    cursor = await _run(tx, sql, params)
    return [msgspec.convert(row[0], kind) for row in await cursor.fetchall()]


async def execute(tx: Connection, sql: LiteralString, /, **params: Any) -> int:
    """Run a statement; returns how many rows it wrote, or returned."""
    return (await _run(tx, sql, params)).rowcount


async def execute_script(connection: Connection, script: bytes) -> None:
    """Run a file of SQL statements, in the open transaction or else as one of its own."""
    with translated():
        await connection.execute(script)


async def plan_for_values(tx: Tx) -> None:
    """Plan the later statements of this transaction for the values that they get.

    This is for statements with optional filters: their best plan depends on which are used.
    """
    await execute(tx, "SET LOCAL plan_cache_mode = force_custom_plan")


async def join_snapshot(tx: Tx, first: Tx) -> None:
    """Make `tx` see exactly what the open transaction `first` sees; `tx` has read nothing yet."""
    shared = await fetch_new_value(first, str, "SELECT pg_export_snapshot()")
    with translated():
        await tx.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(shared)))


async def now(tx: Tx) -> datetime:
    """Business time. It stays the same for the whole transaction."""
    return await fetch_new_value(tx, datetime, "SELECT business_now()")


def json(value: object) -> Jsonb:
    """A value as a `jsonb` parameter."""
    return Jsonb(value)


async def _run(tx: Connection, sql: LiteralString, params: dict[str, Any]) -> AsyncCursor[TupleRow]:
    with translated():
        try:
            return await cursor_of(tx).execute(sql, params or None)
        except psycopg.errors.FeatureNotSupported as error:
            # A migration changed the columns of a statement that this connection had prepared.
            await tx.close()
            raise unavailable() from error
