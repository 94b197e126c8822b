"""Webhooks: act on what a gateway has reported, after asking it what is true."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from app.edge.gateways.port import EventKind
from app.edge.webhooks import actions as webhooks
from app.edge.webhooks.model import FIRST_WAIT, TRIES_MAX, WAIT_MAX, NothingOfOurs, StoredEvent
from app.flows.chargebacks.stories import look_up_reported
from app.flows.checkout.stories import settle_payment
from app.flows.movements.stories import take_in_refunds
from app.flows.sending import actions as sending
from app.flows.sending.stories import look_up, look_up_earlier
from app.foundation import queue
from app.foundation.db import Tx, transaction
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payees import actions as payees
from app.money.payees.stories import ask_about
from app.money.payments import actions as payments
from app.money.payments.model import Payment, PaymentState
from tasks.runner.handlers import Retries, handles

_RETRIES: Final = Retries(
    attempts_max=TRIES_MAX,
    first_wait_s=FIRST_WAIT.total_seconds(),
    wait_s_max=WAIT_MAX.total_seconds(),
)


@handles(queue.ProcessWebhook, retries=_RETRIES)
async def process_webhook(job: queue.ProcessWebhook) -> None:
    """Act on a stored event; its effect, and that it was processed, are one commit.

    What fails is tried again. After the last try the event is given up, and an alert is raised.
    """
    async with transaction() as tx:
        event = await webhooks.begin(tx, job.event_id)
        follow = await _what_follows(tx, event) if event else None
    if event is None or follow is None:
        return
    try:
        await follow()
    except Exception as error:
        async with transaction() as tx:
            await webhooks.failed(tx, event.id, error=f"{type(error).__name__}: {error}")
        if event.attempts < TRIES_MAX:
            raise


async def retry_webhooks(limit: int) -> int:
    """Queue events again whose job was lost or gave up; returns how many."""
    async with transaction() as tx:
        return await webhooks.retry_unprocessed(tx, limit=limit)


async def _what_follows(tx: Tx, event: StoredEvent) -> Callable[[], Awaitable[object]] | None:
    """The look-up that an event asks for; None if it asks for none, and is marked as ignored.

    An event about something that we do not know fails, and is tried again: the gateway may have
    reported it before our own commit.
    """
    if event.reference is None or event.kind is EventKind.OTHER:
        await webhooks.ignored(tx, event.id)
        return None
    if event.kind is EventKind.PAYEE_CHANGED:
        return await _about_payee(tx, event, event.reference)
    if event.kind is EventKind.CHARGEBACK_CHANGED:
        return partial(look_up_reported, event.gateway, event.reference, event_id=event.id)
    if event.kind is EventKind.TRANSFER_CHANGED:
        kind = InstructionKind.TRANSFER
        if transfer := await instructions.find_by_reported_reference(tx, event.reference, kind):
            if transfer.reference == event.reference:
                return partial(look_up, transfer.id, event_id=event.id)
            return partial(look_up_earlier, transfer.id, event.reference, event_id=event.id)
    elif payment := await payments.find_by_reference(tx, event.reference):
        if event.kind is EventKind.CHARGE_CHANGED:
            return partial(settle_payment, payment.id, event_id=event.id)
        refund_ids = await instructions.refunds_at_gateway(tx, payment.id)
        return partial(_look_up_all, payment, refund_ids, event.id)
    return partial(_fail_unknown, event)


async def _about_payee(
    tx: Tx, event: StoredEvent, recipient: str
) -> Callable[[], Awaitable[object]] | None:
    """The look-up of a payout account; None for an account that is not ours.

    We store a gateway's code of an account before the gateway reports anything about it: an account
    that we do not know when an event comes is not ours.
    """
    if account := await payees.find_by_reported_recipient(tx, event.gateway, recipient):
        return partial(ask_about, account.id, event_id=event.id)
    await webhooks.ignored(tx, event.id)
    return None


async def _look_up_all(payment: Payment, refund_ids: Sequence[UUID], event_id: UUID) -> None:
    """Look up all refunds of a charge: the event says of which charge, and not of which refund.

    One that we did not begin is taken in. If the charge is not known to be paid, that comes first.
    """
    for refund_id in refund_ids:
        await look_up(refund_id, is_reported=True)
    async with transaction() as tx:
        for refund_id in refund_ids:
            await sending.check_sent(tx, refund_id)
    if payment.state is not PaymentState.SUCCEEDED:
        await settle_payment(payment.id)
    await take_in_refunds(payment.id, event_id=event_id)


async def _fail_unknown(event: StoredEvent) -> None:
    raise NothingOfOurs(f"{event.gateway} reports {event.reference}, which we do not know")
