"""Stripe's amounts: the smallest unit of the currency, as Stripe counts it."""

from typing import Final

from app.edge.gateways.amounts import AmountRule, Operation
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


def rule(operation: Operation, currency: str) -> AmountRule | None:
    """The amounts that Stripe takes or pays; None if it does not take the currency.

    Refunds and transfers have no least amount beyond one step. Stripe's rules for HUF and TWD
    (payouts in whole units) are not here, since no price may be in them.
    """
    ours = EXPONENTS.get(currency)
    if ours is None:
        return None
    theirs = _LEGACY_EXPONENTS.get(currency, ours)
    wire_per_minor = 10 ** (theirs - ours)
    step = _STEPS.get(theirs, 1)
    least = _WIRE_MIN.get(currency, 1) if operation is Operation.CHARGE else 1
    most = _WIRE_MAX // wire_per_minor
    return AmountRule(step=step, least=max(least, step), most=most - most % step)


def chargeable(money: Money) -> int | Refused:
    """The amount of a charge on the wire, or why Stripe would refuse it."""
    amounts = rule(Operation.CHARGE, money.currency)
    wire = to_wire(money)
    if amounts is None:
        return Refused(reason=f"Stripe does not take {money.currency}")
    if wire is None or not amounts.pays(money.amount):
        return Refused(reason=f"Stripe cannot charge it: {amounts.refusal(money)}")
    return wire
