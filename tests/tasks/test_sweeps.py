"""Sweeps: one alert is raised about a row that always raises, and all other rows are done."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import pytest

from app.foundation.audit import SYSTEM
from app.foundation.db import Tx, execute, fetch_values, transaction
from app.money.escrow import actions as escrow
from tasks.bookings import decline_unanswered, expire_holds
from tasks.sweeps import in_turn, sweep
from tests import make, paid
from tests.money.payees.payout_accounts import make_payee
from tests.shop import Shop

BREAK = "UPDATE bookings SET terms = '{}' WHERE id = %(id)s RETURNING id::text"
ALERTS = "SELECT state || ' ' || count || ' ' || subject FROM alerts ORDER BY id"
STATES = "SELECT state FROM instructions ORDER BY id"


async def test_a_hold_that_cannot_be_expired_does_not_keep_the_others(shop: Shop) -> None:
    bookings = [await shop.reserve(seat) for seat in ("1A", "1B", "1C")]
    terms = await shop.values("SELECT terms::text FROM bookings LIMIT 1")
    await shop.values(BREAK, id=bookings[0]["id"])
    await shop.forward(timedelta(minutes=16))
    assert await expire_holds(100) == 2
    states = "SELECT state FROM bookings ORDER BY id"
    assert await shop.values(states) == ["held", "expired", "expired"]
    assert await expire_holds(100) == 0
    subject = f"expire-holds {bookings[0]['id']}"
    assert await shop.values(ALERTS) == [f"open 2 {subject}"], "one alert, seen twice"

    await shop.values(
        "UPDATE bookings SET terms = %(it)s::jsonb WHERE state = 'held' RETURNING id::text",
        it=terms[0],
    )
    assert await expire_holds(100) == 1
    assert await shop.values(ALERTS) == [f"resolved 2 {subject}"], "it has cleared by itself"


async def test_a_request_that_cannot_be_declined_does_not_keep_the_others(shop: Shop) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    bookings = [await shop.reserve(seat, trip_id=trip_id) for seat in ("1A", "1B")]
    for booking in bookings:
        payment = await shop.pending(booking)
        await shop.sandbox.pay(payment["reference"])
        await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    await shop.values(BREAK, id=bookings[0]["id"])
    await shop.forward(timedelta(hours=25))
    assert await decline_unanswered(50) == 1
    states = "SELECT state FROM bookings ORDER BY id"
    assert await shop.values(states) == ["awaiting_host", "declined"]
    assert await shop.values(ALERTS) == [f"open 1 refund-timeouts {bookings[0]['id']}"]


async def test_a_pot_that_cannot_be_released_does_not_keep_the_others(shop: Shop) -> None:
    async with transaction() as tx:
        booked = [await paid.stay(tx, days_ahead=days, deposit=0) for days in (2, 3, 4)]
        bad = (await paid.pots_of(tx, booked[1]))["rental"].id
    await _break("pots", bad)
    await shop.forward(timedelta(days=7))
    assert await shop.sweep("release-escrow") == 2
    states = "SELECT state FROM pots ORDER BY closes_at"
    assert await shop.values(states) == ["releasing", "held", "releasing"]
    assert await shop.values("SELECT count(*)::text FROM instructions") == ["2"]
    assert await shop.values(ALERTS) == [f"open 1 release-escrow {bad}"]
    await _mend("pots")
    assert await shop.sweep("release-escrow") == 1
    assert await shop.values(ALERTS) == [f"resolved 1 release-escrow {bad}"]


async def test_a_booking_that_cannot_be_completed_does_not_keep_the_others(shop: Shop) -> None:
    async with transaction() as tx:
        booked = [await paid.stay(tx, days_ahead=days, deposit=0) for days in (2, 3, 4)]
    await _break("bookings", booked[1].id)
    await shop.forward(timedelta(days=7))
    await shop.sweep("release-escrow")
    assert await shop.sweep("complete-bookings") == 2
    states = "SELECT state FROM bookings ORDER BY id"
    assert await shop.values(states) == ["completed", "confirmed", "completed"]
    assert await shop.values(ALERTS) == [f"open 1 complete-bookings {booked[1].id}"]


async def test_a_transfer_that_cannot_be_tried_again_does_not_keep_the_others(shop: Shop) -> None:
    found = await _outgoing(shop, "failed")
    await _break("instructions", found[1])
    assert await shop.sweep("retry-failed-transfers") == 2
    assert await shop.values(STATES) == ["waiting_for_payee", "failed", "waiting_for_payee"]
    assert await shop.values(ALERTS) == [f"open 1 retry-failed-transfers {found[1]}"]


async def test_a_transfer_that_cannot_be_resumed_keeps_neither_others_nor_look_ups(
    shop: Shop,
) -> None:
    found = await _outgoing(shop, "unknown")
    await shop.values(
        """
        UPDATE instructions SET state = 'waiting_for_payee', target = NULL, next_try_at = NULL
         WHERE id <> %(id)s RETURNING id::text""",
        id=found[2],
    )
    await _break("instructions", found[0])
    await make_payee(shop)
    assert await shop.sweep("resolve-unknown") == 2
    assert await shop.values(STATES) == ["waiting_for_payee", "queued", "unknown"]
    asked = """
        SELECT args ->> 'instruction_id' FROM procrastinate_jobs
         WHERE task_name = 'look-up-instruction'"""
    assert await shop.values(asked) == [str(found[2])]
    assert await shop.values(ALERTS) == [f"open 1 resume-transfers {found[0]}"]


async def test_a_refund_that_cannot_be_admitted_or_retried_does_not_keep_the_others(
    shop: Shop,
) -> None:
    async with transaction() as tx:
        for days in (2, 3, 4, 5, 6):
            booking = await paid.stay(tx, days_ahead=days, deposit=0, price=100_000)
            await escrow.return_all(tx, [booking.id], by=SYSTEM, reason="declined")
    found = await shop.values("SELECT id::text FROM instructions ORDER BY id")
    await shop.values(
        """
        UPDATE instructions SET state = 'failed', let_out_at = business_now(),
               next_try_at = business_now()
         WHERE id = ANY(%(ids)s) RETURNING id::text""",
        ids=found[3:],
    )
    await _break("instructions", found[0], found[3])
    assert await shop.sweep("process-refunds") == 3
    out = "SELECT state || ' ' || (let_out_at IS NOT NULL) FROM instructions ORDER BY id"
    assert await shop.values(out) == [
        "queued false",
        "queued true",
        "queued true",
        "failed true",
        "queued true",
    ]
    assert sorted(await shop.values(ALERTS)) == [
        "open 1 automatic refunds",
        f"open 1 let-out {found[0]}",
        f"open 1 process-refunds {found[3]}",
    ]


async def _outgoing(shop: Shop, state: str) -> list[UUID]:
    """Three transfers of the shop's host in this state, of which something is due."""
    async with transaction() as tx:
        for days in (2, 3, 4):
            await paid.stay(tx, host=shop.host, days_ahead=days, deposit=0)
    await shop.forward(timedelta(days=7))
    await shop.sweep("release-escrow")
    async with transaction() as tx:
        return await fetch_values(
            tx,
            UUID,
            """
            WITH moved AS (
                UPDATE instructions
                   SET state = %(state)s, target = 'RCP_1', next_try_at = business_now()
             RETURNING id
            )
            SELECT id FROM moved ORDER BY id""",
            state=state,
        )


