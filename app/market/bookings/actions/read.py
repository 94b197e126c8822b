"""Read bookings, locked or not, and find the role that the asker has in one."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation import paging
from app.foundation.audit import Actor, ActorRole
from app.foundation.db import Tx
from app.market.bookings import queries
from app.market.bookings.model import (
    Booking,
    BookingNotFound,
    BookingPage,
    BookingReply,
    BookingState,
    History,
)
from app.people.accounts.model import Principal, Role


async def lock(tx: Tx, booking_id: UUID) -> Booking:
    """A booking, or one part of it, locked until the transaction ends. Raises BookingNotFound.

    A booking is locked before its pots, charges and instructions, so that nothing deadlocks. Who
    may lock other parts of it too calls `lock_whole`.
    """
    if booking := await queries.lock(tx, booking_id):
        return booking
    raise not_found(booking_id)


async def lock_whole(tx: Tx, booking_id: UUID) -> list[Booking]:
    """All parts of a booking, locked, the first one first; the id may be that of any part.

    The first part is locked before the others, always: so of two that lock the same booking one
    waits for the other. Raises BookingNotFound.
    """
    first = await queries.lock_first_part(tx, booking_id)
    if first is None:
        raise not_found(booking_id)
    if first.parts == 1:
        return [first]
    return [first, *await queries.lock_later_parts(tx, first.id)]


async def get(tx: Tx, *, booking_id: UUID, asker: Principal) -> Booking:
    """A booking that the asker takes part in, or any for an admin. Raises BookingNotFound."""
    booking = await read(tx, booking_id)
    actor(booking, asker)
    return booking


async def get_whole(tx: Tx, *, booking_id: UUID, asker: Principal) -> list[Booking]:
    """What an id means to the asker: all parts of a booking, or one part. Raises BookingNotFound.

    A booking's id is that of its first part: to its guest and to admins it means all parts, to a
    host the part that is the host's own. The id of a later part means that part.
    """
    return await whole_of(tx, await get(tx, booking_id=booking_id, asker=asker), asker)


async def whole_of(tx: Tx, booking: Booking, asker: Principal) -> list[Booking]:
    """What the id of a booking or a part that was read means to the asker: see get_whole."""
    if booking.parts == 1:
        return [booking]
    later = await queries.later_parts(tx, [booking.id])
    return meant([booking, *later], booking.id, asker)


def meant(parts: Sequence[Booking], booking_id: UUID, asker: Principal) -> list[Booking]:
    """Which of all parts of a booking an id means to the asker: see get_whole.

    Raises BookingNotFound.
    """
    part = next(each for each in parts if each.id == booking_id)
    is_whole = part.part_of is None and actor(part, asker).role is not ActorRole.HOST
    return list(parts) if is_whole else [part]


async def parts_of(tx: Tx, booking: Booking) -> list[Booking]:
    """All parts of a booking whose first part this is, for callers that act for nobody."""
    return [booking, *(await queries.later_parts(tx, [booking.id]) if booking.parts > 1 else [])]


async def read(tx: Tx, booking_id: UUID) -> Booking:
    """A booking, for callers that act for nobody. Raises BookingNotFound."""
    if booking := await queries.find(tx, booking_id):
        return booking
    raise not_found(booking_id)


async def find_reported(tx: Tx, text: str) -> Booking | None:
    """The booking whose id somebody else says; None if that is no id, or of none that is here."""
    try:
        booking_id = UUID(text)
    except ValueError:
        return None
    return await queries.find(tx, booking_id)


async def read_as_guest(
    tx: Tx, guest_id: UUID, *, state: BookingState | None, limit: int, cursor: str | None
) -> BookingPage:
    """A page of a guest's bookings with their parts, newest first. Raises Invalid for a bad cursor.

    With a state: those of which any part is in it.
    """
    before = paging.read_id(cursor)
    rows = await queries.list_of_guest(tx, guest_id, state=state, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(rows, limit, by=lambda booking: booking.id)
    wholes = {booking.id: [booking] for booking in page}
    several = [booking.id for booking in page if booking.parts > 1]
    for part in await queries.later_parts(tx, several) if several else []:
        wholes[part.whole_id].append(part)
    bookings = [BookingReply.of_whole(parts) for parts in wholes.values()]
    return BookingPage(bookings=bookings, next_cursor=next_cursor)


async def read_as_host(
    tx: Tx, host_id: UUID, *, state: BookingState | None, limit: int, cursor: str | None
) -> BookingPage:
    """A page of the bookings of a host's listings, newest first; of parts, those of the host.

    Raises Invalid for a bad cursor.
    """
    before = paging.read_id(cursor)
    rows = await queries.list_of_host(tx, host_id, state=state, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(rows, limit, by=lambda booking: booking.id)
    bookings = [BookingReply.of(booking) for booking in page]
    return BookingPage(bookings=bookings, next_cursor=next_cursor)


async def read_history(tx: Tx, *, booking_id: UUID, asker: Principal) -> History:
    """Every move of a booking and its parts, the first one first. Raises BookingNotFound."""
    parts = await get_whole(tx, booking_id=booking_id, asker=asker)
    moves = await queries.history(tx, [part.id for part in parts])
    return History(booking_id=parts[0].id, moves=moves)


def actor(booking: Booking, asker: Principal) -> Actor:
    """The role that the asker has in a booking. Raises BookingNotFound if there is none."""
    if asker.id == booking.guest_id:
        return Actor(ActorRole.GUEST, asker.id)
    if asker.id == booking.host_id:
        return Actor(ActorRole.HOST, asker.id)
    if Role.ADMIN in asker.roles:
        return Actor(ActorRole.ADMIN, asker.id)
    raise not_found(booking.id)


def not_found(booking_id: UUID) -> BookingNotFound:
    """The problem for a booking that does not exist, or in which the asker has no role."""
    return BookingNotFound(f"There is no booking {booking_id} of yours.")
