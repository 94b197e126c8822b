"""Deleting rows that are older than they are kept, in batches.

A room that keeps rows for a limited time has a function of this form, which
`tasks/operations.py` calls:

    async def forget_old(tx: Tx, *, limit: int) -> Batch
"""

from typing import Self

import msgspec


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a batch deleted, and whether there may be more to delete."""

    deleted: int
    more: bool

    @classmethod
    def of(cls, deleted: int, *, limit: int) -> Self:
        """The batch of a statement that deletes up to `limit` rows, and deleted this many."""
        return cls(deleted=deleted, more=deleted >= limit)
