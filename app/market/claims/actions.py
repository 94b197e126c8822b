"""Claiming units for a booking: all or nothing, under any concurrency."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from app.foundation.db import Tx, savepoint
from app.market.claims import queries, rules
from app.market.claims.model import SoldOut, Span, UnitsTaken, Wanted
from app.market.inventory.model import OfferedUnit

T = TypeVar("T")

_LOOKS_TOGETHER = 5
_LOOKS_MAX = 10


async def claim(
    tx: Tx, *, booking_id: UUID, listing_id: UUID, span: Span, until: datetime | None
) -> None:
    """Claim all of `span` for a booking until an instant, or for good (None).

    Raises UnitsTaken naming what is gone and what is free instead; the caller's transaction must
    then roll back, which undoes the claims that did succeed.
    """
    got = await queries.claim(tx, booking_id, span, until)
    if len(got) < span.size:
        raise await units_taken(tx, booking_id, listing_id, span, got)


async def try_claim(tx: Tx, *, booking_id: UUID, span: Span, until: datetime | None) -> bool:
    """Claim all of `span`, or nothing and return False."""
    async with savepoint(tx) as undo:
        if len(await queries.claim(tx, booking_id, span, until)) == span.size:
            return True
        undo()
    return False


async def claim_any(
    tx: Tx,
    *,
    wanted: Wanted,
    count: int,
    claim: Callable[[list[OfferedUnit]], Awaitable[T | None]],
) -> T:
    """Pick any `count` free units for `claim` to claim; it says None if it did not get them all.

    Buyers pass each other's picks by instead of queueing for the same unit. Whoever finds too few
    waits for the others before looking again, and says SoldOut only of what is committed. Who has
    waited in vain a few times locks the units, so that buyers of several cannot keep each other
    from all of them for ever.
    """
    for look in range(_LOOKS_MAX):
        async with savepoint(tx) as undo:
            picked = await queries.pick_free(tx, wanted, count)
            if len(picked) == count and (got := await claim(picked)) is not None:
                return got
            undo()
        free = await queries.free_units(tx, wanted)
        if len(free) < count:
            raise SoldOut([unit.label for unit in free])
        if look < _LOOKS_TOGETHER:
            await _wait_for_pickers(tx, wanted)
        else:
            await queries.lock_units(tx, wanted.listing_id)
    raise SoldOut([])


async def _wait_for_pickers(tx: Tx, wanted: Wanted) -> None:
    """Wait together with others, and give the locks back: nobody holds up those who pick."""
    async with savepoint(tx) as undo:
        await queries.wait_for_free(tx, wanted)
        undo()


async def release(tx: Tx, *, booking_id: UUID, span: Span) -> int:
    """Give a booking's units back; returns how many claims that were."""
    return await queries.release(tx, booking_id, span)


async def units_taken(
    tx: Tx, booking_id: UUID, listing_id: UUID, span: Span, got: list[int]
) -> UnitsTaken:
    """The refusal for a booking that got only these units' claims, with what is free instead."""
    slots = span.size // len(span.unit_ids)
    lost_ids = [unit_id for unit_id in span.unit_ids if got.count(unit_id) < slots]
    lost = await queries.units_by_id(tx, lost_ids)
    wanted = Wanted(listing_id=listing_id, first=span.first, last=span.last)
    free = await queries.free_units(tx, wanted, but=booking_id)
    instead = [unit for unit in free if unit.id not in span.unit_ids]
    return UnitsTaken(
        taken=[unit.label for unit in lost],
        alternatives=[unit.label for unit in rules.nearest(lost, instead)],
    )
