"""Transactions, refunds, beneficiaries, transfers and balances on the wire."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from app.sandbox.books.payouts import Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import FEE_PERMILLE, Transaction
from app.sandbox.books.transfers import Recipient, Transfer

PER_PAGE: Final = 10
_ACCOUNT_ID: Final = 73_362
_EXPONENTS: Final = {"UGX": 0, "XAF": 0, "XOF": 0}
# The books' words for a transfer; Flutterwave has no word for one that came back.
_TRANSFER_STATUSES: Final = {
    "pending": "NEW",
    "success": "SUCCESSFUL",
    "failed": "FAILED",
    "reversed": "FAILED",
}
_SETTLEMENT_STATUSES: Final = {"pending": "pending", "paid": "completed", "failed": "failed"}
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


def page(
    message: str, rows: list[dict[str, Any]], number: int, *, size: int = PER_PAGE, repeats: int = 0
) -> dict[str, Any]:
    """A page of some rows, newest first. `repeats`: so many rows of the page before come again."""
    info = {
        "total": len(rows),
        "current_page": number,
        "total_pages": max(1, -(-len(rows) // size)),
        "page_size": size,
    }
    first = max(0, (number - 1) * size - repeats)
    return success(message, rows[first : first + size], meta={"page_info": info})


def transaction(of: Transaction) -> dict[str, Any]:
    """An attempt to pay. Its fee has three decimals; the settled amount is rounded."""
    paid, amount = of.paid_at is not None, major(of.amount, of.currency)
    is_late = paid and of.settled_at is None  # what comes into the balance is not reported yet
    settled, currency = of.settled(of.amount), of.settled_currency or of.currency
    return {
        "id": of.id,
        "tx_ref": of.reference,
        "flw_ref": f"FLW-MOCK-{of.id}",
        "device_fingerprint": "N/A",
        "amount": amount,
        "currency": of.currency,
        "charged_amount": amount,
        "app_fee": None if is_late else (amount * FEE_PERMILLE / 1000 if paid else 0),
        "merchant_fee": 0,
        "processor_response": "Approved" if paid else "Declined by the bank",
        "auth_model": "PIN",
        "ip": "127.0.0.1",
        "narration": "Sandbox",
        "status": "successful" if paid else "failed",
        "payment_type": "card",
        "created_at": of.at,
        "account_id": _ACCOUNT_ID,
        "meta": msgspec.json.decode(of.metadata),
        "amount_settled": None
        if is_late
        else (major(settled - (of.fee or 0), currency) if paid else 0),
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


def settlement(of: Payout) -> dict[str, Any]:
    """A payout to the merchant's own bank: the gross amount less the fee."""
    return {
        "id": of.id,
        "account_id": _ACCOUNT_ID,
        "merchant_name": "The platform",
        "merchant_email": "merchant@example.com",
        "settlement_account": "0000000000",
        "bank_code": "044",
        "transaction_date": of.created_at,
        "due_date": of.created_at,
        "processed_date": of.paid_at,
        "status": _SETTLEMENT_STATUSES[of.status],
        "is_local": True,
        "currency": of.currency,
        "gross_amount": major(of.amount + of.fee, of.currency),
        "app_fee": major(of.fee, of.currency),
        "merchant_fee": 0,
        "chargeback": 0,
        "refund": 0,
        "stampduty_charge": 0,
        "net_amount": major(of.amount, of.currency),
        "transaction_count": 1,
        "processor_ref": None,
        "disburse_ref": f"RV3{of.id}" if of.paid_at else None,
        "disburse_message": None,
        "channel": "web",
        "destination": "account",
        "fx_data": None,
        "flag_message": None,
        "meta": [],
        "refund_meta": [],
        "chargeback_meta": [],
        "source_bankcode": None,
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
        "fee": fee if of.is_fee_known else 0,
        "status": _TRANSFER_STATUSES[of.status],
        "reference": of.reference,
        "meta": None,
        "narration": of.reason,
        "complete_message": of.gateway_response or "",
        "requires_approval": 0,
        "is_approved": 1,
        "bank_name": f"Bank {recipient.bank_code}",
    }
