"""Outgoing webhooks, and how their delivery went."""

import time
from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS deliveries (
    id           INTEGER PRIMARY KEY,
    gateway      TEXT NOT NULL,
    event        TEXT NOT NULL,
    reference    TEXT NOT NULL,
    body         TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      REAL NOT NULL,
    last_status  INTEGER,
    last_error   TEXT,
    delivered_at TEXT
)"""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook, due at `next_at` (Unix seconds) unless it is delivered."""

    id: int
    gateway: str
    event: str
    reference: str
    body: str
    attempts: int
    next_at: float
    last_status: int | None
    last_error: str | None
    delivered_at: str | None


class Deliveries:
    def __init__(self, store: Store) -> None:
        self._store = store

    def post(self, *, gateway: str, event: str, reference: str, body: str) -> None:
        """Queue a webhook, due at once."""
        self._store.do(
            """
            INSERT INTO deliveries (gateway, event, reference, body, next_at)
            VALUES (:gateway, :event, :reference, :body, :next_at)""",
            gateway=gateway,
            event=event,
            reference=reference,
            body=body,
            next_at=time.time(),
        )

    def due(self, *, attempts_max: int) -> list[Delivery]:
        return self._store.rows(
            Delivery,
            """
            SELECT * FROM deliveries
            WHERE delivered_at IS NULL AND attempts < :attempts_max AND next_at <= :now
            ORDER BY next_at LIMIT 20""",
            attempts_max=attempts_max,
            now=time.time(),
        )

    def next_due_in_s(self, *, attempts_max: int) -> float | None:
        """Seconds until the next delivery is due; None if none waits."""
        delivery = self._store.first(
            Delivery,
            """
            SELECT * FROM deliveries WHERE delivered_at IS NULL AND attempts < :attempts_max
            ORDER BY next_at LIMIT 1""",
            attempts_max=attempts_max,
        )
        return None if delivery is None else max(0.0, delivery.next_at - time.time())

    def delivered(self, delivery: Delivery, *, status: int) -> None:
        self._store.do(
            """
            UPDATE deliveries SET attempts = attempts + 1, last_status = :status,
                last_error = NULL, delivered_at = :now
            WHERE id = :id""",
            id=delivery.id,
            status=status,
            now=now(),
        )

    def not_delivered(
        self, delivery: Delivery, *, status: int | None, error: str | None, retry_in_s: float
    ) -> None:
        self._store.do(
            """
            UPDATE deliveries SET attempts = attempts + 1, last_status = :status,
                last_error = :error, next_at = :next_at
            WHERE id = :id""",
            id=delivery.id,
            status=status,
            error=error,
            next_at=time.time() + retry_in_s,
        )

    def put_off(self, delivery: Delivery, *, in_s: float) -> None:
        """Let other webhooks go first; that does not count as an attempt."""
        self._store.do(
            "UPDATE deliveries SET next_at = :next_at WHERE id = :id",
            id=delivery.id,
            next_at=time.time() + in_s,
        )

    def replay(self, reference: str | None) -> list[Delivery]:
        """Make deliveries due again: all, or those about one reference."""
        return self._store.rows(
            Delivery,
            """
            UPDATE deliveries SET delivered_at = NULL, attempts = 0, next_at = :now
            WHERE :reference IS NULL OR reference = :reference RETURNING *""",
            reference=reference,
            now=time.time(),
        )

    def all(self) -> list[Delivery]:
        return self._store.rows(Delivery, "SELECT * FROM deliveries ORDER BY id")
