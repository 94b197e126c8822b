"""Recipients, transfers and the balance on the wire."""

from typing import Any, Final

from app.sandbox.books.books import Account
from app.sandbox.books.payouts import Payout
from app.sandbox.books.transfers import Recipient, Transfer

_INTEGRATION: Final = 100_982
_NO_SESSION: Final = {"provider": None, "id": None}
_SETTLEMENT_STATUSES: Final = {"pending": "processing", "paid": "success", "failed": "failed"}


def recipient_created(recipient: Recipient) -> dict[str, Any]:
    return {
        "status": True,
        "message": "Transfer recipient created successfully",
        "data": _recipient(recipient) | {"isDeleted": False},
    }


def transfer_created(transfer: Transfer) -> dict[str, Any]:
    """The reply to a new transfer: its recipient is a number."""
    return {
        "status": True,
        "message": "Transfer has been queued",
        "data": _transfer(transfer)
        | {
            "session": _NO_SESSION,
            "transfersessionid": [],
            "transfertrials": [],
            "request": transfer.id,
            "recipient": transfer.recipient_id,
        },
    }


def transfer_verified(transfer: Transfer, recipient: Recipient) -> dict[str, Any]:
    return {
        "status": True,
        "message": "Transfer retrieved",
        "data": event_data(transfer, recipient),
    }


def listed(rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Transfers retrieved", "data": rows, "meta": meta}


def as_json(of: Transfer, recipient: Recipient) -> dict[str, Any]:
    """A transfer in a list, or alone."""
    body = event_data(of, recipient)
    return body | {
        "request": of.id,
        "recipient": body["recipient"] | {"isDeleted": False},
        "fees_breakdown": None,
    }


def event_data(transfer: Transfer, recipient: Recipient) -> dict[str, Any]:
    """The data of a webhook, and of the reply to verify: its recipient is an object."""
    is_done = transfer.status == "success"
    return _transfer(transfer) | {
        "recipient": _recipient(recipient),
        "session": {"provider": "nip", "id": str(transfer.id)} if is_done else _NO_SESSION,
        "fee_charged": transfer.fee_charged,
        "gateway_response": transfer.gateway_response,
    }


def settlements_listed(rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Settlements retrieved", "data": rows, "meta": meta}


def settlement(of: Payout) -> dict[str, Any]:
    """A payout to the merchant's own bank: what was processed less the deductions.

    `total_fees` would be those of its charges, which were taken when they were paid.
    """
    return {
        "id": of.id,
        "domain": "test",
        "status": _SETTLEMENT_STATUSES[of.status],
        "currency": of.currency,
        "integration": _INTEGRATION,
        "total_amount": of.amount + of.fee,
        "effective_amount": of.amount,
        "total_fees": 0,
        "total_processed": of.amount + of.fee,
        "deductions": of.fee or None,
        "settlement_date": of.paid_at or of.created_at,
        "settled_by": None,
        "createdAt": of.created_at,
        "updatedAt": of.updated_at,
    }


def balance(accounts: list[Account]) -> dict[str, Any]:
    return {
        "status": True,
        "message": "Balances retrieved",
        "data": [{"currency": each.currency, "balance": each.balance} for each in accounts],
    }


def _transfer(of: Transfer) -> dict[str, Any]:
    return {
        "domain": "test",
        "amount": of.amount,
        "currency": of.currency,
        "reference": of.reference,
        "source": "balance",
        "source_details": None,
        "reason": of.reason,
        "status": of.status,
        "failures": None,
        "transfer_code": of.transfer_code,
        "titan_code": None,
        "transferred_at": of.transferred_at,
        "id": of.id,
        "integration": _INTEGRATION,
        "createdAt": of.created_at,
        "updatedAt": of.updated_at,
    }


def _recipient(of: Recipient) -> dict[str, Any]:
    return {
        "active": True,
        "createdAt": of.created_at,
        "currency": of.currency,
        "description": "",
        "domain": "test",
        "email": "",
        "id": of.id,
        "integration": _INTEGRATION,
        "metadata": None,
        "name": of.name,
        "recipient_code": of.recipient_code,
        "type": of.type,
        "updatedAt": of.created_at,
        "is_deleted": False,
        "details": {
            "authorization_code": None,
            "account_number": of.account_number,
            "account_name": of.name.upper(),
            "bank_code": of.bank_code,
            "bank_name": f"Bank {of.bank_code}",
        },
    }
