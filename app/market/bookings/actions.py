"""The verbs of a booking: reserve, secure what was paid, accept, decline, cancel, expire."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.registry import refused_by_all
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import DisputeFacts, Kind
from app.foundation import audit, states
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx, now
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.foundation.queue import SettlePayment, enqueue
from app.foundation.settings import settings
from app.market.bookings import queries, rules
from app.market.bookings.model import (
    MOVES,
    UNPAID,
    AnswerTooLate,
    Booking,
    BookingNotFound,
    BookingState,
    Departed,
    NewPassenger,
    NotYourPart,
    Passenger,
    Reserve,
)
from app.market.claims import actions as claims
from app.market.claims.model import Wanted
from app.market.inventory import queries as inventory
from app.market.inventory.model import ListingNotFound, OfferedUnit
from app.money.escrow import actions as escrow
from app.money.payments import actions as payments
from app.money.payments.model import Payment
from app.people.accounts.model import Principal, Role

# ---- reserve ------------------------------------------------------------------------------------


async def reserve(tx: Tx, *, guest_id: UUID, request: Reserve) -> Booking:
    """Hold units for a guest, with price and terms frozen: all of them, or a refusal.

    Raises UnitsTaken or SoldOut with what is free instead, Invalid for a request that contradicts
    itself or the listing, ListingNotFound, ListingClosed, DatesBlocked, OwnListing, TripDeparted.
    """
    asked = rules.read(request)
    offer = await inventory.read_offer(
        tx, asked.listing_id, asked.labels, asked.check_in, asked.check_out
    )
    if offer is None:
        raise ListingNotFound(f"There is no listing {asked.listing_id}.")
    dates = rules.slots(asked, offer, guest_id)
    order = rules.Order(
        asked=asked,
        offer=offer,
        dates=dates,
        booking_id=uuid_utils.compat.uuid7(),
        guest_id=guest_id,
        hold=timedelta(minutes=request.hold_duration_minutes),
        commission_bps=settings().commission_bps,
    )
    if asked.labels is None:
        booking = await _hold_any(tx, order)
    else:
        booking = await _hold_named(tx, order)
    if request.passengers:
        await _put_passengers(tx, booking, request.passengers)
    return booking


async def _hold_named(tx: Tx, order: rules.Order) -> Booking:
    booking = _payable(rules.held(order, rules.units_by_label(order.asked, order.offer)))
    claimed = await queries.hold(tx, booking)
    if len(claimed) < booking.span.size:
        listing_id = booking.listing_id
        raise await claims.units_taken(tx, booking.id, listing_id, booking.span, claimed)
    return booking


async def _hold_any(tx: Tx, order: rules.Order) -> Booking:
    async def hold(units: list[OfferedUnit]) -> Booking | None:
        booking = _payable(rules.held(order, units))
        claimed = await queries.hold(tx, booking)
        return booking if len(claimed) == booking.span.size else None

    wanted = Wanted(listing_id=order.offer.id, first=order.dates[0], last=order.dates[-1])
    return await claims.claim_any(tx, wanted=wanted, count=order.asked.count, claim=hold)


def _payable(booking: Booking) -> Booking:
    """The booking, if a gateway can charge for it: nobody holds for nothing. Raises Invalid."""
    if reason := refused_by_all(Money(booking.total, booking.currency)):
        raise Invalid.field("listingId", f"cannot be paid so: {reason}")
    return booking


# ---- paid ---------------------------------------------------------------------------------------


async def lock(tx: Tx, booking_id: UUID) -> Booking:
    """A booking, to oneself until the transaction ends. Raises BookingNotFound.

    Lock it before its payments: all do so in this order, and so nobody deadlocks.
    """
    if booking := await queries.lock(tx, booking_id):
        return booking
    raise not_found(booking_id)


async def await_payment(tx: Tx, booking: Booking, *, until: datetime) -> Booking:
    """The guest has begun to pay: the hold is extended to the payment deadline."""
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
    """Give the guest for good what was paid for, unless somebody else has it by now.

    The money goes into escrow. A hold that ran out is claimed again if its units are still free,
    and still for sale if it was given up. False: nothing changed.
    """
    if booking.state is BookingState.EXPIRED and not await queries.is_on_sale(tx, booking):
        return False
    if not await claims.try_claim(tx, booking_id=booking.id, span=booking.span, until=None):
        return False
    await escrow.hold(tx, rules.holding(booking, payment))
    if booking.terms.request_to_book:
        await _request(tx, booking)
    else:
        await _confirm(tx, booking, by=SYSTEM, reason="paid")
    return True


async def _request(tx: Tx, booking: Booking) -> None:
    booking = await _move(
        tx,
        booking,
        BookingState.AWAITING_HOST,
        by=SYSTEM,
        reason="paid; waiting for the host",
        respond_within=timedelta(hours=booking.terms.respond_within_hours),
    )
    await tell(tx, booking, booking.host_id, Kind.BOOKING_REQUESTED)


async def _confirm(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    """From here on the pots' windows open and close by themselves."""
    booking = await _move(tx, booking, BookingState.CONFIRMED, by=by, reason=reason)
    await escrow.open_windows(tx, booking.id, rules.windows(booking))
    await tell(tx, booking, booking.guest_id, Kind.BOOKING_CONFIRMED)
    return booking


