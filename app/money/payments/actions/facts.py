"""Facts that a gateway adds later are posted once; charges that only it has are taken in."""

from uuid import UUID

from app.edge.gateways.port import (
    FoundCharge,
    GatewayName,
)
from app.foundation import audit
from app.foundation.audit import SYSTEM, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.foundation.queue import SettlePayment, enqueue, enqueue_all
from app.money.ledger import actions as ledger
from app.money.payments import rules
from app.money.payments.actions.look_up import LOOK_AGAIN_IN
from app.money.payments.model import (
    PaymentState,
)
from app.money.payments.queries import charges, facts


async def learn(tx: Tx, payment_id: UUID, found: FoundCharge) -> None:
    """Post what the gateway reports of a paid charge beside its amount, once: fee and exchange.

    What it does not report yet is asked for again until it does. What changes is corrected.
    The caller has locked the booking, or the charge.
    """
    payment = await charges.lock(tx, payment_id)
    if payment.state is not PaymentState.SUCCEEDED:
        return
    if found.fee is None:
        if payment.fee is None:
            await facts.ask_for_facts(tx, payment.id)
        return
    if found.fee == payment.fee and found.settled in (None, payment.settled):
        return
    is_first = payment.fee is None
    known = await facts.store_facts(tx, payment.id, fee=found.fee, settled=found.settled)
    if is_first:
        await ledger.post_all(tx, rules.facts(known))
    else:
        await ledger.post_all(tx, rules.corrections(known, was=payment))


async def ask_for_facts(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of paid charges whose fee the gateway did not report yet; returns how many."""
    payment_ids = await facts.facts_due(tx, limit=limit)
    await enqueue_all(tx, [SettlePayment(payment_id=payment_id) for payment_id in payment_ids])
    return len(payment_ids)


async def take_in(
    tx: Tx,
    *,
    payment_id: UUID,
    reference: str,
    gateway: GatewayName,
    money: Money,
    booking_id: UUID | None,
    payer_id: UUID | None,
) -> bool:
    """Store a charge that the gateway has and we have not, and queue its look-up.

    Without a booking it is given back when it is settled. False if it is here already.
    """
    is_new = await charges.insert_taken_in(
        tx,
        payment_id=payment_id,
        reference=reference,
        gateway=gateway,
        money=money,
        booking_id=booking_id,
        payer_id=payer_id,
        look_in=LOOK_AGAIN_IN,
    )
    if is_new:
        await enqueue(tx, SettlePayment(payment_id=payment_id))
        await audit.record(
            tx,
            by=SYSTEM,
            action="take_in_payment",
            subject=Subject("payment", payment_id),
            after={
                "bookingId": booking_id,
                "gateway": gateway,
                "reference": reference,
                "amount": money,
            },
        )
    return is_new
