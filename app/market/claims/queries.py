"""One statement per function on `claims`.

Each locks rows in the order of (unit_id, slot), so that two of them never deadlock.

`OFFSET 0` makes Postgres look up the claims of each unit by their key. Without it a plan that was
made while the table was small would read all claims.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_all, fetch_new, json
from app.market.claims.model import Claimed, FreeUnit, Neighbours, Sought, Span, Wanted
from app.market.inventory.model import OfferedUnit


async def claim(tx: Tx, sought: Sequence[Sought], until: datetime | None) -> list[Claimed]:
    """Claim what is free or held by an expired hold, and renew the claims of the same parts.

    All of it in one statement, in the order of (unit_id, slot) over all parts. Returns what each
    part has now: fewer than its `span.size` if others are taken. The primary key decides; the
    second of two transactions waits for the first. Of spans with a gap call `lock_units_of` before:
    then no claim that keeps the gap from being free can come at the same time. A part that still
    has its claims keeps them, whatever is beside them.
    """
    return await fetch_all(
        tx,
        Claimed,
        """
        WITH part AS (
            SELECT * FROM jsonb_to_recordset(%(sought)s) AS part (
                   booking_id uuid, unit_ids bigint[], first date, last date, gap integer)
             LIMIT 8  -- as many as a booking has while it is unpaid
        ), claimed AS (
            INSERT INTO claims (unit_id, slot, booking_id, expires_at)
            SELECT unit_id, slot::date, booking_id, %(until)s
              FROM part,
                   unnest(unit_ids) AS unit_id,
                   generate_series(first, last, interval '1 day') AS slot
             WHERE gap = 0
                OR NOT EXISTS (
                   SELECT FROM claims beside
                    WHERE beside.unit_id = unit_id.unit_id
                      AND beside.booking_id <> ALL (ARRAY(SELECT booking_id FROM part))
                      AND beside.slot BETWEEN first - gap AND last + gap
                      AND (beside.expires_at IS NULL
                           OR beside.expires_at > (SELECT business_now())))
                OR EXISTS (
                   SELECT FROM claims own
                    WHERE own.unit_id = unit_id.unit_id AND own.booking_id = part.booking_id
                      AND own.slot = first
                      AND (own.expires_at IS NULL OR own.expires_at > (SELECT business_now())))
             ORDER BY unit_id, slot
                ON CONFLICT (unit_id, slot) DO UPDATE
               SET booking_id = excluded.booking_id, expires_at = excluded.expires_at
             WHERE claims.booking_id = excluded.booking_id OR claims.expires_at <= business_now()
         RETURNING booking_id, unit_id
        )
        SELECT booking_id, array_agg(unit_id) AS unit_ids FROM claimed GROUP BY booking_id""",
        sought=json([_part(each) for each in sought]),
        until=until,
    )


def _part(sought: Sought) -> dict[str, object]:
    span = sought.span
    return {
        "booking_id": sought.booking_id,
        "unit_ids": span.unit_ids,
        "first": span.first,
        "last": span.last,
        "gap": span.gap,
    }


async def lock_units_of(tx: Tx, unit_ids: Sequence[int]) -> None:
    """Lock units, so that no other booking of them is made at the same time."""
    await execute(
        tx,
        """
        SELECT FROM units WHERE id = ANY(%(unit_ids)s)
         ORDER BY id
           FOR NO KEY UPDATE""",
        unit_ids=list(unit_ids),
    )


async def neighbours(tx: Tx, booking_id: UUID, span: Span) -> Neighbours:
    """Where other bookings have claims of these units."""
    return await fetch_new(
        tx,
        Neighbours,
        """
        SELECT coalesce(bool_or(slot BETWEEN %(first)s AND %(last)s), false) AS inside,
               coalesce(bool_or(slot < %(first)s), false) AS before,
               coalesce(bool_or(slot > %(last)s), false) AS after
          FROM claims
         WHERE unit_id = ANY(%(unit_ids)s) AND booking_id <> %(booking_id)s
           AND slot BETWEEN %(first)s::date - %(gap)s AND %(last)s::date + %(gap)s
           AND (expires_at IS NULL OR expires_at > (SELECT business_now()))""",
        booking_id=booking_id,
        unit_ids=list(span.unit_ids),
        first=span.first,
        last=span.last,
        gap=span.gap,
    )


async def release(tx: Tx, sought: Sequence[Sought]) -> int:
    """Delete the claims of these parts; returns how many there were.

    They are found by their units and by all slots together: all of them are of these parts.
    """
    return await execute(
        tx,
        """
        WITH own AS (
            SELECT unit_id, slot FROM claims
             WHERE unit_id = ANY(%(unit_ids)s) AND slot BETWEEN %(first)s AND %(last)s
               AND booking_id = ANY(%(booking_ids)s)
             ORDER BY unit_id, slot
               FOR UPDATE
        )
        DELETE FROM claims USING own
         WHERE claims.unit_id = own.unit_id AND claims.slot = own.slot""",
        unit_ids=[unit_id for each in sought for unit_id in each.span.unit_ids],
        booking_ids=[each.booking_id for each in sought],
        first=min(each.span.first for each in sought),
        last=max(each.span.last for each in sought),
    )


async def pick_free(tx: Tx, wanted: Wanted, count: int) -> list[OfferedUnit]:
    """Lock and return up to `count` free units, without those that other buyers have locked."""
    return await fetch_all(
        tx,
        OfferedUnit,
        """
        SELECT units.id, label, class AS unit_class, price, active FROM units
         WHERE listing_id = %(listing_id)s AND active
           AND NOT EXISTS (
                SELECT FROM claims
                 WHERE unit_id = units.id
                   AND slot BETWEEN %(first)s::date - %(gap)s AND %(last)s::date + %(gap)s
                   AND (expires_at IS NULL OR expires_at > (SELECT business_now()))
                OFFSET 0)
           AND NOT EXISTS (
                SELECT FROM blocked_dates
                 WHERE listing_id = %(listing_id)s
                   AND (unit_id IS NULL OR unit_id = units.id)
                   AND first_slot <= %(last)s AND last_slot >= %(first)s)
         ORDER BY units.id
         LIMIT %(count)s
           FOR NO KEY UPDATE OF units SKIP LOCKED""",
        listing_id=wanted.listing_id,
        first=wanted.first,
        last=wanted.last,
        gap=wanted.gap,
        count=count,
    )


async def wait_for_free(tx: Tx, wanted: Wanted) -> None:
    """Wait for the buyers that have locked free units; any number of buyers can wait at once."""
    await execute(
        tx,
        """
        SELECT FROM units
         WHERE listing_id = %(listing_id)s AND active
           AND NOT EXISTS (
                SELECT FROM claims
                 WHERE unit_id = units.id
                   AND slot BETWEEN %(first)s::date - %(gap)s AND %(last)s::date + %(gap)s
                   AND (expires_at IS NULL OR expires_at > (SELECT business_now()))
                OFFSET 0)
         ORDER BY id
           FOR SHARE OF units""",
        listing_id=wanted.listing_id,
        first=wanted.first,
        last=wanted.last,
        gap=wanted.gap,
    )


async def lock_units(tx: Tx, listing_ids: Sequence[UUID], unit_ids: Sequence[int]) -> None:
    """Lock all active units of listings, and these; each as soon as no other buyer has it."""
    await execute(
        tx,
        """
        SELECT FROM units
         WHERE (listing_id = ANY(%(listing_ids)s) AND active) OR id = ANY(%(unit_ids)s)
         ORDER BY id
           FOR NO KEY UPDATE""",
        listing_ids=list(listing_ids),
        unit_ids=list(unit_ids),
    )


async def free_units(tx: Tx, wanted: Wanted, *, but: UUID | None = None) -> list[FreeUnit]:
    """Units free for all the slots, not counting the claims of the booking `but`."""
    return await fetch_all(
        tx,
        FreeUnit,
        """
        SELECT units.id, label, class AS unit_class, seat_row, seat_column FROM units
         WHERE listing_id = %(listing_id)s AND active
           AND NOT EXISTS (
                SELECT FROM claims
                 WHERE unit_id = units.id
                   AND slot BETWEEN %(first)s::date - %(gap)s AND %(last)s::date + %(gap)s
                   AND booking_id IS DISTINCT FROM %(but)s
                   AND (expires_at IS NULL OR expires_at > (SELECT business_now()))
                OFFSET 0)
           AND NOT EXISTS (
                SELECT FROM blocked_dates
                 WHERE listing_id = %(listing_id)s
                   AND (unit_id IS NULL OR unit_id = units.id)
                   AND first_slot <= %(last)s AND last_slot >= %(first)s)
         ORDER BY units.id""",
        listing_id=wanted.listing_id,
        first=wanted.first,
        last=wanted.last,
        gap=wanted.gap,
        but=but,
    )


async def units_by_id(tx: Tx, unit_ids: list[int]) -> list[FreeUnit]:
    """Units by id, free or not, with their places on the seat plan."""
    return await fetch_all(
        tx,
        FreeUnit,
        """
        SELECT id, label, class AS unit_class, seat_row, seat_column FROM units
         WHERE id = ANY(%(unit_ids)s)
         ORDER BY id""",
        unit_ids=unit_ids,
    )
