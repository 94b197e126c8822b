"""Move an instruction on, with its history, its audit record and the alerts that this resolves."""

from datetime import timedelta

from app.edge.gateways.port import Facts
from app.foundation import audit, states
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.queue import LookUpInstruction, RetryInstruction, enqueue_later
from app.money.instructions.model import MOVES, Instruction, InstructionState
from app.money.instructions.queries import moves
from app.money.instructions.rules import attempts, records

_S = InstructionState


async def move(
    tx: Tx,
    instruction: Instruction,
    to: InstructionState,
    *,
    reason: str,
    next_try_in: timedelta | None = None,
    target: str | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
    never_arrived: bool = False,
    answered: bool = False,
    reference_spent: bool = False,
    reference: str | None = None,
) -> Instruction:
    """Move an instruction to another state; returns it as it is then. Raises MoveRefused."""
    states.check(MOVES, instruction.state, to)
    moved = await moves.move(
        tx,
        instruction,
        to,
        reason=reason,
        next_try_in=next_try_in,
        target=target,
        gateway_id=gateway_id,
        gateway_data=gateway_data,
        failure=failure,
        never_arrived=never_arrived,
        answered=answered,
        reference_spent=reference_spent,
        reference=reference,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else moved this instruction at the same moment.")
    if ended := records.ended(instruction, moved):
        action, change = ended
        await resolve_alerts(tx, attempts.ALERTS, [str(moved.id)])
        await audit.record_all(tx, by=SYSTEM, action=action, changes=[change], reason=reason)
    return moved


async def fail(
    tx: Tx,
    instruction: Instruction,
    failure: str,
    *,
    never_arrived: bool = False,
    is_hiccup: bool = False,
) -> Instruction:
    """This attempt moved no money. Another is due, unless this was the last one.

    `never_arrived`: the gateway has not seen its reference. `is_hiccup`: nobody has refused it.
    """
    wait = attempts.retry_after(instruction.attempt, is_hiccup=is_hiccup)
    failed = await move(
        tx,
        instruction,
        _S.FAILED,
        reason=failure,
        failure=failure,
        never_arrived=never_arrived,
        next_try_in=wait,
    )
    if wait is None:
        await alert(tx, failed, "instruction_given_up", failure)
    elif is_hiccup:
        again = RetryInstruction(instruction_id=failed.id, attempt=failed.attempt)
        await enqueue_later(tx, again, wait)
    return failed


async def lose(
    tx: Tx,
    instruction: Instruction,
    reason: str,
    *,
    answered: bool = False,
    is_spent: bool = False,
    reference: str | None = None,
) -> Instruction:
    """How this attempt went is unknown: only a look-up can find out. It comes in seconds.

    `reference` is the one to look up, if it is not that of this attempt.
    """
    lost = await move(
        tx,
        instruction,
        _S.UNKNOWN,
        reason=reason,
        failure=reason,
        answered=answered,
        reference_spent=is_spent,
        reference=reference,
        next_try_in=attempts.LOOK_AGAIN_AFTER,
    )
    look_up = LookUpInstruction(instruction_id=lost.id)
    await enqueue_later(tx, look_up, attempts.LOOK_AFTER)
    return lost


async def alert(tx: Tx, instruction: Instruction, kind: str, what: str) -> None:
    """Alert operators about an instruction."""
    await raise_alert(
        tx,
        kind=kind,
        severity=Severity.CRITICAL,
        subject=str(instruction.id),
        details={
            "kind": instruction.kind,
            "bookingId": str(instruction.booking_id),
            "amount": str(instruction.money),
            "reference": instruction.reference,
            "what": what,
        },
    )
