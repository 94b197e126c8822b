"""The SQLite file under the books."""

import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")
_NAME = re.compile(r"^\s*CREATE TABLE (?:IF NOT EXISTS )?\"?(\w+)\"?")


class _Made(msgspec.Struct, frozen=True):
    sql: str


MEMORY: Final = ":memory:"


class Store:
    """Used from one event loop; each call is one small step."""

    def __init__(self, path: str, tables: Sequence[str]) -> None:
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        for table in tables:
            self._become(table)

    def close(self) -> None:
        self._database.close()

    def _become(self, statement: str) -> None:
        """Make a table or an index. A table that an older simulator made keeps its rows."""
        made = _NAME.search(statement)
        kept = made and self.first(
            _Made, "SELECT sql FROM sqlite_master WHERE name = :name", name=made[1]
        )
        if not (made and kept) or _NAME.sub("", kept.sql) == _NAME.sub("", statement.strip()):
            self._database.execute(statement)
            return
        self._database.execute("PRAGMA legacy_alter_table = ON")  # others still refer to the name
        with self.step():
            old = f"older_{made[1]}"
            self._database.execute(f"ALTER TABLE {made[1]} RENAME TO {old}")
            self._database.execute(statement)
            common = ", ".join(self._columns(old) & self._columns(made[1]))
            copy = f"INSERT INTO {made[1]} ({common}) SELECT {common} FROM {old}"  # noqa: S608
            self._database.execute(copy)
            self._database.execute(f"DROP TABLE {old}")

    def _columns(self, table: str) -> set[str]:
        return {row["name"] for row in self._database.execute(f"PRAGMA table_info({table})")}

    @contextmanager
    def step(self) -> Generator[None]:
        """A transaction: all that happens in it is kept, or nothing. Await nothing meanwhile."""
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def first(self, kind: type[T], sql: str, **parameters: Any) -> T | None:
        return next(iter(self.rows(kind, sql, **parameters)), None)

    def rows(self, kind: type[T], sql: str, **parameters: Any) -> list[T]:
        rows = self._database.execute(sql, parameters).fetchall()
        return [msgspec.convert(dict(row), kind) for row in rows]

    def do(self, sql: str, **parameters: Any) -> None:
        self._database.execute(sql, parameters)


def now() -> str:
    """The simulator's own time, as Paystack writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
