"""Faults on demand: what goes wrong, at which operation, how many times."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")


class Operation(StrEnum):
    INITIALIZE = "initialize"
    CLOSE = "close"  # of the page
    PAYMENT = "payment"  # the guest's, on the page
    VERIFY = "verify"
    CHARGES = "charges"  # the list
    REFUND = "refund"
    REFUNDS = "refunds"  # the list
    RECIPIENT = "recipient"
    TRANSFER = "transfer"
    VERIFY_TRANSFER = "verify_transfer"
    TRANSFERS = "transfers"  # the list
    CHARGEBACKS = "chargebacks"  # the list
    PAYOUTS = "payouts"  # the list
    BALANCE_CHANGES = "balance_changes"  # the list
    VERIFY_RECIPIENT = "verify_recipient"
    ONBOARDING = "onboarding"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    DELAY = "delay"  # replies `delayMs` later
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"  # has its effect, and never replies
    ERROR_500 = "error_500"  # does nothing, and replies 500
    ERROR_500_AFTER_EFFECT = "error_500_after_effect"  # has its effect, and replies 500
    TOO_MANY_REQUESTS = "too_many_requests"  # does nothing, and replies 429 with Retry-After
    DROP = "drop"  # does nothing, and the connection breaks; a webhook is lost
    WRONG_AMOUNT = "wrong_amount"  # reports another amount than was asked for
    WRONG_CURRENCY = "wrong_currency"
    STUCK = "stuck"  # begins the operation, and never ends it
    FAIL = "fail"  # begins the operation, which fails
    REVERSE = "reverse"  # succeeds, and a moment later the money comes back
    NEEDS_ATTENTION = "needs_attention"  # begins the refund, and waits for a person
    OTP = "otp"  # begins the transfer, and waits for a person
    LATE = "late"  # reports the fee, and what comes into the balance, `delayMs` later
    LATE_ROW = "late_row"  # lists everything but the newest row, which the next list has
    REPEATED_ROW = "repeated_row"  # begins a page with the last row of the page before
    DUPLICATE = "duplicate"  # sends the webhook twice
    REORDER = "reorder"  # sends the webhook `delayMs` later, after those that follow it


_DISTORTING: Final = {Kind.WRONG_AMOUNT, Kind.WRONG_CURRENCY}
_REPLYING: Final = {
    Kind.DELAY,
    Kind.TIMEOUT_AFTER_EFFECT,
    Kind.ERROR_500,
    Kind.TOO_MANY_REQUESTS,
    Kind.DROP,
}
_ENDING: Final = {Kind.STUCK, Kind.FAIL, Kind.REVERSE}
_LISTING: Final = {Kind.LATE_ROW, Kind.REPEATED_ROW}
_MONEY: Final = {Kind.ERROR_500_AFTER_EFFECT}
POSSIBLE: Final = {
    Operation.INITIALIZE: _REPLYING | _MONEY,
    Operation.CLOSE: _REPLYING | _MONEY,
    Operation.PAYMENT: {Kind.LATE},
    Operation.VERIFY: _REPLYING | _DISTORTING,
    Operation.CHARGES: _REPLYING | _DISTORTING | _LISTING,
    Operation.REFUND: _REPLYING | _ENDING | _MONEY | {Kind.NEEDS_ATTENTION},
    Operation.REFUNDS: _REPLYING | _DISTORTING | _LISTING,
    Operation.RECIPIENT: _REPLYING,
    Operation.TRANSFER: _REPLYING | _ENDING | _MONEY | {Kind.OTP, Kind.LATE},
    Operation.TRANSFERS: _REPLYING | _LISTING,
    Operation.VERIFY_TRANSFER: _REPLYING | _DISTORTING,
    Operation.CHARGEBACKS: _REPLYING | _DISTORTING | _LISTING,
    Operation.PAYOUTS: _REPLYING | _LISTING,
    Operation.BALANCE_CHANGES: _REPLYING | _LISTING,
    Operation.VERIFY_RECIPIENT: _REPLYING,
    Operation.ONBOARDING: _REPLYING,
    Operation.WEBHOOK: {Kind.DELAY, Kind.DROP, Kind.DUPLICATE, Kind.REORDER} | _DISTORTING,
}
SILENCE_MS: Final = 60_000  # how long timeout_after_effect does not reply, if no delay is given


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One fault, for the next `times` calls of an operation."""

    operation: Operation
    kind: Kind
    times: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0

    @property
    def is_possible(self) -> bool:
        return self.kind in POSSIBLE[self.operation]


