"""Flutterwave's amounts: major units, as decimal numbers."""

from decimal import Decimal
from typing import Final

from app.edge.gateways.port import Refused
from app.foundation.money import AMOUNT_MAX, EXPONENTS, Money

CURRENCIES: Final = frozenset(
    ["EUR", "GBP", "GHS", "KES", "NGN", "UGX", "USD", "XAF", "XOF", "ZAR"]
)


def to_wire(money: Money) -> Decimal | None:
    """Flutterwave's amount; None of a currency that it does not take."""
    if money.currency not in CURRENCIES:
        return None
    return Decimal(money.amount).scaleb(-EXPONENTS[money.currency])


def from_wire(amount: Decimal, currency: str) -> Money | None:
    """The reverse: minor units by ISO 4217, or None where the amount does not fit the currency."""
    minor = _minor(amount, currency)
    if minor is None or minor != int(minor):
        return None
    return Money(amount=int(minor), currency=currency)


def fee_from_wire(amount: Decimal, currency: str) -> int | None:
    """A fee in minor units, rounded down: fees have three decimals. None where it is none."""
    minor = _minor(amount, currency)
    return None if minor is None else int(minor)


def chargeable(money: Money) -> Decimal | Refused:
    """The amount of a charge on the wire, or why Flutterwave would refuse it.

    It names neither a least nor a greatest charge: those are agreed with each merchant.
    """
    wire = to_wire(money)
    if wire is None:
        return Refused(reason=f"Flutterwave does not take {money.currency}")
    return wire or Refused(reason=f"{money} is nothing to charge")


def _minor(amount: Decimal, currency: str) -> Decimal | None:
    """Minor units and fractions of them; None of what is no amount, or too much to be one."""
    if currency not in CURRENCIES or not amount.is_finite():
        return None
    minor = amount.scaleb(EXPONENTS[currency])
    return minor if 0 <= minor <= AMOUNT_MAX else None
