"""Store what somebody moved at a gateway, with the posting that says whose money it was."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

import uuid_utils.compat
from msgspec import structs

from app.edge.gateways.port import FoundInstruction
from app.foundation.db import Tx
from app.foundation.ids import derived
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, NewInstruction
from app.money.ledger import actions as ledger
from app.money.ledger.model import Account
from app.money.payments import actions as payments
from app.money.payments.model import Payment
from app.money.taken_in import queries, rules
from app.money.taken_in.model import PAID_THERE, REFUNDED_THERE, Shares, TakenIn

NOWHERE: Final = MappingProxyType[Account, int]({})


async def take_in_refund(
    tx: Tx,
    payment: Payment,
    found: FoundInstruction,
    shares: Shares,
    *,
    promised: int,
    live: bool,
    out_of: Mapping[Account, int] = NOWHERE,
) -> tuple[TakenIn, Instruction]:
    """Store and post a refund of a locked charge that somebody made at the gateway.

    `promised` is what of it we had promised already, by refunds that are cancelled. `out_of` are
    the accounts, of pots and of hosts, that the shares come out of: the caller takes them out of
    the pots, and cancels transfers to the hosts. Minor units. Raises RefundExceedsCharge.
    """
    taken = _row(payment, InstructionKind.REFUND, found, found.money.amount, shares)
    await queries.insert(tx, taken)
    await payments.count_refunded(tx, payment.id, taken=taken.amount, promised=promised)
    if posting := rules.posting(taken, payment, out_of):
        await ledger.post(tx, posting)
    new = _instruction(taken, payee_id=payment.payer_id, target=payment.reference)
    return taken, await instructions.take_in(tx, new, found, live=live)


async def take_in_transfer(
    tx: Tx,
    payment: Payment,
    found: FoundInstruction,
    shares: Shares,
    *,
    host_id: UUID,
    booking_id: UUID,
    amount: int,
    live: bool,
) -> tuple[TakenIn, Instruction]:
    """Store and post a transfer to a host that somebody made at the gateway.

    `booking_id` is the host's part of the charge's booking. `amount` is that of the transfer in
    minor units of the charge's currency. What of it the host was not owed yet is the caller's to
    record as a debt.
    """
    taken = structs.replace(
        _row(payment, InstructionKind.TRANSFER, found, amount, shares), booking_id=booking_id
    )
    await queries.insert(tx, taken)
    new = _instruction(taken, payee_id=host_id, target=found.recipient or "unknown")
    is_exchanged = found.money.currency != payment.currency
    seen = structs.replace(found, settled=found.money) if is_exchanged else found
    return taken, await instructions.take_in(tx, new, seen, live=live)


async def of_booking(tx: Tx, booking_id: UUID) -> list[TakenIn]:
    """What was moved at gateways without us of a booking's charges, the oldest first."""
    return await queries.of_booking(tx, booking_id)


def _row(
    payment: Payment,
    kind: InstructionKind,
    found: FoundInstruction,
    amount: int,
    shares: Shares,
) -> TakenIn:
    return TakenIn(
        id=derived(payment.id, f"{kind} {found.gateway_id}"),
        kind=kind,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        gateway=payment.gateway,
        gateway_id=found.gateway_id,
        amount=amount,
        currency=payment.currency,
        **structs.asdict(shares),
    )


def _instruction(taken: TakenIn, *, payee_id: UUID | None, target: str) -> NewInstruction:
    is_refund = taken.kind is InstructionKind.REFUND
    return NewInstruction(
        id=uuid_utils.compat.uuid7(),
        kind=taken.kind,
        booking_id=taken.booking_id,
        payment_id=taken.payment_id,
        source_id=taken.id,
        payee_id=payee_id,
        gateway=taken.gateway,
        target=target,
        amount=taken.amount,
        currency=taken.currency,
        reason=REFUNDED_THERE if is_refund else PAID_THERE,
    )
