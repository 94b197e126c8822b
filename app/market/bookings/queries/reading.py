"""Lists of bookings, and histories. One statement per function."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.db import (
    Tx,
    fetch_all,
)
from app.market.bookings.model import Booking, BookingState, Move


async def list_of_guest(
    tx: Tx, guest_id: UUID, *, state: BookingState | None, before: UUID | None, limit: int
) -> list[Booking]:
    """The first parts of a guest's bookings, newest first (ids are in the order of time).

    With a state: those of which any part is in it.
    """
    return await fetch_all(
        tx,
        Booking,
        """
        SELECT * FROM bookings
         WHERE guest_id = %(guest_id)s AND part_of IS NULL
           AND (%(state)s::text IS NULL OR state = %(state)s
                OR id IN (SELECT part_of FROM bookings
                           WHERE guest_id = %(guest_id)s AND state = %(state)s))
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        guest_id=guest_id,
        state=state,
        before=before,
        limit=limit,
    )


async def list_of_host(
    tx: Tx, host_id: UUID, *, state: BookingState | None, before: UUID | None, limit: int
) -> list[Booking]:
    """The parts of bookings that are of a host's listings, newest first (by their ids)."""
    return await fetch_all(
        tx,
        Booking,
        """
        SELECT * FROM bookings
         WHERE host_id = %(host_id)s
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        state=state,
        before=before,
        limit=limit,
    )


async def history(tx: Tx, booking_ids: Sequence[UUID]) -> list[Move]:
    """The moves of these parts, in the order of time.

    A part that was split from another of them moved with that until it was cancelled.
    """
    return await fetch_all(
        tx,
        Move,
        """
        SELECT booking_id, at, was, move.state, actor, reason
          FROM booking_history AS move
          JOIN bookings AS part ON part.id = booking_id
         WHERE booking_id = ANY(%(booking_ids)s)
           AND (split_from IS NULL OR split_from <> ALL(%(booking_ids)s)
                OR move.state = 'cancelled')
         ORDER BY move.id""",
        booking_ids=list(booking_ids),
    )
