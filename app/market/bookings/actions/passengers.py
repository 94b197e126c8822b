"""Passengers of a booking: the guest names them, until the departure."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation import audit, states
from app.foundation.audit import ActorRole, Subject
from app.foundation.db import Tx, now
from app.market.bookings import queries, rules
from app.market.bookings.actions.read import actor, get, lock
from app.market.bookings.model import (
    Booking,
    BookingState,
    Departed,
    NewPassenger,
    NotYourPart,
    Passenger,
)
from app.people.accounts.model import Principal


async def put_passengers(
    tx: Tx, *, booking_id: UUID, asker: Principal, passengers: Sequence[NewPassenger]
) -> list[Passenger]:
    """Replace the passengers of a booking, until the departure.

    Raises BookingNotFound, NotYourPart, MoveRefused for a booking that ended without a journey,
    Departed, Invalid.
    """
    booking = await lock(tx, booking_id)
    if actor(booking, asker).role is ActorRole.HOST:
        raise NotYourPart("Only the guest can name the passengers.")
    if booking.state in (BookingState.EXPIRED, BookingState.DECLINED, BookingState.CANCELLED):
        raise states.MoveRefused(f"The booking is {booking.state}.")
    if booking.check_in_at <= await now(tx):
        raise Departed("Passengers can be changed until the departure.")
    before = rules.passengers(booking, await queries.passengers(tx, booking.id))
    await replace_passengers(tx, booking, passengers)
    after = rules.passengers(booking, await queries.passengers(tx, booking.id))
    if before != after:
        await audit.record(
            tx,
            by=actor(booking, asker),
            action="change_passengers",
            subject=Subject("booking", booking.id),
            before=_names(before),
            after=_names(after),
        )
    return after


def _names(passengers: Sequence[Passenger]) -> dict[str, str]:
    """What the audit log keeps: the name on each seat. Documents and contacts it does not need."""
    return {passenger.seat: passenger.name for passenger in passengers}


async def read_passengers(tx: Tx, *, booking_id: UUID, asker: Principal) -> list[Passenger]:
    """The passengers that the guest has named. Raises BookingNotFound."""
    booking = await get(tx, booking_id=booking_id, asker=asker)
    return rules.passengers(booking, await queries.passengers(tx, booking.id))


async def replace_passengers(tx: Tx, booking: Booking, passengers: Sequence[NewPassenger]) -> None:
    """Make these the passengers of a locked booking. Raises Invalid."""
    await queries.replace_passengers(
        tx,
        booking.id,
        unit_ids=rules.seat_ids(booking, passengers),
        names=[passenger.name for passenger in passengers],
        documents=[passenger.document for passenger in passengers],
        contacts=[passenger.contact for passenger in passengers],
    )
