"""Lists in pages. A cursor holds the sort keys of the last row of one page, where the next begins.

To read a page, select one row more than it shows, beginning after the cursor:

    before = paging.read_id(cursor)
    rows = await queries.bookings(tx, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(rows, limit, by=lambda row: row.id)
"""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.errors import Invalid

T = TypeVar("T")

RowId = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of rows that Postgres numbers


def cut(rows: list[T], limit: int, *, by: Callable[[T], object]) -> tuple[list[T], str | None]:
    """The rows of a page, and the cursor for the next page: None if this is the last one.

    `rows` holds more than `limit` rows if there is a next page. `by` returns the key by which the
    list is sorted, or a tuple of the keys; the cursor holds those of the last row shown.
    """
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    key = by(page[-1])
    keys = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
    return page, write_cursor(*keys)


def read_id(cursor: str | None) -> UUID | None:
    """The UUID after which a list goes on, None to begin it. Raises Invalid."""
    return read_cursor(cursor, tuple[UUID])[0] if cursor else None


def read_row_id(cursor: str | None) -> int | None:
    """The row number after which a list goes on, None to begin it. Raises Invalid."""
    return read_cursor(cursor, tuple[RowId])[0] if cursor else None


def read_time_and_row_id(cursor: str | None) -> tuple[datetime, int] | None:
    """The time and row number after which a list goes on, None to begin it. Raises Invalid."""
    return read_cursor(cursor, tuple[datetime, RowId]) if cursor else None


def write_cursor(*keys: object) -> str:
    """A cursor for the client to send back: the sort keys of the last row of a page, encoded."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The sort keys in a cursor, as the tuple type `kind`. Raises Invalid for any other text."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError) as error:  # msgspec's errors are ValueErrors
        raise Invalid.field("cursor", "is not a cursor of this list") from error
