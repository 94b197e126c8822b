"""The SQLite file under the books."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MEMORY: Final = ":memory:"


class Store:
    """Used from one event loop; each call is one small step."""

    def __init__(self, path: str, tables: Sequence[str]) -> None:
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        for table in tables:
            self._database.execute(table)

    def close(self) -> None:
        self._database.close()

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
