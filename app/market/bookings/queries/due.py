"""Bookings whose time has come: unpaid, unanswered, over. One statement per function."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.db import (
    Tx,
    fetch_value,
    fetch_values,
)


async def lock_next_unpaid(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock the first part of an unpaid booking past its deadline.

    But none of these and none that is locked. All parts of a booking have the same deadline.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM bookings
         WHERE state IN ('held', 'awaiting_payment') AND expires_at <= (SELECT business_now())
           AND part_of IS NULL AND id <> ALL(%(but)s::uuid[])
         ORDER BY expires_at
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
    )


async def lock_next_unanswered(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock the first part of a booking that has a request past its `respond_by`.

    But none of these and none that is locked. Requests with a contested pot are left out: their
    money cannot be refunded now.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT first.id
          FROM bookings AS part
          JOIN bookings AS first ON first.id = coalesce(part.part_of, part.id)
         WHERE part.state = 'awaiting_host' AND part.respond_by <= (SELECT business_now())
           AND first.id <> ALL(%(but)s::uuid[])
           AND NOT EXISTS (SELECT FROM pots WHERE booking_id = part.id AND contested)
         ORDER BY part.respond_by
         LIMIT 1
           FOR NO KEY UPDATE OF first SKIP LOCKED""",
        but=list(but),
    )


async def lock_over(tx: Tx, but: Sequence[UUID] = (), *, limit: int) -> list[UUID]:
    """Lock confirmed bookings that are over and have no pot left to divide or to give back.

    But none of these and none that is locked.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM bookings
         WHERE state = 'confirmed' AND check_out_at <= (SELECT business_now())
           AND id <> ALL(%(but)s::uuid[])
           AND NOT EXISTS (
               SELECT FROM pots
                WHERE booking_id = bookings.id
                  AND (pots.state IN ('held', 'disputed')
                       OR (pots.kind = 'deposit' AND pots.state = 'refunding')))
         ORDER BY check_out_at
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
        limit=limit,
    )


async def complete(tx: Tx, booking_ids: Sequence[UUID]) -> list[UUID]:
    """Complete confirmed bookings, each with a history row; returns the ids of those completed."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH completed AS (
            UPDATE bookings SET state = 'completed', updated_at = business_now()
             WHERE id = ANY(%(ids)s) AND state = 'confirmed'
         RETURNING id
        ), history AS (
            INSERT INTO booking_history (booking_id, was, state, actor, reason)
            SELECT id, 'confirmed', 'completed', 'system', 'it is over, and its money settled'
              FROM completed
        )
        SELECT id FROM completed""",
        ids=list(booking_ids),
    )
