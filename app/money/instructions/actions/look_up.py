"""Look up: which instructions to ask the gateway about, and what its answer means for them."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways.port import FoundInstruction, MoneyOutStatus, NoSuchInstruction, Unknown
from app.foundation.db import Tx, now
from app.foundation.money import Money
from app.foundation.queue import LookUpInstruction, enqueue, enqueue_all
from app.money.instructions.actions.move import alert, fail, lose, move
from app.money.instructions.actions.read import lock
from app.money.instructions.model import Instruction, InstructionState
from app.money.instructions.queries import due, facts, moves
from app.money.instructions.rules import attempts, postings
from app.money.ledger import actions as ledger

_S = InstructionState

Finding = FoundInstruction | NoSuchInstruction | Unknown


async def look_up_due(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of instructions whose outcome is open and due; returns how many."""
    ids = await due.to_look_up(tx, limit=limit)
    await enqueue_all(
        tx, [LookUpInstruction(instruction_id=instruction_id) for instruction_id in ids]
    )
    return len(ids)


async def begin_look_up(tx: Tx, instruction_id: UUID) -> Instruction | None:
    """The instruction to ask the gateway about; None if there is nothing to ask.

    An attempt whose sender has died is `unknown` from here on: only asking says how it went.
    """
    instruction = await lock(tx, instruction_id)
    if instruction.state is _S.SENDING:
        if instruction.next_try_at is None or instruction.next_try_at > await now(tx):
            return None  # its call may still be under way
        return await lose(tx, instruction, "its sender did not come back")
    return instruction if instruction.state in (_S.UNKNOWN, _S.SENT, _S.CONFIRMED) else None


async def settle(tx: Tx, asked: Instruction, found: Finding, *, live: bool) -> Instruction:
    """Record what the gateway says of an attempt, and post the money that has moved, once."""
    instruction = await lock(tx, asked.id)
    if instruction.state is not asked.state or instruction.attempt != asked.attempt:
        # Another answer was recorded meanwhile. Which of the two is newer only a third one says.
        await enqueue(tx, LookUpInstruction(instruction_id=instruction.id))
        return instruction
    match found:
        case Unknown(reason=reason):
            await moves.postpone(tx, instruction, by=attempts.LOOK_AGAIN_AFTER, failure=reason)
            return instruction
        case NoSuchInstruction():
            return await _not_there(tx, instruction)
        case FoundInstruction():
            if differences := attempts.differences(instruction, found, live=live):
                return await _mismatch(tx, instruction, found, differences)
            return await _found(tx, instruction, found)


async def alert_paid_twice(tx: Tx, instruction: Instruction, earlier: FoundInstruction) -> None:
    """Alert that an attempt that had failed for good has moved money, or is about to, after all."""
    what = f"{earlier.reference} is {earlier.status} at the gateway, and was tried again since"
    await alert(tx, instruction, "superseded_attempt_moved", what)


