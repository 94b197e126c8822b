"""Send refunds and transfers, and look them up: a gateway is called between two transactions."""

import time
from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways.port import (
    FoundInstruction,
    NewRefund,
    NewTransfer,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.registry import gateway_named
from app.edge.webhooks import actions as webhooks
from app.flows.chargebacks import actions as chargebacks
from app.flows.sending import actions, rules
from app.foundation.db import transaction
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.instructions.actions import ArrivedBefore, Finding, Outcome
from app.money.instructions.model import Instruction, InstructionKind, Origin
from app.money.instructions.rules import attempts
from app.money.payments import actions as payments
from app.money.payments.model import Payment


async def send(instruction_id: UUID) -> None:
    """Send a queued refund or transfer to its gateway, once, under a reference of its own.

    The time in which it may leave is counted from before the commit, on this machine's own clock:
    a sender that is held up sends nothing once others may have given the attempt up.
    """
    send_before = time.monotonic() + attempts.SENDING_FOR.total_seconds()
    async with transaction() as tx:
        begun = await actions.begin(tx, instruction_id)
    if begun is None:
        return
    attempt, charge, earlier, money = begun
    outcome = await _look_first(attempt, charge, earlier)
    if outcome is None:
        outcome = await _send(attempt, charge, money, send_before)
    async with transaction() as tx:
        instruction = await instructions.record(tx, attempt, outcome)
        await actions.follow_sending(tx, attempt.state, instruction)


async def look_up(
    instruction_id: UUID, *, event_id: UUID | None = None, is_reported: bool = False
) -> Instruction | None:
    """Ask the gateway what became of a refund or transfer, and record the answer once.

    None if there is nothing to ask about. `event_id` is the webhook event that prompted this: it is
    marked processed in the same commit. `is_reported`: an event about several instructions prompted
    it, which the caller marks.

    Raises StillBeingSent for an event that came before the outcome of sending was written down.
    Raises GatewayUnclear if an event brought no answer: it must be acted on again, since nobody
    else asks about what was confirmed.
    """
    async with transaction() as tx:
        asked = await instructions.begin_look_up(tx, instruction_id)
        charge = await payments.get(tx, asked.payment_id) if asked else None
        if asked is None and event_id:
            await actions.check_sent(tx, instruction_id)
            await webhooks.processed(tx, event_id)
    if asked is None or charge is None:
        return None
    found = await _find(asked, charge)
    async with transaction() as tx:
        live = gateway_named(asked.gateway).live
        await chargebacks.lock_around(tx, await instructions.payment_ids(tx, asked))
        instruction = await instructions.settle(tx, asked, found, live=live)
        await actions.follow(tx, asked.state, instruction)
        if event_id and not isinstance(found, Unknown):
            await webhooks.processed(tx, event_id)
    if isinstance(found, Unknown) and (event_id or is_reported):
        raise payments.inconclusive(found.reason)
    return instruction


async def look_up_earlier(instruction_id: UUID, reference: str, *, event_id: UUID) -> None:
    """Ask about an attempt that has failed and was followed by another, because of an event.

    If it has moved money all the same, money has moved twice, and operators are alerted. Raises
    GatewayUnclear.
    """
    async with transaction() as tx:
        instruction = await instructions.get(tx, instruction_id)
        charge = await payments.get(tx, instruction.payment_id)
    found = await _ask(instruction, reference, charge)
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    async with transaction() as tx:
        if isinstance(found, FoundInstruction) and found.status.moves_money:
            await instructions.alert_paid_twice(tx, instruction, found)
        await webhooks.processed(tx, event_id)


async def _look_first(
    attempt: Instruction, charge: Payment, earlier: Sequence[str]
) -> Outcome | None:
    """Look whether what is to be sent has been sent; None if it has not, as far as can be seen.

    Under its own reference, if the gateway does not know that by itself: a database that was
    restored sends again what it had sent. And under those of earlier attempts that were given up.
    """
    gateway = gateway_named(attempt.gateway)
    reference, _ = _address(attempt)
    is_forgotten = attempt.kind is InstructionKind.REFUND or gateway.forgets_transfers
    for each in [reference, *earlier] if is_forgotten else earlier:
        found = await _ask(attempt, each, charge)
        if isinstance(found, Unknown):
            why = f"could not look whether it was sent before: {found.reason}"
            return Refused(reason=why, is_temporary=True)
        if isinstance(found, FoundInstruction):
            if each == reference:
                return ReferenceTaken()
            if found.status.moves_money:
                return ArrivedBefore(reference=each)
    return None


async def _send(attempt: Instruction, charge: Payment, money: Money, send_before: float) -> Outcome:
    gateway = gateway_named(attempt.gateway)
    reference, target = _address(attempt)
    if attempt.kind is InstructionKind.REFUND:
        return await gateway.start_refund(
            NewRefund(
                reference=reference,
                charge_reference=charge.asked_as,
                charge_id=charge.charge_id,
                money=attempt.money,
                reason=attempt.reason,
                send_before=send_before,
            )
        )
    return await gateway.start_transfer(
        NewTransfer(
            reference=reference,
            charge_reference=charge.asked_as,
            charge_id=charge.charge_id,
            recipient=target,
            money=money,
            reason=attempt.reason,
            from_balance=attempt.from_balance,
            send_before=send_before,
        )
    )


async def _find(asked: Instruction, charge: Payment) -> Finding:
    reference, _ = _address(asked)
    return await _ask(asked, reference, charge)


async def _ask(asked: Instruction, reference: str, charge: Payment) -> Finding:
    gateway = gateway_named(asked.gateway)
    if asked.kind is InstructionKind.TRANSFER:
        is_ours = asked.origin is Origin.BERTHOLD
        return await gateway.find_transfer(
            reference,
            charge_reference=charge.asked_as,
            gateway_id=None if is_ours else asked.gateway_id,
            currency=asked.currency,
        )
    if asked.origin is Origin.BERTHOLD:
        found = await gateway.find_refund(
            reference,
            charge_reference=charge.asked_as,
            charge_id=charge.charge_id,
            currency=charge.asked.currency,
        )
        return rules.with_settlement(found, charge)
    refunds = await gateway.find_refunds(
        charge.asked_as, charge_id=charge.charge_id, currency=charge.asked.currency
    )
    if isinstance(refunds, Unknown):
        return refunds
    same = [each for each in refunds if each.gateway_id == asked.gateway_id]
    return rules.with_settlement(same[0] if same else NoSuchInstruction(), charge)


def _address(instruction: Instruction) -> tuple[str, str]:
    """The reference of an attempt, and where its money goes. LookupError if there is none yet."""
    if instruction.reference is None or instruction.target is None:
        raise LookupError(f"instruction {instruction.id} has not begun")
    return instruction.reference, instruction.target
