"""Chargebacks on the wire."""

from typing import Any

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.transactions import Transaction
from app.sandbox.paystack.wire import transactions


def listed(rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    """One page of disputes. Its `perPage` is a number, not a text as in other lists."""
    numbered = meta | {"perPage": int(meta["perPage"])}
    return {"status": True, "message": "Disputes retrieved", "data": rows, "meta": numbered}


def found(row: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Dispute retrieved", "data": row}


def as_json(of: Chargeback, transaction: Transaction) -> dict[str, Any]:
    """A dispute with every field that the OpenAPI file requires; its charge has an empty `plan`."""
    charge: dict[str, Any] = transactions.as_json(transaction) | {"plan": {}}
    return {
        "id": of.id,
        "refund_amount": of.amount,
        "currency": of.currency,
        "status": of.status,
        "resolution": of.resolution,
        "domain": "test",
        "transaction": charge,
        "transaction_reference": None,
        "category": of.reason,
        "customer": charge["customer"],
        "bin": "408408",
        "last4": "4081",
        "dueAt": of.due_at,
        "resolvedAt": of.resolved_at,
        "evidence": None,
        "attachments": None,
        "note": None,
        "history": [{"status": of.status, "by": "bank@example.com", "createdAt": of.updated_at}],
        "messages": [
            {
                "sender": "bank@example.com",
                "body": "The customer says that the payment was not theirs",
                "createdAt": of.created_at,
            }
        ],
        "createdAt": of.created_at,
        "updatedAt": of.updated_at,
    }
