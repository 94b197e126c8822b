"""The steps that all moves of bookings are made of: move, free the units, notify, record."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.edge.notifications import actions as notifications
from app.edge.notifications.model import DisputeFacts, Kind
from app.foundation import audit, states
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx
from app.foundation.queue import CloseCheckout, enqueue_all
from app.market.bookings import queries, rules
from app.market.bookings.model import MOVES, Booking, BookingState
from app.market.claims import actions as claims
from app.market.vouchers import actions as vouchers
from app.money.payments import actions as payments


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


async def notify_guest(
    tx: Tx, parts: Sequence[Booking], kind: Kind, *, reason: str = "", source_id: UUID | None = None
) -> None:
    """Notify the guest of a booking with all its parts, once per kind and source."""
    await notifications.notify(
        tx,
        account_id=parts[0].guest_id,
        kind=kind,
        source_id=source_id or parts[0].id,
        data=rules.facts_of_whole(parts, reason=reason),
    )


async def move(
    tx: Tx,
    booking: Booking,
    to: BookingState,
    *,
    by: Actor,
    reason: str,
    expires_at: datetime | None = None,
    respond_within: timedelta | None = None,
    respond_before: datetime | None = None,
) -> Booking:
    """Move a locked booking, or part of one. Raises MoveRefused."""
    states.check(MOVES, booking.state, to)
    moved = await queries.move(
        tx,
        booking,
        to,
        by=by,
        reason=reason,
        expires_at=expires_at,
        respond_within=respond_within,
        respond_before=respond_before,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else changed this booking at the same moment.")
    return moved


async def release_and_move(
    tx: Tx, parts: Sequence[Booking], to: BookingState, *, by: Actor, reason: str
) -> list[Booking]:
    """Free the units of parts of one booking, in the order of all claims, and move the parts."""
    await release(tx, parts)
    moved = [await move(tx, part, to, by=by, reason=reason) for part in parts]
    await give_voucher_back(tx, parts)
    return moved


async def release(tx: Tx, parts: Sequence[Booking]) -> None:
    """Free the units of parts of one booking. Its voucher is locked before, as everywhere."""
    if rules.has_voucher(parts):
        await vouchers.lock(tx, parts[0].whole_id)
    await claims.release(tx, [part.sought for part in parts])


async def give_voucher_back(
    tx: Tx, parts: Sequence[Booking], *, even_if_used: bool = False
) -> None:
    """Give the use of a booking's voucher back, if no part that it pays for lives any more.

    A guest who has cancelled what was paid for has used it up.
    """
    if not rules.has_voucher(parts):
        return
    whole_id = parts[0].whole_id
    if even_if_used or not await queries.is_voucher_used(tx, whole_id):
        await vouchers.give_back(tx, whole_id)


async def record(
    tx: Tx, action: str, was: Booking, booking: Booking, *, by: Actor, reason: str = ""
) -> None:
    """Note a move that somebody made in the audit log."""
    await audit.record(
        tx,
        by=by,
        action=action,
        subject=Subject("booking", booking.id),
        before={"state": was.state},
        after={"state": booking.state},
        reason=reason,
    )


async def close_payments(tx: Tx, whole_id: UUID) -> None:
    """Have the pages closed where a booking could be paid, and its charges looked up."""
    closing = [CloseCheckout(payment_id=each) for each in await payments.unpaid_ids(tx, whole_id)]
    await enqueue_all(tx, closing)
