"""What admins see of money out, and what they do where it went wrong."""

from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.edge.calls import actions as calls
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.flows.chargebacks.actions import returning as chargebacks
from app.flows.sending import queries, rules
from app.flows.sending.model import (
    Bearer,
    InstructionFilter,
    InstructionStory,
    LateRefund,
    LateRefundReply,
    NewLateRefund,
    NotReversed,
    ReissuedBefore,
    StillBeingSent,
)
from app.foundation import audit, paging
from app.foundation.alerts import resolve_alert, resolve_alerts
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, now, plan_for_values
from app.foundation.queue import LookUpChargebacks, enqueue
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.market.bookings.queries import find as find_booking
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions import queries as instruction_queries
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionPage,
    InstructionReply,
    InstructionState,
    NoSuchInstructionHere,
)
from app.money.instructions.rules import QUEUED_FOR, successor, told_of
from app.money.ledger import actions as ledger
from app.money.payees import actions as payees
from app.money.payees.model import Payee
from app.money.payments import actions as payments
from app.money.payments.model import Refund, Unwanted
from app.money.payouts import actions as payouts

_OVER: Final = (InstructionState.CONFIRMED, InstructionState.FAILED, InstructionState.REVERSED)


async def read_page(
    tx: Tx, wanted: InstructionFilter, *, limit: int, cursor: str | None
) -> InstructionPage:
    """A page of refunds or transfers, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    found = await queries.instructions(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda instruction: instruction.id)
    replies = [InstructionReply.of(instruction) for instruction in page]
    return InstructionPage(instructions=replies, next_cursor=next_cursor)


async def read_story(tx: Tx, instruction_id: UUID, *, kind: InstructionKind) -> InstructionStory:
    """One refund or transfer, with its history. Raises NoSuchInstructionHere."""
    instruction = _of_kind(await instructions.get(tx, instruction_id), kind)
    again = await instruction_queries.of_source(tx, instruction.id)
    return InstructionStory(
        instruction=InstructionReply.of(instruction),
        source=instruction.source_id,
        reissued_as=again[0].id if again else None,
        history=await instruction_queries.history(tx, instruction.id),
    )


async def retry(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID, reason: str
) -> None:
    """Queue another attempt of what has failed, however often: to where its payee is paid now.

    Raises NoSuchInstructionHere, NothingToRetry.
    """
    failed = _of_kind(await instructions.lock(tx, instruction_id), kind)
    target = await _target(tx, failed)
    await instructions.retry(tx, failed, target=target, reason="tried again by an admin")
    await resolve_alert(tx, "instruction_given_up", str(failed.id))
    await _record(tx, "retry", failed, admin_id=admin_id, reason=reason)


async def reissue(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID, reason: str
) -> UUID:
    """Send money again that had come back, by an instruction of its own; returns its id.

    All of it: what its host owes is kept back from other payouts. Raises NoSuchInstructionHere,
    NotReversed, TakenByBank, ReissuedBefore.
    """
    came_back = _of_kind(await instructions.lock(tx, instruction_id), kind)
    if came_back.state is not InstructionState.REVERSED:
        raise NotReversed(f"It is {came_back.state}.")
    if before := await instruction_queries.of_source(tx, came_back.id):
        rules.check_owed(came_back, before[0])
        raise ReissuedBefore(f"It was, as {before[0].id}.")
    target = await _target(tx, came_back)
    again = successor(
        came_back,
        instruction_id=uuid_utils.compat.uuid7(),
        amount=came_back.amount,
        target=target,
        automatic=False,
    )
    by = Actor(ActorRole.ADMIN, admin_id)
    await instructions.queue_all(tx, [again], by=by)
    await resolve_alert(tx, "instruction_reversed", str(came_back.id))
    await _record(tx, "reissue", came_back, admin_id=admin_id, reason=reason)
    return again.id


async def tell(tx: Tx, was: InstructionState, instruction: Instruction) -> None:
    """Tell the payee how an instruction has ended, in the commit of its move."""
    if (kind := rules.news(was, instruction)) is None:
        return
    if (booking := await find_booking(tx, instruction.booking_id)) is None:
        raise bookings.not_found(instruction.booking_id)
    facts = rules.facts(booking, instruction.money, reason=instruction.failure or "")
    await notifications.notify(
        tx, account_id=instruction.payee_id, kind=kind, source_id=instruction.id, data=facts
    )


async def clear_alerts(tx: Tx, instruction: Instruction) -> None:
    """A charge that bought nothing needs nobody's eye any more once it has been given back."""
    is_back = instruction.state is InstructionState.CONFIRMED
    if is_back and instruction.source_id == instruction.payment_id and instruction.target:
        await resolve_alerts(tx, tuple(Unwanted), [instruction.target])


