"""What may be sent: nothing of a charge that its payer's bank contests, nothing to a dead gateway.

The instructions know neither chargebacks nor outages: both are asked about here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.edge.calls import actions as calls
from app.edge.gateways.registry import gateway_named
from app.flows.chargebacks import actions as chargebacks
from app.foundation.db import Tx
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState, Origin
from app.money.payments import actions as payments
from app.money.payments import rules as payment_rules
from app.money.payments.model import Payment
from app.money.payouts import actions as payouts


class Sending(NamedTuple):
    """An attempt that was committed and is to be sent, and the charge that its money came from.

    `earlier` are the references of the attempts before it. `money` is all that is sent under its
    reference: others may go together with the instruction.
    """

    instruction: Instruction
    charge: Payment
    earlier: Sequence[str]
    money: Money


async def begin(tx: Tx, instruction_id: UUID) -> Sending | None:
    """Begin an attempt to send a queued instruction; None if it is not to be sent now.

    While its gateway is down it waits: sent now, it would end as unknown. Transfers to the same
    payee that are too small to go alone go together with it. Their charges are locked first, so
    that no chargeback is opened between the look at them and the commit of the attempt.
    """
    queued = await instructions.get(tx, instruction_id)
    if not await instructions.may_be_sent(tx, queued):
        return None
    if queued.gateway in await calls.gateways_down(tx):
        await instructions.wait_for_gateway(tx, queued)
        return None
    beside = await instructions.too_small_beside(tx, queued)
    charges = await _lock_charges(tx, [queued, *beside])
    if charges[queued.payment_id].contested:
        return None
    if waits_for_settlement(queued, charges[queued.payment_id]):
        await instructions.wait_for_settlement(tx, queued)
        return None
    if until := await _held_until(tx, queued):
        await instructions.wait_until(tx, queued, until)
        return None
    settled = _settled(queued, charges[queued.payment_id])
    free = [each for each in beside if not charges[each.payment_id].contested]
    begun = await instructions.begin_attempt(tx, queued, free, settled=settled)
    if begun is None:
        return None
    attempt, money = begun
    earlier = await instructions.earlier_references(tx, attempt)
    return Sending(attempt, charges[attempt.payment_id], earlier, money)


async def _held_until(tx: Tx, queued: Instruction) -> datetime | None:
    """Until when a transfer waits because its payee's account has changed; None if it need not."""
    is_transfer = queued.kind is InstructionKind.TRANSFER
    return await payouts.lock_hold(tx, queued) if is_transfer else None


def _settled(queued: Instruction, charge: Payment) -> Money | None:
    """What is sent in place of a transfer, if the gateway has exchanged the charge."""
    is_transfer = queued.kind is InstructionKind.TRANSFER
    return payment_rules.in_settlement(charge, queued.money) if is_transfer else None


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


async def _lock_charges(tx: Tx, together: Sequence[Instruction]) -> dict[UUID, Payment]:
    """The charges of these, which nobody changes until the transaction ends, by their ids."""
    ids = sorted({instruction.payment_id for instruction in together})
    return {payment_id: await payments.lock_shared(tx, payment_id) for payment_id in ids}


async def retry_attempt(tx: Tx, instruction_id: UUID, *, attempt: int) -> None:
    """Queue the attempt after this one, if this one has failed and may be followed by another."""
    contested = await chargebacks.contested_charges(tx)
    failed = await instructions.lock(tx, instruction_id)
    is_ours = failed.origin is Origin.BERTHOLD
    is_due = is_ours and failed.state is InstructionState.FAILED and failed.next_try_at is not None
    if not is_due or failed.attempt != attempt or failed.payment_id in contested:
        return
    if failed.kind is InstructionKind.REFUND:
        await instructions.retry_refund(tx, failed.id)
    else:
        await payouts.retry_failed(tx, failed.id)


async def _next_failed(tx: Tx, kind: InstructionKind, but: Sequence[UUID]) -> UUID | None:
    contested = await chargebacks.contested_charges(tx)
    return await instructions.next_failed(tx, kind, but, contested=contested)
