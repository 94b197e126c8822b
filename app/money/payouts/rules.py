"""How much of a payout is kept back for debts, and how much is transferred to which account."""

from collections.abc import Mapping, Sequence

import uuid_utils.compat

from app.edge.gateways.amounts import Operation
from app.edge.gateways.registry import amounts_of
from app.foundation.audit import Change, Subject
from app.foundation.money import Money
from app.money.instructions.model import (
    Beside,
    InstructionKind,
    InstructionState,
    NewInstruction,
    WaitsFor,
)
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
    """The transfers of what is left of each payout, to the payee's account if there is one.

    There are two of a payout that is more than may be sent as its charge's money.
    """
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
            amount=amount,
            currency=payout.currency,
            reason=payout.reason,
            from_balance=from_balance,
        )
        for payout in payouts
        for from_balance, amount in _ways(payout, payout.amount - kept.get(payout.source_id, 0))
    ]


def _ways(payout: Payout, left: int) -> list[tuple[bool, int]]:
    """How much of what is left of a payout is sent from our balance (True), and how much not."""
    of_charge = left if payout.of_charge is None else min(left, payout.of_charge)
    return [each for each in ((False, of_charge), (True, left - of_charge)) if each[1]]


def as_seen_by_host(transfer: HostTransfer, beside: Beside) -> HostTransferReply:
    """A transfer with why it has not arrived, and with which others it goes."""
    missing = None if beside.missing is None else Money(beside.missing, transfer.currency)
    return HostTransferReply(
        id=transfer.id,
        booking_id=transfer.booking_id,
        state=transfer.state,
        gateway=transfer.gateway,
        amount=Money(amount=transfer.amount, currency=transfer.currency),
        kept_back=Money(amount=transfer.kept_back, currency=transfer.currency),
        reason=transfer.reason,
        explanation=_explain_wait(transfer, missing) or explain(transfer),
        waits_for=transfer.waits_for,
        not_before=transfer.not_before,
        missing=missing,
        together_with=beside.together,
        created_at=transfer.created_at,
        sent_at=transfer.sent_at,
        confirmed_at=transfer.confirmed_at,
    )


def _explain_wait(transfer: HostTransfer, missing: Money | None) -> str | None:
    """What a queued transfer waits for before it is sent, in words for its host; or None."""
    match transfer.waits_for:
        case WaitsFor.MINIMUM:
            rule = amounts_of(transfer.gateway, Operation.TRANSFER, transfer.currency)
            least = Money(rule.least, transfer.currency)
            more = f"as soon as {missing} more" if missing and missing.amount else "when enough"
            return (
                f"{transfer.gateway.title()} sends at least {least} at once. It goes out by "
                f"itself, together with others, {more} is to be paid to you."
            )
        case WaitsFor.HOLD if transfer.not_before:
            until = f"{transfer.not_before:%Y-%m-%d %H:%M} UTC"
            return f"It is held until {until}, because your payout account has changed."
        case WaitsFor.NAME | WaitsFor.APPROVAL | WaitsFor.HOLD:
            return "Somebody looks at it before it goes out."
        case _:
            return None


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
            return f"It is not sent: {transfer.cancelled_because or 'it is not needed'}."
        case _:
            return None
