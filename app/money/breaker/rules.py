"""How much a run may let out, and what that is of all that waits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from app.foundation.money import EXPONENTS, Money
from app.money.breaker.model import Line, LineReply, Total, Waiting

# From one run of process-refunds to the next: who asks in between is in the same run.
RUN: Final = timedelta(minutes=10)

# 100.00, in minor units; where that is next to nothing, about what 100.00 EUR are worth (2026).
_AMOUNTS: Final = MappingProxyType(
    {currency: 100 * 10**exponent for currency, exponent in EXPONENTS.items()}
    | {
        "GHS": 1_500_00,
        "JPY": 16_000,
        "KES": 15_000_00,
        "NGN": 170_000_00,
        "UGX": 400_000,
        "XAF": 65_000,
        "XOF": 65_000,
        "ZAR": 2_000_00,
    }
)


def limits(configured: Mapping[str, int]) -> dict[str, int]:
    """How much a run may let out, in minor units, of every currency there is."""
    return {**_AMOUNTS, **configured}


def choose(
    waiting: Sequence[Waiting],
    spent: Iterable[Total],
    *,
    refunds_max: int,
    amounts_max: Mapping[str, int],
) -> list[UUID]:
    """Those of the waiting, the oldest first, that fit into what is left of this run.

    Of a currency the first that does not fit ends it: else a large one would wait for as long as
    small ones come.
    """
    spent = list(spent)
    refunds_left = refunds_max - sum(total.refunds for total in spent)
    left = dict(amounts_max)
    for total in spent:
        left[total.currency] -= total.amount
    chosen: list[UUID] = []
    for refund in waiting:
        if len(chosen) >= refunds_left:
            break
        if refund.amount <= left[refund.currency]:
            chosen.append(refund.id)
            left[refund.currency] -= refund.amount
        else:
            left[refund.currency] = 0
    return chosen


def line_reply(line: Line, amount_per_run: int) -> LineReply:
    return LineReply(
        refunds=line.refunds,
        amount=Money(amount=line.amount, currency=line.currency),
        too_large=line.too_large,
        since=line.since,
        amount_per_run=Money(amount=amount_per_run, currency=line.currency),
    )


def alert_details(lines: Iterable[Line], amounts_max: Mapping[str, int]) -> dict[str, Any]:
    """What an alert says of what waits, per currency."""
    return {
        line.currency: {
            "refunds": line.refunds,
            "amount": str(Money(amount=line.amount, currency=line.currency)),
            "amountPerRun": str(Money(amount=amounts_max[line.currency], currency=line.currency)),
            "tooLargeForAnyRun": line.too_large,
        }
        for line in lines
    }
