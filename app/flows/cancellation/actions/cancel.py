"""The verbs of cancelling: preview, cancel."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.flows.cancellation.actions.fees import fee_to_keep
from app.flows.cancellation.model import Cancel, PartPreview, Preview, RefundChanged
from app.flows.cancellation.rules import cancelling as rules
from app.foundation import audit
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx, now
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, BookingState
from app.money.escrow import actions as escrow
from app.people.accounts.model import Principal


async def preview(tx: Tx, *, booking_id: UUID, asker: Principal) -> Preview:
    """What the guest gets back if the asker cancels now: all parts that the id means.

    Raises BookingNotFound, NotPaidYet, MoveRefused, NotCancellable, ChargeContested.
    """
    parts = await bookings.get_whole(tx, booking_id=booking_id, asker=asker)
    by = bookings.actor(parts[0], asker).role
    rules.check_alone(parts, by)
    rulings = rules.rulings(parts, by, await now(tx))
    held = await escrow.of_bookings(tx, list(rulings))
    kept = await fee_to_keep(tx, parts[0], held, by=by, is_done=False)
    rulings = {part_id: rules.keeping(each, kept) for part_id, each in rulings.items()}
    return rules.preview(parts, rulings, rules.divisions(rulings, held))


async def cancel(tx: Tx, *, booking_id: UUID, asker: Principal, request: Cancel) -> list[Booking]:
    """Cancel what has not begun of a booking, and divide its pots, in one commit.

    Of several parts the id means what it means to the asker: see `bookings.get_whole`. But while
    nothing is paid a host ends all of them: one charge pays for all or none. Returns all that the
    id means, as it is now. Raises BookingNotFound, NotPaidYet, MoveRefused, NotCancellable,
    ChargeContested, RefundChanged.
    """
    locked = await bookings.lock_whole(tx, booking_id)
    meant = bookings.meant(locked, booking_id, asker)
    by = bookings.actor(meant[0], asker)
    rules.check_alone(meant, by.role)
    parts = locked if rules.is_unpaid(meant) else meant
    rulings = rules.rulings(parts, by.role, await now(tx))
    held = await escrow.lock_all_of(tx, list(rulings))
    kept = await fee_to_keep(tx, parts[0], held, by=by.role, is_done=True)
    rulings = {part_id: rules.keeping(each, kept) for part_id, each in rulings.items()}
    divisions = rules.divisions(rulings, held)
    back = rules.preview(parts, rulings, divisions)
    if request.expected_refund and request.expected_refund != back.total:
        raise _changed(back)
    ending = [part for part in parts if part.id in rulings]
    cancelled = await bookings.cancel(tx, ending, by=by, reason=request.reason)
    await _record(tx, ending, back.of_parts, by=by, reason=request.reason)
    await escrow.divide(tx, divisions, by=by)
    now_are = {part.id: part for part in (*parts, *cancelled)}
    return [now_are[part.id] for part in meant]


def _changed(back: Preview) -> RefundChanged:
    return RefundChanged(
        f"{back.total} would come back now.", members={"preview": msgspec.to_builtins(back)}
    )


async def _record(
    tx: Tx, parts: Sequence[Booking], back: Sequence[PartPreview], *, by: Actor, reason: str
) -> None:
    for was, each in zip(parts, back, strict=True):
        await audit.record(
            tx,
            by=by,
            action="cancel_booking",
            subject=Subject("booking", was.id),
            before={"state": was.state},
            after={"state": BookingState.CANCELLED, "refund": each.total, "rule": each.rule},
            reason=reason,
        )
