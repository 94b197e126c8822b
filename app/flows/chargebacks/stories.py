"""Chargebacks, with a gateway call between two transactions: ask, then book the answer."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import FoundChargeback, Gateway, GatewayName, Unknown
from app.edge.gateways.registry import gateway_named, open_names
from app.edge.webhooks import actions as webhooks
from app.flows.chargebacks.actions import asking
from app.flows.chargebacks.model import NotToldYet
from app.flows.checkout.stories import settle_payment
from app.foundation.db import Tx, now, transaction
from app.money.payments import actions as payments
from app.money.payments.model import PaymentState

# Today and two days before: a lost webhook is made up for within a day, or within two where
# the gateway was silent when it was asked.
_DAYS: Final = 3


async def look_up(payment_id: UUID) -> None:
    """Ask a charge's gateway for its chargebacks, and book the answer once.

    Raises NoSuchPayment, GatewayUnclear.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
        asked_at = await now(tx)
    gateway = gateway_named(payment.gateway)
    await _book(gateway, await _ask(gateway, payment.reference), asked_at=asked_at)


async def look_up_told(name: GatewayName, reference: str, *, event_id: UUID) -> None:
    """The same of a charge that a webhook names, under our reference or the gateway's own.

    The event is marked processed when all is booked. Raises GatewayUnclear, and NotToldYet for an
    event ahead of its gateway.
    """
    gateway = gateway_named(name)
    async with transaction() as tx:
        asked_at = await now(tx)
    found = await _ask(gateway, reference)
    if not found:
        raise NotToldYet("The gateway's own answer does not bear the event out yet.")
    await _book(gateway, found, asked_at=asked_at, event_id=event_id)


async def find_new(gateway: Gateway) -> int:
    """Queue a look at what it lists of the last days; returns how many charges it is.

    Raises GatewayUnclear.
    """
    async with transaction() as tx:
        today = (await now(tx)).date()
    days = [today - timedelta(days=back) for back in range(_DAYS)]
    return sum([await _look_through(gateway, day) for day in days])


async def ask_about_open(limit: int) -> int:
    """Queue a look at what is still to be decided or given back; returns how many that is."""
    async with transaction() as tx:
        names = [gateway.name for gateway in telling()]
        return await asking.ask_about_open(tx, names, limit=limit)


def telling() -> list[Gateway]:
    """The open gateways that tell of chargebacks."""
    return [gateway for name in open_names() if (gateway := gateway_named(name)).tells_chargebacks]


async def _ask(gateway: Gateway, reference: str) -> list[FoundChargeback]:
    found = await gateway.find_chargebacks(reference)
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    return found


async def _look_through(gateway: Gateway, day: date) -> int:
    listed = await gateway.list_chargebacks(day)
    if isinstance(listed, Unknown):
        raise payments.inconclusive(listed.reason)
    async with transaction() as tx:
        return await asking.ask_about_listed(tx, gateway.name, listed)


async def _book(
    gateway: Gateway,
    found: Sequence[FoundChargeback],
    *,
    asked_at: datetime,
    event_id: UUID | None = None,
) -> None:
    """Each in a commit of its own; the last one ends the event."""
    for told in found:
        await _know_that_it_was_paid(gateway, told)
        async with transaction() as tx:
            await asking.book_told(tx, gateway, told, asked_at=asked_at)
            if told is found[-1]:
                await _end(tx, event_id)


async def _know_that_it_was_paid(gateway: Gateway, told: FoundChargeback) -> None:
    """The chargeback may be the first that we hear of it."""
    async with transaction() as tx:
        payment = await asking.find_charge(tx, gateway.name, told)
    if payment and payment.state is not PaymentState.SUCCEEDED:
        await settle_payment(payment.id)


async def _end(tx: Tx, event_id: UUID | None) -> None:
    if event_id:
        await webhooks.processed(tx, event_id)
