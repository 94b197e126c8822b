"""Webhooks: acting on what a gateway said, after asking it what is true."""

from uuid import UUID

from app import queue
from app.alerts import Severity, raise_alert
from app.checkout.stories import settle_payment
from app.db import Tx, transaction
from app.gateways.port import EventKind
from app.payments import actions as payments
from app.webhooks import actions as webhooks
from app.webhooks.model import StoredEvent
from tasks.runner.handlers import handles


@handles(queue.ProcessWebhook)
async def process_webhook(job: queue.ProcessWebhook) -> None:
    """Act on a stored event; its effect and its mark are one commit."""
    async with transaction() as tx:
        event = await webhooks.begin(tx, job.event_id)
        payment_id = await _payment_to_settle(tx, event) if event else None
    if payment_id is None:
        return
    try:
        await settle_payment(payment_id, event_id=job.event_id)
    except Exception as error:
        async with transaction() as tx:
            await webhooks.failed(tx, job.event_id, error=f"{type(error).__name__}: {error}")
        raise


async def retry_webhooks(limit: int) -> int:
    """Act again on events whose job was lost or gave up; returns how many."""
    async with transaction() as tx:
        return await webhooks.retry_unprocessed(tx, limit=limit)


async def _payment_to_settle(tx: Tx, event: StoredEvent) -> UUID | None:
    """The payment an event is about; events about nothing of ours end here."""
    if event.kind is not EventKind.CHARGE_CHANGED or event.reference is None:
        await webhooks.ignored(tx, event.id)
        return None
    if payment := await payments.find_by_reference(tx, event.reference):
        return payment.id
    # Our references are committed before a gateway hears of them: this one is not ours.
    await raise_alert(
        tx,
        kind="unknown_reference",
        severity=Severity.WARNING,
        subject=event.reference,
        details={"gateway": event.gateway, "event": event.name, "eventId": str(event.id)},
    )
    await webhooks.ignored(tx, event.id)
    return None
