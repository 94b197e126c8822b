"""Sessions, payment intents, charges, refunds and transfers on the wire."""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.sandbox.books.books import Account
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Reversal, Transfer
from app.sandbox.stripe.wire import balance as balances
from app.sandbox.stripe.wire.times import unix

_SESSION_SECONDS: Final = 86_400
# The books' words for a refund, in Stripe's words.
_REFUND_STATUSES: Final = {
    "pending": "pending",
    "needs-attention": "requires_action",
    "processed": "succeeded",
    "failed": "failed",
}


class SessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a session was requested with, besides what every charge has.

    `has_page`: a session of ours, and not a charge that was made at the dashboard.
    """

    cancel_url: str
    metadata: dict[str, str]
    intent_metadata: dict[str, str]
    transfer_group: str | None
    expires_at: int | None = None
    has_page: bool = True


class TransferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer was requested with, besides what every transfer has."""

    metadata: dict[str, str]
    transfer_group: str | None
    source_transaction: str | None
    description: str | None


def session_request(transaction: Transaction) -> SessionRequest:
    return msgspec.json.decode(transaction.metadata, type=SessionRequest)


def transfer_request(transfer: Transfer) -> TransferRequest:
    return msgspec.json.decode(transfer.metadata, type=TransferRequest)


def charge_id(transaction_id: int) -> str:
    return f"ch_{transaction_id}"


def intent_id(transaction_id: int) -> str:
    return f"pi_{transaction_id}"


def refund_id(refund: Refund) -> str:
    return f"re_{refund.id}"


def is_paid(transaction: Transaction) -> bool:
    return transaction.paid_at is not None


def session_id(of: Transaction) -> str:
    """All attempts at a session have its id."""
    return of.access_code.partition("~")[0]


def session_ends_at(of: Transaction) -> int:
    """When its page closes by itself, in Unix seconds."""
    return session_request(of).expires_at or unix(of.created_at) + _SESSION_SECONDS


def session_status(of: Transaction, *, paid: Transaction | None = None) -> str:
    if paid:
        return "complete"
    return "expired" if of.closed_at or time.time() >= session_ends_at(of) else "open"


def session(
    of: Transaction, *, url: str, paid: Transaction | None = None, is_tried: bool = False
) -> dict[str, Any]:
    """The session of a first attempt; `paid` is the attempt that succeeded."""
    request, status = session_request(of), session_status(of, paid=paid)
    amount = paid.amount if paid else of.amount
    return {
        "id": session_id(of),
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "cancel_url": request.cancel_url,
        "client_reference_id": of.reference,
        "created": unix(of.created_at),
        "currency": (paid or of).currency.lower(),
        "customer_email": of.email,
        "expires_at": session_ends_at(of),
        "livemode": False,
        "metadata": request.metadata,
        "mode": "payment",
        "payment_intent": intent_id(of.root_id) if paid or is_tried else None,
        "payment_method_types": ["card"],
        "payment_status": "paid" if paid else "unpaid",
        "status": status,
        "success_url": of.callback_url,
        "ui_mode": "hosted",
        "url": url if status == "open" else None,
    }


def intent(of: Transaction) -> dict[str, Any]:
    """The intent to pay whose last attempt this is."""
    paid = is_paid(of)
    return {
        "id": intent_id(of.root_id),
        "object": "payment_intent",
        "amount": of.amount,
        "amount_capturable": 0,
        "amount_received": of.amount if paid else 0,
        "capture_method": "automatic_async",
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "last_payment_error": None if paid else _decline() | {"charge": charge_id(of.id)},
        "latest_charge": charge_id(of.id),
        "livemode": False,
        "metadata": session_request(of).intent_metadata,
        "payment_method_types": ["card"],
        "status": "succeeded" if paid else "requires_payment_method",
        "transfer_group": session_request(of).transfer_group,
    }


