"""Nights between guests, when a hold has run out and is paid for all the same, or rules change."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest

from app.foundation.db import execute, transaction
from app.foundation.errors import Problem
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, Reserve
from app.market.claims import actions as claims
from app.market.stay_rules.model import NewStayRules, NightsBetweenGuests
from app.people.accounts.model import Principal, Role
from tests import make
from tests.market import make as market


class World:
    """A room for which a night is kept empty between guests, and a day a week away."""

    def __init__(self, listing_id: UUID, guest: Principal, day: date) -> None:
        self.listing_id = listing_id
        self.guest = guest
        self.day = day

    async def book(self, first: int, nights: int) -> Booking:
        check_in = self.day + timedelta(days=first)
        request = Reserve(
            listing_id=self.listing_id,
            units=["Room 1"],
            check_in=check_in,
            check_out=check_in + timedelta(days=nights),
        )
        async with transaction() as tx:
            (booking,) = await bookings.reserve(tx, guest_id=self.guest.id, request=request)
        return booking

    async def secure(self, booking: Booking) -> bool:
        """What becomes of the claims of a booking that is paid for."""
        async with transaction() as tx:
            return await claims.try_claim(tx, [booking.sought], until=None)


@pytest.fixture
async def world(pool: None) -> World:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        stay = await market.stay(tx, host, rooms=1, rules=NewStayRules(nights_between=1))
        guest = await make.account(tx)
        day = await make.today(tx) + timedelta(days=7)
    return World(stay.id, guest, day)


async def run_out(booking: Booking) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE claims SET expires_at = business_now() - interval '1 second'
             WHERE booking_id = %(id)s""",
            id=booking.id,
        )


@pytest.mark.parametrize("first", [-2, 2])
async def test_a_late_payment_does_not_put_its_guest_too_near_to_another(
    world: World, first: int
) -> None:
    late = await world.book(0, 2)
    await run_out(late)
    await world.book(first, 2)
    assert not await world.secure(late)


async def test_a_late_payment_gets_nights_that_are_far_enough_from_others(world: World) -> None:
    late = await world.book(0, 2)
    await run_out(late)
    await world.book(3, 2)
    assert await world.secure(late)


async def test_a_hold_that_lives_is_paid_for_though_a_later_rule_let_others_come_nearer(
    world: World,
) -> None:
    held = await world.book(0, 2)
    async with transaction() as tx:
        await execute(tx, "UPDATE listings SET rules = NULL")
    await world.book(2, 2)
    assert await world.secure(held)


async def test_a_stay_keeps_away_from_guests_who_came_before_the_rule(world: World) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE listings SET rules = NULL")
    await world.book(0, 2)
    async with transaction() as tx:
        await execute(tx, """UPDATE listings SET rules = '{"nightsBetween": 3}'""")
    with pytest.raises(NightsBetweenGuests):
        await world.book(4, 2)
    await world.book(5, 2)


async def test_of_a_late_payment_and_a_neighbour_at_the_same_moment_one_gets_the_nights(
    world: World,
) -> None:
    for first in range(0, 160, 8):
        late = await world.book(first, 2)
        await run_out(late)
        paid, neighbour = await asyncio.gather(
            world.secure(late), world.book(first + 2, 2), return_exceptions=True
        )
        assert isinstance(paid, bool), paid
        assert isinstance(neighbour, Booking | Problem), neighbour
        assert paid != isinstance(neighbour, Booking), f"both or none, {first} days later"
