"""Transactions, refunds, beneficiaries, transfers and balances on the wire."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import FEE_PERMILLE, Transaction
from app.sandbox.books.transfers import Recipient, Transfer

_PER_PAGE: Final = 10
_ACCOUNT_ID: Final = 73_362
_EXPONENTS: Final = {"UGX": 0, "XAF": 0, "XOF": 0}
# The books' words for a transfer; Flutterwave has no word for one that came back.
_TRANSFER_STATUSES: Final = {
    "pending": "NEW",
    "success": "SUCCESSFUL",
    "failed": "FAILED",
    "reversed": "FAILED",
}
_REFUND_STATUSES: Final = {
    "pending": "processing",
    "processed": "completed-bank-transfer",
    "failed": "failed",
}
_THIRD_DECIMAL: Final = Decimal("0.005")


def exponent(currency: str) -> int:
    return _EXPONENTS.get(currency, 2)


def major(amount: int, currency: str) -> Decimal:
    """An amount of the books, in major units as it is sent."""
    return Decimal(amount).scaleb(-exponent(currency))


def success(message: str, data: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "message": message, "data": data, **more}


def page(message: str, rows: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """A page of ten rows, newest first."""
    info = {
        "total": len(rows),
        "current_page": number,
        "total_pages": max(1, -(-len(rows) // _PER_PAGE)),
    }
    shown = rows[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    return success(message, shown, meta={"page_info": info})


def transaction(of: Transaction) -> dict[str, Any]:
    """An attempt to pay. Its fee has three decimals; the settled amount is rounded."""
    paid, amount = of.paid_at is not None, major(of.amount, of.currency)
    return {
        "id": of.id,
        "tx_ref": of.reference,
        "flw_ref": f"FLW-MOCK-{of.id}",
        "device_fingerprint": "N/A",
        "amount": amount,
        "currency": of.currency,
        "charged_amount": amount,
        "app_fee": amount * FEE_PERMILLE / 1000 if paid else 0,
        "merchant_fee": 0,
        "processor_response": "Approved" if paid else "Declined by the bank",
        "auth_model": "PIN",
        "ip": "127.0.0.1",
        "narration": "Sandbox",
        "status": "successful" if paid else "failed",
        "payment_type": "card",
        "created_at": of.created_at,
        "account_id": _ACCOUNT_ID,
        "meta": msgspec.json.decode(of.metadata),
        "amount_settled": major(of.amount - (of.fees or 0), of.currency) if paid else 0,
        "customer": {
            "id": of.id,
            "name": "Guest",
            "phone_number": None,
            "email": of.email,
            "created_at": of.created_at,
        },
    }


def refund_begun(of: Refund) -> dict[str, Any]:
    """A refund that has just begun: its status is `completed` at once."""
    body = refund(of) | {"status": "completed"}
    del body["comments"]
    return body


def refund(of: Refund) -> dict[str, Any]:
    return {
        "id": of.id,
        "account_id": _ACCOUNT_ID,
        "tx_id": of.transaction_id,
        "flw_ref": f"URF_{of.id}",
        "wallet_id": _ACCOUNT_ID,
        "amount_refunded": major(of.amount, of.currency),
        "status": _REFUND_STATUSES[of.status],
        "destination": "payment_source",
        "comments": of.customer_note,
        "meta": {"source": "availablebalance"},
        "created_at": of.created_at,
    }


def beneficiary(of: Recipient) -> dict[str, Any]:
    return {
        "id": int(of.recipient_code),
        "account_number": of.account_number,
        "bank_code": of.bank_code,
        "full_name": of.name.upper(),
        "created_at": of.created_at,
        "bank_name": f"Bank {of.bank_code}",
    }


def transfer(of: Transfer, recipient: Recipient) -> dict[str, Any]:
    """A transfer. Its fee has three decimals."""
    fee = major(of.fee, of.currency) + (_THIRD_DECIMAL if exponent(of.currency) else 0)
    return {
        "id": of.id,
        "account_number": recipient.account_number,
        "bank_code": recipient.bank_code,
        "full_name": recipient.name,
        "created_at": of.created_at,
        "currency": of.currency,
        "debit_currency": of.currency,
        "amount": major(of.amount, of.currency),
        "fee": fee,
        "status": _TRANSFER_STATUSES[of.status],
        "reference": of.reference,
        "meta": None,
        "narration": of.reason,
        "complete_message": of.gateway_response or "",
        "requires_approval": 0,
        "is_approved": 1,
        "bank_name": f"Bank {recipient.bank_code}",
    }