# A call or webhook with one of these succeeds in the end, so random faults are chosen from them.
TEMPORARY: Final = frozenset({*_REPLYING, Kind.DUPLICATE, Kind.REORDER})
# So does one with these, for a merchant who looks again: facts and rows that come later or twice,
# and errors that hide an effect.
UNKIND: Final = frozenset({*TEMPORARY, *_LISTING, *_MONEY, Kind.LATE})


class Mix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Faults at random, in a share of all calls and webhooks.

    The same seed gives the same faults to the same calls in the same order. A delay, and the
    silence after an effect, lasts up to `delayMs`.
    """

    seed: int
    share: Annotated[float, Meta(gt=0, le=1)]
    delay_ms: Annotated[int, Meta(ge=1, le=60_000)] = 200
    kinds: frozenset[Kind] = TEMPORARY


class Broken(Exception):
    """Reply with 500."""


class Dropped(Exception):
    """Break the connection."""


class TooMany(Exception):
    """Reply with 429, and ask to wait for so many seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class Faults:
    """The active rules: for an operation the first that matches is used up before the next.

    If no rule matches, the mix may choose a random fault.
    """

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.mix: Mix | None = None
        self.asked: Counter[Operation] = Counter()  # what gateways were asked for, and how often
        self._were_late: set[str] = set()
        self._random = Random()  # noqa: S311  nothing secret

    def start_mix(self, mix: Mix | None) -> None:
        """Begin with this mix from its seed; None ends it."""
        self.mix = mix
        self._random = Random(mix.seed if mix else None)  # noqa: S311

    def take(self, operation: Operation) -> Rule | None:
        self.asked[operation] += 1
        for rule in self.rules:
            if rule.operation is operation:
                rule.times -= 1
                self.rules = [left for left in self.rules if left.times > 0]
                return rule
        return self._draw(self.mix, operation) if self.mix else None

    def without_late(
        self, rule: Rule | None, rows: Sequence[T], name: Callable[[T], str]
    ) -> Sequence[T]:
        """The rows of a list, newest first, but for the newest if it is late: the next list has it.

        Rows are told apart by `name`.
        """
        if not rows or rule is None or rule.kind is not Kind.LATE_ROW:
            return rows
        newest = f"{rule.operation} {name(rows[0])}"
        if newest in self._were_late:
            return rows
        self._were_late.add(newest)
        return rows[1:]

    def _draw(self, mix: Mix, operation: Operation) -> Rule | None:
        """A fault of the mix, or None. Each call draws three random numbers, whatever it gets."""
        chance, which, share = (self._random.random() for _ in range(3))
        kinds = sorted(POSSIBLE[operation] & mix.kinds)
        if chance >= mix.share or not kinds:
            return None
        kind, delay_ms = kinds[int(which * len(kinds))], 1 + int(share * mix.delay_ms)
        return Rule(operation=operation, kind=kind, delay_ms=delay_ms)


async def inject_before_effect(rule: Rule | None) -> None:
    """Inject a fault that comes before the operation has its effect."""
    match rule:
        case Rule(kind=Kind.DELAY):
            await asyncio.sleep(rule.delay_ms / 1000)
        case Rule(kind=Kind.ERROR_500):
            raise Broken
        case Rule(kind=Kind.TOO_MANY_REQUESTS):
            raise TooMany(rule.delay_ms // 1000 if rule.delay_ms else 1)
        case Rule(kind=Kind.DROP):
            raise Dropped
        case _:
            pass


async def inject_after_effect(rule: Rule | None) -> None:
    """Inject a fault that comes after the operation has had its effect."""
    if rule and rule.kind is Kind.TIMEOUT_AFTER_EFFECT:
        await asyncio.sleep((rule.delay_ms or SILENCE_MS) / 1000)
        raise Dropped
    if rule and rule.kind is Kind.ERROR_500_AFTER_EFFECT:
        raise Broken


def distort(rule: Rule | None, *, amount: int, currency: str) -> tuple[int, str]:
    """The amount and currency to report, which differ from the true ones if the rule says so."""
    match rule:
        case Rule(kind=Kind.WRONG_AMOUNT):
            return amount - 100, currency
        case Rule(kind=Kind.WRONG_CURRENCY):
            return amount, "USD" if currency != "USD" else "NGN"
        case _:
            return amount, currency
