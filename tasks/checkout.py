"""Charges: settled when a webhook, the guest or a deadline asks for it."""

from app.flows.checkout.stories import settle_payment
from app.foundation import queue
from app.foundation.db import transaction
from app.money.payments import actions as payments
from tasks.runner.handlers import handles


@handles(queue.SettlePayment)
async def settle(job: queue.SettlePayment) -> None:
    """Ask the gateway what became of a charge, and settle it once."""
    await settle_payment(job.payment_id)


async def reconcile_payments(limit: int) -> int:
    """Queue look-ups of charges that may have been paid unnoticed; returns how many."""
    async with transaction() as tx:
        return await payments.ask_about_unpaid(tx, limit=limit)
