"""Delivery: claim in one transaction, send in none, record in another."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib
import msgspec
import structlog

from app.edge.notifications import actions, rules
from app.edge.notifications.model import Claimed, Outcome
from app.foundation.db import transaction
from app.foundation.settings import settings

# All of one attempt; well below actions.LEASE, which must outlast it.
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
    """Send one notification if it is due; a failure is planned again, not raised.

    A process that dies between sending and recording makes the mail go out again when its lease
    ends, with the same Message-ID: SMTP has no way to ask.
    """
    async with transaction() as tx:
        claimed = await actions.claim(tx, notification_id)
    return await _deliver(claimed) if claimed else Outcome.NOT_DUE


async def deliver_due(limit: int = 200) -> Swept:
    """Send what is due, the oldest first; stops early when the mail server does not want now."""
    swept = Swept()
    for _ in range(limit):
        async with transaction() as tx:
            claimed = await actions.claim_next(tx)
        if claimed is None:
            break
        outcome = await _deliver(claimed)
        swept = msgspec.structs.replace(swept, **{outcome: getattr(swept, outcome) + 1})
        if outcome is Outcome.RETRIED:
            break
    return swept


async def _deliver(claimed: Claimed) -> Outcome:
    try:
        message = rules.compose(claimed, mail_from=settings().mail_from)
    except Exception as error:  # noqa: BLE001  whatever it is, the other mails still go out
        _log.exception("mail not composed", id=str(claimed.id), kind=claimed.kind, exc_info=error)
        async with transaction() as tx:
            return await actions.record_not_composed(tx, claimed, error=_words(error))
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            await aiosmtplib.send(message, **server(settings().smtp_url))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        async with transaction() as tx:
            return await actions.record_failure(
                tx, claimed, error=_words(error), permanent=_is_permanent(error)
            )
    async with transaction() as tx:
        return await actions.record_sent(tx, claimed)


def server(url: str) -> dict[str, Any]:
    """aiosmtplib's arguments for `smtp://user:pass@host:port`, `smtps://…` or `smtp://…?starttls`.

    Plain `smtp` still encrypts if the server offers it; `?starttls` refuses to go on without.
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

    A refused sender or log-in is our own fault, and may be repaired before the last try.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return all(refused.code >= _PERMANENT for refused in error.recipients)
        case aiosmtplib.SMTPDataError():
            return error.code >= _PERMANENT
        case _:
            return False


def _words(error: Exception) -> str:
    """What went wrong, short, and free of what a database text cannot hold."""
    return f"{type(error).__name__}: {error}".replace("\x00", "")[:500]
