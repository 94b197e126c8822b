"""Chargebacks on the wire."""

from typing import Any, Final

from app.sandbox.books.chargebacks import ANSWERED, DECLINED, RESOLVED, Chargeback
from app.sandbox.stripe.wire import balance
from app.sandbox.stripe.wire.objects import charge_id, intent_id
from app.sandbox.stripe.wire.times import unix

_OPEN: Final = {False: "needs_response", True: "under_review"}


def dispute(
    of: Chargeback, *, charge: dict[str, Any] | None = None, root_id: int | None = None
) -> dict[str, Any]:
    """A dispute; its `charge` is an id, unless the whole charge was asked for.

    `root_id` is that of the first attempt to pay, if the charge was another.
    """
    return {
        "id": dispute_id(of),
        "object": "dispute",
        "amount": of.amount,
        "balance_transactions": [balance.as_json(each) for each in balance.of_dispute(of)],
        "charge": charge or charge_id(of.transaction_id),
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": _evidence_details(of),
        "is_charge_refundable": of.resolution == DECLINED,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent_id(root_id or of.transaction_id),
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
