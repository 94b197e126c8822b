"""Refunds: money back to payers."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store, now
from app.sandbox.books.transactions import Transaction

TABLE: Final = """
CREATE TABLE IF NOT EXISTS refunds (
    id                    INTEGER PRIMARY KEY,
    gateway               TEXT NOT NULL,
    transaction_id        INTEGER NOT NULL REFERENCES transactions (id),
    transaction_reference TEXT NOT NULL,
    transaction_amount    INTEGER NOT NULL,
    amount                INTEGER NOT NULL,
    currency              TEXT NOT NULL,
    settled_amount        INTEGER,
    settled_currency      TEXT,
    merchant_note         TEXT NOT NULL,
    customer_note         TEXT NOT NULL,
    status                TEXT NOT NULL DEFAULT 'pending',
    refund_reference      TEXT,
    refunded_at           TEXT,
    created_at            TEXT NOT NULL,
    updated_at            TEXT NOT NULL
)"""
OPEN: Final = frozenset({"pending", "processing", "needs-attention"})

_FIRST_ID: Final = 6_003_018_283


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund. It has no reference of the merchant, only notes.

    It takes `settled_amount` in `settled_currency` out of the balance.
    """

    id: int
    gateway: str
    transaction_id: int
    transaction_reference: str
    transaction_amount: int
    amount: int
    currency: str
    merchant_note: str
    customer_note: str
    status: str
    refund_reference: str | None
    refunded_at: str | None
    created_at: str
    updated_at: str
    settled_amount: int | None = None
    settled_currency: str | None = None

    @property
    def taken(self) -> tuple[int, str]:
        """What it takes out of the balance."""
        amount = self.amount if self.settled_amount is None else self.settled_amount
        return amount, self.settled_currency or self.currency


class _Sum(msgspec.Struct, frozen=True):
    amount: int


class Refunds:
    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, transaction: Transaction, *, amount: int, merchant_note: str, customer_note: str
    ) -> Refund:
        """Store a new refund; a second call stores a second one."""
        return self._store.rows(
            Refund,
            """
            INSERT INTO refunds (
                id, gateway, transaction_id, transaction_reference, transaction_amount, amount,
                currency, settled_amount, settled_currency, merchant_note, customer_note,
                created_at, updated_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM refunds),
                :gateway, :transaction_id, :transaction_reference, :transaction_amount, :amount,
                :currency, :settled_amount, :settled_currency, :merchant_note, :customer_note,
                :now, :now
            ) RETURNING *""",
            first=_FIRST_ID,
            gateway=transaction.gateway,
            transaction_id=transaction.id,
            transaction_reference=transaction.reference,
            transaction_amount=transaction.amount,
            amount=amount,
            currency=transaction.currency,
            settled_amount=transaction.settled(amount),
            settled_currency=transaction.settled_currency or transaction.currency,
            merchant_note=merchant_note,
            customer_note=customer_note,
            now=now(),
        )[0]

    def move(self, refund_id: int, status: str) -> Refund:
        """Change a refund's status. Once processed it has the bank's reference for good."""
        return self._store.rows(
            Refund,
            """
            UPDATE refunds
            SET status = :status, updated_at = :now,
                refund_reference = CASE WHEN :status = 'processed' THEN 'RR' || id
                                        ELSE refund_reference END,
                refunded_at = CASE WHEN :status = 'processed' THEN :now ELSE refunded_at END
            WHERE id = :id RETURNING *""",
            id=refund_id,
            status=status,
            now=now(),
        )[0]

    def left_of(self, transaction: Transaction) -> int:
        """What can still be refunded: not yet refunded, not being refunded, not taken by a bank."""
        given = self._store.rows(
            _Sum,
            """
            SELECT COALESCE(SUM(amount), 0) AS amount FROM (
                SELECT amount FROM refunds
                WHERE transaction_id = :transaction_id AND status != 'failed'
                UNION ALL
                SELECT amount FROM chargebacks
                WHERE transaction_id = :transaction_id AND is_taken
            )""",
            transaction_id=transaction.id,
        )
        return max(0, transaction.amount - given[0].amount)

    def given_back(self, transaction: Transaction) -> int:
        """How much of a transaction was refunded."""
        given = self._store.rows(
            _Sum,
            """
            SELECT COALESCE(SUM(amount), 0) AS amount FROM refunds
            WHERE transaction_id = :transaction_id AND status = 'processed'""",
            transaction_id=transaction.id,
        )
        return given[0].amount

    def find(self, key: str) -> Refund | None:
        """A refund by its id or its note; the newest of several with the same note."""
        return self._store.first(
            Refund,
            """
            SELECT * FROM refunds WHERE CAST(id AS TEXT) = :key OR merchant_note = :key
            ORDER BY id DESC""",
            key=key,
        )

    def listed(self, *, transaction_id: str | None, currency: str | None) -> list[Refund]:
        """Refunds, newest first."""
        return self._store.rows(
            Refund,
            """
            SELECT * FROM refunds
            WHERE (:transaction_id IS NULL OR CAST(transaction_id AS TEXT) = :transaction_id)
              AND (:currency IS NULL OR currency = :currency)
            ORDER BY id DESC""",
            transaction_id=transaction_id,
            currency=currency,
        )

    def all(self) -> list[Refund]:
        return self._store.rows(Refund, "SELECT * FROM refunds ORDER BY id")
