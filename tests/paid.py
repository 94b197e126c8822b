"""Bookings that are paid for: the gateway's answer is made up, all else the application does."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.edge.gateways.port import ChargeStatus, FoundCharge, GatewayName
from app.flows.checkout import actions as checkout
from app.foundation.db import Tx, execute, fetch_value
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, Reserve
from app.money.escrow import queries as pots
from app.money.escrow.model import Pot
from app.money.payments.model import Payment
from app.people.accounts.model import Principal, Role
from tests import make


async def stay(tx: Tx, *, gateway: GatewayName = GatewayName.PAYSTACK, **wanted: Any) -> Booking:
    """A stay as `unpaid_stay` makes it, then paid for: confirmed, or asked of the host."""
    return await pay(tx, await unpaid_stay(tx, **wanted), gateway=gateway)


async def unpaid_stay(
    tx: Tx,
    *,
    host: Principal | None = None,
    guest: Principal | None = None,
    days_ahead: int = 30,
    nights: int = 1,
    **listing: Any,
) -> Booking:
    """A night or more in a guest house of its own, held; `listing` as for `make.stay`."""
    host = host or await make.account(tx, Role.GUEST, Role.HOST)
    guest = guest or await make.account(tx)
    listing_id = await make.stay(tx, host, **listing)
    check_in = await make.today(tx) + timedelta(days=days_ahead)
    (booking,) = await bookings.reserve(
        tx,
        guest_id=guest.id,
        request=Reserve(
            listing_id=listing_id,
            unit_count=1,
            check_in=check_in,
            check_out=check_in + timedelta(days=nights),
        ),
    )
    return booking


async def seat(
    tx: Tx,
    *,
    host: Principal | None = None,
    guest: Principal | None = None,
    gateway: GatewayName = GatewayName.PAYSTACK,
    **listing: Any,
) -> Booking:
    """A seat on a bus of its own, paid for; `listing` as for `make.trip`."""
    host = host or await make.account(tx, Role.GUEST, Role.HOST)
    guest = guest or await make.account(tx)
    listing_id = await make.trip(tx, host, **listing)
    request = Reserve(trip_id=listing_id, seat_count=1)
    (booking,) = await bookings.reserve(tx, guest_id=guest.id, request=request)
    return await pay(tx, booking, gateway=gateway)


async def pay(tx: Tx, booking: Booking, *, gateway: GatewayName = GatewayName.PAYSTACK) -> Booking:
    await settle(tx, await begin(tx, booking, gateway=gateway))
    return await bookings.lock(tx, booking.id)


async def begin(
    tx: Tx, booking: Booking, *, gateway: GatewayName = GatewayName.PAYSTACK
) -> Payment:
    """A charge that the gateway may be asked for."""
    return await checkout.begin(tx, [booking], gateway=gateway)


async def settle(tx: Tx, payment: Payment, *, fee: int | None = None) -> None:
    """A charge of which its gateway reports that it is paid; without a fee none is known yet."""
    found = FoundCharge(
        reference=payment.reference,
        gateway_id=payment.id.hex,
        status=ChargeStatus.SUCCEEDED,
        money=payment.money,
        fee=fee,
        failure="",
        live=False,
        data={},
    )
    await checkout.settle(tx, payment, found, live=False)


async def left_unanswered(tx: Tx, booking: Booking) -> None:
    """The host of a request has not answered in time: it is declined, though no time has passed."""
    await execute(
        tx, "UPDATE bookings SET respond_by = business_now() WHERE id = %(id)s", id=booking.id
    )
    await bookings.decline_unanswered(tx, booking.id)


async def pots_of(tx: Tx, booking: Booking) -> dict[str, Pot]:
    return {pot.kind: pot for pot in await pots.of_bookings(tx, [booking.id])}


async def set_clock(tx: Tx, moment: datetime) -> None:
    """Business time is this instant for the rest of the transaction, to the microsecond."""
    await execute(
        tx,
        "UPDATE business_clock SET movable = true, shift = %(moment)s - now()",
        moment=moment,
    )


async def shares(tx: Tx, booking_id: UUID) -> dict[str, int]:
    """What a booking's money has become: to whom how much is on its way or has arrived."""
    return {
        kind: await fetch_value(
            tx,
            int,
            """
            SELECT coalesce(sum(amount), 0)::bigint FROM instructions
             WHERE booking_id = %(id)s AND kind = %(kind)s""",
            id=booking_id,
            kind=kind,
        )
        or 0
        for kind in ("refund", "transfer")
    }
