"""The verbs of cancelling: preview, cancel."""

from uuid import UUID

import msgspec

from app.flows.cancellation import rules
from app.flows.cancellation.model import Cancel, Preview, RefundChanged, Ruling
from app.foundation import audit, states
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx, now
from app.market.bookings import actions as bookings
from app.market.bookings.model import MOVES, Booking, BookingState
from app.money.escrow import actions as escrow
from app.money.escrow import rules as escrow_rules
from app.people.accounts.model import Principal


async def preview(tx: Tx, *, booking_id: UUID, asker: Principal) -> Preview:
    """What the guest gets back if the asker cancels now.

    Raises BookingNotFound, MoveRefused, NotCancellable, ChargeContested.
    """
    booking = await bookings.get(tx, booking_id=booking_id, asker=asker)
    ruling = await _ruling(tx, booking, bookings.actor(booking, asker))
    held = await escrow.of_booking(tx, booking.id)
    divisions = escrow_rules.give_back(held, rental_bps=ruling.back_bps, reason="cancelled")
    return rules.preview(booking, ruling, divisions)


async def cancel(tx: Tx, *, booking_id: UUID, asker: Principal, request: Cancel) -> Booking:
    """Cancel a booking before it begins, and divide its pots, in one commit.

    Raises BookingNotFound, MoveRefused, NotCancellable, ChargeContested, RefundChanged.
    """
    booking = await bookings.lock(tx, booking_id)
    by = bookings.actor(booking, asker)
    ruling = await _ruling(tx, booking, by)
    held = await escrow.lock_all(tx, booking.id)
    divisions = escrow_rules.give_back(held, rental_bps=ruling.back_bps, reason="cancelled")
    back = rules.preview(booking, ruling, divisions)
    if request.expected_refund and request.expected_refund != back.total:
        raise _changed(back)
    cancelled = await bookings.cancel(tx, booking, by=by, reason=request.reason)
    await _record(tx, booking, back, by=by, reason=request.reason)
    await escrow.divide(tx, divisions, by=by)
    return cancelled


async def _ruling(tx: Tx, booking: Booking, by: Actor) -> Ruling:
    states.check(MOVES, booking.state, BookingState.CANCELLED)
    return rules.ruling(booking, by.role, await now(tx))


def _changed(back: Preview) -> RefundChanged:
    return RefundChanged(
        f"{back.total} would come back now.", members={"preview": msgspec.to_builtins(back)}
    )


async def _record(tx: Tx, was: Booking, back: Preview, *, by: Actor, reason: str) -> None:
    await audit.record(
        tx,
        by=by,
        action="cancel_booking",
        subject=Subject("booking", was.id),
        before={"state": was.state},
        after={"state": BookingState.CANCELLED, "refund": back.total, "rule": back.rule},
        reason=reason,
    )
