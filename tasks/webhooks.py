"""Webhooks: act on what a gateway has reported, after asking it what is true."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from app.edge.gateways import references
from app.edge.gateways.port import EventKind
from app.edge.webhooks import actions as webhooks
from app.edge.webhooks import rules
from app.edge.webhooks.model import (
    FIRST_WAIT,
    TRIES_MAX,
    WAIT_MAX,
    AnotherAccounts,
    NothingOfOurs,
    StoredEvent,
)
from app.flows.chargebacks.stories import look_up_reported
from app.flows.checkout.stories import settle_payment
from app.flows.movements.stories import take_in_charge, take_in_refunds
from app.flows.sending import actions as sending
from app.flows.sending.stories import look_up, look_up_earlier
from app.foundation import queue
from app.foundation.clipping import message
from app.foundation.db import Tx, transaction
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payees import actions as payees
from app.money.payees.stories import ask_about, ask_about_payout
from app.money.payments import actions as payments
from app.money.payments.model import Payment, PaymentState
from tasks.runner.handlers import Retries, handles

Follow = Callable[[], Awaitable[object]]

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
            await webhooks.failed(tx, event.id, error=message(error))
        if event.attempts < TRIES_MAX:
            raise


async def retry_webhooks(limit: int) -> int:
    """Queue events again whose job was lost or gave up; returns how many."""
    async with transaction() as tx:
        return await webhooks.retry_unprocessed(tx, limit=limit)


async def _what_follows(tx: Tx, event: StoredEvent) -> Follow | None:
    """The look-up that an event asks for; None if it asks for none, and is marked as ignored.

    An event about something that has the form of our references and that we do not know fails, and
    is tried again: the gateway may have reported it before our own commit. Others are strangers'.
    One that another account must have signed is set aside.
    """
    try:
        follow = await _look_up_for(tx, event)
    except AnotherAccounts as error:
        await webhooks.set_aside(tx, event, error)
        return None
    if follow is None:
        await webhooks.ignored(tx, event.id)
    return follow


async def _look_up_for(tx: Tx, event: StoredEvent) -> Follow | None:
    match event.kind:
        case EventKind.PAYEE_CHANGED | EventKind.PAYEE_PAYOUT_CHANGED:
            return await _about_payee(tx, event)
        case EventKind.CHARGEBACK_CHANGED:
            return await _about_chargeback(tx, event)
        case EventKind.TRANSFER_CHANGED:
            return await _about_transfer(tx, event)
        case EventKind.CHARGE_CHANGED | EventKind.REFUND_CHANGED:
            return await _about_charge(tx, event)
        case EventKind.OTHER:
            return None


async def _about_charge(tx: Tx, event: StoredEvent) -> Follow | None:
    """The look-up of a charge, or of all its refunds; it is named by our reference or its id."""
    payment = await _charge_of(tx, event)
    if payment is None:
        return partial(_fail_unknown, event) if references.is_charge(event.reference) else None
    rules.check_account(event, payment.asked.currency)
    if event.kind is EventKind.CHARGE_CHANGED:
        if event.gateway_id and payment.charge_id not in (None, event.gateway_id):
            return partial(_look_at_another, event, payment, event.gateway_id)
        return partial(settle_payment, payment.id, event_id=event.id)
    refund_ids = await instructions.refunds_at_gateway(tx, payment.id)
    return partial(_look_up_all, payment, refund_ids, event.id)


async def _charge_of(tx: Tx, event: StoredEvent) -> Payment | None:
    """Our charge that an event names."""
    if event.reference and (named := await payments.find_by_reference(tx, event.reference)):
        return named
    if event.gateway_id is None:
        return None
    return await payments.find_by_gateway_id(tx, event.gateway, event.gateway_id)


async def _about_transfer(tx: Tx, event: StoredEvent) -> Follow | None:
    kind, reference = InstructionKind.TRANSFER, event.reference
    if reference and (
        transfer := await instructions.find_by_reported_reference(tx, reference, kind)
    ):
        rules.check_account(event, transfer.currency)
        if transfer.reference == reference:
            return partial(look_up, transfer.id, event_id=event.id)
        return partial(look_up_earlier, transfer.id, reference, event_id=event.id)
    if references.is_transfer(reference):
        return partial(_fail_unknown, event)
    if event.gateway_id is None:
        return None
    known = await instructions.find_by_gateway_id(tx, event.gateway, event.gateway_id, kind)
    if known is None:
        return None
    rules.check_account(event, known.currency)
    return partial(look_up, known.id, event_id=event.id)


async def _about_chargeback(tx: Tx, event: StoredEvent) -> Follow | None:
    """The look-up of a charge's chargebacks; None for a charge that is not ours.

    If the event has a gateway's own name of the charge, only the answer may show whose that is.
    """
    payment, reference = await _charge_of(tx, event), event.reference
    if payment:
        rules.check_account(event, payment.asked.currency)
        currency, reference = payment.asked.currency, payment.reference
    elif references.is_charge(reference) or references.is_gateways(reference):
        currency = None
    else:
        return None
    return partial(
        look_up_reported, event.gateway, reference or "", currency=currency, event_id=event.id
    )


async def _about_payee(tx: Tx, event: StoredEvent) -> Follow | None:
    """The look-up of a payout account, or of a payout from it; None for one that is not ours.

    We store a gateway's code of an account before the gateway reports anything about it: an account
    that we do not know when an event comes is not ours.
    """
    code = event.reference or ""
    account = await payees.find_by_reported_recipient(tx, event.gateway, code)
    if account is None:
        return None
    if event.kind is EventKind.PAYEE_CHANGED:
        return partial(ask_about, account.id, event_id=event.id)
    return partial(ask_about_payout, account, event.gateway_id or "", event_id=event.id)


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


async def _look_at_another(event: StoredEvent, payment: Payment, charge_id: str) -> None:
    """Look at another attempt to pay what is paid already: if it succeeded, it is given back."""
    await take_in_charge(
        event.gateway, payment.asked_as, charge_id, currency=payment.asked.currency
    )
    await settle_payment(payment.id, event_id=event.id)


async def _fail_unknown(event: StoredEvent) -> None:
    raise NothingOfOurs(f"{event.gateway} reports {event.reference}, which we do not know")
