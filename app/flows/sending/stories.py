"""Money out, with a gateway call between two transactions: commit, call, commit."""

import time
from typing import Final
from uuid import UUID

from app.edge.gateways.port import (
    FoundInstruction,
    MoneyOutStatus,
    NewRefund,
    NewTransfer,
    Unknown,
)
from app.edge.gateways.registry import gateway_named
from app.edge.webhooks import actions as webhooks
from app.flows.chargebacks.actions import returning as chargebacks
from app.flows.sending import actions
from app.foundation.db import transaction
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions import rules
from app.money.instructions.actions import Finding, Outcome
from app.money.instructions.model import Instruction, InstructionKind
from app.money.payments import actions as payments

_MOVES_MONEY: Final = (MoneyOutStatus.SUCCEEDED, MoneyOutStatus.PENDING)


async def carry_out(instruction_id: UUID) -> None:
    """Send a queued instruction to its gateway, under a reference of its own, once.

    Its lease is counted from before the commit, and on this machine's own clock: whoever is held
    up sends nothing once others may have given it up, and begun again.
    """
    send_before = time.monotonic() + rules.SENDING_FOR.total_seconds()
    async with transaction() as tx:
        waits = await actions.wait_for_gateway(tx, instruction_id)
        sending = None if waits else await instructions.begin_attempt(tx, instruction_id)
        charge = await payments.get(tx, sending.payment_id) if sending else None
    if sending is None or charge is None:
        return
    outcome = await _send(sending, charge.reference, send_before)
    async with transaction() as tx:
        instruction = await instructions.record(tx, sending, outcome)
        await actions.tell(tx, sending.state, instruction)
        await actions.ask_about_contested(tx, sending.state, instruction)


async def look_up(
    instruction_id: UUID, *, event_id: UUID | None = None, is_told: bool = False
) -> Instruction | None:
    """Ask the gateway what became of an instruction, and book the answer once.

    `event_id` is the webhook that prompted this: marked processed in the same commit. None if
    there is nothing to ask about. Raises StillBeingSent for an event ahead of its sender, and, for
    one of this or of more instructions (`is_told`), GatewayUnclear: an event that brought no answer
    must be acted on again, since nobody else asks about what was confirmed.
    """
    async with transaction() as tx:
        asked = await instructions.begin_look_up(tx, instruction_id)
        charge = await payments.get(tx, asked.payment_id) if asked else None
        if asked is None and event_id:
            await actions.check_sent(tx, instruction_id)
            await webhooks.processed(tx, event_id)
    if asked is None or charge is None:
        return None
    found = await _find(asked, charge.reference)
    async with transaction() as tx:
        live = gateway_named(asked.gateway).live
        await chargebacks.lock_around(tx, asked.payment_id)
        instruction = await instructions.settle(tx, asked, found, live=live)
        await actions.keep_returned(tx, instruction)
        await escrow.follow(tx, instruction)
        await actions.tell(tx, asked.state, instruction)
        await actions.ask_about_contested(tx, asked.state, instruction)
        await actions.clear_alerts(tx, instruction)
        if event_id and not isinstance(found, Unknown):
            await webhooks.processed(tx, event_id)
    if isinstance(found, Unknown) and (event_id or is_told):
        raise payments.inconclusive(found.reason)
    return instruction


async def look_up_earlier(instruction_id: UUID, reference: str, *, event_id: UUID) -> None:
    """Ask about an attempt that has failed, and was followed by another, because of a webhook.

    Nothing more is to be said of it than that it failed: anything else is money twice. Raises
    GatewayUnclear.
    """
    async with transaction() as tx:
        instruction = await instructions.get(tx, instruction_id)
        charge = await payments.get(tx, instruction.payment_id)
    found = await _ask(instruction, reference, charge.reference)
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    async with transaction() as tx:
        if isinstance(found, FoundInstruction) and found.status in _MOVES_MONEY:
            await instructions.alert_paid_twice(tx, instruction, found)
        await webhooks.processed(tx, event_id)


async def _send(sending: Instruction, charge_reference: str, send_before: float) -> Outcome:
    gateway = gateway_named(sending.gateway)
    reference, target = _address(sending)
    if sending.kind is InstructionKind.REFUND:
        return await gateway.start_refund(
            NewRefund(
                reference=reference,
                charge_reference=charge_reference,
                money=sending.money,
                reason=sending.reason,
                send_before=send_before,
            )
        )
    return await gateway.start_transfer(
        NewTransfer(
            reference=reference,
            charge_reference=charge_reference,
            recipient=target,
            money=sending.money,
            reason=sending.reason,
            send_before=send_before,
        )
    )


async def _find(asked: Instruction, charge_reference: str) -> Finding:
    reference, _ = _address(asked)
    return await _ask(asked, reference, charge_reference)


async def _ask(asked: Instruction, reference: str, charge_reference: str) -> Finding:
    gateway = gateway_named(asked.gateway)
    if asked.kind is InstructionKind.REFUND:
        return await gateway.find_refund(reference, charge_reference=charge_reference)
    return await gateway.find_transfer(reference, charge_reference=charge_reference)


def _address(instruction: Instruction) -> tuple[str, str]:
    """What it is called at the gateway, and where it goes: known of every one that has begun."""
    if instruction.reference is None or instruction.target is None:
        raise LookupError(f"instruction {instruction.id} has not begun")
    return instruction.reference, instruction.target
