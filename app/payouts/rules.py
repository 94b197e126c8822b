"""What of a payout is kept back for debts, and what is transferred."""

from collections.abc import Mapping, Sequence

import uuid_utils.compat

from app.instructions.model import InstructionKind, NewInstruction
from app.payouts.model import Debt, Payee, Payout, Recovery


def recover(payouts: Sequence[Payout], debts: Sequence[Debt]) -> list[Recovery]:
    """Oldest debts first, each from its host's payouts in the order they come."""
    kept: list[Recovery] = []
    left = {debt.id: debt.left for debt in debts}
    for payout in payouts:
        available = payout.amount
        for debt in debts:
            if (debt.host_id, debt.currency) != (payout.host_id, payout.currency):
                continue
            amount = min(available, left[debt.id])
            if amount:
                kept.append(Recovery(debt.id, payout.source_id, amount))
                left[debt.id] -= amount
                available -= amount
    return kept


def transfers(
    payouts: Sequence[Payout], recoveries: Sequence[Recovery], recipients: Mapping[Payee, str]
) -> list[NewInstruction]:
    """What is left of each payout, for the payee's account if there is one."""
    kept: dict[object, int] = {}
    for recovery in recoveries:
        kept[recovery.source_id] = kept.get(recovery.source_id, 0) + recovery.amount
    return [
        NewInstruction(
            id=uuid_utils.compat.uuid7(),
            kind=InstructionKind.TRANSFER,
            booking_id=payout.booking_id,
            payment_id=payout.payment_id,
            source_id=payout.source_id,
            payee_id=payout.host_id,
            gateway=payout.gateway,
            target=recipients.get(Payee(payout.host_id, payout.gateway, payout.currency)),
            amount=payout.amount - kept.get(payout.source_id, 0),
            currency=payout.currency,
            reason=payout.reason,
        )
        for payout in payouts
        if payout.amount > kept.get(payout.source_id, 0)
    ]
