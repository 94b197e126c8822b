"""The host's answer to a request: accept, decline, or none in time."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.edge.notifications.model import Kind
from app.foundation.audit import SYSTEM, Actor, ActorRole
from app.foundation.db import Tx, now
from app.market.bookings import queries, rules
from app.market.bookings.actions.end import notify_cancelled
from app.market.bookings.actions.move import give_voucher_back, move, notify, record, release
from app.market.bookings.actions.pay import confirm
from app.market.bookings.actions.read import lock_whole, not_found
from app.market.bookings.model import AnswerTooLate, Booking, BookingState, NotYourPart
from app.money.escrow import actions as escrow

_WITH_ANOTHER: Final = "another part of the booking was declined"


async def accept(tx: Tx, *, booking_id: UUID, host_id: UUID) -> Booking:
    """Accept a request as its host. Raises AnswerTooLate, NotYourPart, MoveRefused."""
    booking, _ = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    if booking.respond_by is None or booking.respond_by <= await now(tx):
        raise AnswerTooLate("The request ran out of time; the guest gets the money back.")
    host = Actor(ActorRole.HOST, host_id)
    accepted = await confirm(tx, booking, by=host, reason="accepted")
    await record(tx, "accept_booking", booking, accepted, by=host)
    return accepted


async def decline(tx: Tx, *, booking_id: UUID, host_id: UUID, reason: str) -> Booking:
    """Decline a request as its host: its units are freed, and the guest's money is refunded.

    Unless its parts stand alone, all of the booking ends. Raises NotYourPart, MoveRefused,
    ChargeContested.
    """
    booking, parts = await _locked_for_host(tx, booking_id, host_id)
    rules.check_asked_of_host(booking)
    host = Actor(ActorRole.HOST, host_id)
    return await _decline(tx, booking, parts, by=host, reason=reason or "declined by the host")


async def next_unanswered(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one booking of which a host did not answer in time, but none of these."""
    return await queries.lock_next_unanswered(tx, but)


async def decline_unanswered(tx: Tx, booking_id: UUID) -> None:
    """Decline the requests of a locked booking that a host did not answer in time."""
    moment = await now(tx)
    parts = await lock_whole(tx, booking_id)
    while late := rules.unanswered(parts, moment):
        await _decline(tx, late[0], parts, by=SYSTEM, reason="the host did not answer in time")
        parts = await lock_whole(tx, booking_id)


async def _locked_for_host(
    tx: Tx, booking_id: UUID, host_id: UUID
) -> tuple[Booking, list[Booking]]:
    """The part that a host answers for, and all parts of its booking."""
    parts = await lock_whole(tx, booking_id)
    booking = next(part for part in parts if part.id == booking_id)
    if host_id == booking.guest_id:
        raise NotYourPart("Only the host can answer a request.")
    if host_id != booking.host_id:
        raise not_found(booking_id)
    return booking, parts


async def _decline(
    tx: Tx, booking: Booking, parts: Sequence[Booking], *, by: Actor, reason: str
) -> Booking:
    """Decline a part, and cancel the others that end with it, in one order of claims and pots."""
    others = rules.that_end_with(booking, parts, await now(tx))
    await release(tx, [booking, *others])
    declined = await move(tx, booking, BookingState.DECLINED, by=by, reason=reason)
    await record(tx, "decline_booking", booking, declined, by=by, reason=reason)
    for part in others:
        ended = await move(tx, part, BookingState.CANCELLED, by=by, reason=_WITH_ANOTHER)
        await record(tx, "cancel_booking", part, ended, by=by, reason=_WITH_ANOTHER)
    await give_voucher_back(tx, [booking, *others])
    part_ids = [part.id for part in (booking, *others)]
    await escrow.return_all(tx, part_ids, by=by, reason="declined")
    await notify(tx, declined, declined.guest_id, Kind.BOOKING_DECLINED, reason=reason)
    for part in others:
        await notify_cancelled(tx, part, reason=_WITH_ANOTHER)
    return declined
