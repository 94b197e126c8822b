"""Charges: settled when a webhook, the guest or a deadline asks."""

from app import queue
from app.checkout.stories import settle_payment
from tasks.runner.handlers import handles


@handles(queue.SettlePayment)
async def settle(job: queue.SettlePayment) -> None:
    """Ask the gateway what became of a charge, and book the answer once."""
    await settle_payment(job.payment_id)
