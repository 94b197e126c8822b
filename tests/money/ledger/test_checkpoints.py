"""Checkpoints: a balance is never off by an entry, also if money is posted at the same moment."""

import asyncio
import random
from datetime import datetime, timedelta

import pytest

from app.foundation.db import Tx, Violated, execute, fetch_new_value, now, transaction
from app.money.ledger import queries
from app.money.ledger.actions import checkpoint, get_account, mark, post
from app.money.ledger.model import Account
from tasks import ledger as tasks
from tests.money.ledger.books import CLEARING, REVENUE, account_id, commit, plain_sum, posting

FEE = ((CLEARING, -7), (REVENUE, 7))


async def taken() -> int | None:
    """A checkpoint of every account of the house that has news; None if it is too early."""
    async with transaction() as tx:
        begun = await mark(tx)
    async with transaction() as tx:
        return await checkpoint(tx, begun, limit=1_000_000, worth=1)


async def balance(tx: Tx, account: Account) -> int:
    found = await get_account(tx, await account_id(tx, account))
    return found.balance.amount


async def count_checkpoints() -> int:
    async with transaction() as tx:
        return await fetch_new_value(tx, int, "SELECT count(*) FROM ledger_checkpoints")


async def test_a_balance_is_the_checkpoint_and_what_came_after(pool: None) -> None:
    await commit(posting(*FEE), posting(*FEE))
    assert await taken() == 2  # accounts
    await commit(posting(*FEE))
    async with transaction() as tx:
        assert await balance(tx, REVENUE) == 21
        assert await balance(tx, CLEARING) == -21


async def test_a_checkpoint_spares_the_entries_before_it(pool: None) -> None:
    """Seen by putting a wrong one there: the balance follows it, so it is really used."""
    await commit(posting(*FEE))
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO ledger_checkpoints (account_id, entry_id, balance, at)
            SELECT account_id, id, 1000000, business_now() FROM ledger_entries""",
        )
    await commit(posting(*FEE))
    async with transaction() as tx:
        assert await balance(tx, REVENUE) == 1_000_007


async def test_accounts_without_enough_news_get_none(pool: None) -> None:
    await commit(posting(*FEE))
    assert await taken() == 2
    assert await taken() == 0
    assert await tasks.checkpoint_ledger(1_000) == 0
    assert await count_checkpoints() == 2


async def test_the_task_takes_them_and_catches_up_by_its_limit(pool: None) -> None:
    await commit(*(posting(*FEE) for _ in range(2_500)))
    assert [await tasks.checkpoint_ledger(1_000) for _ in range(4)] == [2, 2, 0, 0]
    async with transaction() as tx:
        assert await balance(tx, REVENUE) == 17_500


async def test_none_is_taken_while_a_posting_from_before_is_open(pool: None) -> None:
    await commit(posting(*FEE))
    async with transaction() as slow:
        await post(slow, posting(*FEE))  # lower ids than what is committed now
        await commit(posting(*FEE))
        async with transaction() as tx:
            begun = await mark(tx)
        async with transaction() as tx:
            assert await checkpoint(tx, begun, limit=100, worth=1) is None
    async with transaction() as tx:
        assert await checkpoint(tx, begun, limit=100, worth=1) == 2
        assert await balance(tx, REVENUE) == 21


async def test_a_posting_that_begins_after_the_mark_does_not_delay(pool: None) -> None:
    await commit(posting(*FEE))
    async with transaction() as tx:
        begun = await mark(tx)
    async with transaction() as slow:
        await post(slow, posting(*FEE))
        async with transaction() as tx:
            assert await checkpoint(tx, begun, limit=100, worth=1) == 2
    async with transaction() as tx:
        assert await balance(tx, REVENUE) == 14


async def take(enough: int) -> None:
    """Checkpoints, each as soon as the postings of its mark are closed."""
    while await count_checkpoints() < enough:
        async with transaction() as tx:
            begun = await mark(tx)
        done = None
        while done is None:
            async with transaction() as tx:
                done = await checkpoint(tx, begun, limit=1_000_000, worth=1)
            await asyncio.sleep(0.002)


WRONG = """
    SELECT count(*) FROM ledger_checkpoints AS point
     WHERE NOT EXISTS (
        SELECT FROM ledger_entries AS entry
          JOIN ledger_transactions AS transaction ON transaction.id = transaction_id
         WHERE account_id = point.account_id AND entry.id <= point.entry_id
        HAVING (sum(amount), max(transaction.at)) = (point.balance, point.at))"""


async def test_nothing_is_lost_or_doubled_while_many_post(pool: None) -> None:
    """However fast or busy the machine is: they post until enough checkpoints were taken."""

    async def poster(seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            async with transaction() as tx:
                await post(tx, posting(*FEE))
                await asyncio.sleep(chance.random() * 0.02)  # commits come out of order
                if chance.random() < 0.1:
                    await execute(tx, "ROLLBACK")
                else:
                    await post(tx, posting(*FEE))

    async def auditor() -> None:
        while not over.is_set():
            async with transaction() as tx:
                await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                if expected := await plain_sum(tx, REVENUE):
                    assert await balance(tx, REVENUE) == expected

    over = asyncio.Event()
    async with asyncio.TaskGroup() as all_of_them:
        for seed in range(7):
            all_of_them.create_task(poster(seed))
        all_of_them.create_task(auditor())
        await asyncio.gather(take(30), take(30))
        over.set()
    async with transaction() as tx:
        assert await fetch_new_value(tx, int, WRONG) == 0


async def moved_on(by: timedelta) -> datetime:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)
    async with transaction() as tx:
        return await now(tx)


@pytest.mark.parametrize("checkpoints", [False, True])
async def test_the_balance_at_an_instant(pool: None, checkpoints: bool) -> None:
    instants = [await moved_on(timedelta(0))]
    for _ in range(4):
        await moved_on(timedelta(hours=1))
        async with transaction() as tx:
            await post(tx, posting(*FEE))
            await post(tx, posting(*FEE))
            instants.append(await now(tx))
        if checkpoints:
            assert await taken() == 2
    moment = timedelta(microseconds=1)
    async with transaction() as tx:
        revenue = await account_id(tx, REVENUE)
        for number, instant in enumerate(instants):
            assert await queries.balance_at(tx, revenue, instant) == 14 * number
            before = 14 * max(0, number - 1)
            assert await queries.balance_at(tx, revenue, instant - moment) == before


async def test_a_clock_that_was_put_back_does_not_confuse_balances(pool: None) -> None:
    """In development: later entries then bear earlier times than a checkpoint before them."""
    later = await moved_on(timedelta(days=3))
    await commit(posting(*FEE))
    assert await taken() == 2
    earlier = await moved_on(timedelta(days=-3))
    await commit(posting(*FEE))
    assert await taken() == 2
    async with transaction() as tx:
        revenue = await account_id(tx, REVENUE)
        hour = timedelta(hours=1)
        assert await queries.balance_at(tx, revenue, earlier - hour) == 0
        assert await queries.balance_at(tx, revenue, earlier + hour) == 7
        assert await queries.balance_at(tx, revenue, later + hour) == 14


async def test_a_checkpoint_is_not_changed(pool: None) -> None:
    await commit(posting(*FEE))
    await taken()
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(tx, "UPDATE ledger_checkpoints SET balance = 0")
    assert refused.value.constraint == "ledger_checkpoints_append_only"
