"""Lists a page at a time: a cursor says where the page before has ended.

Whoever reads a page selects one row more than it shows, beginning behind the cursor:

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
    """The rows of a page, and the cursor of the page after it: None if this is the last one.

    `rows` holds one more than `limit` if there is a page after. `by` gives the key by which the
    list is sorted, or a tuple of its keys; the cursor holds those of the last row shown.
    """
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    key = by(page[-1])
    keys = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
    return page, write_cursor(*keys)


def read_id(cursor: str | None) -> UUID | None:
    """Where a list sorted by UUID goes on, None at its beginning. Raises Invalid."""
    return read_cursor(cursor, tuple[UUID])[0] if cursor else None


def read_row_id(cursor: str | None) -> int | None:
    """Where a list sorted by row number goes on, None at its beginning. Raises Invalid."""
    return read_cursor(cursor, tuple[RowId])[0] if cursor else None


def read_time_and_row_id(cursor: str | None) -> tuple[datetime, int] | None:
    """Where a list sorted by time, and then by row number, goes on. Raises Invalid."""
    return read_cursor(cursor, tuple[datetime, RowId]) if cursor else None


def write_cursor(*keys: object) -> str:
    """An opaque cursor holding the sort keys of the last row of a page."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The sort keys of a cursor; `kind` is a tuple type. Raises Invalid for a made-up cursor."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError) as error:  # msgspec's errors are ValueErrors
        raise Invalid.field("cursor", "is not a cursor of this list") from error
