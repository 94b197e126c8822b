"""Rows are locked in one order: bookings, pots, payments, chargebacks, instructions.

The money stories of tests/crash are watched as well, at every crash and recovery that they try.
Here are those that they leave out, and the watching itself.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.foundation.db import transaction
from app.market.bookings import actions as bookings
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from tests import make, paid
from tests.architecture.lock_order import Lock, locks_of, watched_locks
from tests.crash.house import CrashHouse
from tests.crash.journeys import (
    a_journey_confirmed,
    a_journey_requested,
    a_seat_and_then_a_part_are_given_back,
    guest_cancels_two_parts,
    one_host_declines_and_all_ends,
    two_parts_are_charged_back,
)
from tests.crash.stories import RENTAL_WINDOW, a_stay_paid
from tests.house import House, open_house

BECAUSE = {"reason": "The bank says so"}


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[CrashHouse]:
    """An application whose locks are watched."""
    async with open_house(CrashHouse, database_url, tmp_path / "books") as house:
        await house.fill()
        with watched_locks() as order:
            yield house
        assert not order.broken, "\n".join(order.broken)


async def test_a_lock_against_the_order_is_noticed_with_its_place(pool: None) -> None:
    with watched_locks() as order:
        async with transaction() as tx:
            booking = await paid.seat(tx)
        async with transaction() as tx:
            [pot] = await escrow.lock_all(tx, booking.id)
            await bookings.lock(tx, booking.id)
        assert len(order.broken) == 1
        assert order.broken[0].startswith("bookings locked after pots: app/market/bookings/")
        async with transaction() as tx:
            await bookings.lock(tx, booking.id)
            await escrow.lock_all(tx, booking.id)
            await bookings.lock(tx, booking.id)  # it has it already
            await instructions.lock_unsent(tx, pot.payment_id, list(InstructionKind))
        assert len(order.broken) == 1


def test_what_a_statement_locks_is_read_from_its_text() -> None:
    assert locks_of("SELECT * FROM pots WHERE id = %(id)s") == ()
    assert locks_of("SELECT * FROM pots WHERE id = %(id)s FOR NO KEY UPDATE") == (
        Lock("pots", waits=True),
    )
    assert locks_of("SELECT id FROM pots JOIN bookings USING (id) FOR SHARE SKIP LOCKED") == (
        Lock("pots", waits=False),
        Lock("bookings", waits=False),
    )
    assert locks_of(
        """
        WITH due AS (
            SELECT p.id FROM payments AS p JOIN bookings ON booking_id = bookings.id
               FOR UPDATE OF p SKIP LOCKED)
        UPDATE payments SET state = 'failed' WHERE id IN (SELECT id FROM due)"""
    ) == (Lock("payments", waits=False), Lock("payments", waits=False))
    assert locks_of("INSERT INTO pots (id) SELECT id FROM bookings") == (
        Lock("pots", waits=True, is_new=True),
    )


async def test_a_chargeback_that_is_won_locks_in_order(house: CrashHouse) -> None:
    await a_stay_paid(house)
    [reference] = await house.values("SELECT reference FROM payments")
    chargeback = await house.sandbox.charge_back(reference)
    await webhooks_processed(house)
    await house.sandbox.close_chargeback(chargeback["id"], "won")
    await webhooks_processed(house)
    await house.settle_down()
    assert await house.values("SELECT state FROM chargebacks") == ["won"]


async def test_a_refund_that_comes_back_after_a_lost_chargeback_locks_in_order(
    house: CrashHouse,
) -> None:
    booking = await a_stay_paid(house)
    await house.ask(house.host, f"/api/bookings/{booking['id']}/cancel")
    await house.run_jobs("money")
    await house.banks_work()
    await webhooks_processed(house)
    [reference] = await house.values("SELECT reference FROM payments")
    chargeback = await house.sandbox.charge_back(reference, amount=4_500_000)
    await webhooks_processed(house)
    await house.sandbox.close_chargeback(chargeback["id"], "lost")
    await webhooks_processed(house)
    for refund in await house.sandbox.refunds():
        await house.sandbox.end_refund(refund["id"], "reverse")
    await webhooks_processed(house)
    kept = "SELECT sum(from_returns)::text FROM chargebacks"
    assert await house.values(kept) != ["0"]


async def test_a_refund_that_waits_for_an_admin_locks_in_order(house: CrashHouse) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, house.host, price=20_000_000, request_to_book=True)
    booking = await house.reserve("1A", trip_id=trip_id)
    await house.paid(booking)
    await house.forward(timedelta(hours=25))
    await house.settle_down()
    states = "SELECT state FROM instructions"
    assert await house.values(states) == ["queued"]
    await house.ask(house.admin, "/api/admin/breaker/override", BECAUSE)
    await house.run_jobs("money")
    assert await house.values(states) == ["sent"]


async def test_what_admins_do_to_a_transfer_locks_in_order(house: CrashHouse) -> None:
    booking = await a_stay_paid(house)
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.banks_work("fail")
    await webhooks_processed(house)
    transfer = await the_transfer(house)
    await house.ask(house.admin, f"{transfer}/retry", BECAUSE)
    await house.run_jobs("money")
    await house.ask(house.admin, f"{transfer}/look-up")
    await house.banks_work()
    await webhooks_processed(house)
    [sent] = [each for each in await house.sandbox.transfers() if each["status"] == "success"]
    await house.sandbox.end_transfer(sent["reference"], "reverse")
    await webhooks_processed(house)
    await house.ask(house.admin, f"{transfer}/reissue", BECAUSE)
    await house.settle_down()


# ---- bookings of several parts ------------------------------------------------------------------


async def test_one_hosts_no_to_several_parts_locks_in_order(house: CrashHouse) -> None:
    await one_host_declines_and_all_ends(house, await a_journey_requested(house))
    assert await states_of_parts(house) == ["cancelled", "declined"]


async def test_the_end_of_several_parts_locks_in_order(house: CrashHouse) -> None:
    await guest_cancels_two_parts(house, await a_journey_confirmed(house))
    assert await states_of_parts(house) == ["cancelled", "cancelled"]


async def test_a_host_who_ends_what_is_not_paid_locks_in_order(house: CrashHouse) -> None:
    journey = await a_journey_requested(house)
    parts = [{"tripId": house.trip_id, "seatCount": 1}, {"tripId": journey.other, "seatCount": 1}]
    booking = await house.ask(house.guest, "/api/bookings/reserve", {"parts": parts})
    await house.pending(booking)
    await house.ask(journey.driver, f"/api/bookings/{booking['parts'][1]['id']}/cancel")
    await house.settle_down()
    assert await house.state(booking) == "cancelled"


async def test_what_is_given_back_of_several_parts_locks_in_order(house: CrashHouse) -> None:
    await a_seat_and_then_a_part_are_given_back(house, await a_journey_confirmed(house))
    assert await states_of_parts(house) == ["cancelled", "cancelled", "confirmed"]


async def test_a_chargeback_of_several_parts_locks_in_order(house: CrashHouse) -> None:
    await two_parts_are_charged_back(house, await a_journey_confirmed(house))
    assert await house.values("SELECT state FROM chargebacks") == ["lost"]
    assert await states_of_parts(house) == ["cancelled", "confirmed"]


async def states_of_parts(house: House) -> list[str]:
    """Of all parts of bookings of several, in the order of the alphabet."""
    return await house.values(
        "SELECT state FROM bookings WHERE parts > 1 OR part_of IS NOT NULL ORDER BY state"
    )


async def webhooks_processed(house: House) -> None:
    """The gateway reports what has happened, and it is acted on."""
    await house.deliver()
    await house.run_jobs("money")


async def the_transfer(house: House) -> str:
    page: dict[str, Any] = await house.get(house.admin, "/api/admin/transfers")
    [transfer] = page["instructions"]
    return f"/api/admin/transfers/{transfer['id']}"
