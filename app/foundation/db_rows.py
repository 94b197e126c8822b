"""Rows of the database as structs."""

from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

T = TypeVar("T")

# Statements are literal text, so this cache stays small. The number of columns is part of the key
# because a migration may add one while the process runs.
_known_names: dict[tuple[type[Any], str, int], list[str]] = {}


def names(kind: type[Any], sql: LiteralString, cursor: AsyncCursor[TupleRow]) -> list[str]:
    """The columns of a statement, under the names that the fields of `kind` have in JSON."""
    width = cursor.pgresult.nfields if cursor.pgresult else 0
    known = _known_names.get((kind, sql, width))
    if known is None:
        wire = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
        known = [wire.get(column.name, column.name) for column in cursor.description or ()]
        _known_names[kind, sql, width] = known
    return known


def row_as(kind: type[T], names: list[str], row: TupleRow) -> T:
    return msgspec.convert(dict(zip(names, row, strict=True)), kind)
