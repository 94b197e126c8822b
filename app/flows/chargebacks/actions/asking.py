"""Asking gateways about chargebacks: which charge one is about, and which are to be asked about."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.edge.gateways.port import FoundChargeback, Gateway, GatewayName, Listing
from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions import booking, telling
from app.foundation.db import Tx
from app.foundation.queue import LookUpChargebacks, enqueue_all
from app.money.payments import actions as payments
from app.money.payments.model import Payment


async def book_told(
    tx: Tx, gateway: Gateway, found: FoundChargeback, *, asked_at: datetime
) -> None:
    """Book what a gateway tells of a chargeback; of what is none of ours an alert tells."""
    if payment := await find_charge(tx, gateway.name, found):
        await booking.book(tx, payment.id, found, live=gateway.live, asked_at=asked_at)
    else:
        await _tell_unknown(tx, gateway.name, found)


async def find_charge(tx: Tx, gateway: GatewayName, found: FoundChargeback) -> Payment | None:
    """The charge of ours that a chargeback at this gateway is about; None if it is none."""
    payment = await payments.find_by_reference(tx, found.charge_reference)
    return payment if payment and payment.gateway is gateway else None


async def ask_about_listed(tx: Tx, gateway: GatewayName, listed: Listing[FoundChargeback]) -> int:
    """Queue a look at each charge of ours that a gateway lists as wanted back; returns how many.

    Of what is none of ours, or cannot be read, an alert tells.
    """
    asked: set[UUID] = set()
    for found in listed.rows:
        if payment := await find_charge(tx, gateway, found):
            asked.add(payment.id)
        else:
            await _tell_unknown(tx, gateway, found)
    for gateway_id in listed.unreadable:
        await telling.unknown(tx, gateway, gateway_id, what="it fits no shape of ours")
    await enqueue_all(tx, [LookUpChargebacks(payment_id=payment_id) for payment_id in asked])
    return len(asked)


async def ask_about_open(tx: Tx, gateways: Sequence[GatewayName], *, limit: int) -> int:
    """Queue a look at these gateways for what was not looked at lately and is not over yet.

    Returns how many chargebacks that is. Of evidence that is due soon an alert tells.
    """
    await telling.due(tx, await queries.due_within(tx, rules.DUE_SOON, limit=limit))
    payment_ids = await queries.look_up_due(
        tx, gateways, look_again_in=rules.LOOK_AGAIN_IN, limit=limit
    )
    asked = sorted(set(payment_ids))
    await enqueue_all(tx, [LookUpChargebacks(payment_id=payment_id) for payment_id in asked])
    return len(payment_ids)


async def _tell_unknown(tx: Tx, gateway: GatewayName, found: FoundChargeback) -> None:
    await telling.unknown(
        tx,
        gateway,
        found.gateway_id,
        amount=str(found.money),
        reference=found.charge_reference,
    )