def charge(
    of: Transaction, *, refunded: int, is_disputed: bool = False, has_balance: bool = False
) -> dict[str, Any]:
    """An attempt to pay. What it brings the balance is an id, unless the whole was asked for."""
    paid = is_paid(of)
    balance = _whole_or_id(balances.of_charge(of), has_balance)
    return {
        "id": charge_id(of.id),
        "object": "charge",
        "amount": of.amount,
        "amount_captured": of.amount if paid else 0,
        "amount_refunded": refunded,
        "balance_transaction": balance if of.settled_at else None,
        "captured": paid,
        "created": unix(of.at),
        "currency": of.currency.lower(),
        "disputed": is_disputed,
        "failure_code": None if paid else "card_declined",
        "failure_message": None if paid else "Your card was declined.",
        "livemode": False,
        "metadata": session_request(of).intent_metadata,
        "outcome": {
            "network_status": "approved_by_network" if paid else "declined_by_network",
            "reason": None if paid else "generic_decline",
            "seller_message": "Payment complete." if paid else "The bank declined the payment.",
            "type": "authorized" if paid else "issuer_declined",
        },
        "paid": paid,
        "payment_intent": intent_id(of.root_id),
        "refunded": paid and refunded >= of.amount,
        "status": "succeeded" if paid else "failed",
        "transfer_group": session_request(of).transfer_group,
    }


def refund(of: Refund, *, root_id: int | None = None, has_balance: bool = False) -> dict[str, Any]:
    """A refund; `root_id` is that of the first attempt to pay, if its charge was another.

    What it takes out of the balance is an id, unless the whole was asked for.
    """
    failed = of.status == "failed"
    changes = list(balances.of_refund(of))
    return {
        "id": refund_id(of),
        "object": "refund",
        "amount": of.amount,
        "balance_transaction": _whole_or_id(changes[0], has_balance) if changes else None,
        "charge": charge_id(of.transaction_id),
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "metadata": msgspec.json.decode(of.customer_note),
        "payment_intent": intent_id(root_id or of.transaction_id),
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": _REFUND_STATUSES[of.status],
        "transfer_reversal": None,
        **(_failure(changes[-1]) if failed else {}),
    }


def transfer(
    of: Transfer, recipient: Recipient, *, reversals: Sequence[Reversal] = ()
) -> dict[str, Any]:
    request, is_back = transfer_request(of), of.status == "reversed"
    return {
        "id": of.transfer_code,
        "object": "transfer",
        "amount": of.amount,
        "amount_reversed": of.amount_reversed,
        "balance_transaction": f"txn_{of.id}",
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "description": request.description,
        "destination": recipient.recipient_code,
        "destination_payment": f"py_{of.id}",
        "livemode": False,
        "metadata": request.metadata,
        "reversals": listed(
            [reversal(each, of) for each in reversals],
            has_more=False,
            path=f"/v1/transfers/{of.transfer_code}/reversals",
        ),
        "reversed": is_back,
        "source_transaction": request.source_transaction,
        "source_type": "card",
        "transfer_group": request.transfer_group,
    }


def reversal(of: Reversal, transfer: Transfer) -> dict[str, Any]:
    return {
        "id": f"trr_{of.id}",
        "object": "transfer_reversal",
        "amount": of.amount,
        "balance_transaction": f"txn_{of.id}",
        "created": unix(of.created_at),
        "currency": transfer.currency.lower(),
        "destination_payment_refund": None,
        "metadata": msgspec.json.decode(of.metadata),
        "source_refund": None,
        "transfer": transfer.transfer_code,
    }


def balance(accounts: list[Account]) -> dict[str, Any]:
    available = [
        {
            "amount": each.balance,
            "currency": each.currency.lower(),
            "source_types": {"card": each.balance},
        }
        for each in accounts
    ]
    return {"object": "balance", "available": available, "livemode": False, "pending": []}


def listed(objects: list[dict[str, Any]], *, has_more: bool, path: str) -> dict[str, Any]:
    return {"object": "list", "data": objects, "has_more": has_more, "url": path}


def _whole_or_id(change: balances.Change, is_whole: bool) -> dict[str, Any] | str:
    return balances.as_json(change) if is_whole else change.id


def _failure(returned: balances.Change) -> dict[str, Any]:
    return {
        "failure_balance_transaction": returned.id,
        "failure_reason": "expired_or_canceled_card",
    }


def _decline() -> dict[str, Any]:
    return {
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
        "type": "card_error",
    }
