"""Move an instruction on, with its history, its audit record and the alerts that this resolves."""

from collections.abc import Sequence
from datetime import timedelta

from app.edge.gateways.port import Facts
from app.foundation import audit, states
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.queue import LookUpInstruction, RetryInstruction, enqueue_later
from app.money.instructions.model import MOVES, Instruction, InstructionState, Origin
from app.money.instructions.queries import moves
from app.money.instructions.rules import attempts, records, together

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
    sent_as: str | None = None,
) -> Instruction:
    """Move an instruction to another state; returns it as it is then. Raises MoveRefused."""
    states.check(MOVES, instruction.state, to)
    waits_for = together.waits_from(instruction, to)
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
        sent_as=sent_as,
        waits_for=waits_for,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else moved this instruction at the same moment.")
    if ended := records.ended(instruction, moved):
        action, change = ended
        await resolve_alerts(tx, attempts.ALERTS, [str(moved.id)])
        await audit.record_all(tx, by=SYSTEM, action=action, changes=[change], reason=reason)
    return moved


async def move_all(
    tx: Tx,
    party: Sequence[Instruction],
    to: InstructionState,
    *,
    reason: str,
    next_try_in: timedelta | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
) -> list[Instruction]:
    """Move an instruction, and those that went together with it, to another state.

    Returns them as they are then, in the same order. Raises MoveRefused.
    """
    return [
        await move(
            tx,
            each,
            to,
            reason=reason,
            next_try_in=attempts.next_look(each, next_try_in),
            gateway_id=gateway_id,
            gateway_data=gateway_data,
            failure=failure,
        )
        for each in party
    ]


async def fail(
    tx: Tx,
    party: Sequence[Instruction],
    failure: str,
    *,
    never_arrived: bool = False,
    was_outage: bool = False,
    gives_up: bool = False,
) -> list[Instruction]:
    """Record that an attempt moved no money. Another is due, unless this was the last one.

    `never_arrived`: the gateway has not seen its reference. `was_outage`: nobody has refused it.
    `gives_up`: no other is due, since a person must look first. That is so too of what somebody
    began at the gateway. Transfers that went together go together again if all of them are due
    then; else each waits until there is enough.
    """
    waits = {
        each.id: None
        if gives_up or each.origin is Origin.GATEWAY
        else attempts.retry_after(each.attempt, was_outage=was_outage)
        for each in party
    }
    failed = [
        await move(
            tx,
            each,
            _S.FAILED,
            reason=failure,
            failure=failure,
            never_arrived=never_arrived and not each.is_led,
            next_try_in=waits[each.id],
        )
        for each in party
    ]
    for each in failed:
        wait = waits[each.id]
        if wait is None:
            await alert(tx, each, "instruction_given_up", failure)
        elif was_outage:
            again = RetryInstruction(instruction_id=each.id, attempt=each.attempt)
            await enqueue_later(tx, again, wait)
    return failed


async def lose(
    tx: Tx,
    party: Sequence[Instruction],
    reason: str,
    *,
    answered: bool = False,
    is_spent: bool = False,
    reference: str | None = None,
) -> list[Instruction]:
    """Record that it is unknown how an attempt went, and queue its look-up, due in seconds.

    `answered`: the gateway has done with the request. `is_spent`: it may repeat its answer under
    this reference. `reference` is the one to look up, if it is not that of this attempt.
    """
    lost = [
        await move(
            tx,
            each,
            _S.UNKNOWN,
            reason=reason,
            failure=reason,
            answered=answered,
            reference_spent=is_spent,
            reference=None if each.is_led else reference,
            sent_as=reference if each.sent_as else None,
            next_try_in=attempts.next_look(each, attempts.LOOK_AGAIN_AFTER),
        )
        for each in party
    ]
    look_up = LookUpInstruction(instruction_id=lost[0].id)
    await enqueue_later(tx, look_up, attempts.LOOK_AFTER)
    return lost


async def alert(tx: Tx, instruction: Instruction, kind: str, what: str) -> None:
    """Alert operators about an instruction, or about all that went together under its reference."""
    await raise_alert(
        tx,
        kind=kind,
        severity=Severity.CRITICAL,
        subject=str(instruction.id),
        details={
            "kind": instruction.kind,
            "bookingId": str(instruction.booking_id),
            "amount": str(instruction.money),
            "reference": instruction.sent_as or instruction.reference,
            "sentTogetherWithOthers": instruction.sent_as is not None,
            "what": what,
        },
    )
