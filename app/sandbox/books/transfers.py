"""Transfers: money out to recipients, and who they are."""

from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

RECIPIENTS_TABLE: Final = """
CREATE TABLE IF NOT EXISTS recipients (
    id             INTEGER PRIMARY KEY,
    gateway        TEXT NOT NULL,
    recipient_code TEXT NOT NULL UNIQUE,
    type           TEXT NOT NULL,
    name           TEXT NOT NULL,
    account_number TEXT NOT NULL,
    bank_code      TEXT NOT NULL,
    currency       TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    UNIQUE (gateway, type, account_number, bank_code, currency)
)"""
TABLE: Final = """
CREATE TABLE IF NOT EXISTS transfers (
    id               INTEGER PRIMARY KEY,
    gateway          TEXT NOT NULL,
    transfer_code    TEXT NOT NULL UNIQUE,
    reference        TEXT NOT NULL UNIQUE,
    recipient_id     INTEGER NOT NULL REFERENCES recipients (id),
    amount           INTEGER NOT NULL,
    fee              INTEGER NOT NULL,
    currency         TEXT NOT NULL,
    reason           TEXT NOT NULL,
    metadata         TEXT NOT NULL,
    status           TEXT NOT NULL,
    gateway_response TEXT,
    transferred_at   TEXT,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
)"""
OPEN: Final = frozenset({"pending", "otp"})

_FIRST_ID: Final = 5_860_703_113
_FIRST_RECIPIENT_ID: Final = 5_000_000_027
_RESPONSES: Final = {
    "success": "Successful",
    "failed": "Could not process: the account is closed",
    "reversed": "Returned by the recipient's bank",
}


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    gateway: str
    recipient_code: str
    type: str
    name: str
    account_number: str
    bank_code: str
    currency: str
    created_at: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer. `metadata` is JSON that its gateway returns unchanged.

    If the money comes back, `transferred_at` stays, and the fee, which is taken in addition, is not
    returned.
    """

    id: int
    gateway: str
    transfer_code: str
    reference: str
    recipient_id: int
    amount: int
    fee: int
    currency: str
    reason: str
    metadata: str
    status: str
    gateway_response: str | None
    transferred_at: str | None
    created_at: str
    updated_at: str

    @property
    def fee_charged(self) -> int:
        return self.fee if self.transferred_at or self.status in OPEN else 0


class Transfers:
    def __init__(self, store: Store) -> None:
        self._store = store

    def find_or_create_recipient(
        self, *, gateway: str, code: str, kind: str, name: str, account_number: str,
        bank_code: str, currency: str,
    ) -> Recipient:  # fmt: skip
        """The recipient of this account: the one there is, or a new one."""
        return self._store.rows(
            Recipient,
            """
            INSERT INTO recipients (
                id, gateway, recipient_code, type, name, account_number, bank_code, currency,
                created_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM recipients),
                :gateway, :code, :type, :name, :account_number, :bank_code, :currency, :now
            )
            ON CONFLICT (gateway, type, account_number, bank_code, currency)
                DO UPDATE SET name = :name
            RETURNING *""",
            first=_FIRST_RECIPIENT_ID,
            gateway=gateway,
            code=code,
            type=kind,
            name=name,
            account_number=account_number,
            bank_code=bank_code,
            currency=currency,
            now=now(),
        )[0]

    def begin(
        self, recipient: Recipient, *, code: str, reference: str, amount: int, fee: int,
        currency: str, reason: str, metadata: str, status: str,
    ) -> Transfer:  # fmt: skip
        """Store a new transfer, with a reference that is not used yet."""
        return self._store.rows(
            Transfer,
            """
            INSERT INTO transfers (
                id, gateway, transfer_code, reference, recipient_id, amount, fee, currency,
                reason, metadata, status, created_at, updated_at
            ) VALUES (
                (SELECT COALESCE(MAX(id), :first) + 1 FROM transfers),
                :gateway, :code, :reference, :recipient_id, :amount, :fee, :currency, :reason,
                :metadata, :status, :now, :now
            ) RETURNING *""",
            first=_FIRST_ID,
            gateway=recipient.gateway,
            code=code,
            reference=reference,
            recipient_id=recipient.id,
            amount=amount,
            fee=fee,
            currency=currency,
            reason=reason,
            metadata=metadata,
            status=status,
            now=now(),
        )[0]

    def move(self, transfer_id: int, status: str) -> Transfer:
        return self._store.rows(
            Transfer,
            """
            UPDATE transfers
            SET status = :status, updated_at = :now, gateway_response = :response,
                transferred_at = CASE WHEN :status = 'success' THEN :now ELSE transferred_at END
            WHERE id = :id RETURNING *""",
            id=transfer_id,
            status=status,
            response=_RESPONSES.get(status),
            now=now(),
        )[0]

    def find(self, key: str) -> Transfer | None:
        """A transfer by its reference, its code or its id."""
        return self._store.first(
            Transfer,
            """
            SELECT * FROM transfers
            WHERE reference = :key OR transfer_code = :key OR CAST(id AS TEXT) = :key""",
            key=key,
        )

    def find_by_reference(self, reference: str) -> Transfer | None:
        return self._store.first(
            Transfer, "SELECT * FROM transfers WHERE reference = :reference", reference=reference
        )

    def recipient(self, code: str) -> Recipient | None:
        return self._store.first(
            Recipient, "SELECT * FROM recipients WHERE recipient_code = :code", code=code
        )

    def recipients(self, gateway: str) -> list[Recipient]:
        """A gateway's recipients, newest first."""
        return self._store.rows(
            Recipient,
            "SELECT * FROM recipients WHERE gateway = :gateway ORDER BY id DESC",
            gateway=gateway,
        )

    def recipient_of(self, transfer: Transfer) -> Recipient:
        return self._store.rows(
            Recipient, "SELECT * FROM recipients WHERE id = :id", id=transfer.recipient_id
        )[0]

    def all(self) -> list[Transfer]:
        return self._store.rows(Transfer, "SELECT * FROM transfers ORDER BY id")
