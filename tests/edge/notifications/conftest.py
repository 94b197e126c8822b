"""A mail server that takes the mails of a test."""

from collections.abc import AsyncIterator

import pytest

from tests.mail_server import Sink, running_mail_server


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """The mail server that SMTP_URL points to while a test runs."""
    async with running_mail_server() as sink:
        yield sink
