"""Local times are what was agreed on: instants follow when a government changes its clocks."""

from uuid import UUID

import uuid_utils.compat

from app.edge.notifications.model import Kind
from app.foundation import audit
from app.foundation.audit import SYSTEM, Subject
from app.foundation.clock import ZONE_DATA
from app.foundation.db import Tx
from app.market.bookings import queries, rules
from app.market.bookings.actions.move import notify
from app.market.bookings.actions.read import lock
from app.market.bookings.model import UNPAID, Booking, CorrectedTimes, LocalInstant
from app.money.escrow import actions as escrow


async def local_instants(tx: Tx, *, ids_max: int) -> list[LocalInstant]:
    """Every instant to come for which the local time is known, with how many bookings have it."""
    return await queries.local_instants(tx, ids_max=ids_max)


async def correct_times(tx: Tx, booking_id: UUID, *, reason: str) -> CorrectedTimes | None:
    """Put the instants of a booking where its local times are now; None if they are there.

    Its windows and the deadlines for cancelling move with them, and its guest and its host are
    notified. What is over is left as it was.
    """
    before = await lock(tx, booking_id)
    known = await queries.local_instants(tx, booking_id=booking_id, ids_max=1)
    after = rules.at_local_times(before, known)
    if _times(after) == _times(before):
        return None
    await queries.put_times(tx, after)
    await escrow.move_windows(tx, before.id, rules.windows(before), rules.windows(after))
    await audit.record(
        tx,
        by=SYSTEM,
        action="correct_booking_times",
        subject=Subject("booking", before.id),
        before=_times(before),
        after=_times(after) | {"zoneData": ZONE_DATA},
        reason=reason,
    )
    if before.state not in UNPAID:
        correction: UUID = uuid_utils.compat.uuid7()  # another one is notified of again
        for account_id in (after.guest_id, after.host_id):
            await notify(tx, after, account_id, Kind.BOOKING_TIMES_CORRECTED, source_id=correction)
    return CorrectedTimes(before=before, after=after)


def _times(booking: Booking) -> dict[str, object]:
    return {"checkInAt": booking.check_in_at, "checkOutAt": booking.check_out_at}
