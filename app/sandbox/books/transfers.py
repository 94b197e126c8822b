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
    reference        TEXT NOT NULL,
    recipient_id     INTEGER NOT NULL REFERENCES recipients (id),
    amount           INTEGER NOT NULL,
    fee              INTEGER NOT NULL,
    is_fee_known     INTEGER NOT NULL DEFAULT 1,
    amount_reversed  INTEGER NOT NULL DEFAULT 0,
    currency         TEXT NOT NULL,
    reason           TEXT NOT NULL,
    metadata         TEXT NOT NULL,
    status           TEXT NOT NULL,
    gateway_response TEXT,
    transferred_at   TEXT,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
)"""
REVERSALS_TABLE: Final = """
CREATE TABLE IF NOT EXISTS reversals (
    id          INTEGER PRIMARY KEY,
    transfer_id INTEGER NOT NULL REFERENCES transfers (id),
    amount      INTEGER NOT NULL,
    metadata    TEXT NOT NULL,
    created_at  TEXT NOT NULL
)"""
OPEN: Final = frozenset({"pending", "otp"})

_FIRST_ID: Final = 5_860_703_113
_FIRST_REVERSAL_ID: Final = 5_900_000_100
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
    returned. `amount_reversed` came back, all or a part; a part leaves it a success.
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
    is_fee_known: int = 1
    amount_reversed: int = 0

    @property
    def fee_charged(self) -> int:
        if not self.is_fee_known:
            return 0
        return self.fee if self.transferred_at or self.status in OPEN else 0


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a transfer that came back. `metadata` is a JSON object."""

    id: int
    transfer_id: int
    amount: int
    metadata: str
    created_at: str


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
        """Store a new transfer; whether its reference was used is its gateway's affair."""
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
                amount_reversed = CASE WHEN :status = 'reversed' THEN amount
                                       ELSE amount_reversed END,
                transferred_at = CASE WHEN :status = 'success' THEN :now ELSE transferred_at END
            WHERE id = :id RETURNING *""",
            id=transfer_id,
            status=status,
            response=_RESPONSES.get(status),
            now=now(),
        )[0]

    def reverse(self, transfer: Transfer, amount: int, *, metadata: str = "{}") -> Reversal:
        """Take back a part of a transfer that was paid."""
        self._store.do(
            """
            UPDATE transfers SET amount_reversed = amount_reversed + :amount, updated_at = :now
            WHERE id = :id""",
            id=transfer.id,
            amount=amount,
            now=now(),
        )
        return self._store.rows(
            Reversal,
            """
            INSERT INTO reversals (id, transfer_id, amount, metadata, created_at)
            VALUES ((SELECT COALESCE(MAX(id), :first) + 1 FROM reversals),
                    :transfer_id, :amount, :metadata, :now) RETURNING *""",
            first=_FIRST_REVERSAL_ID,
            transfer_id=transfer.id,
            amount=amount,
            metadata=metadata,
            now=now(),
        )[0]

    def reversals(self, transfer_id: int | None = None) -> list[Reversal]:
        """The reversals of one transfer, or all, newest first."""
        return self._store.rows(
            Reversal,
            """
            SELECT * FROM reversals WHERE :id IS NULL OR transfer_id = :id ORDER BY id DESC""",
            id=transfer_id,
        )

    def report_fee(self, transfer_id: int, *, is_known: bool) -> Transfer:
        """From now on the gateway reports the fee of a transfer, or does not."""
        return self._store.rows(
            Transfer,
            "UPDATE transfers SET is_fee_known = :is_known WHERE id = :id RETURNING *",
            id=transfer_id,
            is_known=is_known,
        )[0]

    def get(self, transfer_id: int) -> Transfer:
        return self._store.rows(Transfer, "SELECT * FROM transfers WHERE id = :id", id=transfer_id)[
            0
        ]

    def find(self, key: str) -> Transfer | None:
        """A transfer by its reference, its code or its id."""
        return self._store.first(
            Transfer,
            """
            SELECT * FROM transfers
            WHERE reference = :key OR transfer_code = :key OR CAST(id AS TEXT) = :key
            ORDER BY id""",
            key=key,
        )

    def with_reference(self, reference: str) -> list[Transfer]:
        """All transfers under a reference, newest first."""
        return self._store.rows(
            Transfer,
            "SELECT * FROM transfers WHERE reference = :reference ORDER BY id DESC",
            reference=reference,
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

    def naming(self, text: str) -> list[Transfer]:
        """Those with a text in their metadata: quicker than to read all of them."""
        return self._store.rows(
            Transfer,
            "SELECT * FROM transfers WHERE instr(metadata, :text) ORDER BY id",
            text=text,
        )

    def all(self) -> list[Transfer]:
        return self._store.rows(Transfer, "SELECT * FROM transfers ORDER BY id")
