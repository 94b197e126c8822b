"""Claims under concurrency: whatever is asked at once, each (unit, night) has one owner."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import pytest
import uuid_utils.compat
from hypothesis import given, settings
from hypothesis import strategies as st

from app.foundation import db
from app.foundation.db import Tx, execute, fetch_value, fetch_values, transaction
from app.market.claims import actions as claims
from app.market.claims import queries, rules
from app.market.claims.model import Pick, SoldOut, Sought, Span, UnitsTaken, Wanted
from app.market.inventory.model import OfferedUnit
from app.people.accounts.model import Role
from tests import make
from tests.health_checks import EVERY_CHECK

FIRST: Final = date(2030, 1, 1)
ROOMS: Final = 4
NIGHTS: Final = 5
CLIENTS_MAX: Final = 8


class Ask(NamedTuple):
    """What one buyer wants: named rooms (by number, in any order) or any so many, for nights."""

    rooms: tuple[int, ...] | None
    count: int
    first: int
    last: int
    expires: bool  # an earlier hold that has run out by now


def _asks() -> st.SearchStrategy[list[Ask]]:
    room_numbers = st.lists(st.integers(0, ROOMS - 1), unique=True, min_size=1).map(tuple)
    nights = st.tuples(st.integers(0, NIGHTS - 1), st.integers(0, NIGHTS - 1)).map(sorted)
    ask = st.builds(
        lambda rooms, count, nights, expires: Ask(rooms, count, nights[0], nights[1], expires),
        st.none() | room_numbers,
        st.integers(1, ROOMS),
        nights,
        st.booleans(),
    )
    return st.lists(ask, min_size=2, max_size=CLIENTS_MAX)


class Claim(NamedTuple):
    unit_id: int
    night: int


class House:
    """A guest house whose rooms are claimed straight through the actions, without bookings."""

    def __init__(self, listing_id: UUID, unit_ids: Sequence[int]) -> None:
        self.listing_id = listing_id
        self.unit_ids = unit_ids

    async def empty(self) -> None:
        async with transaction() as tx:
            await execute(tx, "DELETE FROM claims")

    async def ask(self, ask: Ask, booking_id: UUID, until: datetime) -> set[Claim] | None:
        """One buyer's transaction: what was got, or None for a refusal."""
        first, last = (FIRST + timedelta(days=n) for n in (ask.first, ask.last))
        try:
            async with transaction() as tx:
                wanted = Wanted(listing_id=self.listing_id, first=first, last=last)
                got = await self._claim(tx, ask, wanted, booking_id, until)
        except (UnitsTaken, SoldOut):
            return None
        return {
            Claim(unit_id, night) for unit_id in got for night in range(ask.first, ask.last + 1)
        }

    async def _claim(
        self, tx: Tx, ask: Ask, wanted: Wanted, booking_id: UUID, until: datetime
    ) -> Sequence[int]:
        if ask.rooms is None:

            async def claim(units: list[list[OfferedUnit]]) -> list[int] | None:
                sought = self._sought(booking_id, wanted.span([unit.id for unit in units[0]]))
                got = await queries.claim(tx, [sought], until)
                return None if rules.short([sought], got) else list(sought.span.unit_ids)

            return await claims.claim_any(tx, [Pick(wanted=wanted, count=ask.count)], claim=claim)
        unit_ids = tuple(self.unit_ids[number] for number in ask.rooms)
        await claims.claim(tx, [self._sought(booking_id, wanted.span(unit_ids))], until=until)
        return unit_ids

    def _sought(self, booking_id: UUID, span: Span) -> Sought:
        return Sought(booking_id=booking_id, listing_id=self.listing_id, span=span)

    async def owners(self) -> dict[Claim, UUID]:
        async with transaction() as tx:
            keys = await fetch_values(
                tx,
                str,
                """
                SELECT unit_id || ' ' || slot - %(first)s FROM claims
                 ORDER BY unit_id, slot""",
                first=FIRST,
            )
            owners = await fetch_values(
                tx, UUID, "SELECT booking_id FROM claims ORDER BY unit_id, slot"
            )
        return {
            Claim(*map(int, key.split())): owner for key, owner in zip(keys, owners, strict=True)
        }


@pytest.fixture
async def house(pool: None) -> House:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        listing_id = await make.stay(tx, host, rooms=ROOMS)
        unit_ids = await fetch_values(tx, int, "SELECT id FROM units ORDER BY id")
        # The claims of these tests have no bookings.
        await execute(tx, "ALTER TABLE claims DROP CONSTRAINT claims_booking_id_fkey")
    return House(listing_id, unit_ids)


def _now() -> datetime:
    return datetime.now(UTC)


PATIENT: Final = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=EVERY_CHECK,
)


