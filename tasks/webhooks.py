"""Webhooks: acting on what a gateway said, after asking it what is true."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from app import queue
from app.alerts import Severity, raise_alert
from app.checkout.stories import settle_payment
from app.db import Tx, transaction
from app.gateways.port import EventKind
from app.instructions import queries as instructions
from app.money_out.stories import look_up
from app.payments import actions as payments
from app.webhooks import actions as webhooks
from app.webhooks.model import StoredEvent
from tasks.runner.handlers import handles


@handles(queue.ProcessWebhook)
async def process_webhook(job: queue.ProcessWebhook) -> None:
    """Act on a stored event; its effect and its mark are one commit."""
    async with transaction() as tx:
        event = await webhooks.begin(tx, job.event_id)
        follow = await _what_follows(tx, event) if event else None
    if follow is None:
        return
    try:
        await follow()
    except Exception as error:
        async with transaction() as tx:
            await webhooks.failed(tx, job.event_id, error=f"{type(error).__name__}: {error}")
        raise


async def retry_webhooks(limit: int) -> int:
    """Act again on events whose job was lost or gave up; returns how many."""
    async with transaction() as tx:
        return await webhooks.retry_unprocessed(tx, limit=limit)


async def _what_follows(tx: Tx, event: StoredEvent) -> Callable[[], Awaitable[object]] | None:
    """The question to ask of the gateway; events about nothing of ours end here."""
    if event.reference is None or event.kind is EventKind.OTHER:
        await webhooks.ignored(tx, event.id)
        return None
    if event.kind is EventKind.TRANSFER_CHANGED:
        if transfer := await instructions.find_by_reference(tx, event.reference):
            return partial(look_up, transfer.id, event_id=event.id)
    elif payment := await payments.find_by_reference(tx, event.reference):
        if event.kind is EventKind.CHARGE_CHANGED:
            return partial(settle_payment, payment.id, event_id=event.id)
        refund_ids = await instructions.refunds_at_gateway(tx, payment.id)
        return partial(_look_up_all, refund_ids, event.id)
    await _alert_unknown(tx, event)
    return None


async def _look_up_all(refund_ids: Sequence[UUID], event_id: UUID) -> None:
    """An event of a refund does not say of which: ask about each of the charge's."""
    for refund_id in refund_ids:
        await look_up(refund_id)
    async with transaction() as tx:
        await webhooks.processed(tx, event_id)


async def _alert_unknown(tx: Tx, event: StoredEvent) -> None:
    """Our references are committed before a gateway hears of them: this one is not ours."""
    await raise_alert(
        tx,
        kind="unknown_reference",
        severity=Severity.WARNING,
        subject=event.reference or "",
        details={"gateway": event.gateway, "event": event.name, "eventId": str(event.id)},
    )
    await webhooks.ignored(tx, event.id)