async def ask_about_contested(tx: Tx, was: InstructionState, refund: Instruction) -> None:
    """The end of a refund may be what a chargeback of its charge waits for, to be booked."""
    is_over = refund.state in _OVER and refund.state is not was
    if not is_over or refund.kind is not InstructionKind.REFUND:
        return
    if (await payments.get(tx, refund.payment_id)).contested:
        await enqueue(tx, LookUpChargebacks(payment_id=refund.payment_id))


async def keep_returned(tx: Tx, instruction: Instruction) -> None:
    """A refund that came back is not owed as far as the guest's bank has given it since."""
    is_back = instruction.state is InstructionState.REVERSED
    if is_back and instruction.kind is InstructionKind.REFUND:
        await chargebacks.keep_returned(tx, instruction)


async def refund_past_payout(
    tx: Tx, booking_id: UUID, new: NewLateRefund, *, admin_id: UUID
) -> LateRefundReply:
    """Give back money that has been divided, at the cost of the host or the platform.

    A host then owes it, and gets less of the next payouts. Raises BookingNotFound, StillHeld,
    RefundExceedsCharge, Invalid.
    """
    booking = await bookings.lock(tx, booking_id)
    pots = await escrow.lock_all(tx, booking_id)
    payment = await payments.get(tx, rules.check_divided(pots).payment_id)
    rules.check_amount(new.amount, payment, pots)
    refund = await queries.insert_late_refund(
        tx,
        new,
        refund_id=uuid_utils.compat.uuid7(),
        booking_id=booking_id,
        payment_id=payment.id,
        admin_id=admin_id,
    )
    await ledger.post(tx, rules.posting_of(refund, booking))
    if refund.borne_by is Bearer.HOST:
        await _charge_host(tx, booking, refund)
    return await _send(tx, refund, by=Actor(ActorRole.ADMIN, admin_id))


async def begin_look_up(
    tx: Tx, instruction_id: UUID, *, kind: InstructionKind, admin_id: UUID
) -> None:
    """An admin has the gateway asked. Raises NoSuchInstructionHere."""
    instruction = _of_kind(await instructions.get(tx, instruction_id), kind)
    await _record(tx, "look_up", instruction, admin_id=admin_id, reason="")


async def wait_for_gateway(tx: Tx, instruction_id: UUID) -> bool:
    """Put off what is queued for a gateway that is down: sent now, it would end as unknown."""
    instruction = await instructions.get(tx, instruction_id)
    if instruction.state is not InstructionState.QUEUED or instruction.waits_at_breaker:
        return False
    if instruction.gateway not in await calls.gateways_down(tx):
        return False
    await instruction_queries.postpone(
        tx, instruction, by=QUEUED_FOR, failure="its gateway is down: it waits"
    )
    return True


async def find_told_of(tx: Tx, reference: str, kind: InstructionKind) -> Instruction | None:
    """What a gateway tells of under the reference of an attempt, be it the last one or not."""
    instruction_id = told_of(reference, kind)
    return await instruction_queries.find(tx, instruction_id) if instruction_id else None


async def check_sent(tx: Tx, instruction_id: UUID) -> None:
    """Raises StillBeingSent while whoever sends it may not have written down how that went."""
    instruction = await instructions.get(tx, instruction_id)
    if instruction.state is not InstructionState.SENDING or instruction.next_try_at is None:
        return
    if instruction.next_try_at > await now(tx):
        raise StillBeingSent(f"Attempt {instruction.attempt} may be under way.")


async def _charge_host(tx: Tx, booking: Booking, refund: LateRefund) -> None:
    await payouts.owe(
        tx,
        cause_id=refund.id,
        host_id=booking.host_id,
        booking_id=booking.id,
        money=refund.money,
        reason=refund.reason,
    )
    await notifications.notify(
        tx,
        account_id=booking.host_id,
        kind=Kind.HOST_DEBT,
        source_id=refund.id,
        data=rules.facts(booking, refund.money, reason=refund.reason),
    )


async def _send(tx: Tx, refund: LateRefund, *, by: Actor) -> LateRefundReply:
    await audit.record(
        tx,
        by=by,
        action="refund_past_payout",
        subject=Subject("booking", refund.booking_id),
        after={"lateRefundId": refund.id, "amount": refund.money, "borneBy": refund.borne_by},
        reason=refund.reason,
    )
    part = Refund(
        payment_id=refund.payment_id,
        source_id=refund.id,
        amount=refund.amount,
        reason=refund.reason,
    )
    await payments.refund_all(tx, [part], by=by)
    (instruction,) = await instruction_queries.of_source(tx, refund.id)
    return LateRefundReply(
        id=refund.id,
        booking_id=refund.booking_id,
        amount=refund.money,
        at_whose_cost=refund.borne_by,
        reason=refund.reason,
        created_at=refund.created_at,
        refund=InstructionReply.of(instruction),
    )


async def _target(tx: Tx, instruction: Instruction) -> str | None:
    """Where its money goes now: a refund the way it came, a transfer to the payee's account."""
    if instruction.kind is InstructionKind.REFUND:
        return instruction.target
    payee = Payee(instruction.payee_id, instruction.gateway, instruction.currency)
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
