"""Send: begin an attempt before the gateway is called, and record how sending it went."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways.port import Accepted, MoneyOutStatus, ReferenceTaken, Refused, Unknown
from app.foundation.db import Tx
from app.foundation.money import Money
from app.foundation.queue import LookUpInstruction, SendInstruction, enqueue, enqueue_all
from app.money.instructions.actions.move import fail, lose, move
from app.money.instructions.actions.read import lock
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.instructions.queries import due, moves
from app.money.instructions.rules import attempts

_S = InstructionState

Outcome = Accepted | Refused | ReferenceTaken | Unknown


async def begin_attempt(
    tx: Tx, queued: Instruction, settled: Money | None = None
) -> Instruction | None:
    """The instruction with the reference to send it under, committed before it is sent.

    `settled` is what is sent in its place, if the gateway has exchanged the money. None if it is
    not to be sent: it has been moved since it was read, or waits at the refund gate.
    """
    if queued.state is not _S.QUEUED or queued.waits_at_refund_gate:
        return None
    reference = attempts.reference(queued, queued.attempt + 1)
    return await moves.begin_attempt(
        tx, queued, reference=reference, settled=settled, sending_for=attempts.SENDING_FOR
    )


async def wait_for_gateway(tx: Tx, queued: Instruction) -> None:
    """Send a queued instruction later: its gateway is down."""
    await moves.postpone(
        tx, queued, by=attempts.QUEUED_FOR, failure="its gateway is down: it waits"
    )


async def wait_for_settlement(tx: Tx, queued: Instruction) -> None:
    """Send a queued transfer later: its gateway did not say yet what it has settled."""
    await moves.postpone(
        tx, queued, by=attempts.QUEUED_FOR, failure="its gateway has not settled the charge yet"
    )


async def record(tx: Tx, sent: Instruction, outcome: Outcome) -> Instruction:
    """Record how sending an attempt went, unless a look-up has been faster than the answer."""
    instruction = await lock(tx, sent.id)
    if instruction.state is not _S.SENDING or instruction.attempt != sent.attempt:
        return instruction
    match outcome:
        case Accepted():
            return await _sent(tx, instruction, outcome)
        case Refused(reason=reason):
            return await fail(tx, instruction, reason)
        case ReferenceTaken():  # an earlier call got through, and its answer was lost
            return await lose(tx, instruction, "the gateway has this reference already")
        case Unknown(reason=reason):
            return await lose(tx, instruction, reason)


async def send_due(tx: Tx, kind: InstructionKind, *, contested: Sequence[UUID], limit: int) -> int:
    """Queue the sending of instructions whose job was lost; returns how many.

    None of the charges `contested`.
    """
    ids = await due.to_send(tx, kind, contested=contested, limit=limit)
    await enqueue_all(
        tx, [SendInstruction(instruction_id=instruction_id) for instruction_id in ids]
    )
    return len(ids)


async def _sent(tx: Tx, instruction: Instruction, accepted: Accepted) -> Instruction:
    """The gateway has it. One that is done already is looked up, to compare it and to find fees."""
    if accepted.status is not MoneyOutStatus.PENDING:
        await enqueue(tx, LookUpInstruction(instruction_id=instruction.id))
    return await move(
        tx,
        instruction,
        _S.SENT,
        reason="taken by the gateway",
        next_try_in=attempts.ASK_AGAIN_AFTER,
        gateway_id=accepted.gateway_id,
        gateway_data=accepted.data,
    )
