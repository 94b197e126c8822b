"""What a guest has done lately, for the quotas that count it. One statement per function."""

from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_values


async def wait_for_others_of(tx: Tx, guest_id: UUID) -> None:
    """Wait until no other transaction counts, or adds to, what this guest has cancelled."""
    await execute(
        tx,
        "SELECT pg_advisory_xact_lock(hashtextextended(%(scope)s, 0))",
        scope=f"cancelled by {guest_id}",
    )


async def cancelled_paid(tx: Tx, guest_id: UUID, *, but: UUID, within: timedelta) -> list[datetime]:
    """When the guest cancelled paid bookings, the last one first; not that with the id `but`.

    A booking counts once, whether all of it was cancelled or something was given back of it.
    """
    return await fetch_values(
        tx,
        datetime,
        """
        SELECT max(history.at) AS at
          FROM bookings AS part
          JOIN booking_history AS history ON history.booking_id = part.id
         WHERE part.guest_id = %(guest_id)s AND coalesce(part.part_of, part.id) <> %(but)s
           AND part.state = 'cancelled' AND part.updated_at > business_now() - %(within)s
           AND history.state = 'cancelled' AND history.actor = 'guest'
           AND history.was IN ('awaiting_host', 'confirmed')
           AND history.at > business_now() - %(within)s
         GROUP BY coalesce(part.part_of, part.id)
         ORDER BY at DESC""",
        guest_id=guest_id,
        but=but,
        within=within,
    )
