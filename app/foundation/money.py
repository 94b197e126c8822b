"""Money: an integer of minor units plus a currency, and splitting that loses nothing."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

AMOUNT_MAX: Final = 10**15  # far above any booking, far below bigint

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

# ISO 4217 exponents of the currencies that can be sold in. Vendored: locale data (CLDR) differs
# from ISO for 13 currencies.
EXPONENTS: Final = {
    "EUR": 2, "GBP": 2, "GHS": 2, "JPY": 0, "KES": 2, "KWD": 3, "NGN": 2, "TND": 3, "UGX": 0,
    "USD": 2, "XAF": 0, "XOF": 0, "ZAR": 2,
}  # fmt: skip


class Money(msgspec.Struct, frozen=True):
    """An amount of minor units (ISO 4217 exponent) in a currency."""

    amount: Amount
    currency: Currency

    def __str__(self) -> str:
        """For people: `5,000.00 NGN`."""
        exponent = EXPONENTS.get(self.currency, 2)
        whole, minor = divmod(self.amount, 10**exponent)
        fraction = f".{minor:0{exponent}d}" if exponent else ""
        return f"{whole:,}{fraction} {self.currency}"


class SignedMoney(msgspec.Struct, frozen=True):
    """An amount that may be below zero: one side of a posting, a balance, a debt."""

    amount: SignedAmount
    currency: Currency

    def __str__(self) -> str:
        """For people: `-5,000.00 NGN`."""
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{Money(amount=abs(self.amount), currency=self.currency)}"


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split minor units by weights; the parts sum to the amount, remainders go to the last part."""
    if not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError("weights must be non-negative and not all zero")
    parts = [amount * weight // sum(weights) for weight in weights]
    parts[-1] += amount - sum(parts)
    return parts
