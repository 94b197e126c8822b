"""Postgres: the pool, transactions, and rows as structs.

Only this file and those beside it, `db_errors.py` and `db_rows.py`, import psycopg.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, LiteralString, NewType, NoReturn, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg._preparing import PrepareManager
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from app.foundation.db_errors import (
    CommitUnknown,
    is_spoiled,
    translated,
    translated_commit,
    unavailable,
)
from app.foundation.db_errors import Violated as Violated  # noqa: PLC0414  for all rooms
from app.foundation.db_rows import names, row_as

T = TypeVar("T")

Connection = AsyncConnection[TupleRow]
Tx = NewType("Tx", Connection)  # only transaction() makes one

_ACQUIRE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 10
# A server that vanished is noticed within seconds: TCP alone would take minutes.
_KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

# libpq sends this time zone when it connects, and PgBouncer keeps it for each client: unlike a
# SET, it does not stay behind on a server connection.
os.environ.setdefault("PGTZ", "UTC")


class _KeptStatements(PrepareManager):
    """The prepared statements of a connection, kept after a rollback, as Postgres keeps them.

    psycopg drops them all at every ROLLBACK, also at one to a savepoint, in case the transaction
    had created tables. Ours never create any. Every refusal is a rollback, so while many buyers
    want the same seats no statement would stay prepared. (psycopg has no setting for it.)
    """

    def clear(self) -> bool:
        return False


class _Pooled(AsyncConnection[TupleRow]):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepared = _KeptStatements()


class _Database:
    """The pool of this process, between open_pool() and close_pool()."""

    pool: AsyncConnectionPool[_Pooled] | None = None


async def open_pool(url: str, *, size_max: int) -> None:
    """Open this process's pool. Returns at once; connections are opened in the background."""
    pool = AsyncConnectionPool(
        url,
        connection_class=_Pooled,
        configure=_configure,
        kwargs=_KEEPALIVES,
        min_size=min(2, size_max),
        max_size=size_max,
        timeout=_ACQUIRE_TIMEOUT_S,
        reconnect_timeout=60.0,
        open=False,
    )
    await pool.open()
    _Database.pool = pool


async def close_pool() -> None:
    """Close the pool. transaction() raises Unavailable after this."""
    pool, _Database.pool = _Database.pool, None
    if pool:
        await pool.close()


async def _configure(connection: Connection) -> None:
    """Set a new connection up. Statements are prepared, and planned once; not behind a pooler.

    Prepared statements and settings belong to one server session, and a pooler in transaction
    mode may use another session for each transaction.
    """
    if await is_pooled(connection):
        connection.prepare_threshold = None
    else:
        # The best plan of most statements is the same for all values, and planning the frequent
        # ones costs more than running them. The few others use plan_for_values().
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        # One stuck transaction must not hold up all others. (A pooler's role sets these itself.)
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute("SET statement_timeout = '15s'")
        await connection.execute("SET idle_in_transaction_session_timeout = '15s'")
    await connection.commit()


async def is_pooled(connection: Connection) -> bool:
    """Whether this is a connection to a pooler, which may change the server session.

    PgBouncer gives clients a process id of its own invention, not that of the server process.
    """
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] != connection.info.backend_pid


@asynccontextmanager
async def transaction() -> AsyncGenerator[Tx, None]:
    """One transaction on a pooled connection: commits at the end, rolls back on any exception.

    Inside only_connection() it uses that connection instead.

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
        pool = _pool()
        connection = await _open_connection(pool)
        try:
            yield Tx(connection)  # psycopg sends BEGIN ahead of the first statement
        except BaseException as error:
            await _rollback(connection, error)
            raise
        else:
            await _commit(connection)
        finally:
            await pool.putconn(connection)


async def _open_connection(pool: AsyncConnectionPool[_Pooled]) -> _Pooled:
    """A connection from the pool, without those that the server closed while they were idle."""
    for _ in range(pool.max_size + 1):
        connection = await pool.getconn()
        try:
            # This makes no round trip: it reads what has arrived, if anything. Twice, because a
            # server that shuts down sends a message first and closes the connection after it.
            connection.pgconn.consume_input()
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            await connection.close()
            await pool.putconn(connection)
        else:
            return connection
    raise unavailable()


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
            url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, **_KEEPALIVES
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
        await _configure(connection)
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

    psycopg waits for the answer to BEGIN otherwise, one round trip more. In a transaction that has
    begun already, and behind a pooler, this is fetch_all().
    """
    has_begun = tx.info.transaction_status is not TransactionStatus.IDLE
    if has_begun or tx.prepare_threshold is None:
        return await fetch_all(tx, kind, sql, **params)
    with translated():
        tx._autocommit = True  # noqa: SLF001  else psycopg waits for its own BEGIN
        try:
            async with tx.pipeline():
                await tx.execute("BEGIN", prepare=False)
                cursor = await tx.execute(sql, params)
        finally:
            tx._autocommit = False  # noqa: SLF001
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
            return await tx.execute(sql, params or None)
        except psycopg.errors.FeatureNotSupported as error:
            # A migration changed the columns of a statement that this connection had prepared.
            await tx.close()
            raise unavailable() from error


def _pool() -> AsyncConnectionPool[_Pooled]:
    if _Database.pool is None:
        raise unavailable()
    return _Database.pool
