"""Begin a charge for a booking, and settle the charge together with its booking."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import (
    ChargeStatus,
    FoundCharge,
    FoundInstruction,
    GatewayName,
    NoSuchCharge,
)
from app.edge.notifications.model import Kind
from app.flows.checkout.model import HoldExpired, NotPayable
from app.foundation.alerts import Severity, raise_alert
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx, now
from app.foundation.queue import TakeInCharge, enqueue_all
from app.market.bookings import actions as bookings
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import UNPAID, Booking, BookingState, state_of
from app.market.inventory.model import Kind as ListingKind
from app.money.payments import actions as payments
from app.money.payments.model import Payment, Unwanted, Verdict
from app.money.taken_in import actions as taken_in
from app.money.taken_in.model import Shares

PAYMENT_DEADLINE: Final = timedelta(minutes=30)
_MONEY_CAME: Final = (Verdict.PAID, Verdict.PAID_OTHERWISE)


async def payable(tx: Tx, *, booking_id: UUID, guest_id: UUID) -> list[Booking]:
    """All parts of the guest's booking, locked, which must be waiting for a payment.

    All of it is paid at once, whichever of its parts the id is of. Raises BookingNotFound,
    NotPayable, HoldExpired.
    """
    parts = await bookings.lock_whole(tx, booking_id)
    booking = parts[0]
    if booking.guest_id != guest_id:
        raise bookings.not_found(booking_id)
    if booking.state not in UNPAID or booking.expires_at is None:
        raise NotPayable(f"The booking is {booking.state}.")
    if booking.expires_at <= await now(tx):
        raise HoldExpired("Reserve again, if the units are still free.")
    return parts


async def begin(
    tx: Tx, parts: Sequence[Booking], *, gateway: GatewayName, down: Set[GatewayName] = frozenset()
) -> Payment:
    """Begin a charge of a locked booking, to be committed before its gateway is called.

    The first attempt extends the hold to the payment deadline; later ones do not, so that beginning
    again and again does not keep the units from others for longer.
    """
    booking = parts[0]
    if booking.state is BookingState.HELD:
        deadline = await now(tx) + PAYMENT_DEADLINE
        await bookings.await_payment(tx, parts, until=max(deadline, booking.expires_at or deadline))
    return await payments.begin(
        tx,
        booking_id=booking.id,
        payer_id=booking.guest_id,
        money=booking_rules.total(parts),
        gateway=gateway,
        down=down,
    )


async def settle(
    tx: Tx,
    payment: Payment,
    found: FoundCharge | NoSuchCharge,
    *,
    live: bool,
    refunds: Sequence[FoundInstruction] = (),
    is_paid_out: bool = False,
) -> Payment:
    """Settle a charge as its gateway reports it, with all that follows for its booking, once.

    `refunds` are those that somebody had made at the gateway before we first saw it paid.
    `is_paid_out`: the gateway has a transfer of it, though nothing of it is here.
    """
    parts = await bookings.lock_whole(tx, payment.booking_id) if payment.booking_id else []
    moment = await now(tx)
    expires_at = parts[0].expires_at if parts else None
    payment, verdict = await payments.settle(
        tx,
        payment.id,
        found,
        live=live,
        deadline_passed=expires_at is None or expires_at <= moment,
    )
    if verdict in _MONEY_CAME:
        done = [each for each in refunds if each.status.moves_money]
        if is_paid_out and not parts:
            await _keep_for_a_person(tx, payment)
        else:
            await _apply(tx, parts, payment, verdict, moment, refunds=done, live=live)
    if isinstance(found, FoundCharge) and found.status is ChargeStatus.SUCCEEDED:
        await _learn(tx, payment, found)
    return payment


async def _learn(tx: Tx, payment: Payment, found: FoundCharge) -> None:
    """Post what the gateway says of a paid charge; take in what else was paid as this one."""
    others = set(found.also_paid)
    if payment.charge_id == found.gateway_id:
        await payments.learn(tx, payment.id, found)
    elif payment.charge_id:
        others.add(found.gateway_id)
    await enqueue_all(
        tx,
        [
            TakeInCharge(gateway=payment.gateway, reference=payment.asked_as, charge_id=other)
            for other in sorted(others - {payment.charge_id})
        ],
    )


async def _apply(
    tx: Tx,
    parts: Sequence[Booking],
    payment: Payment,
    verdict: Verdict,
    moment: datetime,
    *,
    refunds: Sequence[FoundInstruction],
    live: bool,
) -> None:
    """Let money that came buy its booking, or give it back; none if the booking is unknown."""
    if not parts:
        await _give_back(tx, parts, payment, Unwanted.UNKNOWN, refunds=refunds, live=live)
    elif refunds:
        await _give_back(tx, parts, payment, Unwanted.GIVEN_BACK, refunds=refunds, live=live)
    elif verdict is Verdict.PAID_OTHERWISE:
        await _give_back(tx, parts, payment, Unwanted.WRONG)
    else:
        await _paid(tx, parts, payment, moment)


async def _keep_for_a_person(tx: Tx, payment: Payment) -> None:
    """Set a charge aside that was paid out already: to give it back would pay it twice.

    Nothing of its booking is here (a database was restored): a person finds out whose it is.
    """
    await payments.set_aside(tx, payment, reason=Unwanted.PAID_OUT.reason)
    await raise_alert(
        tx,
        kind=Unwanted.PAID_OUT,
        severity=Severity.CRITICAL,
        subject=payment.reference,
        details={"amount": str(payment.money), "gateway": payment.gateway},
    )


async def _paid(tx: Tx, parts: Sequence[Booking], payment: Payment, moment: datetime) -> None:
    """Secure the booking of a charge that has succeeded, all parts of it, or refund the charge."""
    state = state_of(parts)
    if state not in (BookingState.AWAITING_PAYMENT, BookingState.EXPIRED):
        is_cancelled = state is BookingState.CANCELLED
        await _give_back(tx, parts, payment, Unwanted.LATE if is_cancelled else Unwanted.SECOND)
        return
    can_begin = all(_can_begin(part, moment) for part in parts)
    if can_begin and await bookings.secure(tx, parts, payment):
        return
    if state is BookingState.AWAITING_PAYMENT:
        await bookings.expire(tx, parts, reason="paid too late: the units are not free any more")
    await _give_back(tx, parts, payment, Unwanted.LATE)


def _can_begin(booking: Booking, moment: datetime) -> bool:
    """Whether a booking that is paid for now can still take place.

    Not if the trip has departed. A stay can begin after its check-in time, if it was paid in time.
    """
    if booking.check_in_at > moment:
        return True
    in_time = booking.expires_at is not None and booking.expires_at > moment
    return booking.kind is ListingKind.STAY and in_time and booking.check_out_at > moment


async def _give_back(
    tx: Tx,
    parts: Sequence[Booking],
    payment: Payment,
    why: Unwanted,
    *,
    refunds: Sequence[FoundInstruction] = (),
    live: bool = False,
) -> None:
    """Refund what is left of a charge that buys nothing; notify the guest and alert operators."""
    await payments.set_aside(tx, payment, reason=why.reason)
    for found in refunds:
        owed = Shares(from_owed=found.money.amount)
        await taken_in.take_in_refund(tx, payment, found, owed, promised=0, live=live)
    back = sum(found.money.amount for found in refunds)
    await payments.give_back(tx, payment, by=SYSTEM, reason=why.reason, but=back)
    await raise_alert(
        tx,
        kind=why,
        severity=Severity.WARNING,
        subject=payment.reference,
        details={
            "bookingId": str(payment.booking_id or ""),
            "amount": str(payment.money),
            "givenBackAtGateway": back,
        },
    )
    if parts and back < payment.amount:
        await bookings.notify_guest(
            tx, parts, Kind.REFUND_PENDING, reason=why.reason, source_id=payment.id
        )
