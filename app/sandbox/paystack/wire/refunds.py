"""Refunds on the wire."""

from typing import Any, Final

from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.paystack.wire.transactions import customer

_MERCHANT: Final = "merchant@example.com"
_INTEGRATION: Final = 100_982


def created(refund: Refund, transaction: Transaction) -> dict[str, Any]:
    """The reply to a new refund: it is queued."""
    return {
        "status": True,
        "message": "Refund has been queued for processing",
        "data": {
            "transaction": _transaction(transaction),
            "integration": _INTEGRATION,
            "deducted_amount": 0,
            "channel": None,
            "merchant_note": refund.merchant_note,
            "customer_note": refund.customer_note,
            "status": refund.status,
            "refunded_by": _MERCHANT,
            "expected_at": refund.created_at,
            "currency": refund.currency,
            "domain": "test",
            "amount": refund.amount,
            "fully_deducted": False,
            "id": refund.id,
            "createdAt": refund.created_at,
            "updatedAt": refund.updated_at,
        },
    }


def listed(rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    """One page of refunds."""
    failed = sum(row["status"] == "failed" for row in rows)
    return {
        "status": True,
        "message": "Refunds retrieved",
        "data": rows,
        "meta": meta | {"failedRefundCount": failed},
    }


def event_data(refund: Refund) -> dict[str, Any]:
    """The data of a webhook: it has the charge, but the refund's id only if `needs-attention`.

    The amount is a number once the refund is processed, a text before.
    """
    is_done = refund.status == "processed"
    data: dict[str, Any] = {
        "status": refund.status,
        "transaction_reference": refund.transaction_reference,
        "refund_reference": refund.refund_reference,
        "amount": refund.amount if is_done else str(refund.amount),
        "currency": refund.currency,
        "processor": "mpgs_zen",
        "domain": "test",
    }
    return data | ({"id": str(refund.id)} if refund.status == "needs-attention" else {})


def _transaction(of: Transaction) -> dict[str, Any]:
    return {
        "id": of.id,
        "domain": "test",
        "reference": of.reference,
        "amount": of.amount,
        "paid_at": of.paid_at,
        "channel": "card",
        "currency": of.currency,
        "authorization": {"exp_month": None, "exp_year": None, "account_name": None},
        "customer": {"international_format_phone": None},
        "plan": {},
        "subaccount": {"currency": None},
        "split": {},
        "order_id": None,
        "paidAt": of.paid_at,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
    }


def found(row: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Refund retrieved", "data": row}


def as_json(of: Refund, transaction: Transaction) -> dict[str, Any]:
    """A refund in a list, or alone."""
    return {
        "integration": _INTEGRATION,
        "transaction": of.transaction_id,
        "dispute": None,
        "settlement": None,
        "id": of.id,
        "domain": "test",
        "currency": of.currency,
        "amount": of.amount,
        "status": of.status,
        "refunded_at": of.refunded_at,
        "refunded_by": _MERCHANT,
        "customer_note": of.customer_note,
        "merchant_note": of.merchant_note,
        "deducted_amount": of.amount,
        "fully_deducted": 1,
        "createdAt": of.created_at,
        "bank_reference": of.refund_reference,
        "transaction_reference": of.transaction_reference,
        "reason": of.status.upper(),
        "customer": customer(transaction.email),
        "refund_type": "merchant",
        "transaction_amount": of.transaction_amount,
        "initiated_by": _MERCHANT,
        "refund_channel": "card",
        "session_id": None,
        "collect_account_number": of.status == "needs-attention",
    }
