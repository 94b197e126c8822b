"""Cancelling a booking of several parts that nobody has paid for: all of it, or nothing."""

import pytest

from app.edge.gateways.port import GatewayName
from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, NotPaidYet
from app.flows.checkout import actions as checkout
from app.foundation.db import Tx, fetch_new_value, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, Reserve, WantedPart
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.flows.cancellation.test_actions import guest_of, host_of
from tests.laws import audit_is_clean

CLAIMS = "SELECT count(*) FROM claims"
WHO = pytest.mark.parametrize("who", ["guest", "admin"])
IS_PAYING = pytest.mark.parametrize("is_paying", [False, True])


async def two_trips(tx: Tx, *, is_paying: bool) -> list[Booking]:
    """Seats on the trips of two hosts, held; the guest may stand before the gateway's page."""
    trips = [await make.trip(tx, await make.account(tx, Role.HOST)) for _ in range(2)]
    wanted = [WantedPart(trip_id=trip, seat_count=1) for trip in trips]
    guest = await make.account(tx)
    parts = await bookings.reserve(tx, guest_id=guest.id, request=Reserve(parts=wanted))
    if is_paying:
        await checkout.begin(tx, parts, gateway=GatewayName.PAYSTACK)
    return await bookings.lock_whole(tx, parts[0].id)


async def states(tx: Tx, parts: list[Booking]) -> set[str]:
    return {part.state for part in await bookings.lock_whole(tx, parts[0].id)}


@WHO
@IS_PAYING
async def test_one_part_of_what_is_not_paid_is_not_cancelled_alone(
    pool: None, who: str, is_paying: bool
) -> None:
    async with transaction() as tx:
        first, later = parts = await two_trips(tx, is_paying=is_paying)
        admin = await make.account(tx, Role.ADMIN)
        asker: Principal = guest_of(first) if who == "guest" else admin
        with pytest.raises(NotPaidYet):
            await actions.preview(tx, booking_id=later.id, asker=asker)
        with pytest.raises(NotPaidYet):
            await actions.cancel(tx, booking_id=later.id, asker=asker, request=Cancel())
        assert await states(tx, parts) == {first.state}
        await actions.cancel(tx, booking_id=first.id, asker=asker, request=Cancel())
        assert await states(tx, parts) == {"cancelled"}
    await audit_is_clean()


@IS_PAYING
@pytest.mark.parametrize("number", [0, 1])
async def test_a_host_who_cancels_what_is_not_paid_ends_all_and_sees_the_own_part(
    pool: None, number: int, is_paying: bool
) -> None:
    async with transaction() as tx:
        parts = await two_trips(tx, is_paying=is_paying)
        part = parts[number]
        told = await actions.preview(tx, booking_id=part.id, asker=host_of(part))
        assert (told.total.amount, told.of_parts) == (0, [told])
        seen = await actions.cancel(
            tx, booking_id=part.id, asker=host_of(part), request=Cancel(expected_refund=told.total)
        )
        assert [each.id for each in seen] == [part.id]
        assert await states(tx, parts) == {"cancelled"}
        assert await fetch_new_value(tx, int, CLAIMS) == 0
    await audit_is_clean()


async def test_a_payment_after_a_host_has_cancelled_comes_back_whole(pool: None) -> None:
    async with transaction() as tx:
        parts = await two_trips(tx, is_paying=False)
        payment = await checkout.begin(tx, parts, gateway=GatewayName.PAYSTACK)
        await actions.cancel(tx, booking_id=parts[1].id, asker=host_of(parts[1]), request=Cancel())
        await paid.settle(tx, payment)
        assert await states(tx, parts) == {"cancelled"}
        refunded = "SELECT sum(amount)::bigint FROM instructions WHERE kind = 'refund'"
        assert await fetch_new_value(tx, int, refunded) == payment.amount
    await audit_is_clean()
