"""The verbs of an instruction: queue, begin an attempt, record its outcome, book what is found."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import (
    Accepted,
    Facts,
    FoundInstruction,
    GatewayName,
    MoneyOutStatus,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.foundation import audit, states
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM, Actor
from app.foundation.db import Tx, now
from app.foundation.queue import CarryOut, LetOut, LookUp, enqueue, enqueue_all
from app.money.instructions import queries, rules
from app.money.instructions.model import (
    MOVES,
    Instruction,
    InstructionKind,
    InstructionState,
    NewInstruction,
    NoSuchInstructionHere,
    NothingToRetry,
)
from app.money.ledger import actions as ledger

_S = InstructionState
_LOOKED_UP: Final = (_S.SENDING, _S.UNKNOWN, _S.SENT)

Outcome = Accepted | Refused | ReferenceTaken | Unknown
Finding = FoundInstruction | NoSuchInstruction | Unknown


async def queue_all(tx: Tx, new: Sequence[NewInstruction], *, by: Actor) -> None:
    """Commit to paying these, all of one kind; where the payee is known, soon after the commit.

    Automatic ones wait at the breaker, which is told of them.
    One source causes one refund and one transfer at the most: Violated("instructions_once").
    """
    if not new:
        return
    sendable = await queries.insert(tx, new, queued_for=rules.QUEUED_FOR)
    await audit.record_all(tx, by=by, action=f"queue_{new[0].kind}", changes=rules.changes(new))
    await enqueue_all(tx, [CarryOut(instruction_id=instruction_id) for instruction_id in sendable])
    if any(each.automatic for each in new):
        await enqueue(tx, LetOut())


async def begin_attempt(tx: Tx, instruction_id: UUID) -> Instruction | None:
    """The instruction with the reference to send it under, committed before it is sent.

    None if it is not waiting to be sent: somebody else has begun, or the breaker holds it.
    """
    instruction = await get(tx, instruction_id)
    if instruction.state is not _S.QUEUED or instruction.waits_at_breaker:
        return None
    reference = rules.reference(instruction.kind, instruction.id, instruction.attempt + 1)
    return await queries.begin_attempt(
        tx, instruction, reference=reference, sending_for=rules.SENDING_FOR
    )


async def record(tx: Tx, sent: Instruction, outcome: Outcome) -> Instruction:
    """Write down how sending an attempt went, unless a look-up has been faster than the answer."""
    instruction = await lock(tx, sent.id)
    if instruction.state is not _S.SENDING or instruction.attempt != sent.attempt:
        return instruction
    match outcome:
        case Accepted():
            return await _sent(tx, instruction, outcome)
        case Refused(reason=reason):
            return await _fail(tx, instruction, reason)
        case ReferenceTaken():  # an earlier call got through, and its answer was lost
            return await _lose(tx, instruction, "the gateway has this reference already")
        case Unknown(reason=reason):
            return await _lose(tx, instruction, reason)


async def begin_look_up(tx: Tx, instruction_id: UUID) -> Instruction | None:
    """The instruction to ask the gateway about; None if there is nothing to ask.

    One whose sender has died is `unknown` from here on: only asking says how it went.
    """
    instruction = await lock(tx, instruction_id)
    if instruction.state is _S.SENDING:
        if instruction.next_try_at is None or instruction.next_try_at > await now(tx):
            return None  # its call may still be under way
        return await _lose(tx, instruction, "whoever was sending it did not come back")
    return instruction if instruction.state in (_S.UNKNOWN, _S.SENT, _S.CONFIRMED) else None


async def settle(tx: Tx, asked: Instruction, found: Finding, *, live: bool) -> Instruction:
    """Book what the gateway says of an attempt, once."""
    instruction = await lock(tx, asked.id)
    if instruction.state is not asked.state or instruction.attempt != asked.attempt:
        # Others have booked an answer meanwhile. Which of the two is newer only a third one says.
        await enqueue(tx, LookUp(instruction_id=instruction.id))
        return instruction
    match found:
        case Unknown(reason=reason):
            await queries.postpone(tx, instruction, by=rules.LOOK_AGAIN_AFTER, failure=reason)
            return instruction
        case NoSuchInstruction():
            return await _not_there(tx, instruction)
        case FoundInstruction():
            if differences := rules.differences(instruction, found, live=live):
                return await _mismatch(tx, instruction, found, differences)
            return await _found(tx, instruction, found)


async def resume_all(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str, target: str
) -> None:
    """Queue what waited for this payee's account."""
    waiting = await queries.lock_waiting(tx, payee_id=payee_id, gateway=gateway, currency=currency)
    for instruction in waiting:
        await resume(tx, instruction, target=target)


