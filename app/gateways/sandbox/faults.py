"""Faults on demand: what shall go wrong, at which operation, how many times."""

import asyncio
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta


class Operation(StrEnum):
    INITIALIZE = "initialize"
    VERIFY = "verify"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    DELAY = "delay"  # answers, but `delayMs` later
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"  # does it, and never says so
    ERROR_500 = "error_500"  # does nothing, and says 500
    DROP = "drop"  # does nothing, and the connection breaks; a webhook is lost on its way
    WRONG_AMOUNT = "wrong_amount"  # tells another amount than was asked for
    WRONG_CURRENCY = "wrong_currency"
    DUPLICATE = "duplicate"  # sends the webhook twice


_TELLING: Final = {Kind.WRONG_AMOUNT, Kind.WRONG_CURRENCY}
_ANSWERING: Final = {Kind.DELAY, Kind.TIMEOUT_AFTER_EFFECT, Kind.ERROR_500, Kind.DROP}
POSSIBLE: Final = {
    Operation.INITIALIZE: _ANSWERING,
    Operation.VERIFY: _ANSWERING | _TELLING,
    Operation.WEBHOOK: {Kind.DELAY, Kind.DROP, Kind.DUPLICATE} | _TELLING,
}
SILENCE_MS: Final = 60_000  # how long timeout_after_effect holds the line if no delay is given


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One fault, for the next `times` calls of an operation."""

    operation: Operation
    kind: Kind
    times: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0

    @property
    def is_possible(self) -> bool:
        return self.kind in POSSIBLE[self.operation]


class Broken(Exception):
    """Answer 500."""


class Dropped(Exception):
    """Break the connection."""


class Faults:
    """The rules in force. The first that fits an operation is used up before the next."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def take(self, operation: Operation) -> Rule | None:
        for rule in self.rules:
            if rule.operation is operation:
                rule.times -= 1
                self.rules = [left for left in self.rules if left.times > 0]
                return rule
        return None


async def strike_before(rule: Rule | None) -> None:
    """What goes wrong before the operation has its effect."""
    match rule:
        case Rule(kind=Kind.DELAY):
            await asyncio.sleep(rule.delay_ms / 1000)
        case Rule(kind=Kind.ERROR_500):
            raise Broken
        case Rule(kind=Kind.DROP):
            raise Dropped
        case _:
            pass


async def strike_after(rule: Rule | None) -> None:
    """What goes wrong once the operation has had its effect."""
    if rule and rule.kind is Kind.TIMEOUT_AFTER_EFFECT:
        await asyncio.sleep((rule.delay_ms or SILENCE_MS) / 1000)
        raise Dropped


def distort(rule: Rule | None, *, amount: int, currency: str) -> tuple[int, str]:
    """The amount and currency that are told instead of the true ones."""
    match rule:
        case Rule(kind=Kind.WRONG_AMOUNT):
            return amount - 100, currency
        case Rule(kind=Kind.WRONG_CURRENCY):
            return amount, "USD" if currency != "USD" else "NGN"
        case _:
            return amount, currency
