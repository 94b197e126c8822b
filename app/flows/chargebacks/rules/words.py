"""What is said of a chargeback, and to whom."""

from typing import Any
from uuid import UUID

from app.edge.notifications.model import BookingFacts
from app.flows.chargebacks.model import Case, Chargeback, Recovery
from app.flows.chargebacks.rules.bearers import borne_by_hosts
from app.foundation.ids import derived
from app.foundation.money import Money
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import Booking


def concerned(case: Case, chargeback: Chargeback) -> dict[UUID, int]:
    """The parts that a chargeback is about, and of how much of what was paid for each it is.

    Minor units; none of a charge that bought nothing.
    """
    paid: dict[UUID, int] = {}
    for part in case.parts:
        if amount := sum(pot.amount for pot in case.pots if pot.booking_id == part.id):
            paid[part.id] = min(amount, chargeback.amount)
    return paid


def named_hosts(case: Case, chargeback: Chargeback, recovery: Recovery) -> dict[str, Any]:
    """What the audit log keeps of who bears a lost one, where a booking has several hosts."""
    if len(case.host_ids) == 1:
        return {}
    borne = borne_by_hosts(case, recovery)
    return {
        "hosts": {
            str(host_id): Money(amount=amount, currency=chargeback.currency)
            for host_id, amount in borne.items()
        }
    }


def notice_id(chargeback: Chargeback, part: Booking) -> UUID:
    """What a notification of a chargeback is about: a host of several parts gets one for each."""
    return derived(chargeback.id, str(part.id)) if part.part_of else chargeback.id


def facts(booking: Booking, chargeback: Chargeback, money: Money) -> BookingFacts:
    """What a mail to the host says of a chargeback."""
    facts = booking_rules.facts(booking, reason=chargeback.reason)
    facts["amount"] = money
    facts.pop("respond_by", None)  # by when the host was to answer the request to book
    if chargeback.evidence_due_at:
        facts["respond_by"] = chargeback.evidence_due_at
    return facts


def alert(chargeback: Chargeback) -> dict[str, Any]:
    """What the alerts about a chargeback say."""
    due = chargeback.evidence_due_at
    return {
        "bookingId": str(chargeback.booking_id),
        "paymentId": str(chargeback.payment_id),
        "amount": str(chargeback.money),
        "gateway": chargeback.gateway,
        "gatewayId": chargeback.gateway_id,
        "reason": chargeback.reason,
        "evidenceDueAt": due.isoformat() if due else None,
    }
