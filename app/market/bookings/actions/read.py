"""Looking at bookings: one of the asker's, locked or not, and the part that the asker has in it."""

from uuid import UUID

from app.foundation.audit import Actor, ActorRole
from app.foundation.db import Tx
from app.market.bookings import queries
from app.market.bookings.model import Booking, BookingNotFound
from app.people.accounts.model import Principal, Role


async def lock(tx: Tx, booking_id: UUID) -> Booking:
    """A booking, to oneself until the transaction ends. Raises BookingNotFound.

    Lock it before its payments: all do so in this order, and so nobody deadlocks.
    """
    if booking := await queries.lock(tx, booking_id):
        return booking
    raise not_found(booking_id)


async def get(tx: Tx, *, booking_id: UUID, asker: Principal) -> Booking:
    """A booking that the asker takes part in, or any for an admin. Raises BookingNotFound."""
    booking = await read(tx, booking_id)
    actor(booking, asker)
    return booking


async def read(tx: Tx, booking_id: UUID) -> Booking:
    """A booking, whoever takes part in it. Raises BookingNotFound."""
    if booking := await queries.find(tx, booking_id):
        return booking
    raise not_found(booking_id)


def actor(booking: Booking, asker: Principal) -> Actor:
    """The part that the asker has in a booking. Raises BookingNotFound if it is none."""
    if asker.id == booking.guest_id:
        return Actor(ActorRole.GUEST, asker.id)
    if asker.id == booking.host_id:
        return Actor(ActorRole.HOST, asker.id)
    if Role.ADMIN in asker.roles:
        return Actor(ActorRole.ADMIN, asker.id)
    raise not_found(booking.id)


def not_found(booking_id: UUID) -> BookingNotFound:
    return BookingNotFound(f"There is no booking {booking_id} of yours.")
