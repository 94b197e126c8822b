"""Follow what was reported: a refund or transfer was sent, has arrived, failed, or came back.

A look-up or webhook has said what became of it; here is what else that changes.
"""

from typing import Final
from uuid import UUID

from app.edge.notifications import actions as notifications
from app.flows.chargebacks import actions as chargebacks
from app.flows.sending import rules
from app.flows.sending.model import StillBeingSent
from app.foundation.alerts import resolve_alerts
from app.foundation.db import Tx, now
from app.foundation.queue import LookUpChargebacks, enqueue
from app.market.bookings import actions as bookings
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.payments import actions as payments
from app.money.payments.model import Unwanted

_ENDED: Final = (InstructionState.CONFIRMED, InstructionState.FAILED, InstructionState.REVERSED)


async def follow(tx: Tx, was: InstructionState, instruction: Instruction) -> None:
    """Do what follows from a look-up that may have moved an instruction on from `was`.

    Those that went together with it have moved with it. The caller has locked their bookings, pots
    and charges: see chargebacks.lock_around.
    """
    await _keep_refund(tx, instruction)
    for each in await instructions.party(tx, instruction):
        await escrow.follow(tx, each)
    await follow_sending(tx, was, instruction)
    await _resolve_alerts(tx, instruction)


async def follow_sending(tx: Tx, was: InstructionState, instruction: Instruction) -> None:
    """Do what follows from an attempt to send: the payee is notified of an end.

    A chargeback of the charge may wait for that end, and is looked up.
    """
    for each in await instructions.party(tx, instruction):
        await _notify_payee(tx, was, each)
    await _look_up_chargebacks(tx, was, instruction)


async def check_sent(tx: Tx, instruction_id: UUID) -> None:
    """Raises StillBeingSent while the outcome of sending it may not be written down yet."""
    instruction = await instructions.get(tx, instruction_id)
    if instruction.state is not InstructionState.SENDING or instruction.next_try_at is None:
        return
    if instruction.next_try_at > await now(tx):
        raise StillBeingSent(f"Attempt {instruction.attempt} may be under way.")


async def _keep_refund(tx: Tx, instruction: Instruction) -> None:
    """Reduce what is owed of a refund that came back by what the guest's bank has paid since."""
    is_back = instruction.state is InstructionState.REVERSED
    if is_back and instruction.kind is InstructionKind.REFUND:
        await chargebacks.keep_refund(tx, instruction)


async def _notify_payee(tx: Tx, was: InstructionState, instruction: Instruction) -> None:
    kind = rules.notification(was, instruction)
    if kind is None or instruction.booking_id is None or instruction.payee_id is None:
        return
    booking = await bookings.read(tx, instruction.booking_id)
    facts = rules.facts(booking, instruction.money, reason=instruction.failure or "")
    await notifications.notify(
        tx, account_id=instruction.payee_id, kind=kind, source_id=instruction.id, data=facts
    )


async def _look_up_chargebacks(tx: Tx, was: InstructionState, refund: Instruction) -> None:
    """A lost chargeback stays open until the refunds of its charge have ended: look it up then."""
    has_ended = refund.state in _ENDED and refund.state is not was
    if not has_ended or refund.kind is not InstructionKind.REFUND:
        return
    if (await payments.get(tx, refund.payment_id)).contested:
        await enqueue(tx, LookUpChargebacks(payment_id=refund.payment_id))


async def _resolve_alerts(tx: Tx, instruction: Instruction) -> None:
    """Resolve the alert about a charge without a booking once it is refunded."""
    is_back = instruction.state is InstructionState.CONFIRMED
    if is_back and instruction.source_id == instruction.payment_id and instruction.target:
        await resolve_alerts(tx, tuple(Unwanted), [instruction.target])
