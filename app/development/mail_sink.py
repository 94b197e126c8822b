"""A mail server that prints the mails it gets: the mailbox of `berthold dev`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from app.development.children import print_line

_LINES_MAX = 40


class _Printer:
    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.SMTP)
        for line in _lines(mail):
            print_line("mail", "magenta", line)
        return "250 OK"


@asynccontextmanager
async def running_mail_sink(port: int) -> AsyncGenerator[None]:
    """Accept mail on this port of loopback, and print it, as long as the context is open."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(_Printer(), hostname="berthold.example", enable_SMTPUTF8=True),
        "127.0.0.1",
        port,
    )
    async with server:
        yield


def _lines(mail: EmailMessage) -> list[str]:
    body = mail.get_body(("plain",))
    text = body.get_content() if body else "(no text)"
    lines = [f"To: {mail['To']}", f"Subject: {mail['Subject']}", "", *text.strip().splitlines()]
    return ["┌─", *(f"│ {_printable(line)}" for line in lines[:_LINES_MAX]), "└─"]


def _printable(line: str) -> str:
    """A line without control characters, which would steer the terminal."""
    return "".join(letter for letter in line if letter.isprintable())
