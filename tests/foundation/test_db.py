"""Transactions, rows and errors against a real server."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.foundation.db import (
    Violated,
    close_pool,
    execute,
    fetch_value,
    fetch_values,
    join_snapshot,
    open_pool,
    savepoint,
    transaction,
)
from app.operations.invariants.queries.judging import take_snapshot
from tests import make
from tests.shop import Shop


async def test_a_transaction_that_fails_leaves_nothing(pool: None) -> None:
    async def fail() -> None:
        async with transaction() as tx:
            await execute(tx, "UPDATE business_clock SET movable = true")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with transaction() as tx:
        assert await fetch_value(tx, bool, "SELECT movable FROM business_clock") is False


async def test_statements_at_once_on_one_transaction_get_each_its_own_rows(pool: None) -> None:
    async with transaction() as tx:
        asked = [fetch_value(tx, int, "SELECT %(n)s::int", n=number) for number in range(50)]
        assert await asyncio.gather(*asked) == list(range(50))


async def test_a_constraint_violation_names_the_constraint(pool: None) -> None:
    with pytest.raises(Violated) as caught:
        async with transaction() as tx:
            await execute(tx, "UPDATE business_clock SET shift = '1 day'")
    assert caught.value.constraint == "business_clock_moves_only_if_movable"


async def test_business_time_moves_when_it_may(pool: None) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = '30 days'")
        now = await fetch_value(tx, datetime, "SELECT business_now()")
    assert now is not None
    assert now.tzinfo is UTC or now.utcoffset() is not None
    assert 29 <= (now - datetime.now(UTC)).days <= 30


async def test_a_shared_snapshot_is_of_one_instant(pool: None) -> None:
    movable = "SELECT movable FROM business_clock"
    async with transaction() as first, transaction() as second:
        await take_snapshot(first)
        assert await fetch_value(first, bool, movable) is False
        async with transaction() as meanwhile:
            await execute(meanwhile, "UPDATE business_clock SET movable = true")
        await take_snapshot(second)
        await join_snapshot(second, first)
        assert await fetch_value(first, bool, movable) is False
        assert await fetch_value(second, bool, movable) is False
    async with transaction() as tx:
        assert await fetch_value(tx, bool, movable) is True


async def test_statements_stay_prepared_after_rollbacks(database_url: str) -> None:
    async def fail() -> None:
        async with transaction() as tx:
            for _ in range(6):  # psycopg prepares what it has seen five times
                await execute(tx, "SELECT business_now()")
            async with savepoint(tx) as undo:
                undo()
            raise RuntimeError

    await open_pool(database_url, size_max=1)
    try:
        with pytest.raises(RuntimeError):
            await fail()
        async with transaction() as tx:
            prepared = await fetch_values(tx, str, "SELECT statement FROM pg_prepared_statements")
    finally:
        await close_pool()
    assert "SELECT business_now()" in prepared


async def test_a_column_added_under_a_running_api_heals_by_itself(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    path = f"/api/bookings/{booking['id']}"
    for _ in range(12):  # prepared on its connection by now
        await shop.get(shop.guest, path)
    async with transaction() as tx:
        await execute(tx, "ALTER TABLE bookings ADD COLUMN note text NOT NULL DEFAULT ''")
    headers = make.bearer(shop.guest)
    statuses = [(await shop.api.get(path, headers=headers)).status_code for _ in range(25)]
    assert set(statuses) <= {200, 503}
    assert statuses[-5:] == [200] * 5
    assert (await shop.reserve("1B"))["state"] == "held"
