"""Look up chargebacks: which charge one is about, and which charges to ask the gateway about."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.edge.gateways.lists import Page
from app.edge.gateways.port import FoundChargeback, Gateway, GatewayName
from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions import notify
from app.flows.chargebacks.actions.post import post
from app.foundation.db import Tx
from app.foundation.queue import LookUpChargebacks, enqueue_all
from app.money.payments import actions as payments
from app.money.payments.model import Payment


async def post_reported(
    tx: Tx, gateway: Gateway, found: FoundChargeback, *, asked_at: datetime
) -> None:
    """Post what a gateway reports of a chargeback; alert operators if its charge is not ours."""
    if payment := await find_charge(tx, gateway.name, found):
        await post(tx, payment.id, found, live=gateway.live, asked_at=asked_at)
    else:
        await _alert_unknown(tx, gateway.name, found)


async def find_charge(tx: Tx, gateway: GatewayName, found: FoundChargeback) -> Payment | None:
    """The charge that a chargeback is about; None if it is of no booking of ours."""
    payment = await payments.find_by_reference(tx, found.charge_reference)
    is_ours = payment and payment.gateway is gateway and payment.booking_id
    return payment if is_ours else None


async def contested_charges(tx: Tx) -> list[UUID]:
    """The charges that have an open chargeback: nothing of them may leave now."""
    return await queries.contested_charges(tx)


async def look_up_listed(tx: Tx, gateway: GatewayName, listed: Page[FoundChargeback]) -> int:
    """Queue a look-up of each of our charges that a gateway lists as wanted back; returns how many.

    Operators are alerted about a charge that is not ours, and about what cannot be read.
    """
    asked: set[UUID] = set()
    for found in listed.rows:
        if payment := await find_charge(tx, gateway, found):
            asked.add(payment.id)
        else:
            await _alert_unknown(tx, gateway, found)
    for gateway_id in listed.unreadable:
        await notify.alert_unknown(tx, gateway, gateway_id, what="it fits no shape of ours")
    await enqueue_all(tx, [LookUpChargebacks(payment_id=payment_id) for payment_id in asked])
    return len(asked)


async def look_up_open(tx: Tx, gateways: Sequence[GatewayName], *, limit: int) -> int:
    """Queue look-ups of chargebacks at these gateways that are not over; returns how many.

    Only of those that were not looked up lately. Operators are alerted about evidence that is due
    soon.
    """
    await notify.alert_due(tx, await queries.due_within(tx, rules.DUE_SOON, limit=limit))
    payment_ids = await queries.look_up_due(
        tx, gateways, look_again_in=rules.LOOK_AGAIN_IN, limit=limit
    )
    asked = sorted(set(payment_ids))
    await enqueue_all(tx, [LookUpChargebacks(payment_id=payment_id) for payment_id in asked])
    return len(payment_ids)


async def _alert_unknown(tx: Tx, gateway: GatewayName, found: FoundChargeback) -> None:
    await notify.alert_unknown(
        tx,
        gateway,
        found.gateway_id,
        amount=str(found.money),
        reference=found.charge_reference,
    )