async def expire(tx: Tx, booking: Booking, *, reason: str) -> Booking:
    """End an unpaid booking; its units are free."""
    return await _release_and_move(tx, booking, BookingState.EXPIRED, by=SYSTEM, reason=reason)


async def tell(
    tx: Tx,
    booking: Booking,
    account_id: UUID,
    kind: Kind,
    *,
    reason: str = "",
    source_id: UUID | None = None,
    dispute: DisputeFacts | None = None,
) -> None:
    """Tell somebody about a booking, once per kind and source (the booking, if none is given)."""
    data = rules.facts(booking, reason=reason)
    if dispute:
        data["dispute"] = dispute
    await notifications.notify(
        tx, account_id=account_id, kind=kind, source_id=source_id or booking.id, data=data
    )


# ---- the host's answer --------------------------------------------------------------------------


async def accept(tx: Tx, *, booking_id: UUID, host_id: UUID) -> Booking:
    """The host takes a request, in time. Raises AnswerTooLate, NotYourPart, MoveRefused."""
    booking = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    if booking.respond_by is None or booking.respond_by <= await now(tx):
        raise AnswerTooLate("The request ran out of time; the guest gets the money back.")
    host = Actor(ActorRole.HOST, host_id)
    accepted = await _confirm(tx, booking, by=host, reason="accepted")
    await _record(tx, "accept_booking", booking, accepted, by=host)
    return accepted


async def decline(tx: Tx, *, booking_id: UUID, host_id: UUID, reason: str) -> Booking:
    """The host refuses a request: the units go, the guest's money goes back."""
    booking = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    host = Actor(ActorRole.HOST, host_id)
    return await _decline(tx, booking, by=host, reason=reason or "declined by the host")


