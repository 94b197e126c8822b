"""Send mails: take one in a transaction, send it outside of any, record the end in another."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib
import msgspec
import structlog

from app.edge.notifications import actions, rules
from app.edge.notifications.model import Outcome, Taken
from app.foundation.clipping import message as message_of
from app.foundation.db import transaction
from app.foundation.settings import settings

# For a whole attempt; well below actions.LEASE, which must be longer.
_ATTEMPT_SECONDS: Final = 60.0
_REPLY_SECONDS: Final = 20.0
_PERMANENT: Final = 500

_log = structlog.get_logger(__name__)


class Swept(msgspec.Struct, frozen=True):
    """What one sweep of the outbox did."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    not_composed: int = 0


async def deliver(notification_id: UUID) -> Outcome:
    """Send one notification if it is due; a failure plans the next attempt, and is not raised.

    If the process dies between sending and recording, the mail is sent again when its lease ends,
    with the same Message-ID: SMTP has no way to ask whether it was sent.
    """
    async with transaction() as tx:
        taken = await actions.take(tx, notification_id)
    return await _deliver(taken) if taken else Outcome.NOT_DUE


async def deliver_due(limit: int = 200) -> Swept:
    """Send what is due, the oldest first; stops early if the mail server accepts no mail now."""
    swept = Swept()
    for _ in range(limit):
        async with transaction() as tx:
            taken = await actions.take_next(tx)
        if taken is None:
            break
        outcome = await _deliver(taken)
        swept = msgspec.structs.replace(swept, **{outcome: getattr(swept, outcome) + 1})
        if outcome is Outcome.RETRIED:
            break
    return swept


async def _deliver(taken: Taken) -> Outcome:
    try:
        message = rules.compose(
            taken,
            mail_from=settings().mail_from,
            base_url=settings().base_url,
            key=settings().secret_keys[0],
        )
    except Exception as error:  # noqa: BLE001  whatever it is, the other mails are still sent
        _log.exception("mail not composed", id=str(taken.id), kind=taken.kind, exc_info=error)
        async with transaction() as tx:
            return await actions.record_not_composed(tx, taken, error=message_of(error))
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            await aiosmtplib.send(message, **server(settings().smtp_url))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        async with transaction() as tx:
            return await actions.record_failure(
                tx, taken, error=message_of(error), permanent=_is_permanent(error)
            )
    async with transaction() as tx:
        return await actions.record_sent(tx, taken)


def server(url: str) -> dict[str, Any]:
    """aiosmtplib's arguments for `smtp://user:pass@host:port`, `smtps://…` or `smtp://…?starttls`.

    Plain `smtp` encrypts if the server offers it; with `?starttls` it must.
    """
    parts = urlsplit(url)
    tls = parts.scheme == "smtps"
    starttls = "starttls" in parse_qs(parts.query, keep_blank_values=True)
    return {
        "hostname": parts.hostname,
        "port": parts.port or (465 if tls else 587 if starttls else 25),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "use_tls": tls,
        "start_tls": False if tls else True if starttls else None,
        "timeout": _REPLY_SECONDS,
    }


def _is_permanent(error: Exception) -> bool:
    """Whether the server refused this reader or this mail for good (RFC 5321 §4.2.1: 5yz).

    A refused sender or log-in is a fault of ours, and may be repaired before the last attempt.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return all(refused.code >= _PERMANENT for refused in error.recipients)
        case aiosmtplib.SMTPDataError():
            return error.code >= _PERMANENT
        case _:
            return False
