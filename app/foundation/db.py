"""Postgres: the pool, transactions, and rows as structs. The only file that imports psycopg."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
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
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from app.foundation.errors import Unavailable

T = TypeVar("T")

Connection = AsyncConnection[TupleRow]
Tx = NewType("Tx", Connection)  # only transaction() makes one

_ACQUIRE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 10
_RETRY_AFTER_S = 2
# A peer that vanished is noticed in seconds, not when TCP gives up.
_KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_TROUBLE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

# libpq sends it when it connects, and PgBouncer keeps it per client, so it is not session state.
os.environ.setdefault("PGTZ", "UTC")


class Violated(Exception):
    """A constraint refused a write; the action that knows the constraint says what it means."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class _Statements(PrepareManager):
    """The prepared statements of a connection, which outlive a rollback, as they do in Postgres.

    psycopg drops them all at every ROLLBACK, and at one to a savepoint, in case the transaction
    made tables that it takes back. Ours never do, and every refusal is a rollback: in a sale that
    everybody wants, nothing would ever stay prepared. (psycopg has no setting for it.)
    """

    def clear(self) -> bool:
        return False


class _Pooled(AsyncConnection[TupleRow]):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepared = _Statements()


class _Database:
    """The pool of this process, between open_pool() and close_pool()."""

    pool: AsyncConnectionPool[_Pooled] | None = None


async def open_pool(url: str, *, size_max: int) -> None:
    """Open this process's pool. Returns at once; connections come as the server answers."""
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
    """Close the pool; calls after this raise Unavailable."""
    pool, _Database.pool = _Database.pool, None
    if pool:
        await pool.close()


async def _configure(connection: Connection) -> None:
    """Prepared statements: planned once on our own connections, off behind a pooler.

    They are state of one server session, which a pooler in transaction mode does not keep.
    """
    if await is_pooled(connection):
        connection.prepare_threshold = None
    else:
        # Our statements do not depend on the values they get, and planning the hot ones costs
        # more than running them. The few that do depend on them use plan_for_values().
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        # One stuck transaction must not hold up all others. (A pooler's role sets these itself.)
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute("SET statement_timeout = '15s'")
        await connection.execute("SET idle_in_transaction_session_timeout = '15s'")
    await connection.commit()


async def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands between, which may use another server session each time.

    PgBouncer makes up the process id that it tells at connecting: it is not the server's.
    """
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] != connection.info.backend_pid


@asynccontextmanager
async def transaction() -> AsyncGenerator[Tx, None]:
    """One transaction on a pooled connection: commits at the end, rolls back on any exception.

    Inside only_connection() it is on that one instead.

    Raises Unavailable when Postgres cannot be reached or goes away in the middle; what was not
    committed is then not done. Only a COMMIT whose answer was lost may have happened, which is
    why creating requests carry idempotency keys and jobs are idempotent.
    """
    if only := _only.get():
        async with only.transaction() as tx:
            yield tx
        return
    with _translated():
        pool = _pool()
        connection = await _living(pool)
        try:
            yield Tx(connection)  # psycopg sends BEGIN ahead of the first statement
        except BaseException:
            await _rollback(connection)
            raise
        else:
            await connection.commit()
        finally:
            await pool.putconn(connection)


async def _living(pool: AsyncConnectionPool[_Pooled]) -> _Pooled:
    """A pooled connection; those that the server closed while they lay idle are passed over."""
    for _ in range(pool.max_size + 1):
        connection = await pool.getconn()
        try:
            # No round trip: reads what has come, if anything. A server that shuts down sends its
            # farewell first, and only then closes.
            connection.pgconn.consume_input()
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            await connection.close()
            await pool.putconn(connection)
        else:
            return connection
    raise _unavailable()


async def _rollback(connection: Connection) -> None:
    if connection.closed:
        return
    try:
        await connection.rollback()
    except psycopg.OperationalError:
        await connection.close()  # the server rolls back what it cannot be asked to


@asynccontextmanager
async def savepoint(tx: Tx) -> AsyncGenerator[Callable[[], NoReturn], None]:
    """Part of a transaction that can be taken back: call what is yielded to undo and leave it."""
    if tx.info.transaction_status is TransactionStatus.IDLE:
        await tx.execute("SELECT")  # else this would be a transaction, and commit at its end
    async with tx.transaction() as inner:

        def undo() -> NoReturn:
            raise psycopg.Rollback(inner)

        yield undo


@asynccontextmanager
async def direct_connection(url: str) -> AsyncGenerator[Connection, None]:
    """A connection of one's own, past any pooler: for migrations and session locks."""
    with _translated():
        async with await Connection.connect(
            url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, **_KEEPALIVES
        ) as connection:
            yield connection


