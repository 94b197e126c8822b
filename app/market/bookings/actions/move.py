"""The moves of a booking: paid for, confirmed, answered by the host, cancelled, expired, over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.edge.notifications import actions as notifications
from app.edge.notifications.model import DisputeFacts, Kind
from app.foundation import audit, states
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx, now
from app.foundation.queue import CloseCheckout, enqueue_all
from app.market.bookings import queries, rules
from app.market.bookings.actions.read import lock, not_found
from app.market.bookings.model import (
    MOVES,
    UNPAID,
    AnswerTooLate,
    Booking,
    BookingState,
    NotYourPart,
)
from app.market.claims import actions as claims
from app.market.inventory import actions as inventory
from app.money.escrow import actions as escrow
from app.money.payments import actions as payments
from app.money.payments.model import Payment

# ---- paid ---------------------------------------------------------------------------------------


async def await_payment(tx: Tx, booking: Booking, *, until: datetime) -> Booking:
    """Move a held booking to `awaiting_payment`, and extend its hold to the payment deadline."""
    await claims.claim(
        tx,
        booking_id=booking.id,
        listing_id=booking.listing_id,
        span=booking.span,
        until=until,
    )
    guest = Actor(ActorRole.GUEST, booking.guest_id)
    to = BookingState.AWAITING_PAYMENT
    return await _move(tx, booking, to, by=guest, reason="payment begun", expires_at=until)


async def secure(tx: Tx, booking: Booking, payment: Payment) -> bool:
    """Give the guest the units that were paid for, and put the money into escrow.

    If the hold has run out, the units are claimed again; and if the booking has expired, only
    while the host still sells them. Returns False, and changes nothing, if the units are no longer
    available.
    """
    if booking.state is BookingState.EXPIRED and not await _is_still_sold(tx, booking):
        return False
    if not await claims.try_claim(tx, booking_id=booking.id, span=booking.span, until=None):
        return False
    await escrow.hold(tx, rules.holding(booking, payment))
    if booking.terms.request_to_book:
        await _request(tx, booking)
    else:
        await _confirm(tx, booking, by=SYSTEM, reason="paid")
    return True


async def _is_still_sold(tx: Tx, booking: Booking) -> bool:
    span = booking.span
    return await inventory.still_sells(
        tx, booking.listing_id, unit_ids=span.unit_ids, first=span.first, last=span.last
    )


async def _request(tx: Tx, booking: Booking) -> None:
    booking = await _move(
        tx,
        booking,
        BookingState.AWAITING_HOST,
        by=SYSTEM,
        reason="paid; waiting for the host",
        respond_within=timedelta(hours=booking.terms.respond_within_hours),
    )
    await notify(tx, booking, booking.host_id, Kind.BOOKING_REQUESTED)


async def _confirm(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    """Confirm a booking, and set the windows of its pots: these are released by time alone."""
    booking = await _move(tx, booking, BookingState.CONFIRMED, by=by, reason=reason)
    await escrow.open_windows(tx, booking.id, rules.windows(booking))
    await notify(tx, booking, booking.guest_id, Kind.BOOKING_CONFIRMED)
    return booking


async def expire(tx: Tx, booking: Booking, *, reason: str) -> Booking:
    """End an unpaid booking, and free its units."""
    return await _release_and_move(tx, booking, BookingState.EXPIRED, by=SYSTEM, reason=reason)


async def notify(
    tx: Tx,
    booking: Booking,
    account_id: UUID,
    kind: Kind,
    *,
    reason: str = "",
    source_id: UUID | None = None,
    dispute: DisputeFacts | None = None,
) -> None:
    """Notify somebody of a booking, once per kind and source (the booking, if none is given)."""
    data = rules.facts(booking, reason=reason)
    if dispute:
        data["dispute"] = dispute
    await notifications.notify(
        tx, account_id=account_id, kind=kind, source_id=source_id or booking.id, data=data
    )


# ---- the host's answer --------------------------------------------------------------------------


async def accept(tx: Tx, *, booking_id: UUID, host_id: UUID) -> Booking:
    """Accept a request as its host. Raises AnswerTooLate, NotYourPart, MoveRefused."""
    booking = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    if booking.respond_by is None or booking.respond_by <= await now(tx):
        raise AnswerTooLate("The request ran out of time; the guest gets the money back.")
    host = Actor(ActorRole.HOST, host_id)
    accepted = await _confirm(tx, booking, by=host, reason="accepted")
    await _record(tx, "accept_booking", booking, accepted, by=host)
    return accepted


async def decline(tx: Tx, *, booking_id: UUID, host_id: UUID, reason: str) -> Booking:
    """Decline a request as its host: its units are freed, and the guest's money is refunded.

    Raises NotYourPart, MoveRefused.
    """
    booking = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    host = Actor(ActorRole.HOST, host_id)
    return await _decline(tx, booking, by=host, reason=reason or "declined by the host")


async def next_unanswered(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one request whose host did not answer in time, but none of these."""
    return await queries.lock_next_unanswered(tx, but)


