"""Ask gateways what they did without us, between two transactions, and take it in."""

from uuid import UUID

from app.edge.gateways.port import (
    ChargeStatus,
    FoundInstruction,
    GatewayName,
    NoSuchCharge,
    Unknown,
)
from app.edge.gateways.registry import gateway_named
from app.edge.webhooks import actions as webhooks
from app.flows.checkout.stories import settle_payment
from app.flows.movements import actions
from app.flows.sending.rules import with_settlement
from app.foundation.db import transaction
from app.money.payments import actions as payments
from app.money.payments.model import PaymentState


async def learn_charge(payment_id: UUID) -> None:
    """Ask about a charge again: what it settled, its fee, whether it was given back.

    Raises NoSuchPayment, GatewayUnclear.
    """
    payment = await settle_payment(payment_id)
    if payment.state is PaymentState.SUCCEEDED:
        await take_in_refunds(payment_id)


async def take_in_charge(
    gateway_name: GatewayName, reference: str, charge_id: str, *, currency: str | None
) -> None:
    """Take in a charge that a gateway has and we have not, or one more under a reference.

    `currency` is what it was asked for in, if that is known. Nothing is taken in that was not paid,
    or is not ours. Raises GatewayUnclear.
    """
    gateway = gateway_named(gateway_name)
    found = await gateway.find_charge(reference, charge_id=charge_id, currency=currency)
    match found:
        case Unknown(reason=reason):
            raise payments.inconclusive(reason)
        case NoSuchCharge():
            return
        case _ if found.status is not ChargeStatus.SUCCEEDED or found.live != gateway.live:
            return
        case _:
            async with transaction() as tx:
                await actions.take_in_charge(tx, gateway_name, found)


async def take_in_refunds(payment_id: UUID, *, event_id: UUID | None = None) -> int:
    """Of all refunds of a charge, take in those that we did not begin; returns how many.

    `event_id` is the webhook that caused this: it is marked as processed in the same commit. Raises
    NoSuchPayment, GatewayUnclear, RefundExceedsCharge.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
    gateway = gateway_named(payment.gateway)
    found = await gateway.find_refunds(
        payment.asked_as, charge_id=payment.charge_id, currency=payment.asked.currency
    )
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    for refund in found:
        if isinstance(unsettled := with_settlement(refund, payment), Unknown):
            raise payments.inconclusive(unsettled.reason)
    async with transaction() as tx:
        taken = await actions.take_in_refunds(tx, payment_id, found, live=gateway.live)
        if event_id:
            await webhooks.processed(tx, event_id)
    return taken


async def take_in_transfer(gateway_name: GatewayName, found: FoundInstruction) -> bool:
    """Take in a transfer that a gateway lists and we did not begin; False if it is not ours.

    Raises NotTakenIn.
    """
    live = gateway_named(gateway_name).live
    async with transaction() as tx:
        if found.live != live:
            return False
        payment = await actions.charge_of_transfer(tx, gateway_name, found)
        if payment is None:
            return False
        return await actions.take_in_transfer(tx, payment.id, found, live=live)
