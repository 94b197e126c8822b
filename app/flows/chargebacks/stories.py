"""Look up chargebacks at a gateway, between two transactions, and post what it reports."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.lists import Span
from app.edge.gateways.port import FoundChargeback, Gateway, GatewayName, Unknown
from app.edge.gateways.registry import gateway_named, open_names
from app.edge.webhooks import actions as webhooks
from app.flows.chargebacks import actions
from app.flows.chargebacks.model import NotToldYet
from app.flows.checkout.stories import settle_payment
from app.foundation.db import now, transaction
from app.money.payments import actions as payments
from app.money.payments.model import PaymentState

# A lost webhook is made up for within a day, or within two where the gateway was silent when it was
# asked.
_LISTED_FOR: Final = timedelta(days=3)


async def look_up(payment_id: UUID) -> None:
    """Ask a charge's gateway for its chargebacks, and post the answer once.

    Raises NoSuchPayment, GatewayUnclear.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
        asked_at = await now(tx)
    gateway = gateway_named(payment.gateway)
    found = await _ask(gateway, payment.reference, payment.asked.currency)
    await _post_all(gateway, found, asked_at=asked_at)


async def look_up_reported(
    name: GatewayName, reference: str, *, currency: str | None, event_id: UUID
) -> None:
    """Ask for the chargebacks of the charge that a webhook event names, and post the answer once.

    `reference` is ours or the gateway's own, `currency` the charge's, if that is known. The event
    is marked processed when all is posted. Raises GatewayUnclear, and NotToldYet for an event that
    the gateway's answer does not bear out.
    """
    gateway = gateway_named(name)
    async with transaction() as tx:
        asked_at = await now(tx)
    found = await _ask(gateway, reference, currency)
    if not found:
        raise NotToldYet("The gateway's own answer does not bear the event out yet.")
    await _post_all(gateway, found, asked_at=asked_at, event_id=event_id)


async def look_up_new(gateway: Gateway) -> int:
    """Queue look-ups of the charges that a gateway lists for the last days; returns how many.

    Raises GatewayUnclear.
    """
    async with transaction() as tx:
        today = await now(tx)
    span = Span(since=today - _LISTED_FOR, until=today + timedelta(days=1))
    queued, cursor = await _look_through(gateway, span, None)
    while cursor:
        more, cursor = await _look_through(gateway, span, cursor)
        queued += more
    return queued


async def look_up_open(limit: int) -> int:
    """Queue look-ups of chargebacks that are not decided or not given back; returns how many."""
    async with transaction() as tx:
        names = [gateway.name for gateway in reporting_gateways()]
        return await actions.look_up_open(tx, names, limit=limit)


def reporting_gateways() -> list[Gateway]:
    """The open gateways that report chargebacks."""
    return [
        gateway for name in open_names() if (gateway := gateway_named(name)).reports_chargebacks
    ]


async def _ask(gateway: Gateway, reference: str, currency: str | None) -> list[FoundChargeback]:
    found = await gateway.find_chargebacks(reference, currency=currency)
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    return found


async def _look_through(gateway: Gateway, span: Span, cursor: str | None) -> tuple[int, str | None]:
    """Queue look-ups of the charges of one page; returns how many, and where the list goes on."""
    page = await gateway.list_chargebacks(span, cursor)
    if isinstance(page, Unknown):
        raise payments.inconclusive(page.reason)
    async with transaction() as tx:
        return await actions.look_up_listed(tx, gateway.name, page), page.next_cursor


async def _post_all(
    gateway: Gateway,
    found: Sequence[FoundChargeback],
    *,
    asked_at: datetime,
    event_id: UUID | None = None,
) -> None:
    """Post each chargeback in a commit of its own; the last marks the event processed."""
    for reported in found:
        await _settle_charge(gateway, reported)
        async with transaction() as tx:
            await actions.post_reported(tx, gateway, reported, asked_at=asked_at)
            if event_id and reported is found[-1]:
                await webhooks.processed(tx, event_id)


async def _settle_charge(gateway: Gateway, reported: FoundChargeback) -> None:
    """Settle the charge first: its chargeback may be how we learn that it was paid."""
    async with transaction() as tx:
        payment = await actions.find_charge(tx, gateway.name, reported)
    if payment and payment.state is not PaymentState.SUCCEEDED:
        await settle_payment(payment.id)
