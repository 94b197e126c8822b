"""Recover what a lost chargeback has taken: from pots, from what has not left, from the host."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from app.edge.gateways.amounts import Operation
from app.edge.gateways.registry import amounts_of
from app.edge.notifications.model import Kind
from app.flows.chargebacks import rules
from app.flows.chargebacks.actions import notify
from app.flows.chargebacks.model import Case, Chargeback, Cut, Got, Recovery, Unsent
from app.foundation.alerts import resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.money import Money
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
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
        got=unsent.got,
        owed=amounts_of(case.payment.gateway, Operation.TRANSFER, chargeback.currency),
    )
    if posting := rules.recovered(chargeback, case, recovery):
        await ledger.post(tx, posting)
    await _take_from_pots(tx, case, recovery)
    await cancel(tx, case, recovery.refunds, targets=unsent.targets)
    await cancel(tx, case, recovery.transfers, targets=unsent.targets)
    await payments.charge_back(
        tx, case.payment.id, taken=chargeback.amount, promised=recovery.from_refunds
    )
    for number, (part_id, debt) in enumerate(recovery.debts.items()):
        await _charge_host(tx, case.part(part_id), chargeback, debt, beside=number > 0)
    return recovery


async def lock_unsent(tx: Tx, case: Case) -> Unsent:
    """What of a charge has not left: locked, so that none of it leaves before the commit."""
    # Accounts are locked before their transfers, as everywhere.
    recipients = await payees.recipients_of(tx, case.host_ids)
    unsent = await instructions.lock_unsent(tx, case.payment.id, list(InstructionKind))
    return Unsent(
        refunds=_of(InstructionKind.REFUND, unsent),
        transfers=_of(InstructionKind.TRANSFER, unsent),
        targets={
            payee.host_id: recipient
            for payee, recipient in recipients.items()
            if payee == Payee(payee.host_id, case.payment.gateway, case.payment.currency)
        },
        got=await _got(tx, case),
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
    targets: Mapping[UUID, str],
    reason: str = _BECAUSE,
) -> None:
    """Cancel the instructions that money is taken from; another one sends what is left of each.

    `targets` are the accounts that hosts are paid to now.
    """
    cuts = await replace(tx, taken, targets=targets, reason=reason)
    await escrow.close_settled(tx, [pot.id for pot in case.pots], reason=reason)
    if any(cut.instruction.source_id == case.payment.id and not cut.rest for cut in cuts):
        await resolve_alerts(tx, tuple(Unwanted), [case.payment.reference])


async def replace(
    tx: Tx, taken: Sequence[Cut], *, targets: Mapping[UUID, str], reason: str
) -> list[Cut]:
    """Cancel instructions, and queue what is left of each; returns what was cancelled."""
    cuts = await _sendable(tx, taken, targets=targets)
    await instructions.cancel_all(tx, [cut.instruction for cut in cuts], reason=reason)
    rests = [
        rules.successor(cut.instruction, amount=cut.rest, targets=targets)
        for cut in cuts
        if cut.rest
    ]
    await instructions.queue_all(tx, rests, by=SYSTEM)
    await instructions.alert_unapproved(tx, rests)
    await resolve_alerts(tx, _ALERTS, [str(cut.instruction.id) for cut in taken])
    return cuts


def _of(kind: InstructionKind, unsent: Sequence[Instruction]) -> list[Instruction]:
    return [instruction for instruction in unsent if instruction.kind is kind]


async def _got(tx: Tx, case: Case) -> list[Got]:
    """What hosts have got of a charge or are being sent, less what they owe already, by part.

    What was kept back for older debts counts as got.
    """
    sent = await instructions.transferred(tx, case.payment.id)
    kept = await payouts.kept_back(tx, [pot.id for pot in case.pots])
    part_ids = [part.id for part in case.parts]
    owed = await payouts.owed_because_of(tx, case.host_ids, part_ids)
    return [
        Got(
            part_id=part.id,
            host_id=part.host_id,
            amount=sent.get(part.id, 0) + kept.get(part.id, 0) - owed.get(part.id, 0),
        )
        for part in case.parts
    ]


async def _take_from_pots(tx: Tx, case: Case, recovery: Recovery) -> None:
    """Take its part out of each pot; what is left of the pot moves on.

    A part of the booking that has not begun is cancelled if its whole rental is taken.
    """
    emptied: list[UUID] = []
    for pot in case.pots:
        if amount := recovery.pots.get(pot.id):
            held = await disputes.give_way(tx, case.part(pot.booking_id), pot, amount)
            taken = await escrow.charge_back(tx, held, amount, reason=_BECAUSE)
            if pot.kind is PotKind.RENTAL and taken.state is PotState.CHARGED_BACK:
                emptied.append(pot.booking_id)
    for part in case.parts:
        if part.id in emptied:
            await bookings.cancel_if_ahead(tx, part, reason=_BECAUSE)


async def _sendable(tx: Tx, cuts: Sequence[Cut], *, targets: Mapping[UUID, str]) -> list[Cut]:
    """The cuts, with a new instruction in place of each one that was reversed.

    A reversed instruction has ended; only the new one can be cancelled.
    """
    again = [
        rules.successor(cut.instruction, amount=cut.instruction.amount, targets=targets)
        for cut in cuts
        if cut.instruction.state is InstructionState.REVERSED
    ]
    await instructions.queue_all(tx, again, by=SYSTEM)
    by_source = {new.source_id: await instructions.get(tx, new.id) for new in again}
    return [Cut(by_source.get(cut.instruction.id, cut.instruction), cut.amount) for cut in cuts]


async def _charge_host(
    tx: Tx, part: Booking, chargeback: Chargeback, amount: int, *, beside: bool
) -> None:
    money = Money(amount=amount, currency=chargeback.currency)
    await payouts.owe(
        tx,
        cause_id=chargeback.id,
        host_id=part.host_id,
        booking_id=part.id,
        money=money,
        reason=_BECAUSE,
        beside=beside,
    )
    await notify.notify_host(tx, part, chargeback, Kind.HOST_DEBT, money)
