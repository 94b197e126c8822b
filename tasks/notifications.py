"""Mails: sent soon after the commit that caused them, or by a sweep if that has failed."""

from app.edge.notifications import stories
from app.foundation import queue
from tasks.runner.handlers import handles


@handles(queue.SendNotification)
async def send_notification(job: queue.SendNotification) -> None:
    """Deliver one notification; if that fails, the outbox says when it is tried again."""
    await stories.deliver(job.notification_id)


async def send_notifications(limit: int) -> int:
    """Send the mails that are due and were not delivered at once; returns how many."""
    swept = await stories.deliver_due(limit)
    return swept.sent
