"""What gateways pay to the merchant's own bank account, and corrections of the balance."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS payouts (
    id         INTEGER PRIMARY KEY,
    gateway    TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    fee        INTEGER NOT NULL,
    currency   TEXT NOT NULL,
    status     TEXT NOT NULL,
    paid_at    TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
)"""
ADJUSTMENTS_TABLE: Final = """
CREATE TABLE IF NOT EXISTS adjustments (
    id         INTEGER PRIMARY KEY,
    gateway    TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    currency   TEXT NOT NULL,
    kind       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    created_at TEXT NOT NULL
)"""
PENDING: Final = "pending"
PAID: Final = "paid"
FAILED: Final = "failed"

_FIRST_ID: Final = 3_000_000_100
_FIRST_ADJUSTMENT_ID: Final = 4_000_000_100


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """One payout: `amount` reaches the bank. The fee is taken in addition, and kept if it fails."""

    id: int
    gateway: str
    amount: int
    fee: int
    currency: str
    status: str
    paid_at: str | None
    created_at: str
    updated_at: str


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came to the balance, or left it if negative, for no charge of ours.

    `kind` is Stripe's type of a balance transaction, such as `adjustment` and `stripe_fee`.
    """

    id: int
    gateway: str
    amount: int
    currency: str
    kind: str
    reason: str
    created_at: str


class Payouts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, *, gateway: str, amount: int, fee: int, currency: str) -> Payout:
        return self._store.rows(
            Payout,
            """
            INSERT INTO payouts (
                id, gateway, amount, fee, currency, status, created_at, updated_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM payouts),
                :gateway, :amount, :fee, :currency, :status, :now, :now
            ) RETURNING *""",
            first=_FIRST_ID,
            gateway=gateway,
            amount=amount,
            fee=fee,
            currency=currency,
            status=PENDING,
            now=now(),
        )[0]

    def move(self, payout_id: int, status: str) -> Payout:
        return self._store.rows(
            Payout,
            """
            UPDATE payouts
            SET status = :status, updated_at = :now,
                paid_at = CASE WHEN :status = 'paid' THEN :now ELSE paid_at END
            WHERE id = :id RETURNING *""",
            id=payout_id,
            status=status,
            now=now(),
        )[0]

    def find(self, key: str) -> Payout | None:
        """A payout by its id, with or without Stripe's prefix."""
        return self._store.first(
            Payout, "SELECT * FROM payouts WHERE :key IN (id || '', 'po_' || id)", key=key
        )

    def all(self) -> list[Payout]:
        return self._store.rows(Payout, "SELECT * FROM payouts ORDER BY id")

    def adjust(
        self, *, gateway: str, amount: int, currency: str, kind: str, reason: str
    ) -> Adjustment:
        return self._store.rows(
            Adjustment,
            """
            INSERT INTO adjustments (id, gateway, amount, currency, kind, reason, created_at)
            VALUES ((SELECT COALESCE(MAX(id), :first) + 1 FROM adjustments),
                    :gateway, :amount, :currency, :kind_of, :reason, :now) RETURNING *""",
            first=_FIRST_ADJUSTMENT_ID,
            gateway=gateway,
            amount=amount,
            currency=currency,
            kind_of=kind,
            reason=reason,
            now=now(),
        )[0]

    def adjustments(self) -> list[Adjustment]:
        return self._store.rows(Adjustment, "SELECT * FROM adjustments ORDER BY id")
