"""Transactions on the wire."""

from typing import Any

import msgspec

from app.sandbox.books.transactions import Transaction


def initialized(transaction: Transaction, *, checkout_url: str) -> dict[str, Any]:
    """The reply to initialize."""
    return {
        "status": True,
        "message": "Authorization URL created",
        "data": {
            "authorization_url": checkout_url,
            "access_code": transaction.access_code,
            "reference": transaction.reference,
        },
    }


def verified(transaction: Transaction) -> dict[str, Any]:
    """The reply to verify: its status is 200 and `true` for a failed payment too."""
    return {
        "status": True,
        "message": "Verification successful",
        "data": _transaction(transaction),
    }


def as_json(of: Transaction) -> dict[str, Any]:
    """A transaction in a list, or alone."""
    return _transaction(of)


def listed(rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Transactions retrieved", "data": rows, "meta": meta}


def found(row: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "message": "Transaction retrieved", "data": row}


def event_data(transaction: Transaction) -> dict[str, Any]:
    """The data of a webhook about a payment."""
    return _transaction(transaction)


def _transaction(of: Transaction) -> dict[str, Any]:
    """A transaction with every field that the OpenAPI file requires, duplicates included."""
    paid = of.paid_at is not None
    return {
        "id": of.id,
        "domain": "test",
        "status": of.status,
        "reference": of.reference,
        "receipt_number": None,
        "amount": of.amount,
        "message": None,
        "gateway_response": of.gateway_response,
        "paid_at": of.paid_at,
        "created_at": of.created_at,
        "channel": "card",
        "currency": of.currency,
        "ip_address": "127.0.0.1",
        "metadata": msgspec.json.decode(of.metadata),
        "log": None,
        "fees": of.fees,
        "fees_split": None,
        "authorization": _authorization() if paid else {},
        "customer": customer(of.email),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": of.paid_at,
        "createdAt": of.created_at,
        "requested_amount": of.amount,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": of.created_at,
        "plan_object": {},
        "subaccount": {},
    }


def _authorization() -> dict[str, Any]:
    return {
        "authorization_code": "AUTH_0000000001",
        "bin": "408408",
        "last4": "4081",
        "exp_month": "12",
        "exp_year": "2030",
        "channel": "card",
        "card_type": "visa",
        "bank": "TEST BANK",
        "country_code": "NG",
        "brand": "visa",
        "reusable": True,
        "signature": "SIG_0000000001",
        "account_name": None,
        "receiver_bank_account_number": None,
        "receiver_bank": None,
    }


def customer(email: str) -> dict[str, Any]:
    return {
        "id": 92_312_441,
        "first_name": None,
        "last_name": None,
        "email": email,
        "customer_code": "CUS_000000000000001",
        "phone": None,
        "metadata": None,
        "risk_action": "default",
        "international_format_phone": None,
    }
