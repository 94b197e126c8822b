"""Mails: sent soon after the commit that caused them, or by a sweep if that has failed."""

import msgspec

from app.edge.notifications import actions as notifications
from app.edge.notifications import stories
from app.edge.notifications.model import AccountFacts, Kind
from app.foundation import queue
from app.foundation.db import transaction
from app.people.accounts import actions as accounts
from tasks.runner.handlers import handles


@handles(queue.SendNotification)
async def send_notification(job: queue.SendNotification) -> None:
    """Deliver one notification; if that fails, the outbox says when it is tried again."""
    await stories.deliver(job.notification_id)


@handles(queue.NotifyAccount)
async def notify_account(job: queue.NotifyAccount) -> None:
    """Put a mail about somebody's own account into the outbox: accounts know of no mails."""
    async with transaction() as tx:
        await notifications.notify(
            tx,
            account_id=job.account_id,
            kind=Kind(job.kind),
            source_id=job.source_id,
            data=msgspec.convert(job.facts, AccountFacts),
            address=job.address,
        )


@handles(queue.MailReset)
async def mail_reset(job: queue.MailReset) -> None:
    """Mail a link for a new password, if an account has the address."""
    async with transaction() as tx:
        await accounts.mail_reset(tx, job.email)


async def send_notifications(limit: int) -> int:
    """Send the mails that are due and were not delivered at once; returns how many."""
    swept = await stories.deliver_due(limit)
    return swept.sent