async def next_unanswered(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a request whose host did not answer in time, other than these."""
    return await queries.lock_next_unanswered(tx, but)


async def decline_unanswered(tx: Tx, booking_id: UUID) -> None:
    """Decline such a request."""
    booking = await lock(tx, booking_id)
    await _decline(tx, booking, by=SYSTEM, reason="the host did not answer in time")


async def _decline(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    declined = await _release_and_move(tx, booking, BookingState.DECLINED, by=by, reason=reason)
    await _record(tx, "decline_booking", booking, declined, by=by, reason=reason)
    await escrow.return_all(tx, declined.id, by=by, reason="declined")
    await tell(tx, declined, declined.guest_id, Kind.BOOKING_DECLINED, reason=reason)
    return declined


# ---- cancel and expire --------------------------------------------------------------------------


async def cancel(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    """End a locked booking; what becomes of its money is the caller's to say.

    Its units are free. The gateway is asked about payments whose end is open.
    """
    cancelled = await _release_and_move(
        tx, booking, BookingState.CANCELLED, by=by, reason=reason or f"cancelled by the {by.role}"
    )
    await _ask_about_open_payments(tx, cancelled)
    if booking.state in UNPAID:  # nobody has been told of it yet
        return cancelled
    for account_id in (cancelled.guest_id, cancelled.host_id):
        await tell(tx, cancelled, account_id, Kind.BOOKING_CANCELLED, reason=reason)
    return cancelled


async def next_unpaid(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a booking that was not paid in time, other than these."""
    return await queries.lock_next_unpaid(tx, but)


async def expire_unpaid(tx: Tx, booking_id: UUID) -> None:
    """Expire such a booking.

    The gateway is asked once more about payments whose end is open: money may have come in
    without a webhook.
    """
    booking = await lock(tx, booking_id)
    was_paying = booking.state is BookingState.AWAITING_PAYMENT
    booking = await expire(tx, booking, reason="not paid in time")
    await _ask_about_open_payments(tx, booking)
    if was_paying:
        await tell(tx, booking, booking.guest_id, Kind.HOLD_EXPIRED)


async def complete_over(tx: Tx, *, limit: int) -> list[UUID]:
    """Complete bookings that are over and whose pots are settled; returns their ids."""
    return await queries.complete(tx, await queries.lock_over(tx, limit=limit))


async def next_over(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock such a booking, other than these."""
    return next(iter(await queries.lock_over(tx, but, limit=1)), None)


async def complete(tx: Tx, booking_id: UUID) -> None:
    """Complete such a booking."""
    await queries.complete(tx, [booking_id])


# ---- passengers and reading ---------------------------------------------------------------------


async def put_passengers(
    tx: Tx, *, booking_id: UUID, asker: Principal, passengers: Sequence[NewPassenger]
) -> list[Passenger]:
    """Replace who travels, until the departure. Raises Departed, NotYourPart, Invalid."""
    booking = await lock(tx, booking_id)
    if actor(booking, asker).role is ActorRole.HOST:
        raise NotYourPart("Passengers are named by the guest.")
    if booking.state in (BookingState.EXPIRED, BookingState.DECLINED, BookingState.CANCELLED):
        raise states.MoveRefused(f"The booking is {booking.state}.")
    if booking.check_in_at <= await now(tx):
        raise Departed("Passengers can be changed until the departure.")
    await _put_passengers(tx, booking, passengers)
    return await queries.passengers(tx, booking.id)


async def get(tx: Tx, *, booking_id: UUID, asker: Principal) -> Booking:
    """A booking that the asker takes part in, or any for an admin. Raises BookingNotFound."""
    booking = await queries.find(tx, booking_id)
    if booking is None:
        raise not_found(booking_id)
    actor(booking, asker)
    return booking


def actor(booking: Booking, asker: Principal) -> Actor:
    """The part that the asker has in a booking. Raises BookingNotFound if it is none."""
    if asker.id == booking.guest_id:
        return Actor(ActorRole.GUEST, asker.id)
    if asker.id == booking.host_id:
        return Actor(ActorRole.HOST, asker.id)
    if Role.ADMIN in asker.roles:
        return Actor(ActorRole.ADMIN, asker.id)
    raise not_found(booking.id)


# ---- steps ---------------------------------------------------------------------------------------


async def _locked_for_host(tx: Tx, booking_id: UUID, host_id: UUID) -> Booking:
    booking = await lock(tx, booking_id)
    if host_id == booking.guest_id:
        raise NotYourPart("Only the host can answer a request.")
    if host_id != booking.host_id:
        raise not_found(booking_id)
    return booking


def not_found(booking_id: UUID) -> BookingNotFound:
    return BookingNotFound(f"There is no booking {booking_id} of yours.")


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


async def _ask_about_open_payments(tx: Tx, booking: Booking) -> None:
    for payment_id in await payments.open_ids(tx, booking.id):
        await enqueue(tx, SettlePayment(payment_id=payment_id))


async def _put_passengers(tx: Tx, booking: Booking, passengers: Sequence[NewPassenger]) -> None:
    await queries.replace_passengers(
        tx,
        booking.id,
        unit_ids=rules.seat_ids(booking, passengers),
        names=[passenger.name for passenger in passengers],
        documents=[passenger.document for passenger in passengers],
        contacts=[passenger.contact for passenger in passengers],
    )