async def resume(tx: Tx, waiting: Instruction, *, target: str) -> None:
    """Queue one that waited for its payee's account."""
    await _queue(tx, waiting, target=target, reason="the payee has an account now")


async def withdraw(tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str) -> None:
    """Let what is queued for this payee's account, which is no more, wait for another one."""
    queued = await queries.lock_queued(tx, payee_id=payee_id, gateway=gateway, currency=currency)
    for instruction in queued:
        await _move(tx, instruction, _S.WAITING_FOR_PAYEE, reason="the payee's account is gone")


async def retry(tx: Tx, failed: Instruction, *, target: str | None, reason: str) -> None:
    """Queue a new attempt of a failed instruction; without a target it waits for the payee."""
    if failed.state is not _S.FAILED:
        raise NothingToRetry(f"It is {failed.state}.")
    if target:
        await _queue(tx, failed, target=target, reason=reason)
    else:
        await _move(tx, failed, _S.WAITING_FOR_PAYEE, reason="the payee has no account")


async def next_failed_refund(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a failed refund whose next attempt is due, other than these."""
    return await queries.lock_next_failed(tx, InstructionKind.REFUND, but)


async def retry_refund(tx: Tx, refund_id: UUID) -> None:
    """Queue a new attempt of such a refund."""
    refund = await get(tx, refund_id)
    await retry(tx, refund, target=refund.target, reason="tried again")


async def look_up_due(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of all whose outcome is open and due; returns how many."""
    ids = await queries.due(tx, _LOOKED_UP, list(InstructionKind), limit=limit)
    await enqueue_all(tx, [LookUp(instruction_id=instruction_id) for instruction_id in ids])
    return len(ids)


async def send_due(tx: Tx, kind: InstructionKind, *, limit: int) -> int:
    """Queue the sending of instructions whose job was lost; returns how many."""
    ids = await queries.due(tx, [_S.QUEUED], [kind], limit=limit)
    await enqueue_all(tx, [CarryOut(instruction_id=instruction_id) for instruction_id in ids])
    return len(ids)


async def get(tx: Tx, instruction_id: UUID) -> Instruction:
    """Raises NoSuchInstructionHere."""
    if instruction := await queries.find(tx, instruction_id):
        return instruction
    raise NoSuchInstructionHere(f"There is no instruction {instruction_id}.")


async def alert_paid_twice(tx: Tx, instruction: Instruction, earlier: FoundInstruction) -> None:
    """An attempt that had failed for good has moved money, or is about to, after all."""
    what = f"{earlier.reference} is {earlier.status} at the gateway, and was tried again since"
    await _alert(tx, instruction, "superseded_attempt_moved", what)


async def lock(tx: Tx, instruction_id: UUID) -> Instruction:
    """The same, and nobody else's to change. Raises NoSuchInstructionHere."""
    if instruction := await queries.lock(tx, instruction_id):
        return instruction
    raise NoSuchInstructionHere(f"There is no instruction {instruction_id}.")


# ---- steps ---------------------------------------------------------------------------------------


async def _sent(tx: Tx, instruction: Instruction, accepted: Accepted) -> Instruction:
    """The gateway has it. If done already, it is asked: only a look-up compares, and tells fees."""
    if accepted.status is not MoneyOutStatus.PENDING:
        await enqueue(tx, LookUp(instruction_id=instruction.id))
    return await _move(
        tx,
        instruction,
        _S.SENT,
        reason="taken by the gateway",
        next_try_in=rules.ASK_AGAIN_AFTER,
        gateway_id=accepted.gateway_id,
        gateway_data=accepted.data,
    )


async def _found(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    """Book the end that the gateway tells of, if there is one yet."""
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
            return await _fail(tx, instruction, found.failure or "failed at the gateway")


async def _wait(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    if found.failure:  # it waits for somebody: an approval, a customer's bank details
        await _alert(tx, instruction, "instruction_needs_attention", found.failure)
    if instruction.state is _S.UNKNOWN:
        return await _move(
            tx,
            instruction,
            _S.SENT,
            reason="found at the gateway",
            next_try_in=rules.ASK_AGAIN_AFTER,
            gateway_id=found.gateway_id,
            gateway_data=found.data,
            failure=found.failure or None,
        )
    if instruction.state is _S.SENT:
        by, failure = rules.ASK_AGAIN_AFTER, found.failure or None
        await queries.postpone(tx, instruction, by=by, failure=failure)
    return instruction


async def _confirm(tx: Tx, instruction: Instruction, found: FoundInstruction) -> Instruction:
    if instruction.state is _S.CONFIRMED:
        return instruction
    confirmed = await _move(
        tx,
        instruction,
        _S.CONFIRMED,
        reason="done, says the gateway",
        gateway_id=found.gateway_id,
        gateway_data=found.data,
    )
    await ledger.post_all(tx, rules.postings_of(confirmed, fee=found.fee or 0))
    return confirmed


async def _reverse(tx: Tx, instruction: Instruction, reason: str) -> Instruction:
    """Money that had gone out is back at the gateway: whoever it was for has it owing again."""
    was_booked = instruction.state is _S.CONFIRMED
    reversed_ = await _move(tx, instruction, _S.REVERSED, reason=reason, failure=reason)
    if was_booked:
        await ledger.post(tx, rules.return_of(reversed_))
    await _alert(tx, reversed_, "instruction_reversed", reason)
    return reversed_


async def _fail(
    tx: Tx, instruction: Instruction, failure: str, *, never_arrived: bool = False
) -> Instruction:
    """This attempt moved no money. Another is due in an hour, or, after the last, never."""
    gives_up = instruction.attempt >= rules.ATTEMPTS_MAX
    failed = await _move(
        tx,
        instruction,
        _S.FAILED,
        reason=failure,
        failure=failure,
        never_arrived=never_arrived,
        next_try_in=None if gives_up else rules.RETRY_AFTER,
    )
    if gives_up:
        await _alert(tx, failed, "instruction_given_up", failure)
    return failed


async def _lose(tx: Tx, instruction: Instruction, reason: str) -> Instruction:
    return await _move(
        tx,
        instruction,
        _S.UNKNOWN,
        reason=reason,
        failure=reason,
        next_try_in=rules.LOOK_AGAIN_AFTER,
    )


async def _not_there(tx: Tx, instruction: Instruction) -> Instruction:
    """The gateway knows nothing of an attempt: conclusive once it cannot arrive any more."""
    if instruction.state is not _S.UNKNOWN:  # it had been taken: the gateway contradicts itself
        await _alert(
            tx, instruction, "instruction_vanished", "the gateway does not know it any more"
        )
        await queries.postpone(
            tx, instruction, by=rules.ASK_AGAIN_AFTER, failure="vanished at the gateway"
        )
        return instruction
    if await queries.began_within(tx, instruction, rules.ARRIVED_BY):
        await queries.postpone(
            tx, instruction, by=rules.LOOK_AGAIN_AFTER, failure="not there, or not yet"
        )
        return instruction
    return await _fail(tx, instruction, "it never reached the gateway", never_arrived=True)


async def _mismatch(
    tx: Tx, instruction: Instruction, found: FoundInstruction, differences: Sequence[str]
) -> Instruction:
    """Another amount, currency or mode than ours: nothing is booked before somebody has looked."""
    await _alert(
        tx,
        instruction,
        "instruction_mismatch",
        f"differs in {', '.join(differences)}: the gateway says {found.money}",
    )
    await queries.postpone(
        tx, instruction, by=rules.ASK_AGAIN_AFTER, failure="differs from ours at the gateway"
    )
    return instruction


async def _alert(tx: Tx, instruction: Instruction, kind: str, what: str) -> None:
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


async def _queue(tx: Tx, instruction: Instruction, *, target: str, reason: str) -> None:
    await _move(
        tx,
        instruction,
        _S.QUEUED,
        reason=reason,
        target=target,
        next_try_in=rules.QUEUED_FOR,
    )
    await enqueue(tx, CarryOut(instruction_id=instruction.id))


async def _move(
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
) -> Instruction:
    states.check(MOVES, instruction.state, to)
    moved = await queries.move(
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
    )
    if moved is None:
        raise states.MoveRefused("Somebody else moved this instruction at the same moment.")
    if end := rules.end(instruction, moved):
        action, change = end
        await resolve_alerts(tx, rules.WORRIES, [str(moved.id)])
        await audit.record_all(tx, by=SYSTEM, action=action, changes=[change], reason=reason)
    return moved
