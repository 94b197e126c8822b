"""Settlements: each month that is over, one after the other, in steps that may be done twice."""

import asyncio
from datetime import date
from typing import Final

from app.foundation.db import transaction
from app.money.ledger import actions as ledger
from app.money.settlements import actions as settlements
from app.money.settlements.model import Month

_TRIES: Final = 150
_WAIT_S: Final = 0.2


class StillPosting(Exception):
    """A transaction that posts has not ended for half a minute; the job is tried again."""


async def calculate_settlements(limit: int) -> int:
    """Settle all months that are over and not settled yet; returns how many settlements were made.

    `limit` entries of the ledger are read at once. Raises StillPosting.
    """
    made = 0
    while month := await _next_month():
        if begun := await _begin(month):
            made += await _settle(begun, limit)
    return made


async def _next_month() -> date | None:
    async with transaction() as tx:
        return await settlements.next_month(tx)


async def _begin(month: date) -> Month | None:
    """The month, its entries fixed as soon as no more can come that are as old.

    None if another process has settled it meanwhile.
    """
    async with transaction() as tx:
        mark = await ledger.mark(tx)
    for _ in range(_TRIES):
        async with transaction() as tx:
            if await settlements.next_month(tx) != month:
                return None
            if begun := await settlements.begin(tx, month, mark):
                return begun
        await asyncio.sleep(_WAIT_S)
    raise StillPosting(f"the settlements of {month:%Y-%m} wait for a transaction that posts")


async def _settle(month: Month, limit: int) -> int:
    for first in range(month.done_entry + 1, month.last_entry + 1, limit):
        async with transaction() as tx:
            await settlements.add_lines(tx, month, first=first, last=first + limit - 1)
    async with transaction() as tx:
        return await settlements.close(tx, month)
