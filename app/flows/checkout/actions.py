"""Begin a charge for a booking, and book its end for both."""

from collections.abc import Set
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import FoundCharge, GatewayName, NoSuchCharge
from app.edge.notifications.model import Kind
from app.flows.checkout.model import HoldExpired, NotPayable
from app.foundation.alerts import Severity, raise_alert
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx, now
from app.foundation.money import Money
from app.market.bookings import actions as bookings
from app.market.bookings.model import UNPAID, Booking, BookingState
from app.market.inventory.model import Kind as ListingKind
from app.money.payments import actions as payments
from app.money.payments.model import Payment, Unwanted, Verdict

PAYMENT_DEADLINE: Final = timedelta(minutes=30)
_CAME: Final = (Verdict.PAID, Verdict.PAID_OTHERWISE)


async def payable(tx: Tx, *, booking_id: UUID, guest_id: UUID) -> Booking:
    """The guest's booking, locked and waiting for money.

    Raises BookingNotFound, NotPayable, HoldExpired.
    """
    booking = await bookings.lock(tx, booking_id)
    if booking.guest_id != guest_id:
        raise bookings.not_found(booking_id)
    if booking.state not in UNPAID or booking.expires_at is None:
        raise NotPayable(f"The booking is {booking.state}.")
    if booking.expires_at <= await now(tx):
        raise HoldExpired("Reserve again, if the units are still free.")
    return booking


async def begin(
    tx: Tx, booking: Booking, *, gateway: GatewayName, down: Set[GatewayName] = frozenset()
) -> Payment:
    """Commit to a charge before the gateway hears of it, and give the guest time to pay it.

    The hold is extended to the payment deadline once, by the first attempt: who begins again and
    again cannot keep units from others for longer.
    """
    if booking.state is BookingState.HELD:
        deadline = await now(tx) + PAYMENT_DEADLINE
        await bookings.await_payment(
            tx, booking, until=max(deadline, booking.expires_at or deadline)
        )
    return await payments.begin(
        tx,
        booking_id=booking.id,
        payer_id=booking.guest_id,
        money=Money(amount=booking.total, currency=booking.currency),
        gateway=gateway,
        down=down,
    )


async def settle(
    tx: Tx, payment: Payment, found: FoundCharge | NoSuchCharge, *, live: bool
) -> Payment:
    """Book what the gateway says of a charge, with all that follows for its booking, once."""
    booking = await bookings.lock(tx, payment.booking_id)
    moment = await now(tx)
    deadline_passed = booking.expires_at is None or booking.expires_at <= moment
    payment, verdict = await payments.settle(
        tx, payment.id, found, live=live, deadline_passed=deadline_passed
    )
    if verdict is Verdict.PAID:
        await _paid(tx, booking, payment, moment)
    elif verdict is Verdict.PAID_OTHERWISE:
        await _give_back(tx, booking, payment, Unwanted.WRONG)
    if verdict in _CAME and isinstance(found, FoundCharge):
        await payments.post_fee(tx, payment, found.fee)
    return payment


async def _paid(tx: Tx, booking: Booking, payment: Payment, moment: datetime) -> None:
    """A charge has succeeded: the booking is the guest's, or the money goes back."""
    if booking.state not in (BookingState.AWAITING_PAYMENT, BookingState.EXPIRED):
        is_cancelled = booking.state is BookingState.CANCELLED
        await _give_back(tx, booking, payment, Unwanted.LATE if is_cancelled else Unwanted.SECOND)
        return
    if _can_begin(booking, moment) and await bookings.secure(tx, booking, payment):
        return
    if booking.state is BookingState.AWAITING_PAYMENT:
        await bookings.expire(tx, booking, reason="paid too late: the units are not free any more")
    await _give_back(tx, booking, payment, Unwanted.LATE)


def _can_begin(booking: Booking, moment: datetime) -> bool:
    """Whether what is paid for now can still be had.

    A bus has left; a room for tonight can be had after check-in time, if it is paid for in time.
    """
    if booking.check_in_at > moment:
        return True
    in_time = booking.expires_at is not None and booking.expires_at > moment
    return booking.kind is ListingKind.STAY and in_time and booking.check_out_at > moment


async def _give_back(tx: Tx, booking: Booking, payment: Payment, why: Unwanted) -> None:
    """Money came that buys nothing: refund it, and tell guest and operator."""
    await payments.give_back(tx, payment, by=SYSTEM, reason=why.reason)
    await raise_alert(
        tx,
        kind=why,
        severity=Severity.WARNING,
        subject=payment.reference,
        details={"bookingId": str(booking.id), "amount": str(payment.money)},
    )
    await bookings.tell(
        tx,
        booking,
        booking.guest_id,
        Kind.REFUND_PENDING,
        reason=why.reason,
        source_id=payment.id,
    )
