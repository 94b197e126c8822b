"""What operators send and get when they handle alerts."""

from typing import Annotated

from msgspec import Meta

from app.foundation.alerts import Alert
from app.foundation.errors import NotFound
from app.foundation.wire import Input, Output

Note = Annotated[
    str, Meta(min_length=1, max_length=1_000, pattern=r"\S", examples=["Refunded by hand"])
]


class AlertPage(Output, frozen=True):
    """Newest first, by when they were first seen; `nextCursor` is null on the last page."""

    alerts: list[Alert]
    next_cursor: str | None


class Resolution(Input, frozen=True):
    """What was found, and what was done about it."""

    note: Note


class AlertNotFound(NotFound):
    title = "There is no such alert"
