"""Send: begin an attempt before the gateway is called, and record how sending it went."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.edge.gateways.port import Accepted, MoneyOutStatus, ReferenceTaken, Refused, Unknown
from app.foundation.db import Tx, now
from app.foundation.money import Money
from app.foundation.queue import LookUpInstruction, SendInstruction, enqueue, enqueue_all
from app.money.instructions.actions.move import fail, lose, move_all
from app.money.instructions.actions.read import lock_party
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.instructions.queries import due, moves
from app.money.instructions.queries import together as queries
from app.money.instructions.rules import attempts, together

_S = InstructionState


class ArrivedBefore(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier attempt has reached the gateway after all: this one was not sent."""

    reference: str


Outcome = Accepted | Refused | ReferenceTaken | Unknown | ArrivedBefore


class Attempt(NamedTuple):
    """What is sent in one call: `money` under the reference of `instruction`.

    It is more than the instruction's own amount if others go together with it.
    """

    instruction: Instruction
    money: Money


async def may_be_sent(tx: Tx, instruction: Instruction) -> bool:
    """Whether an instruction is queued, and neither the refund gate nor a wait keeps it back."""
    if instruction.state is not _S.QUEUED or instruction.waits_at_refund_gate:
        return False
    if instruction.waits_for_a_person:
        return False
    return instruction.not_before is None or instruction.not_before <= await now(tx)


async def too_small_beside(tx: Tx, queued: Instruction) -> list[Instruction]:
    """The transfers to the same account that are too small to go alone, and may go with this one.

    Not locked.
    """
    if queued.kind is not InstructionKind.TRANSFER:
        return []
    return await queries.too_small(tx, queued, limit=together.SHARES_MAX - 1)


async def begin_attempt(
    tx: Tx,
    queued: Instruction,
    beside: Sequence[Instruction] = (),
    *,
    settled: Money | None = None,
) -> Attempt | None:
    """What is to be sent under which reference, committed before it is sent.

    `beside` are transfers that may go together with it, as one at the gateway. `settled` is what is
    sent in its place, if the gateway has exchanged the money: then it goes alone. None if nothing
    is to be sent: it has been moved since it was read, or all of them are too small, and wait.
    """
    ids = [queued.id, *(each.id for each in beside)]
    locked = {each.id: each for each in await queries.lock_queued(tx, ids)}
    first = locked.pop(queued.id, None)
    if first is None or not await may_be_sent(tx, first):
        return None
    others = [each for each in locked.values() if each.target == first.target]
    if first.kind is InstructionKind.REFUND or settled:
        return await _begin(tx, [first], settled=settled)
    if party := together.choose(first, others):
        return await _begin(tx, party)
    waiting = [first.id, *(each.id for each in others)]
    await moves.wait_for_minimum(tx, waiting, wait=attempts.WAIT_FOR_MINIMUM)
    return None


async def _begin(tx: Tx, party: Sequence[Instruction], *, settled: Money | None = None) -> Attempt:
    """Begin an attempt of each of these, which go as one, under the reference of the first."""
    leader = party[0]
    reference = attempts.reference(leader, leader.attempt + 1)
    if leader.reference and leader.reference_unused and await _went_before(tx, party):
        reference = leader.reference  # the gateway has never seen it: see `reference_unused`
    sent_as = reference if len(party) > 1 else None
    begun = [
        await moves.begin_attempt(
            tx,
            each,
            reference=reference if each is leader else attempts.reference(each, each.attempt + 1),
            sent_as=sent_as,
            settled=settled,
            sending_for=attempts.SENDING_FOR if each is leader else attempts.LED_FOR,
        )
        for each in party
    ]
    return Attempt(begun[0], attempts.sent_together(begun))


async def _went_before(tx: Tx, party: Sequence[Instruction]) -> bool:
    """Whether the latest attempt of the first of these was about just the same amount.

    Only then may it have the same reference again: should the first request turn up after all,
    hours late, the gateway knows the two for one.
    """
    leader = party[0]
    before = await queries.party(tx, leader.sent_as) if leader.sent_as else [leader]
    return [each.id for each in before] == [each.id for each in party]


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


async def wait_until(tx: Tx, queued: Instruction, until: datetime) -> None:
    """Hold a queued transfer until an instant; it is sent then, or a little later."""
    await moves.hold(tx, queued.id, until=until)


async def record(tx: Tx, sent: Instruction, outcome: Outcome) -> Instruction:
    """Record how sending an attempt went, unless a look-up has been faster than the answer."""
    party = await lock_party(tx, sent)
    instruction = party[0]
    if instruction.state is not _S.SENDING or instruction.attempt != sent.attempt:
        return instruction
    match outcome:
        case Accepted():
            return await _sent(tx, party, outcome)
        case Refused(reason=reason, is_temporary=is_temporary):
            failed = await fail(
                tx, party, reason, never_arrived=is_temporary, was_outage=is_temporary
            )
            return failed[0]
        case ReferenceTaken():  # an earlier call got through, and its answer was lost
            what = "the gateway has this reference already"
            return (await lose(tx, party, what, is_spent=True))[0]
        case ArrivedBefore(reference=reference):
            return await _arrived_before(tx, party, reference)
        case Unknown(reason=reason, has_ended=has_ended, is_spent=is_spent):
            return (await lose(tx, party, reason, answered=has_ended, is_spent=is_spent))[0]


async def _arrived_before(tx: Tx, party: Sequence[Instruction], reference: str) -> Instruction:
    """An earlier attempt has reached the gateway: it is looked up, and nothing is sent again.

    If it was about others than those that were to go now, only a person can say who was paid.
    """
    went = [party[0].id]
    if party[0].kind is InstructionKind.TRANSFER:
        went = await queries.went_by(tx, party[0], reference)
    if went == sorted(each.id for each in party):
        return (await lose(tx, party, "sent before", is_spent=True, reference=reference))[0]
    what = f"{reference} is at the gateway, and was about others than those that were to go now"
    return (await fail(tx, party, what, gives_up=True))[0]


async def send_due(tx: Tx, kind: InstructionKind, *, contested: Sequence[UUID], limit: int) -> int:
    """Queue the sending of instructions whose job was lost; returns how many.

    Skips instructions of the charges in `contested`.
    """
    ids = await due.to_send(tx, kind, contested=contested, limit=limit)
    await enqueue_all(
        tx, [SendInstruction(instruction_id=instruction_id) for instruction_id in ids]
    )
    return len(ids)


async def _sent(tx: Tx, party: Sequence[Instruction], accepted: Accepted) -> Instruction:
    """Record that the gateway has it. If it has ended already, it is looked up at once."""
    if accepted.status is not MoneyOutStatus.PENDING:
        await enqueue(tx, LookUpInstruction(instruction_id=party[0].id))
    moved = await move_all(
        tx,
        party,
        _S.SENT,
        reason="taken by the gateway",
        next_try_in=attempts.ASK_AGAIN_AFTER,
        gateway_id=accepted.gateway_id,
        gateway_data=accepted.data,
    )
    return moved[0]
