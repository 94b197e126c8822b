"""The ends of a booking: cancelled, not paid in time, over."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.notifications.model import Kind
from app.foundation.audit import SYSTEM, Actor
from app.foundation.db import Tx, now
from app.market.bookings import queries
from app.market.bookings.actions.move import (
    close_payments,
    notify,
    notify_guest,
    release_and_move,
)
from app.market.bookings.actions.read import lock_whole
from app.market.bookings.model import UNPAID, Booking, BookingState


async def cancel(tx: Tx, parts: Sequence[Booking], *, by: Actor, reason: str) -> list[Booking]:
    """Cancel locked parts of a booking, and free their units. The caller divides their money.

    Open charges are looked up at their gateways once more, and their pages are closed.
    """
    cancelled = await release_and_move(
        tx, parts, BookingState.CANCELLED, by=by, reason=reason or f"cancelled by the {by.role}"
    )
    await close_payments(tx, parts[0].whole_id)
    if parts[0].state not in UNPAID:  # of an unpaid one nobody has been notified yet
        for part in cancelled:
            await notify_cancelled(tx, part, reason=reason)
    return cancelled


async def notify_cancelled(tx: Tx, booking: Booking, *, reason: str) -> None:
    """Notify the guest and the host of a part that it is cancelled."""
    for account_id in (booking.guest_id, booking.host_id):
        await notify(tx, booking, account_id, Kind.BOOKING_CANCELLED, reason=reason)


async def cancel_if_ahead(tx: Tx, booking: Booking, *, reason: str) -> None:
    """Cancel a locked part that has not begun: what its guest had paid is gone.

    One that has begun, or is not confirmed, stays as it is; a request for one is cancelled, too.
    """
    is_ahead = booking.state is BookingState.CONFIRMED and booking.check_in_at > await now(tx)
    if is_ahead or booking.state is BookingState.AWAITING_HOST:
        await cancel(tx, [booking], by=SYSTEM, reason=reason)


async def expire(tx: Tx, parts: Sequence[Booking], *, reason: str) -> list[Booking]:
    """End an unpaid booking, and free its units."""
    return await release_and_move(tx, parts, BookingState.EXPIRED, by=SYSTEM, reason=reason)


async def next_unpaid(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one booking that was not paid in time, but none of these."""
    return await queries.lock_next_unpaid(tx, but)


async def expire_unpaid(tx: Tx, booking_id: UUID) -> None:
    """Expire a locked booking that was not paid in time.

    Its open charges are looked up at their gateways once more: one may have been paid, and its
    webhook lost. Their pages are closed.
    """
    parts = await lock_whole(tx, booking_id)
    was_paying = parts[0].state is BookingState.AWAITING_PAYMENT
    parts = await expire(tx, parts, reason="not paid in time")
    await close_payments(tx, parts[0].id)
    if was_paying:
        await notify_guest(tx, parts, Kind.HOLD_EXPIRED)


async def complete_over(tx: Tx, *, limit: int) -> list[UUID]:
    """Complete bookings that are over and whose pots are settled; returns their ids."""
    return await queries.complete(tx, await queries.lock_over(tx, limit=limit))


async def next_over(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one booking that is over and whose pots are settled, but none of these."""
    return next(iter(await queries.lock_over(tx, but, limit=1)), None)


async def complete(tx: Tx, booking_id: UUID) -> None:
    """Complete a locked booking that is over and whose pots are settled."""
    await queries.complete(tx, [booking_id])
