"""Administer: what admins see of refunds and transfers, and how they put right what went wrong."""

from uuid import UUID

import uuid_utils.compat

from app.flows.sending import rules
from app.flows.sending.model import InstructionStory
from app.foundation import audit
from app.foundation.alerts import resolve_alert
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.money.instructions import actions as instructions
from app.money.instructions.model import (
    Instruction,
    InstructionFilter,
    InstructionKind,
    InstructionPage,
    InstructionState,
    NoSuchInstructionHere,
    NothingToRetry,
    Origin,
    WaitsFor,
)
from app.money.instructions.rules.succession import successor
from app.money.payees import actions as payees
from app.money.payees.model import Payee


async def read_page(
    tx: Tx, wanted: InstructionFilter, *, limit: int, cursor: str | None
) -> InstructionPage:
    """A page of refunds or transfers, newest first. Raises Invalid for a made-up cursor."""
    return await instructions.read_page(tx, wanted, limit=limit, cursor=cursor)


async def read_story(tx: Tx, instruction_id: UUID, *, kind: InstructionKind) -> InstructionStory:
    """One refund or transfer, with its history. Raises NoSuchInstructionHere."""
    instruction = _of_kind(await instructions.get(tx, instruction_id), kind)
    again = await instructions.of_source(tx, instruction.id)
    (reply,) = await instructions.reply_to(tx, [instruction])
    return InstructionStory(
        instruction=reply,
        source=instruction.source_id,
        reissued_as=again[0].id if again else None,
        history=await instructions.read_history(tx, instruction.id),
    )


async def retry(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID, reason: str
) -> None:
    """Queue another attempt of what has failed, however often, to where its payee is paid now.

    What somebody else began at the gateway is not ours to begin again: one of ours goes instead.
    What waits for an approval is sent. Raises NoSuchInstructionHere, NothingToRetry.
    """
    failed = _of_kind(await instructions.lock(tx, instruction_id), kind)
    target = await _target(tx, failed)
    if failed.waits is WaitsFor.APPROVAL:
        await instructions.approve(tx, failed)
    elif failed.origin is Origin.GATEWAY:
        await _send_instead(tx, failed, target=target, by=Actor(ActorRole.ADMIN, admin_id))
    else:
        await instructions.retry(tx, failed, target=target, reason="tried again by an admin")
    await resolve_alert(tx, "instruction_given_up", str(failed.id))
    await _record(tx, "retry", failed, admin_id=admin_id, reason=reason)


async def _send_instead(tx: Tx, failed: Instruction, *, target: str | None, by: Actor) -> None:
    if failed.state is not InstructionState.FAILED:
        raise NothingToRetry(f"It is {failed.state}.")
    ours = successor(
        failed,
        instruction_id=uuid_utils.compat.uuid7(),
        amount=failed.amount,
        target=target,
        automatic=False,
    )
    await instructions.cancel_all(tx, [failed], reason="sent by us instead")
    await instructions.queue_all(tx, [ours], by=by)


async def reissue(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID, reason: str
) -> UUID:
    """Send money again that had come back, by an instruction of its own; returns its id.

    All that came back so far: what its host owes is kept back from other payouts. Raises
    NoSuchInstructionHere, NotReversed, TakenByBank, ReissuedBefore.
    """
    came_back = _of_kind(await instructions.lock(tx, instruction_id), kind)
    before = await instructions.of_source(tx, came_back.id)
    amount = rules.amount_back(came_back, before)
    target = await _target(tx, came_back)
    again = successor(
        came_back,
        instruction_id=uuid_utils.compat.uuid7(),
        amount=amount,
        target=target,
        automatic=False,
    )
    by = Actor(ActorRole.ADMIN, admin_id)
    await instructions.queue_all(tx, [again], by=by)
    for kind_of_alert in ("instruction_reversed", "instruction_partly_reversed"):
        await resolve_alert(tx, kind_of_alert, str(came_back.id))
    await _record(tx, "reissue", came_back, admin_id=admin_id, reason=reason)
    return again.id


async def begin_look_up(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID
) -> None:
    """Record that an admin has the gateway asked. Raises NoSuchInstructionHere."""
    instruction = _of_kind(await instructions.get(tx, instruction_id), kind)
    await _record(tx, "look_up", instruction, admin_id=admin_id, reason="")


async def _target(tx: Tx, instruction: Instruction) -> str | None:
    """Where its money goes now: a refund the way it came, a transfer to the payee's account."""
    if instruction.kind is InstructionKind.REFUND:
        return instruction.target
    payee = Payee(instruction.known_payee_id, instruction.gateway, instruction.currency)
    return await payees.recipient_of(tx, payee)


def _of_kind(instruction: Instruction, kind: InstructionKind) -> Instruction:
    if instruction.kind is kind:
        return instruction
    raise NoSuchInstructionHere(f"There is no {kind} {instruction.id}.")


async def _record(
    tx: Tx, verb: str, instruction: Instruction, *, admin_id: UUID, reason: str
) -> None:
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action=f"{verb}_{instruction.kind}",
        subject=Subject(instruction.kind, instruction.id),
        before={"state": instruction.state, "attempt": instruction.attempt},
        reason=reason,
    )
