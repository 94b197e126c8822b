"""A day at a gateway: from midnight to midnight UTC, whatever its lists go by."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from app.edge.gateways.port import Listing

T = TypeVar("T")
Row = dict[str, Any]


def begin_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of(day: date) -> datetime:
    return begin_of(day) + timedelta(days=1)


def is_of(day: date, told: object) -> bool:
    """Whether a time, as ISO 8601 or in Unix seconds, is of this day. One without a zone is UTC's;
    what is no time counts: better a row too many than one too few.
    """
    match told:
        case int():
            at = datetime.fromtimestamp(told, UTC)
        case str():
            try:
                at = datetime.fromisoformat(told)
            except ValueError:
                return True
        case _:
            return True
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return begin_of(day) <= at < end_of(day)


def listing(rows: Iterable[Row], read: Callable[[Row], T | None]) -> Listing[T]:
    """What can be read of the rows, and the ids of the others."""
    read_rows: list[T] = []
    unreadable: list[str] = []
    for row in rows:
        made = read(row)
        if made is None:
            unreadable.append(str(row.get("id")))
        else:
            read_rows.append(made)
    return Listing(rows=read_rows, unreadable=unreadable)
