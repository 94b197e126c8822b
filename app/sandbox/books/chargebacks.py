"""Money that banks want back for their customers."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store, now
from app.sandbox.books.transactions import Transaction

TABLE: Final = """
CREATE TABLE IF NOT EXISTS chargebacks (
    id                    INTEGER PRIMARY KEY,
    gateway               TEXT NOT NULL,
    transaction_id        INTEGER NOT NULL REFERENCES transactions (id),
    transaction_reference TEXT NOT NULL,
    amount                INTEGER NOT NULL,
    currency              TEXT NOT NULL,
    settled_amount        INTEGER,
    settled_currency      TEXT,
    fee                   INTEGER NOT NULL,
    reason                TEXT NOT NULL,
    status                TEXT NOT NULL DEFAULT 'awaiting-merchant-feedback',
    resolution            TEXT,
    is_taken              INTEGER NOT NULL,
    due_at                TEXT,
    resolved_at           TEXT,
    created_at            TEXT NOT NULL,
    updated_at            TEXT NOT NULL
)"""
TO_BE_ANSWERED: Final = "awaiting-merchant-feedback"
ANSWERED: Final = "awaiting-bank-feedback"
RESOLVED: Final = "resolved"
DECLINED: Final = "declined"  # the merchant keeps the money

_FIRST_ID: Final = 7_000_358_949


class Chargeback(msgspec.Struct, frozen=True, kw_only=True):
    """One chargeback. `is_taken`: its amount is out of the balance; its fee stays out for good.

    Of the balance it takes `settled_amount` and the fee, in `settled_currency`.
    """

    id: int
    gateway: str
    transaction_id: int
    transaction_reference: str
    amount: int
    currency: str
    fee: int
    reason: str
    status: str
    resolution: str | None
    is_taken: int
    due_at: str | None
    resolved_at: str | None
    created_at: str
    updated_at: str
    settled_amount: int | None = None
    settled_currency: str | None = None

    @property
    def taken(self) -> tuple[int, str]:
        """What it takes out of the balance, besides its fee."""
        amount = self.amount if self.settled_amount is None else self.settled_amount
        return amount, self.settled_currency or self.currency


class _Sum(msgspec.Struct, frozen=True):
    amount: int


class Chargebacks:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(
        self, transaction: Transaction, *, amount: int, fee: int, reason: str, is_taken: bool,
        due_at: str | None,
    ) -> Chargeback:  # fmt: skip
        return self._store.rows(
            Chargeback,
            """
            INSERT INTO chargebacks (
                id, gateway, transaction_id, transaction_reference, amount, currency,
                settled_amount, settled_currency, fee, reason, is_taken, due_at, created_at,
                updated_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM chargebacks),
                :gateway, :transaction_id, :transaction_reference, :amount, :currency,
                :settled_amount, :settled_currency, :fee, :reason, :is_taken, :due_at, :now, :now
            ) RETURNING *""",
            first=_FIRST_ID,
            gateway=transaction.gateway,
            transaction_id=transaction.id,
            transaction_reference=transaction.reference,
            amount=amount,
            currency=transaction.currency,
            settled_amount=transaction.settled(amount),
            settled_currency=transaction.settled_currency or transaction.currency,
            fee=fee,
            reason=reason,
            is_taken=is_taken,
            due_at=due_at,
            now=now(),
        )[0]

    def answer(self, chargeback_id: int) -> Chargeback:
        return self._store.rows(
            Chargeback,
            """
            UPDATE chargebacks SET status = :status, updated_at = :now
            WHERE id = :id RETURNING *""",
            id=chargeback_id,
            status=ANSWERED,
            now=now(),
        )[0]

    def resolve(self, chargeback_id: int, resolution: str) -> Chargeback:
        """Resolve a chargeback; the merchant keeps the money only if it was declined."""
        return self._store.rows(
            Chargeback,
            """
            UPDATE chargebacks
            SET status = :status, resolution = :resolution, is_taken = :is_taken,
                resolved_at = :now, updated_at = :now
            WHERE id = :id RETURNING *""",
            id=chargeback_id,
            status=RESOLVED,
            resolution=resolution,
            is_taken=resolution != DECLINED,
            now=now(),
        )[0]

    def left_of(self, transaction: Transaction) -> int:
        """How much of a transaction no bank wants back."""
        return transaction.amount - self._sum(
            transaction, "SELECT COALESCE(SUM(amount), 0) AS amount FROM chargebacks"
            " WHERE transaction_id = :id AND resolution IS NOT 'declined'",
        )  # fmt: skip

    def taken_of(self, transaction: Transaction) -> int:
        return self._sum(
            transaction, "SELECT COALESCE(SUM(amount), 0) AS amount FROM chargebacks"
            " WHERE transaction_id = :id AND is_taken",
        )  # fmt: skip

    def find(self, key: str) -> Chargeback | None:
        """A chargeback by its id, with or without Stripe's prefix."""
        return self._store.first(
            Chargeback, "SELECT * FROM chargebacks WHERE :key IN (id || '', 'dp_' || id)", key=key
        )

    def all(self) -> list[Chargeback]:
        return self._store.rows(Chargeback, "SELECT * FROM chargebacks ORDER BY id")

    def _sum(self, transaction: Transaction, sql: str) -> int:
        return self._store.rows(_Sum, sql, id=transaction.id)[0].amount
