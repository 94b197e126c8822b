"""Paystack's amounts: hundredths of the major unit, and which of them it accepts."""

from typing import Final

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


def chargeable(money: Money) -> int | Refused:
    """The amount of a charge on the wire, or why Paystack would refuse it."""
    smallest = WIRE_MIN.get(money.currency)
    if smallest is None:
        return Refused(reason=f"Paystack does not take {money.currency}")
    wire = to_wire(money)
    if wire is None or wire > WIRE_MAX:
        return Refused(reason=f"{money} is more than Paystack takes in one charge")
    if wire < smallest:
        least = from_wire(smallest, money.currency)
        return Refused(reason=f"{money} is less than Paystack's least charge, {least}")
    return wire