async def decline_unanswered(tx: Tx, booking_id: UUID) -> None:
    """Decline a locked request whose host did not answer in time."""
    booking = await lock(tx, booking_id)
    await _decline(tx, booking, by=SYSTEM, reason="the host did not answer in time")


async def _decline(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    declined = await _release_and_move(tx, booking, BookingState.DECLINED, by=by, reason=reason)
    await _record(tx, "decline_booking", booking, declined, by=by, reason=reason)
    await escrow.return_all(tx, declined.id, by=by, reason="declined")
    await notify(tx, declined, declined.guest_id, Kind.BOOKING_DECLINED, reason=reason)
    return declined


# ---- cancel and expire --------------------------------------------------------------------------


async def cancel(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    """Cancel a locked booking, and free its units. The caller divides its money.

    Its open charges are looked up at their gateways once more, and their pages are closed.
    """
    cancelled = await _release_and_move(
        tx, booking, BookingState.CANCELLED, by=by, reason=reason or f"cancelled by the {by.role}"
    )
    await _close_payments(tx, cancelled)
    if booking.state in UNPAID:  # nobody has been notified of this booking yet
        return cancelled
    for account_id in (cancelled.guest_id, cancelled.host_id):
        await notify(tx, cancelled, account_id, Kind.BOOKING_CANCELLED, reason=reason)
    return cancelled


async def cancel_if_ahead(tx: Tx, booking: Booking, *, reason: str) -> None:
    """Cancel a locked booking that has not begun: what its guest had paid is gone.

    One that has begun, or is not confirmed, stays as it is; a request for one is cancelled, too.
    """
    is_ahead = booking.state is BookingState.CONFIRMED and booking.check_in_at > await now(tx)
    if is_ahead or booking.state is BookingState.AWAITING_HOST:
        await cancel(tx, booking, by=SYSTEM, reason=reason)


async def next_unpaid(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one booking that was not paid in time, but none of these."""
    return await queries.lock_next_unpaid(tx, but)


async def expire_unpaid(tx: Tx, booking_id: UUID) -> None:
    """Expire a locked booking that was not paid in time.

    Its open charges are looked up at their gateways once more: one may have been paid, and its
    webhook lost. Their pages are closed.
    """
    booking = await lock(tx, booking_id)
    was_paying = booking.state is BookingState.AWAITING_PAYMENT
    booking = await expire(tx, booking, reason="not paid in time")
    await _close_payments(tx, booking)
    if was_paying:
        await notify(tx, booking, booking.guest_id, Kind.HOLD_EXPIRED)


async def complete_over(tx: Tx, *, limit: int) -> list[UUID]:
    """Complete bookings that are over and whose pots are settled; returns their ids."""
    return await queries.complete(tx, await queries.lock_over(tx, limit=limit))


async def next_over(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one booking that is over and whose pots are settled, but none of these."""
    return next(iter(await queries.lock_over(tx, but, limit=1)), None)


async def complete(tx: Tx, booking_id: UUID) -> None:
    """Complete a locked booking that is over and whose pots are settled."""
    await queries.complete(tx, [booking_id])


# ---- steps ---------------------------------------------------------------------------------------


async def _locked_for_host(tx: Tx, booking_id: UUID, host_id: UUID) -> Booking:
    booking = await lock(tx, booking_id)
    if host_id == booking.guest_id:
        raise NotYourPart("Only the host can answer a request.")
    if host_id != booking.host_id:
        raise not_found(booking_id)
    return booking


async def _move(
    tx: Tx,
    booking: Booking,
    to: BookingState,
    *,
    by: Actor,
    reason: str,
    expires_at: datetime | None = None,
    respond_within: timedelta | None = None,
) -> Booking:
    states.check(MOVES, booking.state, to)
    moved = await queries.move(
        tx,
        booking,
        to,
        by=by,
        reason=reason,
        expires_at=expires_at,
        respond_within=respond_within,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else changed this booking at the same moment.")
    return moved


async def _release_and_move(
    tx: Tx, booking: Booking, to: BookingState, *, by: Actor, reason: str
) -> Booking:
    await claims.release(tx, booking_id=booking.id, span=booking.span)
    return await _move(tx, booking, to, by=by, reason=reason)


async def _record(
    tx: Tx, action: str, was: Booking, booking: Booking, *, by: Actor, reason: str = ""
) -> None:
    await audit.record(
        tx,
        by=by,
        action=action,
        subject=Subject("booking", booking.id),
        before={"state": was.state},
        after={"state": booking.state},
        reason=reason,
    )


async def _close_payments(tx: Tx, booking: Booking) -> None:
    """Have the pages closed where the booking could be paid, and its charges looked up."""
    closing = [CloseCheckout(payment_id=each) for each in await payments.unpaid_ids(tx, booking.id)]
    await enqueue_all(tx, closing)