async def _break(table: str, *row_ids: UUID | str) -> None:
    """Let the database refuse any change of these rows."""
    ids = ", ".join(f"'{row_id}'" for row_id in row_ids)
    async with transaction() as tx:
        await execute(
            tx,
            """
            CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'this row is bad'; END $$""",
        )
        trigger: Any = f"""
            CREATE TRIGGER bad BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id IN ({ids}))
            EXECUTE FUNCTION refuse_it()"""
        await execute(tx, trigger)


async def _mend(table: LiteralString) -> None:
    async with transaction() as tx:
        await execute(tx, f"DROP TRIGGER bad ON {table}")


# ---- the sweep itself, over accounts ------------------------------------------------------------


async def _next(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    found = await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM accounts WHERE phone IS NULL AND id <> ALL(%(but)s::uuid[])
         ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
    )
    return found[0] if found else None


async def _mark(tx: Tx, account_id: UUID) -> None:
    await execute(tx, "UPDATE accounts SET phone = '+1' WHERE id = %(id)s", id=account_id)


async def _accounts(count: int) -> list[UUID]:
    async with transaction() as tx:
        return [(await make.account(tx)).id for _ in range(count)]


async def _marked() -> list[UUID]:
    async with transaction() as tx:
        sql = "SELECT id FROM accounts WHERE phone IS NOT NULL ORDER BY id"
        return await fetch_values(tx, UUID, sql)


