"""Transactions: money in."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS transactions (
    id               INTEGER PRIMARY KEY,
    gateway          TEXT NOT NULL,
    reference        TEXT NOT NULL,
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
)"""
INDEX: Final = "CREATE INDEX IF NOT EXISTS transactions_reference ON transactions (reference)"
FEE_PERMILLE: Final = 15  # of the amount, paid by the merchant

_FIRST_ID: Final = 5_099_260_515  # ids do not fit 32 bits, as at Paystack


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `metadata` is JSON that its gateway returns unchanged.

    `abandoned` is also Paystack's word for one that nobody has begun to pay; `reversed` was paid,
    and refunded in full.
    """

    id: int
    gateway: str
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

    @property
    def fees(self) -> int | None:
        return self.amount * FEE_PERMILLE // 1000 if self.paid_at else None


class ReferenceExists(Exception):
    """There is a transaction with this reference already."""


class Transactions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, *, gateway: str, reference: str, access_code: str, email: str, amount: int,
        currency: str, callback_url: str, metadata: str, is_unique: bool = True,
    ) -> Transaction:  # fmt: skip
        """Store a new transaction. Raises ReferenceExists if references must be unique."""
        if is_unique and self.find(reference):
            raise ReferenceExists(reference)
        return self._store.rows(
            Transaction,
            """
            INSERT INTO transactions (
                id, gateway, reference, access_code, email, amount, currency, callback_url,
                metadata, created_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM transactions),
                :gateway, :reference, :access_code, :email, :amount, :currency,
                :callback_url, :metadata, :now
            ) RETURNING *""",
            first=_FIRST_ID,
            gateway=gateway,
            reference=reference,
            access_code=access_code,
            email=email,
            amount=amount,
            currency=currency,
            callback_url=callback_url,
            metadata=metadata,
            now=now(),
        )[0]

    def pay(
        self, transaction_id: int, *, amount: int | None = None, currency: str | None = None
    ) -> Transaction | None:
        """Make it a success, with another sum if one is given; None if it was one already."""
        return self._store.first(
            Transaction,
            """
            UPDATE transactions
            SET status = 'success', gateway_response = 'Successful', paid_at = :now,
                amount = COALESCE(:amount, amount), currency = COALESCE(:currency, currency)
            WHERE id = :id AND paid_at IS NULL RETURNING *""",
            id=transaction_id,
            amount=amount,
            currency=currency,
            now=now(),
        )

    def decline(self, transaction_id: int) -> Transaction | None:
        """Make it a failure; None if it was a success."""
        return self._store.first(
            Transaction,
            """
            UPDATE transactions SET status = 'failed', gateway_response = 'Declined'
            WHERE id = :id AND paid_at IS NULL RETURNING *""",
            id=transaction_id,
        )

    def count_refunds(self, transaction_id: int) -> None:
        """Make it `reversed` if all was refunded or charged back, else `success`."""
        self._store.do(
            """
            UPDATE transactions
            SET status = CASE WHEN amount <= (
                SELECT COALESCE(SUM(amount), 0) FROM (
                    SELECT amount FROM refunds
                    WHERE transaction_id = :id AND status = 'processed'
                    UNION ALL
                    SELECT amount FROM chargebacks WHERE transaction_id = :id AND is_taken
                )
            ) THEN 'reversed' ELSE 'success' END
            WHERE id = :id AND paid_at IS NOT NULL""",
            id=transaction_id,
        )

    def find(self, reference: str) -> Transaction | None:
        """A transaction by its reference; the newest of several."""
        return self._store.first(
            Transaction,
            "SELECT * FROM transactions WHERE reference = :reference ORDER BY id DESC",
            reference=reference,
        )

    def get(self, transaction_id: int) -> Transaction:
        return self._store.rows(
            Transaction, "SELECT * FROM transactions WHERE id = :id", id=transaction_id
        )[0]

    def find_by_id(self, transaction_id: str) -> Transaction | None:
        return self._store.first(
            Transaction,
            "SELECT * FROM transactions WHERE CAST(id AS TEXT) = :id",
            id=transaction_id,
        )

    def find_by_access_code(self, access_code: str) -> Transaction | None:
        return self._store.first(
            Transaction,
            "SELECT * FROM transactions WHERE access_code = :access_code",
            access_code=access_code,
        )

    def all(self) -> list[Transaction]:
        return self._store.rows(Transaction, "SELECT * FROM transactions ORDER BY id")
