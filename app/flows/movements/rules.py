"""What follows from a movement that we did not begin: what it does first, what an alert says."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.edge.gateways.port import FoundCharge, FoundInstruction
from app.foundation.ids import derived
from app.foundation.money import Money
from app.market.bookings.model import Booking
from app.money.instructions.model import Instruction
from app.money.payments.model import Payment
from app.money.taken_in.model import TakenIn


def moved(found: Sequence[FoundInstruction]) -> list[FoundInstruction]:
    """The refunds or transfers at a gateway that have moved money, or may still move it."""
    return [each for each in found if each.status.moves_money]


def exact_first(unsent: Sequence[Instruction], amount: int) -> list[Instruction]:
    """Unsent transfers in the order in which a movement of `amount` (minor units) does them.

    Those of just that amount first, then in the order in which they are given.
    """
    return sorted(unsent, key=lambda each: each.amount != amount)


def another_id(first: Payment, charge_id: str) -> tuple[UUID, str]:
    """The id and reference of a further payment under the reference of `first`."""
    return derived(first.id, charge_id), f"{first.asked_as}.{charge_id}"


def asked_money(found: FoundCharge, booking: Booking | None) -> Money:
    """What a charge that is not here was to be: the price of its booking, if that is here."""
    return Money(amount=booking.total, currency=booking.currency) if booking else found.money


def in_charge_currency(money: Money, charge: Payment) -> int | None:
    """An amount of the gateway's balance in minor units of the charge's currency, at its rate.

    None if it is in neither of the charge's currencies.
    """
    if money.currency == charge.currency:
        return money.amount
    settled = charge.settled
    if settled is None or settled.currency != money.currency or not settled.amount:
        return None
    return money.amount * charge.amount // settled.amount


def alert(taken: TakenIn) -> dict[str, Any]:
    """What the alert about something that was taken in says."""

    def text(amount: int) -> str:
        return str(Money(amount=amount, currency=taken.currency))

    return {
        "kind": taken.kind,
        "paymentId": str(taken.payment_id),
        "bookingId": str(taken.booking_id or ""),
        "gateway": taken.gateway,
        "gatewayId": taken.gateway_id,
        "amount": text(taken.amount),
        "fromUnsent": text(taken.from_unsent),
        "fromOwed": text(taken.from_owed),
        "fromDeposit": text(taken.from_deposit),
        "fromRental": text(taken.from_rental),
        "fromTransfers": text(taken.from_transfers),
        "fromHost": text(taken.from_host),
        "loss": text(taken.loss),
    }
