"""Recover what a lost chargeback has taken: from pots, from what has not left, from the host."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.edge.gateways.amounts import Operation
from app.edge.gateways.registry import amounts_of
from app.edge.notifications.model import Kind
from app.flows.chargebacks import rules
from app.flows.chargebacks.actions import notify
from app.flows.chargebacks.model import Case, Chargeback, Cut, Recovery, Unsent
from app.foundation.alerts import resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.money import Money
from app.market.bookings import actions as bookings
from app.market.disputes import actions as disputes
from app.money.escrow import actions as escrow
from app.money.escrow.model import PotKind, PotState
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.ledger import actions as ledger
from app.money.payees import actions as payees
from app.money.payees.model import Payee
from app.money.payments import actions as payments
from app.money.payments.model import Unwanted
from app.money.payouts import actions as payouts

_ALERTS: Final = ("instruction_given_up", "instruction_reversed")
_BECAUSE: Final = "the guest's bank has taken the money back"


async def recover(tx: Tx, case: Case, chargeback: Chargeback) -> Recovery:
    """Take back what a bank has taken, in the order of rules.recover, in one posting.

    The platform bears what can be recovered from nobody else.
    """
    unsent = await lock_unsent(tx, case)
    recovery = rules.recover(
        chargeback.amount,
        pots=case.pots,
        refunds=unsent.refunds,
        transfers=unsent.transfers,
        host_has=unsent.host_has,
        debts=amounts_of(case.payment.gateway, Operation.TRANSFER, chargeback.currency),
    )
    if posting := rules.recovered(chargeback, case, recovery):
        await ledger.post(tx, posting)
    await _take_from_pots(tx, case, recovery)
    await cancel(tx, case, recovery.refunds, target=unsent.target)
    await cancel(tx, case, recovery.transfers, target=unsent.target)
    await payments.charge_back(
        tx, case.payment.id, taken=chargeback.amount, promised=recovery.from_refunds
    )
    if recovery.from_host:
        await _charge_host(tx, case, chargeback, recovery.from_host)
    return recovery


async def lock_unsent(tx: Tx, case: Case) -> Unsent:
    """What of a charge has not left: locked, so that none of it leaves before the commit."""
    payee = Payee(case.booking.host_id, case.payment.gateway, case.payment.currency)
    target = await payees.recipient_of(tx, payee)  # locked before its transfers, as everywhere
    unsent = await instructions.lock_unsent(tx, case.payment.id, list(InstructionKind))
    return Unsent(
        refunds=_of(InstructionKind.REFUND, unsent),
        transfers=_of(InstructionKind.TRANSFER, unsent),
        target=target,
        host_has=await _host_has(tx, case),
    )


async def awaits_refund(tx: Tx, payment_id: UUID) -> bool:
    """Whether a refund of a charge is under way: whether it arrives decides who bears a loss.

    Refunds that have not left are locked first, so that none begins to be sent at this moment.
    """
    await instructions.lock_unsent(tx, payment_id, [InstructionKind.REFUND])
    return await instructions.is_refund_under_way(tx, payment_id)


async def cancel(
    tx: Tx,
    case: Case,
    taken: Sequence[Cut],
    *,
    target: str | None,
    reason: str = _BECAUSE,
) -> None:
    """Cancel the instructions that money is taken from; another one sends what is left of each."""
    cuts = await replace(tx, taken, target=target, reason=reason)
    await escrow.close_settled(tx, [pot.id for pot in case.pots], reason=reason)
    if any(cut.instruction.source_id == case.payment.id and not cut.rest for cut in cuts):
        await resolve_alerts(tx, tuple(Unwanted), [case.payment.reference])


async def replace(tx: Tx, taken: Sequence[Cut], *, target: str | None, reason: str) -> list[Cut]:
    """Cancel instructions, and queue what is left of each; returns what was cancelled."""
    cuts = await _sendable(tx, taken, target=target)
    await instructions.cancel_all(tx, [cut.instruction for cut in cuts], reason=reason)
    rests = [
        rules.successor(cut.instruction, amount=cut.rest, target=target) for cut in cuts if cut.rest
    ]
    await instructions.queue_all(tx, rests, by=SYSTEM)
    await instructions.alert_unapproved(tx, rests)
    await resolve_alerts(tx, _ALERTS, [str(cut.instruction.id) for cut in taken])
    return cuts


def _of(kind: InstructionKind, unsent: Sequence[Instruction]) -> list[Instruction]:
    return [instruction for instruction in unsent if instruction.kind is kind]


async def _host_has(tx: Tx, case: Case) -> int:
    """What the host has got of a charge or is being sent, less what the host owes already.

    What was kept back for older debts counts as got. Below zero: more is owed than was got.
    """
    return (
        await instructions.transferred(tx, case.payment.id)
        + await payouts.kept_back(tx, [pot.id for pot in case.pots])
        - await payouts.owed_for_booking(
            tx, host_id=case.booking.host_id, booking_id=case.booking.id
        )
    )


async def _take_from_pots(tx: Tx, case: Case, recovery: Recovery) -> None:
    """Take its part out of each pot; what is left of the pot moves on.

    A booking that has not begun is cancelled if its whole rental is taken.
    """
    rental: PotState | None = None
    for pot in case.pots:
        if amount := recovery.pots.get(pot.id):
            held = await disputes.give_way(tx, case.booking, pot, amount)
            taken = await escrow.charge_back(tx, held, amount, reason=_BECAUSE)
            rental = taken.state if pot.kind is PotKind.RENTAL else rental
    if rental is PotState.CHARGED_BACK:
        await bookings.cancel_if_ahead(tx, case.booking, reason=_BECAUSE)


async def _sendable(tx: Tx, cuts: Sequence[Cut], *, target: str | None) -> list[Cut]:
    """The cuts, with a new instruction in place of each one that was reversed.

    A reversed instruction has ended; only the new one can be cancelled.
    """
    again = [
        rules.successor(cut.instruction, amount=cut.instruction.amount, target=target)
        for cut in cuts
        if cut.instruction.state is InstructionState.REVERSED
    ]
    await instructions.queue_all(tx, again, by=SYSTEM)
    by_source = {new.source_id: await instructions.get(tx, new.id) for new in again}
    return [Cut(by_source.get(cut.instruction.id, cut.instruction), cut.amount) for cut in cuts]


async def _charge_host(tx: Tx, case: Case, chargeback: Chargeback, amount: int) -> None:
    money = Money(amount=amount, currency=chargeback.currency)
    await payouts.owe(
        tx,
        cause_id=chargeback.id,
        host_id=case.booking.host_id,
        booking_id=case.booking.id,
        money=money,
        reason=_BECAUSE,
    )
    await notify.notify_host(tx, case, chargeback, Kind.HOST_DEBT, money)
