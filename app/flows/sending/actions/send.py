"""What may be sent: nothing of a charge that its payer's bank contests, nothing to a dead gateway.

The instructions know neither chargebacks nor outages: both are asked about here.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.edge.calls import actions as calls
from app.edge.gateways.registry import gateway_named
from app.flows.chargebacks import actions as chargebacks
from app.foundation.db import Tx
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.payments import actions as payments
from app.money.payments import rules as payment_rules
from app.money.payments.model import Payment


class Sending(NamedTuple):
    """An attempt that was committed and is to be sent, and the charge that its money came from."""

    instruction: Instruction
    charge: Payment


async def begin(tx: Tx, instruction_id: UUID) -> Sending | None:
    """Begin an attempt to send a queued instruction; None if it is not to be sent now.

    While its gateway is down it waits: sent now, it would end as unknown. Its charge is locked
    first, so that no chargeback is opened between the look at it and the commit of the attempt.
    """
    queued = await instructions.get(tx, instruction_id)
    if queued.state is not InstructionState.QUEUED or queued.waits_at_refund_gate:
        return None
    if queued.gateway in await calls.gateways_down(tx):
        await instructions.wait_for_gateway(tx, queued)
        return None
    charge = await payments.lock_shared(tx, queued.payment_id)
    if charge.contested:
        return None
    if waits_for_settlement(queued, charge):
        await instructions.wait_for_settlement(tx, queued)
        return None
    settled = payment_rules.in_settlement(charge, queued.money)
    is_transfer = queued.kind is InstructionKind.TRANSFER
    attempt = await instructions.begin_attempt(tx, queued, settled if is_transfer else None)
    return Sending(attempt, charge) if attempt else None


def waits_for_settlement(queued: Instruction, charge: Payment) -> bool:
    """Whether a transfer cannot be sent before it is known in which currency it has to be."""
    is_transfer = queued.kind is InstructionKind.TRANSFER
    return is_transfer and charge.fee is None and gateway_named(charge.gateway).exchanges


async def send_due(tx: Tx, kind: InstructionKind, *, limit: int) -> int:
    """Queue the sending of refunds or transfers whose job was lost; returns how many."""
    contested = await chargebacks.contested_charges(tx)
    return await instructions.send_due(tx, kind, contested=contested, limit=limit)


async def next_failed_refund(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a failed refund whose next attempt is due, other than the refunds `but`."""
    return await _next_failed(tx, InstructionKind.REFUND, but)


async def next_failed_transfer(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a failed transfer whose next attempt is due, other than the transfers `but`."""
    return await _next_failed(tx, InstructionKind.TRANSFER, but)


async def admit_refunds(tx: Tx, *, limit: int) -> list[UUID]:
    """Admit the oldest automatic refunds through the refund gate; returns their ids."""
    await instructions.lock_refund_gate(tx)  # first: a wait for it would outdate what is contested
    contested = await chargebacks.contested_charges(tx)
    return await instructions.admit_refunds(tx, contested=contested, limit=limit)


async def next_to_admit(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """The oldest automatic refund that the refund gate may admit now, other than `but`."""
    await instructions.lock_refund_gate(tx)
    contested = await chargebacks.contested_charges(tx)
    return await instructions.next_to_admit(tx, but, contested=contested)


async def _next_failed(tx: Tx, kind: InstructionKind, but: Sequence[UUID]) -> UUID | None:
    contested = await chargebacks.contested_charges(tx)
    return await instructions.next_failed(tx, kind, but, contested=contested)
