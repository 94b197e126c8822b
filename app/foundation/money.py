"""Money: an integer of minor units and a currency; splitting an amount without loss."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

AMOUNT_MAX: Final = 10**15  # far above any price, far below what bigint can hold

Amount = Annotated[
    int, msgspec.Meta(ge=0, le=AMOUNT_MAX, description="Minor units", examples=[500000])
]
SignedAmount = Annotated[
    int,
    msgspec.Meta(
        ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="Minor units, with a sign", examples=[-500000]
    ),
]
Currency = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code", examples=["NGN"])
]

# How many decimals each currency has that a price may be in (ISO 4217 exponents). Written here
# because locale data (CLDR) differs from ISO for 13 currencies.
EXPONENTS: Final = {
    "EUR": 2, "GBP": 2, "GHS": 2, "JPY": 0, "KES": 2, "KWD": 3, "NGN": 2, "TND": 3, "UGX": 0,
    "USD": 2, "XAF": 0, "XOF": 0, "ZAR": 2,
}  # fmt: skip


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (as ISO 4217 defines them) of a currency."""

    amount: Amount
    currency: Currency

    def __str__(self) -> str:
        """The amount as people read it: `5,000.00 NGN`."""
        exponent = EXPONENTS.get(self.currency, 2)
        whole, minor = divmod(self.amount, 10**exponent)
        fraction = f".{minor:0{exponent}d}" if exponent else ""
        return f"{whole:,}{fraction} {self.currency}"


class SignedMoney(msgspec.Struct, frozen=True):
    """An amount that may be below zero: one side of a posting, a balance, a debt."""

    amount: SignedAmount
    currency: Currency

    def __str__(self) -> str:
        """The amount as people read it: `-5,000.00 NGN`."""
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{Money(amount=abs(self.amount), currency=self.currency)}"


def decimal(amount: int, currency: str) -> str:
    """Minor units as a number with all decimals of the currency: `-1500.00`, `1500`, `1.500`."""
    exponent = EXPONENTS.get(currency, 2)
    whole, minor = divmod(abs(amount), 10**exponent)
    fraction = f".{minor:0{exponent}d}" if exponent else ""
    return f"{'-' if amount < 0 else ''}{whole}{fraction}"


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split minor units in proportion to weights; the last part gets what rounding leaves over."""
    if not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError("weights must be non-negative and not all zero")
    parts = [amount * weight // sum(weights) for weight in weights]
    parts[-1] += amount - sum(parts)
    return parts
