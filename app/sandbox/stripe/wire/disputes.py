"""Chargebacks on the wire."""

from typing import Any, Final

from app.sandbox.books.chargebacks import ANSWERED, DECLINED, RESOLVED, Chargeback
from app.sandbox.stripe.wire.objects import charge_id, intent_id, unix

_OPEN: Final = {False: "needs_response", True: "under_review"}


def dispute(of: Chargeback, *, charge: dict[str, Any] | None = None) -> dict[str, Any]:
    """A dispute; its `charge` is an id, unless the whole charge was asked for."""
    return {
        "id": dispute_id(of),
        "object": "dispute",
        "amount": of.amount,
        "balance_transactions": _balances(of),
        "charge": charge or charge_id(of.transaction_id),
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": _evidence_details(of),
        "is_charge_refundable": of.resolution == DECLINED,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent_id(of.transaction_id),
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "chargeback",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": of.reason,
        "status": _status(of),
    }


def dispute_id(of: Chargeback) -> str:
    return f"dp_{of.id}"


def _status(of: Chargeback) -> str:
    if of.status != RESOLVED:
        return _OPEN[of.status == ANSWERED]
    return "won" if of.resolution == DECLINED else "lost"


def _evidence_details(of: Chargeback) -> dict[str, Any]:
    """Until when evidence is accepted: `due_by` is 0 if it is not."""
    is_answered = of.status == ANSWERED
    return {
        "due_by": unix(of.due_at) if of.due_at else 0,
        "enhanced_eligibility": {},
        "has_evidence": is_answered,
        "past_due": False,
        "submission_count": int(is_answered),
    }


def _balances(of: Chargeback) -> list[dict[str, Any]]:
    """What was withdrawn when it was opened, with the fee, and what was returned."""
    withdrawn = _balance(of, 1, -of.amount, of.fee, "dispute")
    if of.is_taken:
        return [withdrawn]
    return [withdrawn, _balance(of, 2, of.amount, 0, "dispute_reversal")]


def _balance(of: Chargeback, number: int, amount: int, fee: int, category: str) -> dict[str, Any]:
    return {
        "id": f"txn_{of.id}_{number}",
        "object": "balance_transaction",
        "amount": amount,
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "exchange_rate": None,
        "fee": fee,
        "net": amount - fee,
        "reporting_category": category,
        "source": dispute_id(of),
        "status": "available",
        "type": "adjustment",
    }
