"""Random acts of people at the gateways' dashboards, the same ones again for the same seed."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, TypeVar

import msgspec

from app.sandbox.bank import NotPossible
from app.sandbox.books.transactions import Transaction
from app.sandbox.simulator import Simulator

T = TypeVar("T")
_STEP: Final = 100
_TRIES: Final = 20  # until something is possible


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, at which gateway, about what (an id), with a wire amount."""

    act: str
    gateway: str
    about: str
    amount: int
    currency: str


def misbehave(simulator: Simulator, random: Random, times: int) -> list[Deed]:
    """Act so many times; less often only if nothing is possible."""
    done: list[Deed] = []
    for _ in range(times):
        for _ in range(_TRIES):
            name = random.choice(sorted(_ACTS))
            try:
                made = _ACTS[name](simulator, random)
            except NotPossible:
                continue
            if made is not None:
                done.append(_deed(name, made))
                break
    return done


def _deed(act: str, made: Any) -> Deed:
    return Deed(
        act=act,
        gateway=made.gateway,
        about=str(made.id),
        amount=made.amount,
        currency=made.currency,
    )


def _pick(random: Random, among: Sequence[T]) -> T | None:
    return random.choice(among) if among else None


def _paid(simulator: Simulator, random: Random) -> Transaction | None:
    return _pick(random, [each for each in simulator.books.transactions.all() if each.paid_at])


def _refund(simulator: Simulator, random: Random) -> Any:
    charge = _paid(simulator, random)
    if charge is None:
        return None
    left = simulator.books.refunds.left_of(charge)
    return simulator.dashboard.refund(charge, amount=_round(random, left))


def _refund_all(simulator: Simulator, random: Random) -> Any:
    charge = _paid(simulator, random)
    return charge and simulator.dashboard.refund(charge)


def _transfer_to(simulator: Simulator, random: Random, *, is_known: bool) -> Any:
    account = _pick(random, [each for each in simulator.books.sum_up() if each.balance > 0])
    if account is None:
        return None
    recipient = None
    if is_known:
        fitting = simulator.books.transfers.recipients(account.gateway)
        known = _pick(random, [each for each in fitting if each.currency in ("", account.currency)])
        if known is None:
            return None
        recipient = known.recipient_code
    amount = _round(random, account.balance // 10)
    return amount and simulator.dashboard.transfer(
        account.gateway, amount=amount, currency=account.currency, recipient=recipient
    )


def _transfer(simulator: Simulator, random: Random) -> Any:
    return _transfer_to(simulator, random, is_known=True)


def _transfer_to_stranger(simulator: Simulator, random: Random) -> Any:
    return _transfer_to(simulator, random, is_known=False)


def _take_back(simulator: Simulator, random: Random) -> Any:
    transfer = _pick(
        random, [each for each in simulator.books.transfers.all() if each.status == "success"]
    )
    if transfer is None:
        return None
    left = transfer.amount - transfer.amount_reversed
    is_whole = (
        random.choice([True, False]) or not simulator.dialects[transfer.gateway].reverses_parts
    )
    return simulator.dashboard.take_back(
        transfer, amount=None if is_whole else _round(random, left)
    )


def _adjust(simulator: Simulator, random: Random) -> Any:
    account = _pick(random, simulator.books.sum_up())
    if account is None:
        return None
    amount = random.choice([-1, 1]) * (_round(random, 10_000) or 1)
    return simulator.dashboard.adjust(
        account.gateway,
        amount=amount,
        currency=account.currency,
        kind="adjustment",
        reason="Correction",
    )


def _pay_out(simulator: Simulator, random: Random) -> Any:
    account = _pick(random, [each for each in simulator.books.sum_up() if each.balance > 0])
    if account is None:
        return None
    return simulator.dashboard.pay_out(
        account.gateway,
        currency=account.currency,
        amount=_round(random, account.balance // 2) or None,
        status=random.choice(["paid", "paid", "failed"]),
    )


def _pay_again(simulator: Simulator, random: Random) -> Any:
    charge = _paid(simulator, random)
    return charge and simulator.cashier.pay_again(charge)


def _decline_again(simulator: Simulator, random: Random) -> Any:
    charge = _paid(simulator, random)
    return charge and simulator.cashier.decline_again(charge)


def _take(simulator: Simulator, random: Random) -> Any:
    like = _paid(simulator, random)
    return like and simulator.cashier.take(
        like.gateway,
        amount=like.amount,
        currency=like.currency,
        email="stranger@example.com",
        reference=None,
    )


def _round(random: Random, most: int) -> int | None:
    """A part of an amount in hundreds, which each currency can have; None if it is too small."""
    return random.randint(1, most // _STEP) * _STEP if most >= _STEP else None


_ACTS: Final[dict[str, Callable[[Simulator, Random], Any]]] = {
    "adjustment": _adjust,
    "attempt declined after a success": _decline_again,
    "charge without a call": _take,
    "partial refund": _refund,
    "payout": _pay_out,
    "refund": _refund_all,
    "second success": _pay_again,
    "transfer": _transfer,
    "transfer taken back": _take_back,
    "transfer to a stranger": _transfer_to_stranger,
}
