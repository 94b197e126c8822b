"""Rows that lists do not show yet, though they were created before others that are shown."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store

TABLE: Final = """
CREATE TABLE IF NOT EXISTS hidden (
    what   TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    PRIMARY KEY (what, row_id)
)"""


class _Row(msgspec.Struct, frozen=True):
    row_id: int


class Hidden:
    """What is hidden from lists. It can still be looked up by its id or reference."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hide(self, what: str, row_id: int) -> None:
        self._store.do(
            "INSERT OR IGNORE INTO hidden (what, row_id) VALUES (:what, :id)", what=what, id=row_id
        )

    def show(self, what: str, row_id: int) -> None:
        self._store.do(
            "DELETE FROM hidden WHERE what = :what AND row_id = :id", what=what, id=row_id
        )

    def ids(self, what: str) -> set[int]:
        rows = self._store.rows(_Row, "SELECT row_id FROM hidden WHERE what = :what", what=what)
        return {row.row_id for row in rows}
