"""Lists of gateways: what happened in a span of time, one page for each call."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
Row = dict[str, Any]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From an instant on, up to another, which is not in it any more. Both in UTC."""

    since: datetime
    until: datetime

    @classmethod
    def of_day(cls, day: date) -> "Span":
        """A day from midnight to midnight UTC, whatever zone a gateway's own days are in."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return cls(since=start, until=start + timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%dT%H:%M}/{self.until:%Y-%m-%dT%H:%M}"

    def has(self, time: object) -> bool:
        """Whether a time, as a gateway writes it, is in this span.

        A value that is not a time counts as in it: one row too many is better than one too few.
        """
        at = instant(time)
        return at is None or self.since <= at < self.until


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `next_cursor` is what asks for the next one; None on the last page.

    What is not ours is in it too, with an empty reference. `unreadable` has the gateway's ids of
    what fits no shape or currency of ours: somebody created it on the gateway's dashboard. Pages
    may overlap, and a row may differ from one page to the next: rows come and change meanwhile.
    """

    rows: list[T]
    unreadable: list[str]
    next_cursor: str | None = None


def empty() -> Page[Any]:
    """The only page of a list that a gateway does not have."""
    return Page(rows=[], unreadable=[])


def texts(metadata: object) -> dict[str, str]:
    """The texts of metadata that a gateway returns; it may return anything in their place."""
    try:
        given = msgspec.convert(metadata, dict[str, Any])
    except msgspec.ValidationError:
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str)}


def instant(time: object) -> datetime | None:
    """A time in ISO 8601 or Unix seconds, in UTC if it has no zone; None if it is not a time."""
    try:
        match time:
            case bool():
                return None
            case int():
                return datetime.fromtimestamp(time, UTC)
            case str():
                at = datetime.fromisoformat(time)
            case _:
                return None
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def page_of(
    rows: Iterable[Row], read: Callable[[Row], T | None], next_cursor: str | None
) -> Page[T]:
    """What `read` makes of each row, and the ids of the rows of which it makes None."""
    read_rows: list[T] = []
    unreadable: list[str] = []
    for row in rows:
        read_row = read(row)
        if read_row is None:
            unreadable.append(str(row.get("id")))
        else:
            read_rows.append(read_row)
    return Page(rows=read_rows, unreadable=unreadable, next_cursor=next_cursor)
