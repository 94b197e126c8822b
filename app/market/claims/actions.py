"""Claim units for a booking, all or none, and give them back; safe under any concurrency."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from app.foundation.db import Tx, savepoint
from app.foundation.errors import Problem
from app.market.claims import queries, rules
from app.market.claims.model import FreeUnit, SoldOut, Span, UnitsTaken, Wanted
from app.market.inventory.model import OfferedUnit

T = TypeVar("T")

_LOOKS_TOGETHER = 5
_LOOKS_MAX = 10


async def claim(
    tx: Tx, *, booking_id: UUID, listing_id: UUID, span: Span, until: datetime | None
) -> None:
    """Claim all of `span` for a booking until an instant, or for good (None).

    Raises UnitsTaken, which names the units that are taken and those that are free instead, or
    NightsBetweenGuests. The caller's transaction must then roll back, which undoes the claims that
    succeeded.
    """
    await keep_apart(tx, span)
    got = await queries.claim(tx, booking_id, span, until)
    if len(got) < span.size:
        raise await units_taken(tx, booking_id, listing_id, span, got)


async def try_claim(tx: Tx, *, booking_id: UUID, span: Span, until: datetime | None) -> bool:
    """Claim all of `span`, or nothing and return False."""
    async with savepoint(tx) as undo:
        await keep_apart(tx, span)
        if len(await queries.claim(tx, booking_id, span, until)) == span.size:
            return True
        undo()
    return False


async def keep_apart(tx: Tx, span: Span) -> None:
    """Lock units before they are claimed, so that nobody else claims them at the same moment.

    For units with nights kept empty between guests: the primary key keeps two claims from being of
    one slot, but not from being too near. The statement that claims begins after the units are
    locked, and so sees all claims of them.
    """
    if span.gap:
        await queries.lock_units_of(tx, span)


async def claim_any(
    tx: Tx,
    *,
    wanted: Wanted,
    count: int,
    claim: Callable[[list[OfferedUnit]], Awaitable[T | None]],
) -> T:
    """Pick any `count` free units and pass them to `claim`, which returns None if some were taken.

    Buyers skip units that others are picking, instead of waiting for them. A buyer who finds too
    few waits for the others' commits, looks again, and gets SoldOut only for what is committed. A
    buyer who has waited several times in vain locks all units of the listing: else buyers of
    several units could keep each other from getting them for ever.
    """
    for look in range(_LOOKS_MAX):
        async with savepoint(tx) as undo:
            picked = await queries.pick_free(tx, wanted, count)
            if len(picked) == count and (got := await claim(picked)) is not None:
                return got
            undo()
        free = await queries.free_units(tx, wanted)
        if len(free) < count:
            raise await _too_few(tx, wanted, free, count)
        if look < _LOOKS_TOGETHER:
            await _wait_for_pickers(tx, wanted)
        else:
            await queries.lock_units(tx, wanted.listing_id)
    raise SoldOut([])


async def _too_few(tx: Tx, wanted: Wanted, free: Sequence[FreeUnit], count: int) -> Problem:
    """The problem for a buyer of any units: others have these nights, or those beside them."""
    labels = [unit.label for unit in free]
    if wanted.gap:
        without_gap = msgspec.structs.replace(wanted, gap=0)
        if len(await queries.free_units(tx, without_gap)) >= count:
            return rules.too_near(wanted.gap, ["checkIn", "checkOut"], taken=[], free=labels)
    return SoldOut(labels)


async def _wait_for_pickers(tx: Tx, wanted: Wanted) -> None:
    """Wait until those who are picking units have ended; keep no lock that they would wait for."""
    async with savepoint(tx) as undo:
        await queries.wait_for_free(tx, wanted)
        undo()


async def release(tx: Tx, *, booking_id: UUID, span: Span) -> int:
    """Delete a booking's claims, which frees its units; returns how many claims there were."""
    return await queries.release(tx, booking_id, span)


async def units_taken(
    tx: Tx, booking_id: UUID, listing_id: UUID, span: Span, got: list[int]
) -> Problem:
    """The problem for a booking that got only claims of the units in `got`, with alternatives.

    UnitsTaken; or NightsBetweenGuests, if others have only nights that are too near.
    """
    slots = span.size // len(span.unit_ids)
    lost_ids = [unit_id for unit_id in span.unit_ids if got.count(unit_id) < slots]
    lost = await queries.units_by_id(tx, lost_ids)
    wanted = Wanted(listing_id=listing_id, first=span.first, last=span.last, gap=span.gap)
    free = await queries.free_units(tx, wanted, but=booking_id)
    instead = [unit for unit in free if unit.id not in span.unit_ids]
    taken = [unit.label for unit in lost]
    alternatives = [unit.label for unit in rules.nearest(lost, instead)]
    fields = await _too_near(tx, booking_id, span, lost_ids) if span.gap else []
    if fields:
        return rules.too_near(span.gap, fields, taken=taken, free=alternatives)
    return UnitsTaken(taken=taken, alternatives=alternatives)


async def _too_near(tx: Tx, booking_id: UUID, span: Span, unit_ids: Sequence[int]) -> list[str]:
    """The dates that are too near to another booking; none if another one has the nights."""
    of_units = msgspec.structs.replace(span, unit_ids=tuple(unit_ids))
    others = await queries.neighbours(tx, booking_id, of_units)
    if others.inside:
        return []
    fields = {"checkIn": others.before, "checkOut": others.after}
    return [name for name, is_near in fields.items() if is_near]
