"""Charges: settled when a webhook, the guest or a deadline asks for it."""

from typing import Final

from app.flows.checkout.stories import close_checkout, settle_payment, start_later
from app.foundation import queue
from app.foundation.db import transaction
from app.money.payments import actions as payments
from tasks.runner.handlers import Retries, handles

_RETRIES: Final = Retries(attempts_max=8, first_wait_s=4, wait_s_max=120)


@handles(queue.SettlePayment)
async def settle(job: queue.SettlePayment) -> None:
    """Ask the gateway what became of a charge, and settle it once."""
    await settle_payment(job.payment_id)


@handles(queue.StartCharge, retries=_RETRIES)
async def start(job: queue.StartCharge) -> None:
    """Start a charge at its gateway, so that the guest can pay it."""
    await start_later(job.payment_id, job.return_url)


@handles(queue.CloseCheckout, retries=_RETRIES)
async def close(job: queue.CloseCheckout) -> None:
    """Close the page of a charge that is not to be paid any more."""
    await close_checkout(job.payment_id)


async def reconcile_payments(limit: int) -> int:
    """Queue look-ups of charges that may have been paid unnoticed; returns how many."""
    async with transaction() as tx:
        return await payments.ask_about_unpaid(tx, limit=limit)
