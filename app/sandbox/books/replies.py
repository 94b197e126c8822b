"""Replies that are repeated to calls with the same idempotency key."""

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


class Replies:
    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, *, key: str, call: str, status: int, body: str) -> None:
        self._store.do(
            """
            INSERT INTO replies (key, call, status, body, created_at)
            VALUES (:key, :call, :status, :body, :now)""",
            key=key,
            call=call,
            status=status,
            body=body,
            now=now(),
        )

    def find(self, key: str) -> Reply | None:
        return self._store.first(Reply, "SELECT * FROM replies WHERE key = :key", key=key)