async def _found(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    """Record the end that the gateway reports, if there is one yet."""
    was_out = instruction.state in (_S.SENT, _S.CONFIRMED)
    match found.status:
        case MoneyOutStatus.SUCCEEDED:
            return await _confirm(tx, instruction, found)
        case MoneyOutStatus.PENDING:
            return await _wait(tx, instruction, found)
        case MoneyOutStatus.REVERSED if was_out:
            return await _reverse(tx, instruction, found.failure or "reversed by the gateway")
        case MoneyOutStatus.FAILED if instruction.state is _S.CONFIRMED:
            return await _reverse(tx, instruction, found.failure or "failed after all")
        case MoneyOutStatus.FAILED | MoneyOutStatus.REVERSED:
            return await fail(tx, instruction, found.failure or "failed at the gateway")


async def _wait(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    if found.failure:  # it waits for a person: an approval, a customer's bank details
        await alert(tx, instruction, "instruction_needs_attention", found.failure)
    if instruction.state is _S.UNKNOWN:
        return await move(
            tx,
            instruction,
            _S.SENT,
            reason="found at the gateway",
            next_try_in=attempts.ASK_AGAIN_AFTER,
            gateway_id=found.gateway_id,
            gateway_data=found.data,
            failure=found.failure or None,
        )
    if instruction.state is _S.SENT:
        by, failure = attempts.ASK_AGAIN_AFTER, found.failure or None
        await moves.postpone(tx, instruction, by=by, failure=failure)
    return instruction


async def _confirm(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    if instruction.state is _S.CONFIRMED:
        instruction = await _learn_fee(tx, instruction, found)
        return await _take_back(tx, instruction, found)
    confirmed = await move(
        tx,
        instruction,
        _S.CONFIRMED,
        reason="done, says the gateway",
        gateway_id=found.gateway_id,
        gateway_data=found.data,
    )
    confirmed = await facts.store(tx, confirmed, fee=found.fee, settled=found.settled)
    await ledger.post_all(tx, postings.confirmed(confirmed, fee=found.fee or 0))
    return await _take_back(tx, confirmed, found)


async def _learn_fee(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    """Post the gateway's fee, which it did not report when the instruction was done."""
    if instruction.fee is not None:
        return instruction
    if found.fee is None:
        await facts.ask_again(tx, instruction)
        return instruction
    if found.fee:
        await ledger.post(tx, postings.fee_of(instruction, found.fee))
    return await facts.store(tx, instruction, fee=found.fee, settled=instruction.settled)


async def _take_back(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    """Post what has come back of a transfer in parts: it is owed to its payee again."""
    returned = attempts.in_our_currency(instruction, found.returned)
    if returned <= instruction.returned:
        return instruction
    part = returned - instruction.returned
    await ledger.post(tx, postings.partly_reversed(instruction, part))
    back = Money(amount=part, currency=instruction.currency)
    await alert(tx, instruction, "instruction_partly_reversed", f"{back} came back")
    return await facts.set_returned(tx, instruction, returned)


async def _reverse(tx: Tx, instruction: Instruction, reason: str) -> Instruction:
    """Money that had gone out is back at the gateway: it is owed to its payee again."""
    was_posted = instruction.state is _S.CONFIRMED
    reversed_ = await move(tx, instruction, _S.REVERSED, reason=reason, failure=reason)
    if was_posted:
        await ledger.post(tx, postings.reversed_(reversed_))
    await alert(tx, reversed_, "instruction_reversed", reason)
    return reversed_


async def _not_there(tx: Tx, instruction: Instruction) -> Instruction:
    """The gateway does not know an attempt: it has failed, once it cannot arrive any more."""
    if instruction.state is not _S.UNKNOWN:  # it had been taken: the gateway contradicts itself
        await alert(
            tx, instruction, "instruction_vanished", "the gateway does not know it any more"
        )
        await moves.postpone(
            tx, instruction, by=attempts.ASK_AGAIN_AFTER, failure="vanished at the gateway"
        )
        return instruction
    if await due.began_within(tx, instruction, attempts.ARRIVED_BY):
        await moves.postpone(
            tx, instruction, by=attempts.LOOK_AGAIN_AFTER, failure="not there, or not yet"
        )
        return instruction
    return await fail(tx, instruction, "it never reached the gateway", never_arrived=True)


async def _mismatch(
    tx: Tx, instruction: Instruction, found: FoundInstruction, differences: Sequence[str]
) -> Instruction:
    """The gateway's record differs from ours: nothing is recorded, and operators are alerted."""
    await alert(
        tx,
        instruction,
        "instruction_mismatch",
        f"differs in {', '.join(differences)}: the gateway says {found.money}",
    )
    await moves.postpone(
        tx, instruction, by=attempts.ASK_AGAIN_AFTER, failure="differs from ours at the gateway"
    )
    return instruction