async def test_whatever_is_asked_at_once_is_sold_once_and_whole(house: House) -> None:
    examples = await asyncio.to_thread(_examples, _asks(), 120)
    for asks in examples:
        await _round(house, asks)


def _examples(strategy: st.SearchStrategy[list[Ask]], count: int) -> list[list[Ask]]:
    """Examples, the same in each run, made before the loop whose connections they will use."""
    found: list[list[Ask]] = []

    @settings(PATIENT, max_examples=count)
    @given(strategy)
    def collect(asks: list[Ask]) -> None:
        found.append(asks)

    collect()
    return found


async def _round(house: House, asks: list[Ask]) -> None:
    await house.empty()
    lapsed = [ask for ask in asks if ask.expires]
    for ask in lapsed:  # holds that ran out, and whose claims still lie there
        await house.ask(ask, uuid_utils.compat.uuid7(), _now() - timedelta(seconds=1))
    leftovers = await house.owners()
    buyers = [uuid_utils.compat.uuid7() for _ in asks]
    until = _now() + timedelta(hours=1)
    got = await asyncio.gather(
        *(house.ask(ask, buyer, until) for ask, buyer in zip(asks, buyers, strict=True))
    )
    _judge(asks, dict(zip(buyers, got, strict=True)), await house.owners(), leftovers)


def _judge(
    asks: list[Ask],
    got: dict[UUID, set[Claim] | None],
    owners: dict[Claim, UUID],
    leftovers: dict[Claim, UUID],
) -> None:
    """Against a model in plain Python: sets of claims that must not meet."""
    expected: dict[Claim, UUID] = {}
    for buyer, claimed in got.items():
        for claim in claimed or ():
            assert claim not in expected, f"{claim} was sold twice, in {asks}"
            expected[claim] = buyer
    untouched = {claim: owner for claim, owner in leftovers.items() if claim not in expected}
    assert owners == untouched | expected, f"all or nothing, in {asks}"
    assert any(claimed for claimed in got.values()), f"somebody always gets something, in {asks}"
    for ask, claimed in zip(asks, got.values(), strict=True):
        if claimed is None:
            assert not _is_free(ask, expected), f"{ask} was refused though free, in {asks}"
        else:
            rooms = len(ask.rooms) if ask.rooms else ask.count
            assert len(claimed) == rooms * (ask.last - ask.first + 1)


def _is_free(ask: Ask, sold: dict[Claim, UUID]) -> bool:
    """Whether any so many rooms are free in the end, when nobody has given anything back.

    (Who asked for a room by its name may have been refused because of one who was refused later.)
    """
    nights = range(ask.first, ask.last + 1)
    taken = {claim.unit_id for claim in sold if claim.night in nights}
    return ask.rooms is None and ROOMS - len(taken) >= ask.count


async def test_seats_of_one_bus_in_any_order_never_deadlock(house: House) -> None:
    orders = [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3), (3, 0)]
    for _ in range(15):
        await _round(house, [Ask(order, 1, 0, NIGHTS - 1, expires=True) for order in orders])


# ---- the same without the primary key: these tests must be able to fail -------------------------


async def _check_then_insert(house: House, booking_id: UUID) -> bool:
    """How one would write it without thinking: look, and insert if it was free."""
    async with transaction() as tx:
        taken = await fetch_value(
            tx,
            int,
            "SELECT count(*) FROM claims WHERE unit_id = %(unit_id)s AND slot = %(slot)s",
            unit_id=house.unit_ids[0],
            slot=FIRST,
        )
        if taken:
            return False
        await asyncio.sleep(0.3)  # long enough for connections to open: they must overlap
        await execute(
            tx,
            """
            INSERT INTO claims (unit_id, slot, booking_id)
            VALUES (%(unit_id)s, %(slot)s, %(booking_id)s)""",
            unit_id=house.unit_ids[0],
            slot=FIRST,
            booking_id=booking_id,
        )
        return True


async def test_without_the_primary_key_the_same_load_does_sell_twice(house: House) -> None:
    async with transaction() as tx:
        await execute(tx, "ALTER TABLE claims DROP CONSTRAINT claims_pkey")
    sold = await asyncio.gather(
        *(_check_then_insert(house, uuid_utils.compat.uuid7()) for _ in range(CLIENTS_MAX))
    )
    assert sum(sold) > 1, "the load is not concurrent: the tests above prove nothing"


async def test_with_the_primary_key_the_thoughtless_way_is_refused(house: House) -> None:
    sold = await asyncio.gather(
        *(_check_then_insert(house, uuid_utils.compat.uuid7()) for _ in range(CLIENTS_MAX)),
        return_exceptions=True,
    )
    refused = [result for result in sold if isinstance(result, db.Violated)]
    assert {violated.constraint for violated in refused} == {"claims_pkey"}
    assert sold.count(True) == 1
