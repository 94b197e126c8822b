"""The refund gate: how much a run may send, and which of the refunds that wait fit into that."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from app.foundation.money import EXPONENTS, Money
from app.money.instructions.model import (
    AdmittedTotal,
    WaitingRefund,
    WaitingTotal,
    WaitingTotalReply,
)

# From one run of process-refunds to the next: a refund that is admitted in between is in that run.
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
    """How much a run may send of each currency, in minor units."""
    return {**_AMOUNTS, **configured}


def choose(
    waiting: Sequence[WaitingRefund],
    admitted: Iterable[AdmittedTotal],
    *,
    refunds_max: int,
    amounts_max: Mapping[str, int],
) -> list[UUID]:
    """Which of the refunds that wait this run may still send, the oldest first.

    `admitted` is what it has sent already. The first refund of a currency that does not fit ends
    that currency for this run: else a large one would wait for as long as small ones come.
    """
    admitted = list(admitted)
    refunds_left = refunds_max - sum(total.refunds for total in admitted)
    left = dict(amounts_max)
    for total in admitted:
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


def reply(total: WaitingTotal, amount_per_run: int) -> WaitingTotalReply:
    """What waits in one currency, as the API shows it."""
    return WaitingTotalReply(
        refunds=total.refunds,
        amount=Money(amount=total.amount, currency=total.currency),
        too_large=total.too_large,
        since=total.since,
        amount_per_run=Money(amount=amount_per_run, currency=total.currency),
    )


def alert_details(totals: Iterable[WaitingTotal], amounts_max: Mapping[str, int]) -> dict[str, Any]:
    """What the alert about waiting refunds says, per currency."""
    return {
        total.currency: {
            "refunds": total.refunds,
            "amount": str(Money(amount=total.amount, currency=total.currency)),
            "amountPerRun": str(Money(amount=amounts_max[total.currency], currency=total.currency)),
            "tooLargeForAnyRun": total.too_large,
        }
        for total in totals
    }
