"""Deleting rows past their time, a batch at a time.

Each room that keeps rows for a while has a function of this shape for `tasks/operations.py`:

    async def forget_old(tx: Tx, *, limit: int) -> Batch
"""

from typing import Self

import msgspec


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a batch has deleted, and whether there may be more to delete."""

    deleted: int
    more: bool

    @classmethod
    def of(cls, deleted: int, *, limit: int) -> Self:
        """Of a statement that deletes `limit` rows as long as there are so many."""
        return cls(deleted=deleted, more=deleted >= limit)
