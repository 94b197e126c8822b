"""Claim units for a booking, all or none, and give them back; safe under any concurrency."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from app.foundation.db import Tx, savepoint
from app.foundation.errors import Problem
from app.market.claims import queries, rules
from app.market.claims.model import FreeUnit, Pick, SoldOut, Sought, Span, UnitsTaken, Wanted
from app.market.inventory.model import OfferedUnit

T = TypeVar("T")

_LOOKS_TOGETHER = 5
_LOOKS_MAX = 10


async def claim(tx: Tx, sought: Sequence[Sought], *, until: datetime | None) -> None:
    """Claim all that the parts of a booking seek until an instant, or for good (None).

    Raises UnitsTaken, which names the units that are taken and those that are free instead, or
    NightsBetweenGuests. The caller's transaction must then roll back, which undoes the claims that
    succeeded.
    """
    await keep_apart(tx, sought)
    claimed = await queries.claim(tx, sought, until)
    for short, got in rules.short(sought, claimed):
        raise await units_taken(tx, short, got)


async def try_claim(tx: Tx, sought: Sequence[Sought], *, until: datetime | None) -> bool:
    """Claim all that the parts of a booking seek, or nothing and return False."""
    async with savepoint(tx) as undo:
        await keep_apart(tx, sought)
        if not rules.short(sought, await queries.claim(tx, sought, until)):
            return True
        undo()
    return False


async def keep_apart(tx: Tx, sought: Sequence[Sought]) -> None:
    """Lock units before they are claimed, so that nobody else claims them at the same moment.

    Those with nights kept empty between guests: the primary key keeps two claims from being of one
    slot, but not from being too near. The statement that claims begins after the units are locked,
    and so sees all claims of them.
    """
    if unit_ids := rules.kept_apart(sought):
        await queries.lock_units_of(tx, unit_ids)


async def claim_any(
    tx: Tx,
    picks: Sequence[Pick],
    *,
    named: Sequence[Sought] = (),
    claim: Callable[[list[list[OfferedUnit]]], Awaitable[T | None]],
) -> T:
    """Pick any free units for each of `picks` and pass them to `claim`, in the same order.

    `claim` returns None if some of them were taken. `named` are units that it claims beside them.

    Buyers skip units that others are picking, instead of waiting for them. A buyer who finds too
    few waits for the others' commits, without a lock that they might wait for, looks again, and
    gets SoldOut only for what is committed. A buyer who has waited several times in vain locks all
    units of the listings: else buyers of several units could keep each other from getting them for
    ever.
    """
    for look in range(_LOOKS_MAX):
        async with savepoint(tx) as undo:
            await keep_apart(tx, named)
            picked = [await queries.pick_free(tx, each.wanted, each.count) for each in picks]
            enough = all(len(p) == e.count for p, e in zip(picked, picks, strict=True))
            if enough and (got := await claim(picked)) is not None:
                return got
            undo()
        for pick in picks:
            free = await queries.free_units(tx, pick.wanted)
            if len(free) < pick.count:
                raise rules.in_part(await _too_few(tx, pick.wanted, free, pick.count), pick.part)
        if look < _LOOKS_TOGETHER:
            for pick in picks:
                await _wait_for_pickers(tx, pick.wanted)
        else:
            listing_ids = [pick.wanted.listing_id for pick in picks]
            await queries.lock_units(tx, listing_ids, rules.kept_apart(named))
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


async def release(tx: Tx, sought: Sequence[Sought]) -> int:
    """Delete the claims of parts, which frees their units; returns how many claims there were."""
    return await queries.release(tx, sought)


async def units_taken(tx: Tx, sought: Sought, got: Sequence[int]) -> Problem:
    """The problem for a part that got only claims of the units in `got`, with alternatives.

    UnitsTaken; or NightsBetweenGuests, if others have only nights that are too near.
    """
    span = sought.span
    slots = span.size // len(span.unit_ids)
    lost_ids = [unit_id for unit_id in span.unit_ids if got.count(unit_id) < slots]
    lost = await queries.units_by_id(tx, lost_ids)
    wanted = Wanted(listing_id=sought.listing_id, first=span.first, last=span.last, gap=span.gap)
    free = await queries.free_units(tx, wanted, but=sought.booking_id)
    instead = [unit for unit in free if unit.id not in span.unit_ids]
    taken = [unit.label for unit in lost]
    alternatives = [unit.label for unit in rules.nearest(lost, instead)]
    fields = await _too_near(tx, sought.booking_id, span, lost_ids) if span.gap else []
    problem = (
        rules.too_near(span.gap, fields, taken=taken, free=alternatives)
        if fields
        else UnitsTaken(taken=taken, alternatives=alternatives)
    )
    return rules.in_part(problem, sought.part)


async def _too_near(tx: Tx, booking_id: UUID, span: Span, unit_ids: Sequence[int]) -> list[str]:
    """The dates that are too near to another booking; none if another one has the nights."""
    of_units = msgspec.structs.replace(span, unit_ids=tuple(unit_ids))
    others = await queries.neighbours(tx, booking_id, of_units)
    if others.inside:
        return []
    fields = {"checkIn": others.before, "checkOut": others.after}
    return [name for name, is_near in fields.items() if is_near]
