"""What a guest has cancelled lately: more of it than is free costs the gateway's fee."""

from datetime import datetime
from uuid import UUID

from app.foundation.db import Tx
from app.market.bookings import queries, rules
from app.market.bookings.model import Booking
from app.market.bookings.model.quotas import CANCELLED_COUNTED


async def cancelled_too_much_until(
    tx: Tx, booking: Booking, *, one_at_a_time: bool
) -> datetime | None:
    """Until when cancelling this paid booking is one too many of its guest's; None if it is not.

    It is exact if it is asked `one_at_a_time`, after the booking was locked: then another one of
    this guest waits until this transaction ends.
    """
    guest_id: UUID = booking.guest_id
    if one_at_a_time:
        await queries.wait_for_others_of(tx, guest_id)
    others = await queries.cancelled_paid(
        tx, guest_id, but=booking.whole_id, within=CANCELLED_COUNTED
    )
    return rules.free_to_cancel_at(others)
