"""Fifty guests want the last room and the last seat, together and apart, at the same moment."""

import asyncio
from datetime import date, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.foundation.db import execute, fetch_values, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Reserve, WantedPart
from app.market.claims.model import SoldOut, UnitsTaken
from app.people.accounts.model import Role
from tests import make
from tests.health_checks import EVERY_CHECK

GUESTS: Final = 50
ROUNDS: Final = 12


class Wish(NamedTuple):
    """What a guest wants: parts in this order, each by its name or any one that is free."""

    parts: tuple[str, ...]
    named: tuple[bool, ...]


class World(NamedTuple):
    stay_id: UUID
    trip_id: UUID
    day: date
    guests: list[UUID]

    def part(self, kind: str, *, named: bool) -> WantedPart:
        label, count = ("1A" if kind == "seat" else "Room 1"), None if named else 1
        labels = [label] if named else None
        if kind == "seat":
            return WantedPart(trip_id=self.trip_id, seat_numbers=labels, seat_count=count)
        return WantedPart(
            listing_id=self.stay_id,
            check_in=self.day,
            check_out=self.day + timedelta(days=2),
            units=labels,
            unit_count=count,
        )

    async def ask(self, guest_id: UUID, wish: Wish) -> list[UUID]:
        """The parts that a guest got; none if refused. Any other end is a fault."""
        parts = [
            self.part(kind, named=named) for kind, named in zip(wish.parts, wish.named, strict=True)
        ]
        try:
            async with transaction() as tx:
                request = Reserve(parts=parts)
                got = await bookings.reserve(tx, guest_id=guest_id, request=request)
        except (UnitsTaken, SoldOut):
            return []
        return [part.id for part in got]


@pytest.fixture
async def world(pool: None) -> World:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        stay_id = await make.stay(tx, host, rooms=1)
        trip_id = await make.trip(tx, host, seats=1)
        day = await make.today(tx) + timedelta(days=30)
        guests = [(await make.account(tx)).id for _ in range(GUESTS)]
    return World(stay_id, trip_id, day, guests)


def _wishes() -> list[list[Wish]]:
    """What fifty guests want, in several rounds; the same in each run."""
    parts = st.sampled_from([("room",), ("seat",), ("room", "seat"), ("seat", "room")])
    wish = parts.flatmap(
        lambda kinds: st.builds(Wish, st.just(kinds), st.tuples(*(st.booleans() for _ in kinds)))
    )
    rounds: list[list[Wish]] = []

    @settings(
        max_examples=ROUNDS,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=EVERY_CHECK,
    )
    @given(st.lists(wish, min_size=GUESTS, max_size=GUESTS))
    def collect(wishes: list[Wish]) -> None:
        rounds.append(wishes)

    collect()
    return rounds


async def test_nobody_gets_half_a_booking_and_all_that_can_be_sold_is_sold_once(
    world: World,
) -> None:
    held: list[UUID] = []
    for wishes in await asyncio.to_thread(_wishes):
        async with transaction() as tx:
            await execute(tx, "DELETE FROM claims")
        asking = [world.ask(guest, wish) for guest, wish in zip(world.guests, wishes, strict=True)]
        got = await asyncio.gather(*asking)
        async with transaction() as tx:
            claimed = await fetch_values(tx, UUID, "SELECT booking_id FROM claims ORDER BY slot")
            rows = await fetch_values(tx, UUID, "SELECT id FROM bookings")
        won = [(wish, parts) for wish, parts in zip(wishes, got, strict=True) if parts]
        assert all(len(parts) == len(wish.parts) for wish, parts in won), "all or nothing"
        held += [part for _, parts in won for part in parts]
        assert sorted(rows) == sorted(held)
        sold = [kind for wish, _ in won for kind in wish.parts]
        assert len(sold) == len(set(sold)), f"sold twice: {sold}"
        assert len(claimed) == 2 * sold.count("room") + sold.count("seat")
        for wish, parts in zip(wishes, got, strict=True):
            assert parts or not set(wish.parts).isdisjoint(sold), f"{wish} was refused though free"
        assert won, "somebody always gets something"
