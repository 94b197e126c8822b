"""Days at a gateway: from midnight to midnight UTC, whatever zone its lists use."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from app.edge.gateways.port import Listing

T = TypeVar("T")
Row = dict[str, Any]


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of(day: date) -> datetime:
    return start_of(day) + timedelta(days=1)


def is_on(day: date, time: object) -> bool:
    """Whether a time, in ISO 8601 or Unix seconds, is on this day. Without a zone it is in UTC.

    A value that is not a time counts as on the day: one row too many is better than one too few.
    """
    match time:
        case int():
            at = datetime.fromtimestamp(time, UTC)
        case str():
            try:
                at = datetime.fromisoformat(time)
            except ValueError:
                return True
        case _:
            return True
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return start_of(day) <= at < end_of(day)


def listing(rows: Iterable[Row], read: Callable[[Row], T | None]) -> Listing[T]:
    """What `read` makes of each row, and the ids of the rows of which it makes None."""
    read_rows: list[T] = []
    unreadable: list[str] = []
    for row in rows:
        read_row = read(row)
        if read_row is None:
            unreadable.append(str(row.get("id")))
        else:
            read_rows.append(read_row)
    return Listing(rows=read_rows, unreadable=unreadable)