async def test_a_row_that_only_the_commit_refuses_is_passed_over(pool: None) -> None:
    first, *others = await _accounts(3)

    async def act(tx: Tx, account_id: UUID) -> None:
        await _mark(tx, account_id)
        if account_id == first:  # the foreign key of a claim is checked at the end
            await execute(
                tx,
                """
                WITH listing AS (
                    INSERT INTO listings (id, host_id, kind, title, place, zone, currency, price,
                                          policy, check_in_time, check_out_time)
                    VALUES (%(id)s, %(id)s, 'stay', 'A', 'B', 'UTC', 'NGN', 1, 'strict', '15:00',
                            '11:00')
                 RETURNING id
                ), unit AS (
                    INSERT INTO units (listing_id, label) SELECT id, '1' FROM listing RETURNING id
                )
                INSERT INTO claims (unit_id, slot, booking_id)
                SELECT id, '2030-01-01', %(id)s FROM unit""",
                id=first,
            )

    assert await sweep("try-it", pick=_next, act=act, limit=10) == 2
    assert await _marked() == others
    async with transaction() as tx:
        (error,) = await fetch_values(tx, str, "SELECT details ->> 'error' FROM alerts")
    assert error.startswith("Violated: claims_booking_id_fkey")


async def test_a_sweep_keeps_to_its_limit_and_ends_though_all_rows_are_bad(pool: None) -> None:
    await _accounts(5)

    async def fail(_tx: Tx, account_id: UUID) -> None:
        raise RuntimeError(account_id)

    assert await sweep("try-it", pick=_next, act=fail, limit=3) == 0
    async with transaction() as tx:
        assert len(await fetch_values(tx, str, "SELECT subject FROM alerts")) == 3
    assert await sweep("try-it", pick=_next, act=_mark, limit=3) == 3
    assert len(await _marked()) == 3


async def test_a_sweep_that_cannot_pick_a_row_raises(pool: None) -> None:
    async def fail(_tx: Tx, _but: Sequence[UUID]) -> UUID | None:
        raise RuntimeError("no such table")

    with pytest.raises(RuntimeError):
        await sweep("try-it", pick=fail, act=_mark, limit=3)


async def test_a_step_that_raises_does_not_keep_the_others_and_raises_at_the_end() -> None:
    taken = list[int]()

    async def step(number: int) -> int:
        taken.append(number)
        if number % 2:
            raise RuntimeError(f"step {number}")
        return number

    assert await in_turn(partial(step, 2), partial(step, 4)) == 6
    with pytest.raises(RuntimeError, match="step 1"):
        await in_turn(partial(step, 1), partial(step, 2))
    with pytest.raises(ExceptionGroup) as several:
        await in_turn(partial(step, 1), partial(step, 3), partial(step, 0))
    assert [str(error) for error in several.value.exceptions] == ["step 1", "step 3"]
    assert taken == [2, 4, 1, 2, 1, 3, 0]