class _Only:
    """A connection that does one transaction after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._whose: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx, None]:
        if self._whose is asyncio.current_task():
            raise RuntimeError("this task is in a transaction, and would wait for itself")
        async with self._turn:
            self._whose = asyncio.current_task()
            try:
                async with transaction_on(self._connection) as tx:
                    yield tx
            finally:
                self._whose = None


_only: ContextVar[_Only | None] = ContextVar("only_connection", default=None)


@asynccontextmanager
async def only_connection(url: str) -> AsyncGenerator[Connection, None]:
    """A connection of one's own: every transaction() inside goes through it, or fails with it."""
    async with direct_connection(url) as connection:
        await _configure(connection)
        before = _only.set(_Only(connection))
        try:
            yield connection
        finally:
            _only.reset(before)


async def listen(connection: Connection, channels: Sequence[str]) -> None:
    """Hear what is announced on these channels, on a connection of one's own."""
    for channel in channels:
        with _translated():
            await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))


async def notifications(connection: Connection, *, for_s: float) -> AsyncGenerator[str]:
    """The payloads of what is announced, as it comes, for so many seconds."""
    with _translated():
        async for notify in connection.notifies(timeout=for_s):
            yield notify.payload


@asynccontextmanager
async def transaction_on(connection: Connection) -> AsyncGenerator[Tx, None]:
    """A transaction on a connection of one's own."""
    with _translated():
        async with connection.transaction():
            yield Tx(connection)


async def fetch_one(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> T | None:
    """The first row as `kind`, or None."""
    cursor = await _run(tx, sql, params)
    row = await cursor.fetchone()
    return None if row is None else _convert(kind, _names(kind, sql, cursor), row)


async def fetch_new(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> T:
    """The one row of a statement that always returns one, such as INSERT … RETURNING."""
    if (row := await fetch_one(tx, kind, sql, **params)) is None:
        raise LookupError(f"no {kind.__name__} came back from the database")
    return row


async def fetch_all(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> list[T]:
    """All rows, each as `kind`."""
    cursor = await _run(tx, sql, params)
    names = _names(kind, sql, cursor)
    return [_convert(kind, names, row) for row in await cursor.fetchall()]


async def fetch_value(
    tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any
) -> T | None:
    """The first column of the first row as `kind`, or None when there is no row or it is NULL."""
    cursor = await _run(tx, sql, params)
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else msgspec.convert(row[0], kind)


async def fetch_new_value(tx: Connection, kind: type[T], sql: LiteralString, /, **params: Any) -> T:
    """The value of a statement that always returns one."""
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
    """Run a statement; returns how many rows it touched."""
    return (await _run(tx, sql, params)).rowcount


async def execute_script(connection: Connection, script: bytes) -> None:
    """Run a file of SQL statements, as one implicit transaction unless one is open."""
    with _translated():
        await connection.execute(script)


async def plan_for_values(tx: Tx) -> None:
    """Plan the rest of this transaction's statements for the values they are given.

    For statements with optional filters, whose best plan depends on which are used.
    """
    await execute(tx, "SET LOCAL plan_cache_mode = force_custom_plan")


async def join_snapshot(tx: Tx, first: Tx) -> None:
    """Let `tx`, which has read nothing yet, see what the open transaction `first` sees."""
    shared = await fetch_new_value(first, str, "SELECT pg_export_snapshot()")
    with _translated():
        await tx.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(shared)))


async def now(tx: Tx) -> datetime:
    """Business time, the same throughout a transaction."""
    return await fetch_new_value(tx, datetime, "SELECT business_now()")


def json(value: object) -> Jsonb:
    """A value as a `jsonb` parameter."""
    return Jsonb(value)


async def _run(tx: Connection, sql: LiteralString, params: dict[str, Any]) -> AsyncCursor[TupleRow]:
    with _translated():
        try:
            return await tx.execute(sql, params or None)
        except psycopg.errors.FeatureNotSupported as error:
            # A migration changed the columns of a statement that this connection had prepared.
            await tx.close()
            raise _unavailable() from error


# Our statements are literals, and so few. The width is part of the key because a migration may
# add a column under a running process.
_known_names: dict[tuple[type[Any], str, int], list[str]] = {}


def _names(kind: type[Any], sql: LiteralString, cursor: AsyncCursor[TupleRow]) -> list[str]:
    """The columns of a statement under the names that `kind` gives them on the wire."""
    width = cursor.pgresult.nfields if cursor.pgresult else 0
    known = _known_names.get((kind, sql, width))
    if known is None:
        wire = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
        known = [wire.get(column.name, column.name) for column in cursor.description or ()]
        _known_names[kind, sql, width] = known
    return known


def _convert(kind: type[T], names: list[str], row: TupleRow) -> T:
    return msgspec.convert(dict(zip(names, row, strict=True)), kind)


def _pool() -> AsyncConnectionPool[_Pooled]:
    if _Database.pool is None:
        raise _unavailable()
    return _Database.pool


def _unavailable() -> Unavailable:
    return Unavailable("The database cannot be reached.", retry_after_s=_RETRY_AFTER_S)


@contextmanager
def _translated() -> Generator[None, None, None]:
    """psycopg's errors in this project's words."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise Violated(error.diag.constraint_name or error.diag.column_name or "") from error
    except _TROUBLE as error:
        raise _unavailable() from error
