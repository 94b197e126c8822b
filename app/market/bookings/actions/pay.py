"""What a payment does to a booking: it is held for longer, secured, confirmed or requested."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.edge.notifications.model import Kind
from app.foundation.audit import SYSTEM, Actor, ActorRole
from app.foundation.db import Tx, now
from app.market.bookings import rules
from app.market.bookings.actions.move import give_voucher_back, move, notify
from app.market.bookings.model import Booking, BookingState
from app.market.claims import actions as claims
from app.market.inventory import actions as inventory
from app.market.vouchers import actions as vouchers
from app.market.vouchers.model import Voucher
from app.money.escrow import actions as escrow
from app.money.payments.model import Payment


async def await_payment(tx: Tx, parts: Sequence[Booking], *, until: datetime) -> list[Booking]:
    """Move a held booking to `awaiting_payment`, and extend its hold to the payment deadline.

    Raises VoucherUsedUp, VoucherUsedBefore if the hold had run out, and others took its use.
    """
    if rules.has_voucher(parts):
        await vouchers.extend(tx, parts[0].whole_id, until=until)
    await claims.claim(tx, [part.sought for part in parts], until=until)
    guest = Actor(ActorRole.GUEST, parts[0].guest_id)
    to = BookingState.AWAITING_PAYMENT
    return [
        await move(tx, part, to, by=guest, reason="payment begun", expires_at=until)
        for part in parts
    ]


async def secure(tx: Tx, parts: Sequence[Booking], payment: Payment) -> bool:
    """Give the guest the units of all parts that were paid for, and put the money into escrow.

    If the hold has run out, the units are claimed again; and if the booking has expired, only
    while the hosts still sell them. Returns False, and changes nothing, if any of the units are no
    longer available, or the voucher is used up by others.
    """
    is_expired = parts[0].state is BookingState.EXPIRED
    if is_expired and not all([await _is_still_sold(tx, part) for part in parts]):
        return False
    voucher = await _voucher_of(tx, parts)
    if voucher and not await vouchers.keep(tx, parts[0].whole_id):
        return False
    if not await claims.try_claim(tx, [part.sought for part in parts], until=None):
        await give_voucher_back(tx, parts, even_if_used=True)
        return False
    await escrow.hold(tx, [rules.holding(part, payment, voucher) for part in parts])
    moment = await now(tx)
    requests = [part for part in parts if part.terms.request_to_book]
    for part in parts:
        if part not in requests:
            await confirm(tx, part, by=SYSTEM, reason="paid")
    for part in requests:
        await _request(tx, part, before=rules.answer_before(part, parts, moment))
    return True


async def confirm(tx: Tx, booking: Booking, *, by: Actor, reason: str) -> Booking:
    """Confirm a booking, and set the windows of its pots: these are released by time alone."""
    booking = await move(tx, booking, BookingState.CONFIRMED, by=by, reason=reason)
    await escrow.open_windows(tx, booking.id, rules.windows(booking))
    await notify(tx, booking, booking.guest_id, Kind.BOOKING_CONFIRMED)
    return booking


async def _request(tx: Tx, booking: Booking, *, before: datetime | None) -> None:
    """Ask the host, who answers in time, and before other parts begin that end with this one."""
    booking = await move(
        tx,
        booking,
        BookingState.AWAITING_HOST,
        by=SYSTEM,
        reason="paid; waiting for the host",
        respond_within=timedelta(hours=booking.terms.respond_within_hours),
        respond_before=before,
    )
    await notify(tx, booking, booking.host_id, Kind.BOOKING_REQUESTED)


async def _is_still_sold(tx: Tx, booking: Booking) -> bool:
    span = booking.span
    return await inventory.still_sells(
        tx, booking.listing_id, unit_ids=span.unit_ids, first=span.first, last=span.last
    )


async def _voucher_of(tx: Tx, parts: Sequence[Booking]) -> Voucher | None:
    return await vouchers.of_booking(tx, parts[0].whole_id) if rules.has_voucher(parts) else None
