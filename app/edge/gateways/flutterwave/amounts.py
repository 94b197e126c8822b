"""Flutterwave's amounts: major units, as decimal numbers."""

from decimal import Decimal
from typing import Final

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.port import Refused
from app.foundation.money import AMOUNT_MAX, EXPONENTS, Money

CURRENCIES: Final = frozenset(
    ["EUR", "GBP", "GHS", "KES", "NGN", "UGX", "USD", "XAF", "XOF", "ZAR"]
)


# The smallest transfer in minor units, for currencies in which Flutterwave is known to have one.
_TRANSFER_MIN: Final = {"NGN": 10_000}


def to_wire(money: Money) -> Decimal | None:
    """Flutterwave's amount; None if it does not take the currency."""
    if money.currency not in CURRENCIES:
        return None
    return Decimal(money.amount).scaleb(-EXPONENTS[money.currency])


def from_wire(amount: Decimal, currency: str) -> Money | None:
    """Flutterwave's amount in minor units (ISO 4217); None if it does not fit the currency."""
    minor = _minor(amount, currency)
    if minor is None or minor != int(minor):
        return None
    return Money(amount=int(minor), currency=currency)


def fee_from_wire(amount: Decimal, currency: str) -> int | None:
    """A fee in minor units, rounded down: it has three decimals. None if it is not an amount."""
    minor = _minor(amount, currency)
    return None if minor is None else int(minor)


def rule(operation: Operation, currency: str) -> AmountRule | None:
    """The amounts that Flutterwave takes or pays; None if it does not take the currency.

    It publishes no least and no greatest charge: they are agreed with each merchant. The currencies
    that it takes in whole units only (UGX, XAF, XOF) have no minor units.
    """
    if currency not in CURRENCIES:
        return None
    least = _TRANSFER_MIN.get(currency, 1) if operation is Operation.TRANSFER else 1
    return AmountRule(least=least, most=AMOUNT_MAX)


def chargeable(money: Money) -> Decimal | Refused:
    """The amount of a charge on the wire, or why Flutterwave would refuse it."""
    amounts = rule(Operation.CHARGE, money.currency)
    wire = to_wire(money)
    if amounts is None or wire is None:
        return Refused(reason=f"Flutterwave does not take {money.currency}")
    if reason := amounts.refusal(money):
        return Refused(reason=f"Flutterwave cannot charge it: {reason}")
    return wire


def _minor(amount: Decimal, currency: str) -> Decimal | None:
    """Minor units and fractions of them; None if it is not an amount, or too much to be one."""
    if currency not in CURRENCIES or not amount.is_finite():
        return None
    minor = amount.scaleb(EXPONENTS[currency])
    return minor if 0 <= minor <= AMOUNT_MAX else None
