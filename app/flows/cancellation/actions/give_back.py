"""The verbs of giving something back of a booking: preview, give back."""

from uuid import UUID

import msgspec
import uuid_utils.compat

from app.flows.cancellation.actions.fees import fee_to_keep
from app.flows.cancellation.model import GiveBack, GivenBack, RefundChanged
from app.flows.cancellation.rules import giving_back as rules
from app.flows.cancellation.rules.giving_back import Plan
from app.foundation import audit
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx, now
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.money.escrow import actions as escrow
from app.people.accounts.model import Principal

_NOT_YET = UUID(int=0)  # the id of a part that is not made


async def preview_give_back(
    tx: Tx, *, booking_id: UUID, asker: Principal, request: GiveBack
) -> GivenBack:
    """What the guest gets back if the asker gives this back now, and what stays.

    Raises as `give_back` does, but for RefundChanged.
    """
    part = await bookings.get(tx, booking_id=booking_id, asker=asker)
    by = bookings.actor(part, asker)
    held = await escrow.of_booking(tx, part.id)
    planned = rules.plan(
        part,
        held,
        rules.wish(request),
        by=by.role,
        now=await now(tx),
        part_id=_NOT_YET,
        number=2,
        kept=await fee_to_keep(tx, part, held, by=by.role, is_done=False),
    )
    return rules.reply(planned, part, is_done=False)


async def give_back(tx: Tx, *, booking_id: UUID, asker: Principal, request: GiveBack) -> GivenBack:
    """Give back some units or nights of a part, or all of it, and divide its money, in one commit.

    What is given back becomes a part of its own, with its share of the price, and is cancelled.
    Raises BookingNotFound, MoveRefused, NotPaidYet, NotCancellable, HeldFast, ChargeContested,
    TooManyParts, RefundChanged, Invalid.
    """
    wanted = rules.wish(request)
    parts = await bookings.lock_whole(tx, booking_id)
    part = next(each for each in parts if each.id == booking_id)
    by = bookings.actor(part, asker)
    held = await escrow.lock_all(tx, part.id)
    planned = rules.plan(
        part,
        held,
        wanted,
        by=by.role,
        now=await now(tx),
        part_id=uuid_utils.compat.uuid7(),
        number=len(parts) + 1,
        kept=await fee_to_keep(tx, part, held, by=by.role, is_done=True),
    )
    if request.expected_refund and request.expected_refund != planned.back.total:
        raise _changed(planned, part)
    gone = await _split(tx, part, planned, by=by)
    reason = request.reason or f"given back by the {by.role}"
    await bookings.cancel(tx, [gone], by=by, reason=reason)
    await _record(tx, part, planned, by=by, reason=request.reason)
    await escrow.divide(tx, planned.divisions, by=by)
    return rules.reply(planned, part, is_done=True)


async def _split(tx: Tx, part: Booking, planned: Plan, *, by: Actor) -> Booking:
    """The part that is to be cancelled: a new one, or this one if nothing of it stays."""
    if planned.split is None:
        return part
    gone = await bookings.split(tx, planned.split)
    await escrow.split(tx, planned.pots, by=by, reason=f"split from {part.id}")
    return gone


def _changed(planned: Plan, part: Booking) -> RefundChanged:
    preview = msgspec.to_builtins(rules.reply(planned, part, is_done=False))
    return RefundChanged(f"{planned.back.total} would come back now.", members={"preview": preview})


async def _record(tx: Tx, was: Booking, planned: Plan, *, by: Actor, reason: str) -> None:
    split = planned.split
    gone, stays = (split.gone, split.stays) if split else (was, None)
    await audit.record(
        tx,
        by=by,
        action="give_back",
        subject=Subject("booking", was.id),
        before=_facts(was),
        after={
            "stays": _facts(stays) if stays else None,
            "givenBack": _facts(gone) | {"id": gone.id},
            "refund": planned.back.total,
            "rule": planned.back.rule,
        },
        reason=reason,
    )


def _facts(booking: Booking) -> dict[str, object]:
    return {
        "units": booking.labels,
        "firstSlot": booking.first_slot,
        "lastSlot": booking.last_slot,
        "total": booking.total,
    }
