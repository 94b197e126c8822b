"""Mails: sent soon after the commit that caused them, and swept up if that failed."""

from app.edge.notifications import stories
from app.foundation import queue
from tasks.runner.handlers import handles


@handles(queue.SendNotification)
async def send_notification(job: queue.SendNotification) -> None:
    """Deliver one notification; a failure plans its own next attempt in the outbox."""
    await stories.deliver(job.notification_id)


async def send_notifications(limit: int) -> int:
    """Send what is due and was not delivered at once; returns how many mails went out."""
    swept = await stories.deliver_due(limit)
    return swept.sent
