"""Replies that are repeated for a day to calls with the same idempotency key."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS replies (
    key        TEXT PRIMARY KEY,
    call       TEXT NOT NULL,
    status     INTEGER NOT NULL,
    body       TEXT NOT NULL,
    created_at TEXT NOT NULL
)"""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a call; `call` is the digest of its path and body."""

    key: str
    call: str
    status: int
    body: str
    created_at: str


_KEPT_FOR: Final = timedelta(days=1)


class Replies:
    """`running` are the keys of the calls that have no reply yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.running: set[str] = set()

    def keep(self, *, key: str, call: str, status: int, body: str) -> None:
        self._store.do(
            """
            INSERT OR REPLACE INTO replies (key, call, status, body, created_at)
            VALUES (:key, :call, :status, :body, :now)""",
            key=key,
            call=call,
            status=status,
            body=body,
            now=now(),
        )

    def find(self, key: str) -> Reply | None:
        """The reply to the call with this key; None if there was none for a day."""
        found = self._store.first(Reply, "SELECT * FROM replies WHERE key = :key", key=key)
        if found is None or datetime.fromisoformat(found.created_at) + _KEPT_FOR < _now():
            return None
        return found

    def forget(self) -> None:
        """Let a day pass: every key is a new one."""
        self._store.do("DELETE FROM replies")


def _now() -> datetime:
    return datetime.now(UTC)
