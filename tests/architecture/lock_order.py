"""In which order transactions lock rows: watched in the database driver while a story runs.

Two transactions that lock the same rows in different orders may each wait for the other for ever.
So all lock in one order, which is ORDER: Postgres never has to end one of them. In a watched house
one transaction runs at a time, so that the rows themselves show what each of them has locked.
"""

import re
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlglot
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus
from sqlglot import exp

ORDER: Final = ("bookings", "pots", "payments", "chargebacks", "instructions")

_ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = (f"{_ROOT}/app/", f"{_ROOT}/tasks/")
_BELOW: Final = (f"{_ROOT}/app/foundation/", f"{_ROOT}/tasks/runner/")  # the same for every lock
_PARAMETER: Final = re.compile(r"%(\(\w+\))?s")


class Lock(NamedTuple):
    """What a statement does to rows of a table.

    `waits` is false where it passes over rows that others have locked (SKIP LOCKED), `is_new` true
    where it inserts them: neither ever waits for another transaction, so neither has a place in
    the order.
    """

    table: str
    waits: bool
    is_new: bool = False


class LockOrder:
    """What one transaction after the other locks, and in `broken` each lock out of order."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._transaction = ""
        self._locked: dict[str, set[str]] = {}
        self._inserted: dict[str, set[str]] = {}

    def note(self, transaction: str, lock: Lock, rows: set[str]) -> None:
        """Note which rows of a table a transaction has locked or written when a lock is taken."""
        if transaction != self._transaction:
            self._transaction = transaction
            self._locked = {table: set() for table in ORDER}
            self._inserted = {table: set() for table in ORDER}
        new = rows - self._locked[lock.table] - self._inserted[lock.table]
        if lock.is_new:
            self._inserted[lock.table] |= new
            return
        self._locked[lock.table] |= new
        later = ORDER[ORDER.index(lock.table) + 1 :]
        if new and lock.waits and (held := [table for table in later if self._locked[table]]):
            self.broken.append(f"{lock.table} locked after {' and '.join(held)}: {_where()}")


@contextmanager
def watched_locks() -> Generator[LockOrder]:
    """Watch the statements of all connections of this process meanwhile."""
    order = LockOrder()
    cursors: Any = AsyncCursor
    plain = cursors.execute

    async def execute(cursor: Any, statement: Any, *rest: Any, **named: Any) -> Any:
        result = await plain(cursor, statement, *rest, **named)
        locks = locks_of(statement) if isinstance(statement, str) else ()
        if cursor.connection.info.transaction_status == TransactionStatus.INTRANS:
            for lock in locks:
                if touched := await _touched(plain, cursor.connection, lock.table):
                    order.note(touched[0][0], lock, {row for _, row in touched})
        return result

    cursors.execute = execute
    try:
        yield order
    finally:
        cursors.execute = plain


async def _touched(execute: Any, connection: Any, table: str) -> list[tuple[str, str]]:
    """The rows that the open transaction has locked or written, each with the transaction's id.

    Savepoints have ids of their own, which are later ones.
    """
    cursor = connection.cursor()
    await execute(
        cursor,
        f"""
        SELECT mine::text, id::text FROM {table}, pg_current_xact_id_if_assigned() AS mine
         WHERE xmin::text::bigint >= mine::text::bigint
            OR xmax::text::bigint >= mine::text::bigint""",
    )
    found: list[tuple[str, str]] = await cursor.fetchall()
    return found


@cache
def locks_of(statement: str) -> tuple[Lock, ...]:
    """The tables of ORDER in which a statement locks, changes or inserts rows."""
    if not any(table in statement for table in ORDER):
        return ()
    tree = sqlglot.parse_one(_PARAMETER.sub("NULL", statement), dialect="postgres")
    explicit = [lock for select in tree.find_all(exp.Select) for lock in _locks_of_select(select)]
    passed_over = {lock.table for lock in explicit if not lock.waits}
    written = [
        Lock(table.name, waits=table.name not in passed_over, is_new=isinstance(change, exp.Insert))
        for change in tree.find_all(exp.Update, exp.Delete, exp.Insert)
        if (table := change.find(exp.Table))
    ]
    return tuple(lock for lock in (*explicit, *written) if lock.table in ORDER)


def _locks_of_select(select: exp.Select) -> Iterator[Lock]:
    """What `FOR UPDATE` and its like lock: the tables that OF names, else all that are joined."""
    sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
    tables = {
        source.this.alias_or_name: source.this.name
        for source in sources
        if source and isinstance(source.this, exp.Table)
    }
    for lock in select.args.get("locks") or ():
        for name in [table.name for table in lock.expressions] or tables:
            yield Lock(tables[name], waits=lock.args.get("wait") is not False)


def _where() -> str:
    """The functions of ours that led here, the outermost first."""
    return " > ".join(
        f"{frame.filename.removeprefix(f'{_ROOT}/')}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_stack()
        if frame.filename.startswith(_OURS) and not frame.filename.startswith(_BELOW)
    )
