"""Claiming units for a booking: all or nothing, under any concurrency."""

from datetime import datetime
from uuid import UUID

from app.claims import queries, rules
from app.claims.model import SoldOut, Span, UnitsTaken, Wanted
from app.db import Tx, savepoint
from app.inventory.model import OfferedUnit

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
    tx: Tx, *, booking_id: UUID, wanted: Wanted, count: int, until: datetime | None
) -> list[OfferedUnit]:
    """Claim any `count` free units of a listing; returns which.

    Buyers pass each other's picks by instead of queueing for the same unit. Whoever finds too few
    waits for the others before looking again, and says SoldOut only of what is committed.
    """
    for _ in range(_LOOKS_MAX):
        async with savepoint(tx) as undo:
            picked = await queries.pick_free(tx, wanted, count)
            if len(picked) == count:
                span = wanted.span([unit.id for unit in picked])
                if len(await queries.claim(tx, booking_id, span, until)) == span.size:
                    return picked
            undo()
        await _refuse_if_sold_out(tx, booking_id, wanted, count)
        await queries.wait_for_pickers(tx, wanted.listing_id)
        await _refuse_if_sold_out(tx, booking_id, wanted, count)
    raise SoldOut([])


async def release(tx: Tx, *, booking_id: UUID, span: Span) -> int:
    """Give a booking's units back; returns how many claims that were."""
    return await queries.release(tx, booking_id, span)


async def _refuse_if_sold_out(tx: Tx, booking_id: UUID, wanted: Wanted, count: int) -> None:
    free = await queries.free_units(tx, wanted, but=booking_id)
    if len(free) < count:
        raise SoldOut([unit.label for unit in free])


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
