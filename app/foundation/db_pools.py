"""The connections of this process: one pool for all that is done, and a small one for readers.

Whoever is not logged in reads on the small one, in transactions that change nothing and end soon:
however much strangers ask for, there are connections for everything else.
"""

import os
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg._preparing import PrepareManager
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from app.foundation.db_errors import unavailable

Connection = AsyncConnection[TupleRow]

_ACQUIRE_TIMEOUT_S = 5.0
_READERS_ACQUIRE_TIMEOUT_S = 1.0
_READERS_WAITING_MAX = 20
# A server that vanished is noticed within seconds: TCP alone would take minutes.
KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

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
        self._own_cursor: AsyncCursor[TupleRow] | None = None

    def own_cursor(self) -> AsyncCursor[TupleRow]:
        """A cursor for all statements whose rows are read before the next one begins.

        A new one for each, as psycopg makes by itself, costs a tenth of the statement.
        """
        if self._own_cursor is None:
            self._own_cursor = self.cursor()
        return self._own_cursor


class _Database:
    """The pools of this process, between open_pool() and close_pool()."""

    pool: AsyncConnectionPool[_Pooled] | None = None
    readers: AsyncConnectionPool[_Pooled] | None = None


async def open_pool(url: str, *, size_max: int, readers_max: int = 2) -> None:
    """Open this process's pools. Returns at once; connections are opened in the background.

    The pool of readers opens a connection when somebody needs one.
    """
    pool = AsyncConnectionPool(
        url,
        connection_class=_Pooled,
        configure=configure,
        kwargs=KEEPALIVES,
        min_size=min(2, size_max),
        max_size=size_max,
        timeout=_ACQUIRE_TIMEOUT_S,
        reconnect_timeout=60.0,
        open=False,
    )
    readers = AsyncConnectionPool(
        url,
        connection_class=_Pooled,
        configure=_configure_reader,
        kwargs=KEEPALIVES,
        min_size=0,
        max_size=readers_max,
        timeout=_READERS_ACQUIRE_TIMEOUT_S,
        max_waiting=_READERS_WAITING_MAX,
        open=False,
    )
    await pool.open()
    await readers.open()
    _Database.pool, _Database.readers = pool, readers


async def close_pool() -> None:
    """Close the pools. transaction() and reading() raise Unavailable after this."""
    pool, _Database.pool = _Database.pool, None
    readers, _Database.readers = _Database.readers, None
    for each in (readers, pool):
        if each:
            await each.close()


def pool_of_all() -> AsyncConnectionPool[_Pooled]:
    if _Database.pool is None:
        raise unavailable()
    return _Database.pool


def pool_of_readers() -> AsyncConnectionPool[_Pooled]:
    if _Database.readers is None:
        raise unavailable()
    return _Database.readers


async def configure(connection: Connection) -> None:
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


async def _configure_reader(connection: Connection) -> None:
    await configure(connection)
    if not _is_behind_pooler(connection):
        await connection.execute("SET statement_timeout = '1s'")
        await connection.commit()
    await connection.set_read_only(True)  # psycopg then sends BEGIN READ ONLY


def cursor_of(connection: Connection) -> AsyncCursor[TupleRow]:
    """A cursor whose rows are read before the connection's next statement begins."""
    return connection.own_cursor() if isinstance(connection, _Pooled) else connection.cursor()


async def limit_reader(connection: Connection) -> None:
    """Limit a reader's transaction where the session cannot be limited, as it is a pooler's."""
    if _is_behind_pooler(connection):
        await connection.execute("SET LOCAL statement_timeout = '1s'")


def _is_behind_pooler(connection: Connection) -> bool:
    return connection.prepare_threshold is None


async def open_connection(pool: AsyncConnectionPool[_Pooled]) -> _Pooled:
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
