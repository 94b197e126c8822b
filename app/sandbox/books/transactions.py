"""Transactions: money in."""

from decimal import Decimal
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
    paid_at          TEXT,
    first_id         INTEGER,
    tried_at         TEXT,
    closed_at        TEXT,
    settled_amount   INTEGER,
    settled_currency TEXT,
    exchange_rate    TEXT,
    fee              INTEGER,
    settled_at       TEXT
)"""
INDEX: Final = "CREATE INDEX IF NOT EXISTS transactions_reference ON transactions (reference)"
BACKFILL: Final = """
UPDATE transactions
SET settled_amount = amount, settled_currency = currency, fee = amount * 15 / 1000,
    settled_at = paid_at, tried_at = paid_at
WHERE paid_at IS NOT NULL AND settled_currency IS NULL"""
FEE_PERMILLE: Final = 15  # of the amount, paid by the merchant

_FIRST_ID: Final = 5_099_260_515  # ids do not fit 32 bits, as at Paystack


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, or one attempt at it. `metadata` is JSON that its gateway returns unchanged.

    `abandoned` is also Paystack's word for one that nobody has begun to pay; `reversed` was paid,
    and refunded in full. Where each attempt is a charge of its own, `first_id` is that of the first
    one. `tried_at` is when the guest tried, `closed_at` when its page was closed. It brings the
    balance `settled_amount` in `settled_currency` less the `fee`, which is known from `settled_at`.
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
    first_id: int | None = None
    tried_at: str | None = None
    closed_at: str | None = None
    settled_amount: int | None = None
    settled_currency: str | None = None
    exchange_rate: str | None = None
    fee: int | None = None
    settled_at: str | None = None

    @property
    def fees(self) -> int | None:
        """What the gateway keeps, in the balance's currency; None until it says so."""
        return self.fee if self.settled_at else None

    @property
    def root_id(self) -> int:
        """The id of the first attempt."""
        return self.first_id or self.id

    @property
    def at(self) -> str:
        """When the guest tried to pay; when it was begun, if nobody has."""
        return self.tried_at or self.created_at

    def settled(self, amount: int) -> int:
        """What a part of its amount is in the balance's currency."""
        whole = self.amount if self.settled_amount is None else self.settled_amount
        return amount * whole // self.amount


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What comes into the balance: `ratio` of each unit on the wire. `rate`: of major units."""

    currency: str
    rate: str
    ratio: Decimal


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

    def again(self, of: Transaction) -> Transaction:
        """Store a new attempt to pay what this one is for."""
        return self._store.rows(
            Transaction,
            """
            INSERT INTO transactions (
                id, gateway, reference, access_code, email, amount, currency, callback_url,
                metadata, created_at, first_id
            ) VALUES (
                (SELECT MAX(id) + 1 FROM transactions),
                :gateway, :reference,
                :code || '~' || (SELECT COUNT(*) FROM transactions WHERE first_id = :first_id),
                :email, :amount, :currency, :callback_url, :metadata, :created_at, :first_id
            ) RETURNING *""",
            gateway=of.gateway,
            reference=of.reference,
            code=of.access_code.partition("~")[0],
            email=of.email,
            amount=of.amount,
            currency=of.currency,
            callback_url=of.callback_url,
            metadata=of.metadata,
            created_at=of.created_at,
            first_id=of.root_id,
        )[0]

    def pay(
        self,
        transaction_id: int,
        *,
        amount: int | None = None,
        currency: str | None = None,
        exchange: Exchange | None = None,
        is_late: bool = False,
    ) -> Transaction | None:
        """Make it a success, with another sum if one is given; None if it was one already.

        `is_late`: what it brings the balance is not reported yet.
        """
        paid = self._store.first(
            Transaction,
            """
            UPDATE transactions
            SET status = 'success', gateway_response = 'Successful', paid_at = :now,
                tried_at = :now, settled_at = CASE WHEN :is_late THEN NULL ELSE :now END,
                amount = COALESCE(:amount, amount), currency = COALESCE(:currency, currency)
            WHERE id = :id AND paid_at IS NULL RETURNING *""",
            id=transaction_id,
            amount=amount,
            currency=currency,
            is_late=is_late,
            now=now(),
        )
        return paid and self._exchange(paid, exchange)

    def _exchange(self, paid: Transaction, exchange: Exchange | None) -> Transaction:
        brought = int(paid.amount * exchange.ratio) if exchange else paid.amount
        return self._store.rows(
            Transaction,
            """
            UPDATE transactions
            SET settled_amount = :amount, settled_currency = :currency, exchange_rate = :rate,
                fee = :fee
            WHERE id = :id RETURNING *""",
            id=paid.id,
            amount=brought,
            currency=exchange.currency if exchange else paid.currency,
            rate=exchange.rate if exchange else None,
            fee=brought * FEE_PERMILLE // 1000,
        )[0]

    def settle(self, transaction_id: int) -> Transaction | None:
        """Report what it brings the balance; None if that was reported, or nobody has paid."""
        return self._store.first(
            Transaction,
            """
            UPDATE transactions SET settled_at = :now
            WHERE id = :id AND paid_at IS NOT NULL AND settled_at IS NULL RETURNING *""",
            id=transaction_id,
            now=now(),
        )

    def close(self, transaction_id: int) -> Transaction:
        """Close its page: it cannot be paid any more."""
        return self._store.rows(
            Transaction,
            """
            UPDATE transactions SET closed_at = COALESCE(closed_at, :now)
            WHERE id = :id RETURNING *""",
            id=transaction_id,
            now=now(),
        )[0]

    def decline(self, transaction_id: int) -> Transaction | None:
        """Make it a failure; None if it was a success."""
        return self._store.first(
            Transaction,
            """
            UPDATE transactions
            SET status = 'failed', gateway_response = 'Declined', tried_at = :now
            WHERE id = :id AND paid_at IS NULL RETURNING *""",
            id=transaction_id,
            now=now(),
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

    def find_paid(self, reference: str) -> Transaction | None:
        """The newest transaction that was paid under a reference."""
        return next((each for each in self.tries(reference) if each.paid_at), None)

    def tries(self, reference: str) -> list[Transaction]:
        """All transactions under a reference, newest first."""
        return self._store.rows(
            Transaction,
            "SELECT * FROM transactions WHERE reference = :reference ORDER BY id DESC",
            reference=reference,
        )

    def attempts(self, of: Transaction) -> list[Transaction]:
        """All attempts at what this one is for, newest first."""
        return self._store.rows(
            Transaction,
            "SELECT * FROM transactions WHERE :root_id IN (id, first_id) ORDER BY id DESC",
            root_id=of.root_id,
        )

    def get(self, transaction_id: int) -> Transaction:
        return self._store.rows(
            Transaction, "SELECT * FROM transactions WHERE id = :id", id=transaction_id
        )[0]

    def find_by_id(self, transaction_id: str) -> Transaction | None:
        return self._store.first(
            Transaction,
            "SELECT * FROM transactions WHERE id = CAST(:id AS INTEGER) AND id || '' = :id",
            id=transaction_id,
        )

    def find_by_access_code(self, access_code: str) -> Transaction | None:
        return self._store.first(
            Transaction,
            "SELECT * FROM transactions WHERE access_code = :access_code",
            access_code=access_code,
        )

    def naming(self, text: str) -> list[Transaction]:
        """Those with a text in their metadata: quicker than to read all of them."""
        return self._store.rows(
            Transaction,
            "SELECT * FROM transactions WHERE instr(metadata, :text) ORDER BY id",
            text=text,
        )

    def all(self) -> list[Transaction]:
        return self._store.rows(Transaction, "SELECT * FROM transactions ORDER BY id")
