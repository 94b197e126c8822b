"""How much of a payout is kept back for debts, and how much is transferred to which account."""

from collections.abc import Mapping, Sequence

import uuid_utils.compat

from app.edge.gateways.amounts import Operation
from app.edge.gateways.registry import amounts_of
from app.foundation.audit import Change, Subject
from app.foundation.money import Money
from app.money.instructions.model import InstructionKind, InstructionState, NewInstruction
from app.money.payees.model import Payee
from app.money.payouts.model import (
    Debt,
    HostTransfer,
    HostTransferReply,
    Payout,
    Recovery,
)


def recover(payouts: Sequence[Payout], debts: Sequence[Debt]) -> list[Recovery]:
    """What to keep back: for the oldest debts first, from the payouts of each host in order.

    What is left of a payout is an amount that its gateway can pay, in steps: where that is not the
    whole of a debt, the rest of the debt is owed on.
    """
    kept: list[Recovery] = []
    left = {debt.id: debt.left for debt in debts}
    for payout in payouts:
        available = payout.amount
        steps = amounts_of(payout.gateway, Operation.TRANSFER, payout.currency)
        for debt in debts:
            if (debt.host_id, debt.currency) != (payout.host_id, payout.currency):
                continue
            amount = min(available, left[debt.id])
            if amount < available:
                amount = steps.in_steps(amount)
            if amount:
                kept.append(Recovery(debt.id, payout.source_id, payout.booking_id, amount))
                left[debt.id] -= amount
                available -= amount
    return kept


def changes(recoveries: Sequence[Recovery]) -> list[Change]:
    """What the audit log keeps of recoveries; amounts in minor units of the debt's currency."""
    return [
        Change(
            subject=Subject("host_debt", recovery.debt_id),
            after={
                "keptBack": recovery.amount,
                "sourceId": recovery.source_id,
                "bookingId": recovery.booking_id,
            },
        )
        for recovery in recoveries
    ]


def transfers(
    payouts: Sequence[Payout], recoveries: Sequence[Recovery], recipients: Mapping[Payee, str]
) -> list[NewInstruction]:
    """The transfers of what is left of each payout, to the payee's account if there is one."""
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


def as_seen_by_host(transfer: HostTransfer) -> HostTransferReply:
    return HostTransferReply(
        id=transfer.id,
        booking_id=transfer.booking_id,
        state=transfer.state,
        gateway=transfer.gateway,
        amount=Money(amount=transfer.amount, currency=transfer.currency),
        kept_back=Money(amount=transfer.kept_back, currency=transfer.currency),
        reason=transfer.reason,
        explanation=explain(transfer),
        created_at=transfer.created_at,
        sent_at=transfer.sent_at,
        confirmed_at=transfer.confirmed_at,
    )


def explain(transfer: HostTransfer) -> str | None:
    """Why a transfer has not arrived, in words for its host; None if it goes its normal way."""
    failure = (transfer.failure or "no reason was given").rstrip(".")
    match transfer.state:
        case InstructionState.WAITING_FOR_PAYEE:
            return (
                f"Add a payout account for {transfer.currency} at {transfer.gateway.title()}, or "
                "give it what yours is missing, and it goes out by itself."
            )
        case InstructionState.UNKNOWN:
            return "The bank's answer was lost; it is being asked, and nothing is sent twice."
        case InstructionState.FAILED if transfer.next_try_at:
            return f"It failed: {failure}. It is tried again by itself."
        case InstructionState.FAILED:
            return f"It failed: {failure}. Somebody is looking into it."
        case InstructionState.REVERSED:
            return f"It came back: {failure}. Somebody is looking into it."
        case InstructionState.CANCELLED:
            return "The guest's bank has taken the money back."
        case _:
            return None
