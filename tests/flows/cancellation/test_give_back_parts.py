"""Giving back of a booking of several parts: one of them, or some of one; others stay."""

from datetime import timedelta
from typing import Any

import pytest

from app.edge.gateways.port import GatewayName
from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, GiveBack
from app.flows.checkout import actions as checkout
from app.foundation.db import Tx, fetch_value, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, BookingNotFound, Reserve, WantedPart
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.flows.cancellation.test_give_back import DAY, give, guest_of, host_of, rooms
from tests.laws import audit_is_clean
from tests.market.vouchers import made


async def stay_and_trip(tx: Tx, **more: Any) -> list[Booking]:
    """Two nights in two rooms and two seats, of two hosts, paid for together."""
    hosts = [await make.account(tx, Role.HOST) for _ in range(2)]
    guest = await make.account(tx)
    stay_id = await make.stay(tx, hosts[0], rooms=2, price=100_003, deposit=50_001)
    trip_id = await make.trip(tx, hosts[1], price=70_001, days_ahead=20)
    check_in = await make.today(tx) + 20 * DAY
    request = Reserve(
        parts=[
            WantedPart(
                listing_id=stay_id, unit_count=2, check_in=check_in, check_out=check_in + 2 * DAY
            ),
            WantedPart(trip_id=trip_id, seat_numbers=["1A", "1B"]),
        ],
        **more,
    )
    parts = await bookings.reserve(tx, guest_id=guest.id, request=request)
    await paid.settle(tx, await checkout.begin(tx, parts, gateway=GatewayName.PAYSTACK))
    return await bookings.lock_whole(tx, parts[0].id)


async def states(tx: Tx, whole_id: Any) -> list[str]:
    return [part.state for part in await bookings.lock_whole(tx, whole_id)]


async def test_a_seat_of_a_later_part_goes_back_and_all_else_stays(pool: None) -> None:
    async with transaction() as tx:
        stay, trip = await stay_and_trip(tx)
        done = await give(tx, trip, units=["1B"])
        assert done.total.amount == 70_001
        whole = await bookings.lock_whole(tx, stay.id)
        assert [part.part for part in whole] == [1, 2, 3]
        assert [part.state for part in whole] == ["confirmed", "confirmed", "cancelled"]
        assert (whole[0].parts, whole[2].part_of, whole[2].split_from) == (3, stay.id, trip.id)
        assert sum(part.total for part in whole) == stay.total + trip.total
        assert whole[0].labels == stay.labels
        done = await give(tx, stay, last_nights=1)
        assert (await states(tx, stay.id))[2:] == ["cancelled", "cancelled"]
    await audit_is_clean()


@pytest.mark.parametrize("number", [0, 1])
async def test_one_part_goes_back_whole_and_the_other_stays(pool: None, number: int) -> None:
    async with transaction() as tx:
        parts = await stay_and_trip(tx)
        done = await give(tx, parts[number], everything=True)
        assert done.total.amount == parts[number].total
        expected = ["confirmed", "confirmed"]
        expected[number] = "cancelled"
        assert await states(tx, parts[0].id) == expected
    await audit_is_clean()


async def test_what_is_left_of_all_parts_is_cancelled_together(pool: None) -> None:
    async with transaction() as tx:
        stay, trip = await stay_and_trip(tx)
        await give(tx, trip, units=["1A"])
        await give(tx, stay, units=[stay.labels[0]])
        left = await actions.preview(tx, booking_id=stay.id, asker=guest_of(stay))
        await actions.cancel(
            tx,
            booking_id=stay.id,
            asker=guest_of(stay),
            request=Cancel(expected_refund=left.total),
        )
        assert set(await states(tx, stay.id)) == {"cancelled"}
        refunds = "SELECT sum(amount)::bigint FROM instructions WHERE kind = 'refund'"
        assert await fetch_value(tx, int, refunds) == stay.total + trip.total
    await audit_is_clean()


async def test_a_host_gives_back_of_the_own_part_only(pool: None) -> None:
    async with transaction() as tx:
        stay, trip = await stay_and_trip(tx)
        with pytest.raises(BookingNotFound):
            await _give_all(tx, trip, host_of(stay))
        await give(tx, trip, host_of(trip), units=["1A"])
        assert await states(tx, stay.id) == ["confirmed", "confirmed", "cancelled"]
    await audit_is_clean()


async def _give_all(tx: Tx, part: Booking, who: Principal) -> object:
    return await actions.give_back(
        tx, booking_id=part.id, asker=who, request=GiveBack(everything=True)
    )


@pytest.mark.parametrize("before", [2 * DAY, DAY / 2])
@pytest.mark.parametrize("borne_by", ["platform", "host"])
async def test_a_voucher_pays_its_part_of_what_stays_and_of_what_is_given_back(
    pool: None, borne_by: str, before: timedelta
) -> None:
    """The guest gets back, of what was paid, what all at once would give; the host the rest."""
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
    if borne_by == "platform":
        await made.of_platform(code="SHARED", percent_bps=3_333)
    else:
        await made.of_host(host, code="SHARED", percent_bps=3_333)
    async with transaction() as tx:
        odd = {"price": 100_003, "fee": 999, "deposit": 5_001, "policy": "flexible"}
        held = await rooms(tx, host=host, units=3, voucher="SHARED", **odd)
        booking = await paid.pay(tx, held)
        assert booking.discount == 3 * 100_003 * 3_333 // 10_000
        await paid.set_clock(tx, booking.check_in_at - before)
        at_once = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
        told = [
            (await give(tx, booking, units=[label])).total.amount for label in booking.labels[:2]
        ]
        rest = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
        assert sum(told) + rest.total.amount == at_once.total.amount
        whole = await bookings.lock_whole(tx, booking.id)
        assert sum(part.discount for part in whole) == booking.discount
        await give(tx, booking, everything=True)
    await audit_is_clean()
