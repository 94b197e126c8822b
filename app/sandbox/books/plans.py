"""What will happen by itself: moves of refunds, transfers and payouts, and facts that are late."""

import time
from typing import Final

import msgspec

from app.sandbox.books.store import Store

TABLE: Final = """
CREATE TABLE IF NOT EXISTS plans (
    id        INTEGER PRIMARY KEY,
    about     TEXT NOT NULL,
    about_id  INTEGER NOT NULL,
    status    TEXT NOT NULL,
    due_at    REAL NOT NULL
)"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One move to make, at `due_at` (Unix seconds)."""

    id: int
    about: str
    about_id: int
    status: str
    due_at: float


class Plans:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, *, about: str, about_id: int, status: str, in_s: float) -> None:
        self._store.do(
            """
            INSERT INTO plans (about, about_id, status, due_at)
            VALUES (:about, :about_id, :status, :due_at)""",
            about=about,
            about_id=about_id,
            status=status,
            due_at=time.time() + in_s,
        )

    def drop(self, *, about: str, about_id: int) -> None:
        """Cancel what is planned for a refund, transfer, payout or charge."""
        self._store.do(
            "DELETE FROM plans WHERE about = :about AND about_id = :about_id",
            about=about,
            about_id=about_id,
        )

    def take_due(self) -> Plan | None:
        """Take the move that has been due for the longest; None if none is due."""
        return self._store.first(
            Plan,
            """
            DELETE FROM plans
            WHERE id = (SELECT id FROM plans WHERE due_at <= :now ORDER BY due_at, id LIMIT 1)
            RETURNING *""",
            now=time.time(),
        )

    def next_due_in_s(self) -> float | None:
        """Seconds until the next move is due; None if none is planned."""
        plan = self._store.first(Plan, "SELECT * FROM plans ORDER BY due_at LIMIT 1")
        return None if plan is None else max(0.0, plan.due_at - time.time())
