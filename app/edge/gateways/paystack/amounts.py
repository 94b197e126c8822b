"""Paystack's amounts: hundredths of the major unit, and which of them it accepts."""

from typing import Final

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.port import Refused
from app.foundation.money import EXPONENTS, Money

# The smallest charge per currency, on the wire. Only these currencies are offered.
WIRE_MIN: Final = {
    "GHS": 10,
    "KES": 300,
    "NGN": 5_000,
    "USD": 200,
    "XOF": 100,
    "ZAR": 100,
}
WIRE_MAX: Final = 1_000_000_000  # 10,000,000 of any currency
# The smallest transfer, for currencies in which Paystack is known to have one. Its support states
# these; of M-PESA its price list begins at KES 1.
_WIRE_TRANSFER_MIN: Final = {"GHS": 100, "KES": 100, "NGN": 10_000}
_WIRE_PER_MAJOR: Final = 100  # always, also where ISO 4217 has no minor unit (XOF)


def to_wire(money: Money) -> int | None:
    """Paystack's amount: hundredths of the major unit; None if it does not take the currency."""
    if money.currency not in WIRE_MIN:
        return None
    return money.amount * _WIRE_PER_MAJOR // 10 ** EXPONENTS[money.currency]


def from_wire(amount: int, currency: str) -> Money | None:
    """Paystack's amount in minor units (ISO 4217); None if it does not fit the currency."""
    if currency not in WIRE_MIN:
        return None
    minor, rest = divmod(amount * 10 ** EXPONENTS[currency], _WIRE_PER_MAJOR)
    return None if rest else Money(amount=minor, currency=currency)


def fee_from_wire(amount: int, currency: str) -> int:
    """A fee in minor units of a known currency, rounded down: it may have fractions of them."""
    return amount * 10 ** EXPONENTS[currency] // _WIRE_PER_MAJOR


def rule(operation: Operation, currency: str) -> AmountRule | None:
    """The amounts that Paystack takes or pays; None if it does not take the currency.

    No least refund is published. The limits on transfers that each business has besides are not
    known here.
    """
    if currency not in WIRE_MIN:
        return None
    smallest = {
        Operation.CHARGE: WIRE_MIN[currency],
        Operation.REFUND: 1,
        Operation.TRANSFER: _WIRE_TRANSFER_MIN.get(currency, 1),
    }
    minor_per_major = 10 ** EXPONENTS[currency]
    least = -(-smallest[operation] * minor_per_major // _WIRE_PER_MAJOR)
    return AmountRule(least=least, most=WIRE_MAX * minor_per_major // _WIRE_PER_MAJOR)


def chargeable(money: Money) -> int | Refused:
    """The amount of a charge on the wire, or why Paystack would refuse it."""
    amounts = rule(Operation.CHARGE, money.currency)
    wire = to_wire(money)
    if amounts is None or wire is None:
        return Refused(reason=f"Paystack does not take {money.currency}")
    if reason := amounts.refusal(money):
        return Refused(reason=f"Paystack cannot charge it: {reason}")
    return wire
