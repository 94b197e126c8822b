"""Which amounts a gateway takes or pays: in which steps, at least how much, and at most."""

from enum import StrEnum
from typing import Final

import msgspec

from app.foundation.money import AMOUNT_MAX, Money


class Operation(StrEnum):
    """What an amount is for. Each has a rule of its own at each gateway."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"


class AmountRule(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts that one gateway takes or pays in one currency by one operation.

    They are the multiples of `step` from `least` to `most`, in minor units (ISO 4217). `least` and
    `most` are multiples of `step` themselves.
    """

    step: int = 1
    least: int
    most: int

    def pays(self, amount: int) -> bool:
        """Whether this very amount can be paid."""
        return self.least <= amount <= self.most and not amount % self.step

    def in_steps(self, amount: int) -> int:
        """The amount rounded down to whole steps."""
        return amount - amount % self.step

    def share(self, amount: int) -> int:
        """An amount cut to what can be paid of it: in whole steps, and 0 if that is too little."""
        part = self.in_steps(amount)
        return part if part >= self.least else 0

    def nearest(self, amount: int) -> list[int]:
        """The nearest amounts below and above that can be paid: two of them, or one at an end."""
        below = min(self.share(amount), self.most)
        above = max(self.in_steps(amount + self.step - 1), self.least)
        return [each for each in dict.fromkeys((below, above)) if self.pays(each)]

    def refusal(self, money: Money) -> str | None:
        """Why this cannot be paid, and which amounts would do; None if it can."""
        if self.pays(money.amount):
            return None
        return f"{self._flaw(money)}: {self._would_do(money)} would do"

    def flaw_of_steps(self, money: Money) -> str | None:
        """Why this cannot be a share of what is paid, however much is paid beside it; or None."""
        if not money.amount % self.step:
            return None
        whole = AmountRule(step=self.step, least=self.step, most=self.most)
        return whole.refusal(money)

    def _flaw(self, money: Money) -> str:
        if money.amount > self.most:
            return f"{money} is too much"
        if money.amount < self.least:
            return f"{money} is too little"
        return f"{money} is not a multiple of {Money(self.step, money.currency)}"

    def _would_do(self, money: Money) -> str:
        amounts = [str(Money(each, money.currency)) for each in self.nearest(money.amount)]
        return " or ".join(amounts)


# For what has no rule: a currency that the gateway does not take, where nothing is ever paid.
ANY: Final = AmountRule(least=1, most=AMOUNT_MAX)
