"""Stripe's amounts: the smallest unit of the currency, as Stripe counts it."""

from typing import Final

from app.edge.gateways.port import Refused
from app.foundation.money import EXPONENTS, Money

CURRENCIES: Final = frozenset(EXPONENTS)

# Stripe counts these in hundredths, though ISO 4217 has none: only whole units may be sent.
_LEGACY_EXPONENTS: Final = {"UGX": 2}
# In currencies with thousandths the last digit must be 0.
_STEPS: Final = {3: 10}
# The least charge, for currencies in which Stripe publishes one; it converts it for the others.
_WIRE_MIN: Final = {"EUR": 50, "GBP": 30, "JPY": 50, "USD": 50}
_WIRE_MAX: Final = 99_999_999  # eight digits


def to_wire(money: Money) -> int | None:
    """Stripe's amount; None if Stripe has none for it."""
    ours = EXPONENTS.get(money.currency)
    if ours is None:
        return None
    theirs = _LEGACY_EXPONENTS.get(money.currency, ours)
    wire = money.amount * 10 ** (theirs - ours)
    return None if wire % _STEPS.get(theirs, 1) else wire


def from_wire(amount: int, currency: str) -> Money | None:
    """Stripe's amount in minor units (ISO 4217); None if it does not fit the currency."""
    code = currency.upper()
    ours = EXPONENTS.get(code)
    if ours is None:
        return None
    minor, rest = divmod(amount, 10 ** (_LEGACY_EXPONENTS.get(code, ours) - ours))
    return None if rest else Money(amount=minor, currency=code)


def fee_from_wire(amount: int, currency: str) -> int:
    """A fee in minor units of a known currency, rounded down.

    Fees in three-decimal currencies may have any last digit; a fee in UGX may leave a remainder.
    """
    whole = from_wire(amount, currency)
    return whole.amount if whole else amount // 100


def chargeable(money: Money) -> int | Refused:
    """The amount of a charge on the wire, or why Stripe would refuse it."""
    wire = to_wire(money)
    if wire is None:
        return Refused(reason=f"Stripe cannot charge {money}")
    if wire > _WIRE_MAX:
        return Refused(reason=f"{money} is more than Stripe takes in one charge")
    smallest = _WIRE_MIN.get(money.currency, 1)
    if wire < smallest:
        least = from_wire(smallest, money.currency)
        return Refused(reason=f"{money} is less than Stripe's least charge, {least}")
    return wire
