"""Queue instructions: new ones, and again those that waited for an account or have failed."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import structs

from app.edge.gateways.port import GatewayName
from app.foundation import audit
from app.foundation.audit import Actor
from app.foundation.db import Tx
from app.foundation.ids import derived
from app.foundation.queue import AdmitRefunds, SendInstruction, enqueue, enqueue_all
from app.foundation.states import MoveRefused
from app.money.instructions.actions.move import alert, move
from app.money.instructions.actions.read import get
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionState,
    NewInstruction,
    NothingToRetry,
    WaitsFor,
)
from app.money.instructions.queries import due, moves
from app.money.instructions.queries import instructions as queries
from app.money.instructions.rules import attempts, records, together

_S = InstructionState


async def queue_all(tx: Tx, new: Sequence[NewInstruction], *, by: Actor) -> None:
    """Store new instructions, all of one kind; they are sent soon after the commit.

    Without a target they wait for the payee's account. Automatic refunds wait at the refund gate,
    until a job admits them. One source causes one refund, one transfer, and one transfer from
    our balance at the most: raises Violated("instructions_once").
    """
    if not new:
        return
    keyed = [
        structs.replace(each, waits_for=each.waits_for or together.waits_for(each))
        for each in await _with_keys(tx, new)
    ]
    sendable = await moves.insert(tx, keyed, queued_for=attempts.QUEUED_FOR)
    await audit.record_all(tx, by=by, action=f"queue_{new[0].kind}", changes=records.queued(new))
    await enqueue_all(
        tx, [SendInstruction(instruction_id=instruction_id) for instruction_id in sendable]
    )
    if any(each.automatic for each in new):
        await enqueue(tx, AdmitRefunds())


async def resume_all(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str, target: str
) -> None:
    """Queue the transfers that waited for this payee's account."""
    waiting = await due.lock_waiting(tx, payee_id=payee_id, gateway=gateway, currency=currency)
    for instruction in waiting:
        await resume(tx, instruction, target=target)


async def resume(tx: Tx, waiting: Instruction, *, target: str) -> None:
    """Queue a transfer that waited for its payee's account."""
    await _queue(tx, waiting, target=target, reason="the payee has an account now")


async def withdraw(tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str) -> None:
    """The payee's account is gone: let the transfers that are queued for it wait for another."""
    queued = await due.lock_queued(tx, payee_id=payee_id, gateway=gateway, currency=currency)
    for instruction in queued:
        await move(tx, instruction, _S.WAITING_FOR_PAYEE, reason="the payee's account is gone")


async def retry(tx: Tx, failed: Instruction, *, target: str | None, reason: str) -> None:
    """Queue a new attempt of a failed instruction; without a target it waits for the payee.

    Raises NothingToRetry.
    """
    if failed.state is not _S.FAILED:
        raise NothingToRetry(f"It is {failed.state}.")
    if target:
        await _queue(tx, failed, target=target, reason=reason)
    else:
        await move(tx, failed, _S.WAITING_FOR_PAYEE, reason="the payee has no account")


async def alert_unapproved(tx: Tx, new: Sequence[NewInstruction]) -> None:
    """Alert operators to those of these new instructions that an admin must approve."""
    for each in new:
        if each.waits_for is WaitsFor.APPROVAL:
            waiting = await get(tx, each.id)
            await alert(tx, waiting, "instruction_given_up", "is sent only if an admin retries it")


async def approve(tx: Tx, waiting: Instruction) -> None:
    """Send a locked instruction that waited for a person's approval."""
    await moves.approve(
        tx, waiting, waits_for=together.waits_for(waiting), queued_for=attempts.QUEUED_FOR
    )
    await enqueue(tx, SendInstruction(instruction_id=waiting.id))


async def next_failed(
    tx: Tx, kind: InstructionKind, but: Sequence[UUID], *, contested: Sequence[UUID]
) -> UUID | None:
    """Lock a failed refund or transfer whose next attempt is due; returns its id, or None.

    Skips the instructions `but`, and those of the charges in `contested`.
    """
    return await due.lock_next_failed(tx, kind, but, contested=contested)


async def retry_refund(tx: Tx, refund_id: UUID) -> None:
    """Queue a new attempt of a failed refund, the way that its charge came."""
    refund = await get(tx, refund_id)
    await retry(tx, refund, target=refund.target, reason="tried again")


async def cancel_all(tx: Tx, unsent: Sequence[Instruction], *, reason: str) -> None:
    """Cancel locked instructions that have not left: they will not be sent. Raises MoveRefused."""
    ids = [instruction.id for instruction in unsent]
    if await moves.cancel(tx, ids, reason=reason) != len(ids):
        raise MoveRefused("Somebody else moved a refund or transfer at the same moment.")


async def _with_keys(tx: Tx, new: Sequence[NewInstruction]) -> list[NewInstruction]:
    """The instructions with the keys that follow from their sources.

    In a database that was restored, what the gateway did since the backup may have been taken in
    under such a key. That was another refund or transfer: this one gets a key of its own.
    """
    keys = {each.id: attempts.key_of(each) for each in new}
    in_use = set(await queries.keys_in_use(tx, list(keys.values())))
    return [
        structs.replace(each, key=derived(key, "again") if key in in_use else key)
        for each in new
        if (key := keys[each.id])
    ]


async def _queue(tx: Tx, instruction: Instruction, *, target: str, reason: str) -> None:
    await move(
        tx,
        instruction,
        _S.QUEUED,
        reason=reason,
        target=target,
        next_try_in=attempts.QUEUED_FOR,
    )
    await enqueue(tx, SendInstruction(instruction_id=instruction.id))
