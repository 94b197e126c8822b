"""A real mail server on loopback: it keeps mails, or refuses them if a test wants that."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from app.foundation.settings import settings


class Sink:
    """aiosmtpd's handler: the mails taken, and the replies to give instead of taking more."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.reply_to_recipient = "250 OK"
        self.reply_to_mail = "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.reply_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.reply_to_recipient

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.reply_to_mail.startswith("250"):
            mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.SMTP)
            self.mails.append(cast("EmailMessage", mail))
        return self.reply_to_mail


@asynccontextmanager
async def running_mail_server() -> AsyncGenerator[Sink]:
    """The mail server that SMTP_URL points to for this long."""
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, hostname="sink.test", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    before = os.environ["SMTP_URL"]
    os.environ["SMTP_URL"] = f"smtp://127.0.0.1:{sink.port}"
    settings.cache_clear()
    try:
        async with server:
            yield sink
    finally:
        os.environ["SMTP_URL"] = before
        settings.cache_clear()
