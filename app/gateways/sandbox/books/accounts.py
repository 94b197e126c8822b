"""Connected accounts: payees of whom the gateway itself asks all it must know."""

from typing import Final

import msgspec

from app.gateways.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    code         TEXT PRIMARY KEY,
    email        TEXT NOT NULL,
    country      TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    is_submitted INTEGER NOT NULL DEFAULT 0,
    is_ready     INTEGER NOT NULL DEFAULT 0,
    created_at   TEXT NOT NULL
)"""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Submitted: its owner has answered all that was asked. Ready: it can be paid."""

    code: str
    email: str
    country: str
    metadata: str
    is_submitted: int
    is_ready: int
    created_at: str


class Accounts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, *, code: str, email: str, country: str, metadata: str) -> Account:
        return self._store.rows(
            Account,
            """
            INSERT INTO accounts (code, email, country, metadata, created_at)
            VALUES (:code, :email, :country, :metadata, :now) RETURNING *""",
            code=code,
            email=email,
            country=country,
            metadata=metadata,
            now=now(),
        )[0]

    def become(self, code: str, *, is_ready: bool) -> Account | None:
        """Ready once its owner has answered, or not ready any more; None if there is none."""
        return self._store.first(
            Account,
            """
            UPDATE accounts SET is_submitted = 1, is_ready = :is_ready
            WHERE code = :code RETURNING *""",
            code=code,
            is_ready=int(is_ready),
        )

    def find(self, code: str) -> Account | None:
        return self._store.first(Account, "SELECT * FROM accounts WHERE code = :code", code=code)

    def all(self) -> list[Account]:
        return self._store.rows(Account, "SELECT * FROM accounts ORDER BY created_at, code")
