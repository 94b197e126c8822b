"""Look up: which instructions to ask the gateway about, and what its answer means for them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.edge.gateways.port import FoundInstruction, MoneyOutStatus, NoSuchInstruction, Unknown
from app.foundation.db import Tx, now
from app.foundation.money import Money
from app.foundation.queue import LookUpInstruction, enqueue, enqueue_all, enqueue_later
from app.money.instructions.actions import read
from app.money.instructions.actions.move import alert, fail, lose, move_all
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

    Of transfers that went together it is the one whose reference the gateway knows. An attempt
    whose sender has died is `unknown` from here on: only the gateway can say how it went. What has
    come back is asked about for its fee, which a gateway keeps, and may tell later.
    """
    leader = await read.leader(tx, await read.get(tx, instruction_id))
    party = await read.lock_party(tx, leader)
    instruction = party[0]
    if instruction.state is _S.SENDING:
        if instruction.next_try_at is None or instruction.next_try_at > await now(tx):
            return None  # its call may still be under way
        return (await lose(tx, party, "its sender did not come back"))[0]
    may_be_asked = instruction.state in (_S.UNKNOWN, _S.SENT, _S.CONFIRMED, _S.REVERSED)
    return instruction if may_be_asked else None


async def settle(tx: Tx, asked: Instruction, found: Finding, *, live: bool) -> Instruction:
    """Record what the gateway says of an attempt, and post the money that has moved, once.

    Transfers that went together with it move with it, and each is posted. Returns the one asked
    about.
    """
    party = await read.lock_party(tx, asked)
    instruction = party[0]
    if instruction.state is not asked.state or instruction.attempt != asked.attempt:
        # Another answer was recorded meanwhile. Only a third one shows which of the two is newer.
        await enqueue(tx, LookUpInstruction(instruction_id=instruction.id))
        return instruction
    if instruction.state is _S.REVERSED:
        return await _learn_fee_of_what_came_back(tx, party, found, live=live)
    match found:
        case Unknown(reason=reason):
            await _postpone(tx, party, by=attempts.LOOK_AGAIN_AFTER, failure=reason)
            return instruction
        case NoSuchInstruction():
            return (await _not_there(tx, party))[0]
        case FoundInstruction():
            if differences := attempts.differences(party, found, live=live):
                await _mismatch(tx, party, found, differences)
                return instruction
            return (await _found(tx, party, found))[0]


async def alert_paid_twice(tx: Tx, instruction: Instruction, earlier: FoundInstruction) -> None:
    """Alert operators that an attempt that had failed for good has moved money, or may still."""
    what = f"{earlier.reference} is {earlier.status} at the gateway, and was tried again since"
    await alert(tx, instruction, "superseded_attempt_moved", what)


async def _found(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction
) -> Sequence[Instruction]:
    """Record the end that the gateway reports, if there is one yet."""
    state = party[0].state
    was_out = state in (_S.SENT, _S.CONFIRMED)
    match found.status:
        case MoneyOutStatus.SUCCEEDED:
            return await _confirm(tx, party, found)
        case MoneyOutStatus.PENDING:
            return await _wait(tx, party, found)
        case MoneyOutStatus.REVERSED if was_out:
            return await _reverse(tx, party, found, found.failure or "reversed by the gateway")
        case MoneyOutStatus.FAILED if state is _S.CONFIRMED:
            return await _reverse(tx, party, found, found.failure or "failed after all")
        case MoneyOutStatus.FAILED | MoneyOutStatus.REVERSED:
            return await fail(tx, party, found.failure or "failed at the gateway")


async def _wait(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction
) -> Sequence[Instruction]:
    state = party[0].state
    if found.failure:  # it waits for a person: an approval, a customer's bank details
        await alert(tx, party[0], "instruction_needs_attention", found.failure)
    if state is _S.UNKNOWN:
        return await move_all(
            tx,
            party,
            _S.SENT,
            reason="found at the gateway",
            next_try_in=attempts.ASK_AGAIN_AFTER,
            gateway_id=found.gateway_id,
            gateway_data=found.data,
            failure=found.failure or None,
        )
    if state is _S.SENT:
        await _postpone(tx, party, by=attempts.ASK_AGAIN_AFTER, failure=found.failure or None)
    return party


async def _confirm(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction
) -> Sequence[Instruction]:
    """Record that it has arrived. There is one fee, however many transfers went together."""
    if party[0].state is _S.CONFIRMED:
        leader = await _learn_fee(tx, party[0], found)
        return await _take_back(tx, [leader, *party[1:]], found)
    moved = await move_all(
        tx,
        party,
        _S.CONFIRMED,
        reason="done, says the gateway",
        gateway_id=found.gateway_id,
        gateway_data=found.data,
    )
    settled = found.settled if len(party) == 1 else None
    confirmed = [
        await facts.store(tx, each, fee=0 if each.is_led else found.fee, settled=settled)
        for each in moved
    ]
    for each in confirmed:
        await ledger.post_all(tx, postings.confirmed(each, fee=each.fee or 0))
    return await _take_back(tx, confirmed, found)


