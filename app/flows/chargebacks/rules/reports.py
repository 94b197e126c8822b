"""Whether what a gateway reports of a chargeback fits what is known, and what it says."""

from datetime import timedelta
from typing import Any, Final

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.chargebacks.model import Chargeback, ChargebackState
from app.money.payments.model import Payment

DUE_SOON: Final = timedelta(hours=48)
LOOK_AGAIN_IN: Final = timedelta(hours=6)
_S = ChargebackState


def differences(
    payment: Payment, known: Chargeback | None, found: FoundChargeback, *, live: bool
) -> list[str]:
    """In what a report of a chargeback fits neither its charge nor what was reported before."""
    pairs = {
        "currency": found.money.currency == payment.currency,
        "amount": _may_be(found, known, most=payment.amount),
        "charge": known is None or known.payment_id == payment.id,
        "mode": found.live == live,
    }
    return [name for name, same in pairs.items() if not same]


def _may_be(found: FoundChargeback, known: Chargeback | None, *, most: int) -> bool:
    """Whether the reported amount may be right.

    Until the money is taken it may become less, since we may accept a part. Of a chargeback that is
    won any amount may be reported: it is about nothing any more.
    """
    amount = found.money.amount
    if known is None:
        return 0 < amount <= most
    if known.is_taken:
        return amount == known.amount
    return found.status is ChargebackStatus.WON or 0 < amount <= known.amount


def amount(known: Chargeback, found: FoundChargeback) -> int:
    """How much an open chargeback is about, as reported by now."""
    is_settled = known.is_taken or found.status is ChargebackStatus.WON
    return known.amount if is_settled else found.money.amount


def was_taken(found: FoundChargeback) -> bool:
    """Whether its money has left our balance by now, and perhaps come back.

    At two rates that costs something, so of an exchanged one both are posted.
    """
    return found.is_taken or found.returned is not None


def settled(known: Chargeback, found: FoundChargeback) -> dict[str, Any]:
    """What of an exchanged chargeback has left our balance and come back, as reported by now.

    What was posted when it was taken does not change.
    """
    taken = known.settled if known.is_taken else found.settled
    if taken is None:
        return {}
    return {
        "settled_amount": taken.amount,
        "settled_currency": taken.currency,
        "settled_back": found.returned.amount if found.returned else known.settled_back,
    }


def contradicts(known: Chargeback, status: ChargebackStatus) -> bool:
    """Whether the gateway reports another end than the chargeback has had."""
    return known.state is not _S.OPEN and known.state.value != status.value
