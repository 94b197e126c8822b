"""Sweeps: a row that always raises is told of once, and all others are done."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from app.db import Tx, execute, fetch_values, transaction
from app.escrow.rules import posting, release
from app.ledger import actions as ledger
from tasks.bookings import decline_unanswered, expire_holds
from tasks.sweeps import sweep
from tests import make, paid
from tests.shop import Shop

BREAK = "UPDATE bookings SET terms = '{}' WHERE id = %(id)s RETURNING id::text"
ALERTS = "SELECT state || ' ' || count || ' ' || subject FROM alerts ORDER BY id"


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
        bad = (await paid.pots_of(tx, booked[1]))["rental"]
        await ledger.post(tx, posting(release(bad)))  # which can be posted once only
    await shop.forward(timedelta(days=7))
    assert await shop.sweep("release-escrow") == 2
    states = "SELECT state FROM pots ORDER BY closes_at"
    assert await shop.values(states) == ["releasing", "held", "releasing"]
    assert await shop.values("SELECT count(*)::text FROM instructions") == ["2"]
    assert await shop.values(ALERTS) == [f"open 1 release-escrow {bad.id}"]


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


async def test_what_only_the_commit_refuses_is_passed_over_too(pool: None) -> None:
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


async def test_a_sweep_that_cannot_look_says_so(pool: None) -> None:
    async def fail(_tx: Tx, _but: Sequence[UUID]) -> UUID | None:
        raise RuntimeError("no such table")

    with pytest.raises(RuntimeError):
        await sweep("try-it", pick=fail, act=_mark, limit=3)
