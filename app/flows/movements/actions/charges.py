"""Charges that a gateway has and we have not, and the charges that other movements are of."""

from uuid import UUID

from app.edge.gateways import references
from app.edge.gateways.port import FoundCharge, FoundInstruction, GatewayName
from app.flows.movements import rules
from app.foundation.alerts import Severity, raise_alert
from app.foundation.db import Tx
from app.foundation.queue import SettlePayment, enqueue
from app.market.bookings import actions as bookings
from app.money.payments import actions as payments
from app.money.payments.model import Payment
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation.model import What


async def take_in_charge(tx: Tx, gateway: GatewayName, found: FoundCharge) -> UUID | None:
    """Take in a paid charge that is not here, or one more under a reference; returns its id.

    What becomes of it is settled by its look-up, which is queued: it buys its booking if that is
    here and still waits for it, else it is given back. None if it is not ours, or if an admin has
    posted it already.
    """
    first = await payments.find_by_reference(tx, found.reference)
    if first and first.gateway is gateway and first.charge_id in (None, found.gateway_id):
        await enqueue(tx, SettlePayment(payment_id=first.id))
        return first.id
    if await reconciliation.posted_by_hand(tx, gateway, What.CHARGE, [found.gateway_id]):
        return None
    if first is None:
        return await _take_in_unseen(tx, gateway, found)
    if first.gateway is not gateway:
        return None
    payment_id, reference = rules.another_id(first, found.gateway_id)
    await payments.take_in(
        tx,
        payment_id=payment_id,
        reference=reference,
        gateway=gateway,
        money=found.money,
        booking_id=first.booking_id,
        payer_id=first.payer_id,
    )
    return payment_id


async def _take_in_unseen(tx: Tx, gateway: GatewayName, found: FoundCharge) -> UUID | None:
    """Take in a charge of which we know nothing: the database was restored from before it."""
    payment_id = references.payment_id_in(found.reference)
    if payment_id is None:
        return None
    booking = await bookings.find_reported(tx, found.metadata.get("bookingId", ""))
    parts = await bookings.parts_of(tx, booking) if booking else []
    is_new = await payments.take_in(
        tx,
        payment_id=payment_id,
        reference=found.reference,
        gateway=gateway,
        money=rules.asked_money(found, parts),
        booking_id=booking.id if booking else None,
        payer_id=booking.guest_id if booking else None,
    )
    if is_new:
        await raise_alert(
            tx,
            kind="charge_taken_in",
            severity=Severity.WARNING,
            subject=found.reference,
            details={
                "gateway": gateway,
                "amount": str(found.money),
                "bookingId": str(booking.id) if booking else "",
            },
        )
    return payment_id


async def find_charge(tx: Tx, gateway: GatewayName, found: FoundInstruction) -> Payment | None:
    """The charge that a refund or transfer at a gateway is of; None if we do not know it."""
    by_id = (
        await payments.find_by_gateway_id(tx, gateway, found.charge_id) if found.charge_id else None
    )
    payment = by_id or await payments.find_by_reference(tx, found.charge_reference)
    return payment if payment and payment.gateway is gateway else None