async def _learn_fee(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    """Post the gateway's fee if it was not known when the instruction was done, or was another."""
    if found.fee is None:
        if instruction.fee is None:
            await facts.ask_again(tx, instruction)
        return instruction
    if instruction.fee == found.fee:
        return instruction
    known = await facts.store(tx, instruction, fee=found.fee, settled=instruction.settled)
    if instruction.fee is not None:
        await ledger.post(tx, postings.fee_correction(known, was=instruction.fee))
    elif found.fee:
        await ledger.post(tx, postings.fee_of(instruction, found.fee))
    return known


async def _learn_fee_of_what_came_back(
    tx: Tx, party: Sequence[Instruction], found: Finding, *, live: bool
) -> Instruction:
    """Nothing else of it can change: what contradicts that is for operators, and stays open."""
    if not isinstance(found, FoundInstruction) or attempts.differences(party, found, live=live):
        return party[0]
    if found.status not in (MoneyOutStatus.FAILED, MoneyOutStatus.REVERSED):
        return party[0]
    return await _learn_fee(tx, party[0], found)


async def _take_back(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction
) -> list[Instruction]:
    """Post what has come back of a transfer in parts: it is owed to its payee again.

    If several went together, what came back is counted on the first of them, then on the next.
    """
    if party[0].settled:  # it went alone
        return [await _take_exchanged_back(tx, party[0], found.returned)]
    left = found.returned
    now_back: list[Instruction] = []
    for each in party:
        returned = min(left, each.amount) if len(party) > 1 else left
        left -= returned
        now_back.append(await _take_part_back(tx, each, returned))
    return now_back


async def _take_exchanged_back(tx: Tx, instruction: Instruction, settled: int) -> Instruction:
    """Post what came back, `settled` of our balance's currency in all, in proportion in ours."""
    returned = attempts.in_our_currency(instruction, settled)
    return await _take_part_back(tx, instruction, returned, settled=settled)


async def _take_part_back(
    tx: Tx, instruction: Instruction, returned: int, *, settled: int = 0
) -> Instruction:
    if returned <= instruction.returned and settled <= instruction.settled_returned:
        return instruction
    now_back = await facts.set_returned(tx, instruction, returned, settled=settled)
    await ledger.post(tx, postings.partly_reversed(instruction, now_back))
    back = Money(amount=returned - instruction.returned, currency=instruction.currency)
    await alert(tx, instruction, "instruction_partly_reversed", f"{back} came back")
    return now_back


async def _reverse(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction, reason: str
) -> Sequence[Instruction]:
    """Record that money is back at the gateway: it is owed to its payee again.

    The gateway keeps its fee, even if we had not seen before that the money had arrived.
    """
    was_posted = party[0].state is _S.CONFIRMED
    reversed_ = await move_all(tx, party, _S.REVERSED, reason=reason, failure=reason)
    await _learn_fee(tx, reversed_[0], found)
    for each in reversed_:
        if was_posted:
            await ledger.post(tx, postings.reversed_(each))
        await alert(tx, each, "instruction_reversed", reason)
    return reversed_


async def _not_there(tx: Tx, party: Sequence[Instruction]) -> Sequence[Instruction]:
    """Record that the gateway does not know an attempt: it has failed once it cannot arrive.

    That is at once if the gateway had answered the request, and after minutes if it had not. One
    look that does not find it shows nothing: a gateway's lists may be seconds behind, and where it
    does not know a second request for the first one, that would move money twice.
    """
    leader = party[0]
    if leader.state is not _S.UNKNOWN:  # it had been taken: the gateway contradicts itself
        what = "the gateway does not know it any more"
        await alert(tx, leader, "instruction_vanished", what)
        await _postpone(tx, party, by=attempts.ASK_AGAIN_AFTER, failure="vanished at the gateway")
        return party
    may_arrive = not leader.answered
    if may_arrive and await due.began_within(tx, leader, attempts.ARRIVED_BY):
        await _postpone(tx, party, by=attempts.LOOK_AGAIN_AFTER, failure="not there, or not yet")
        return party
    if not await due.miss(tx, leader, attempts.LISTED_BY):
        await _postpone(tx, party, by=attempts.LOOK_AGAIN_AFTER, failure="not there at first")
        await enqueue_later(tx, LookUpInstruction(instruction_id=leader.id), attempts.LISTED_BY)
        return party
    is_spent = leader.reference_spent
    return await fail(
        tx,
        party,
        "the gateway has not done it" if is_spent else "it never reached the gateway",
        never_arrived=not is_spent,
        was_outage=True,
    )


async def _mismatch(
    tx: Tx, party: Sequence[Instruction], found: FoundInstruction, differences: Sequence[str]
) -> None:
    """Alert operators that the gateway's record differs from ours; the end stays open."""
    what = f"differs in {', '.join(differences)}: the gateway says {found.money}"
    await alert(tx, party[0], "instruction_mismatch", what)
    await _postpone(
        tx, party, by=attempts.ASK_AGAIN_AFTER, failure="differs from ours at the gateway"
    )


async def _postpone(
    tx: Tx, party: Sequence[Instruction], *, by: timedelta, failure: str | None
) -> None:
    for each in party:
        later = attempts.next_look(each, by) or by
        await moves.postpone(tx, each, by=later, failure=failure)
