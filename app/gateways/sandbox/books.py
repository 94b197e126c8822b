"""The simulator's books, in SQLite: transactions, and webhook deliveries that outlive a restart."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MEMORY: Final = ":memory:"

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS transactions (
    id               INTEGER PRIMARY KEY,
    reference        TEXT NOT NULL UNIQUE,
    access_code      TEXT NOT NULL UNIQUE,
    email            TEXT NOT NULL,
    amount           INTEGER NOT NULL,
    currency         TEXT NOT NULL,
    callback_url     TEXT NOT NULL,
    metadata         TEXT NOT NULL,
    status           TEXT NOT NULL DEFAULT 'abandoned',
    gateway_response TEXT NOT NULL DEFAULT 'The transaction was not completed',
    created_at       TEXT NOT NULL,
    paid_at          TEXT
);
CREATE TABLE IF NOT EXISTS deliveries (
    id           INTEGER PRIMARY KEY,
    event        TEXT NOT NULL,
    reference    TEXT NOT NULL,
    body         TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      REAL NOT NULL,
    last_status  INTEGER,
    last_error   TEXT,
    delivered_at TEXT
);
"""
_FIRST_ID: Final = 5_099_260_515  # ids do not fit 32 bits, as at Paystack


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `abandoned` is also what Paystack calls one that nobody has begun to pay."""

    id: int
    reference: str
    access_code: str
    email: str
    amount: int
    currency: str
    callback_url: str
    metadata: str
    status: str
    gateway_response: str
    created_at: str
    paid_at: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook, due at `next_at` (Unix seconds) unless it is delivered."""

    id: int
    event: str
    reference: str
    body: str
    attempts: int
    next_at: float
    last_status: int | None
    last_error: str | None
    delivered_at: str | None


class ReferenceExists(Exception):
    """There is a transaction of this reference."""


class Books:
    """All that the simulator remembers. Used from one event loop; each call is one small step."""

    def __init__(self, path: str) -> None:
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    def begin(
        self, *, reference: str, email: str, amount: int, currency: str, callback_url: str,
        metadata: str,
    ) -> Transaction:  # fmt: skip
        """Write down a new transaction. Raises ReferenceExists."""
        try:
            found = self._rows(
                Transaction,
                """
                INSERT INTO transactions (
                    id, reference, access_code, email, amount, currency, callback_url, metadata,
                    created_at
                ) VALUES (
                    (SELECT COALESCE(MAX(id), :first) + 1 FROM transactions),
                    :reference, :access_code, :email, :amount, :currency, :callback_url, :metadata,
                    :now
                ) RETURNING *""",
                first=_FIRST_ID,
                reference=reference,
                access_code=token_hex(8),
                email=email,
                amount=amount,
                currency=currency,
                callback_url=callback_url,
                metadata=metadata,
                now=_now(),
            )
        except sqlite3.IntegrityError as error:
            raise ReferenceExists(reference) from error
        return found[0]

    def pay(self, reference: str) -> Transaction | None:
        """Make it a success; None if it already was, or is not there."""
        return self._first(
            Transaction,
            """
            UPDATE transactions
            SET status = 'success', gateway_response = 'Successful', paid_at = :now
            WHERE reference = :reference AND status != 'success' RETURNING *""",
            reference=reference,
            now=_now(),
        )

    def decline(self, reference: str) -> Transaction | None:
        """Make it a failure; None if it was a success, or is not there."""
        return self._first(
            Transaction,
            """
            UPDATE transactions SET status = 'failed', gateway_response = 'Declined'
            WHERE reference = :reference AND status != 'success' RETURNING *""",
            reference=reference,
        )

    def transaction(self, reference: str) -> Transaction | None:
        return self._first(
            Transaction,
            "SELECT * FROM transactions WHERE reference = :reference",
            reference=reference,
        )

    def transaction_of(self, access_code: str) -> Transaction | None:
        return self._first(
            Transaction,
            "SELECT * FROM transactions WHERE access_code = :access_code",
            access_code=access_code,
        )

    def transactions(self) -> list[Transaction]:
        return self._rows(Transaction, "SELECT * FROM transactions ORDER BY id")

    def post(self, *, event: str, reference: str, body: str) -> None:
        """Put a webhook into the outgoing mail, due at once."""
        self._rows(
            Delivery,
            """
            INSERT INTO deliveries (event, reference, body, next_at)
            VALUES (:event, :reference, :body, :next_at)""",
            event=event,
            reference=reference,
            body=body,
            next_at=time.time(),
        )

    def due(self, *, attempts_max: int) -> list[Delivery]:
        return self._rows(
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
        row = self._database.execute(
            "SELECT MIN(next_at) FROM deliveries WHERE delivered_at IS NULL AND attempts < ?",
            (attempts_max,),
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - time.time())

    def delivered(self, delivery: Delivery, *, status: int) -> None:
        self._rows(
            Delivery,
            """
            UPDATE deliveries SET attempts = attempts + 1, last_status = :status,
                last_error = NULL, delivered_at = :now
            WHERE id = :id""",
            id=delivery.id,
            status=status,
            now=_now(),
        )

    def not_delivered(
        self, delivery: Delivery, *, status: int | None, error: str | None, retry_in_s: float
    ) -> None:
        self._rows(
            Delivery,
            """
            UPDATE deliveries SET attempts = attempts + 1, last_status = :status,
                last_error = :error, next_at = :next_at
            WHERE id = :id""",
            id=delivery.id,
            status=status,
            error=error,
            next_at=time.time() + retry_in_s,
        )

    def replay(self, reference: str | None) -> list[Delivery]:
        """Make deliveries due again: all, or those of one transaction."""
        return self._rows(
            Delivery,
            """
            UPDATE deliveries SET delivered_at = NULL, attempts = 0, next_at = :now
            WHERE :reference IS NULL OR reference = :reference RETURNING *""",
            reference=reference,
            now=time.time(),
        )

    def deliveries(self) -> list[Delivery]:
        return self._rows(Delivery, "SELECT * FROM deliveries ORDER BY id")

    def _first(self, kind: type[T], sql: str, **parameters: Any) -> T | None:
        return next(iter(self._rows(kind, sql, **parameters)), None)

    def _rows(self, kind: type[T], sql: str, **parameters: Any) -> list[T]:
        rows = self._database.execute(sql, parameters).fetchall()
        return [msgspec.convert(dict(row), kind) for row in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
