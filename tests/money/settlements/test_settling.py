"""Settling months: each entry of the ledger is in exactly one settlement."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.foundation.db import Violated, execute, fetch_new_value, transaction
from app.money.ledger import actions as ledger
from app.money.ledger.actions import post
from app.money.ledger.model import Account, AccountKind, Mark, PostingKind
from app.money.settlements import actions
from app.money.settlements.model import Columns
from app.operations.invariants.queries import settlements as laws
from app.people.accounts.model import Principal
from tasks.settlements import calculate_settlements
from tests import make
from tests.money.ledger.books import plain_sum, posting
from tests.money.settlements.ledgers import (
    LIMIT,
    a_host,
    at,
    clearing,
    closed,
    earn,
    payable,
    settle_at,
    settlements,
    transfer,
)

OCTOBER = datetime(2026, 10, 9, 12, tzinfo=UTC)
LAST_OF_OCTOBER = datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC)
EVENING = datetime(2026, 10, 31, 20, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
SETTLED_OCTOBER = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
SETTLED_NOVEMBER = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)


async def breaches() -> list[str]:
    async with transaction() as tx:
        verdicts = await laws.transactions(tx) | await laws.settlements(tx)
    return [f"{row.id} {row.what}" for verdict in verdicts.values() for row in verdict.shown]


async def test_a_month_is_what_was_earned_less_what_was_taken(pool: None) -> None:
    host, other = await a_host(), await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 900_00, fee=100_00, guest=500_00)
        await earn(tx, host, 45_000, fee=5_000, currency="XOF")
        await earn(tx, other, 7)
        owed = payable(host)
        guest = Account(AccountKind.GUEST_REFUNDABLE, "NGN", owner_id=make.new_id())
        losses = Account(AccountKind.CHARGEBACK_LOSSES, "NGN")
        fees = Account(AccountKind.GATEWAY_FEES, "NGN", gateway=clearing().gateway)
        for kind, account, amount in (
            (PostingKind.HOST_DEBIT, guest, 30_00),
            (PostingKind.CHARGEBACK_RECOVERY, losses, 20_00),
            (PostingKind.GATEWAY_FEE, fees, 1_00),
            (PostingKind.ADJUSTMENT, losses, -4_00),
        ):
            await post(tx, posting((owed, -amount), (account, amount), kind=kind))
        await transfer(tx, host, 800_00)
    assert await settle_at(SETTLED_OCTOBER) == 3
    ours = (await settlements(host))["2026-10 NGN"]
    assert Columns(
        gross=1_500_00,
        platform_fee=100_00,
        refunds=500_00,
        debts=30_00,
        chargebacks=20_00,
        gateway_fees=1_00,
        other=4_00,
        paid=800_00,
    ) == Columns(**{name: getattr(ours, name) for name in Columns.__struct_fields__})
    assert (ours.carried_over, ours.net, ours.balance) == (0, 853_00, 53_00)
    assert (await settlements(host))["2026-10 XOF"].net == 45_000
    assert await breaches() == []


async def test_what_a_host_owes_is_carried_over(pool: None) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 100)
        await transfer(tx, host, 100)
        guest = Account(AccountKind.GUEST_REFUNDABLE, "NGN", owner_id=make.new_id())
        await post(tx, posting((payable(host), -70), (guest, 70), kind=PostingKind.HOST_DEBIT))
    await settle_at(SETTLED_OCTOBER)
    async with transaction() as tx:
        await earn(tx, host, 200)
        await transfer(tx, host, 130)
    await settle_at(SETTLED_NOVEMBER)
    found = await settlements(host)
    assert found["2026-10 NGN"].balance == -70
    november = found["2026-11 NGN"]
    assert (november.carried_over, november.net, november.balance) == (-70, 200, 0)


async def test_a_month_ends_at_midnight_in_utc(pool: None) -> None:
    host = await a_host()
    for moment, amount in ((LAST_OF_OCTOBER, 1), (NOVEMBER, 20)):
        async with transaction() as tx:
            await at(tx, moment)
            await earn(tx, host, amount)
    await settle_at(SETTLED_OCTOBER)
    assert (await settlements(host))["2026-10 NGN"].gross == 1
    await settle_at(SETTLED_NOVEMBER)
    assert (await settlements(host))["2026-11 NGN"].gross == 20
    assert await breaches() == []


async def test_a_month_is_settled_once_and_not_before_it_is_over(pool: None) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 100)
    assert await settle_at(EVENING) == 0
    assert await closed() == []
    assert await settle_at(SETTLED_OCTOBER) == 1
    before = await settlements(host)
    assert await settle_at(SETTLED_OCTOBER) == 0
    assert await settlements(host) == before


async def test_months_that_were_missed_are_made_up_for_in_order(pool: None) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, datetime(2026, 7, 2, tzinfo=UTC))
        await earn(tx, host, 100)
    async with transaction() as tx:
        await at(tx, datetime(2026, 9, 2, tzinfo=UTC))
        await transfer(tx, host, 60)
    assert await settle_at(SETTLED_OCTOBER) == 2
    assert await closed() == ["2026-07", "2026-08", "2026-09", "2026-10"]
    september = (await settlements(host))["2026-09 NGN"]
    assert (september.carried_over, september.paid, september.balance) == (100, 60, 40)


async def test_what_is_late_is_a_line_of_the_next_month_and_the_old_one_stays(pool: None) -> None:
    """It was posted before the end of the month, and committed after it was settled."""
    host = await a_host()
    async with transaction() as tx:
        await at(tx, EVENING)
        await earn(tx, host, 1)
    async with transaction() as late:
        await transfer(late, host, 500)
        async with transaction() as tx:
            await at(tx, SETTLED_OCTOBER)
        async with transaction() as tx:
            mark = await ledger.mark(tx)
        async with transaction() as tx:
            assert await actions.begin(tx, OCTOBER.date().replace(day=1), mark) is None
        await earn_aside(host, 20)
    assert await calculate_settlements(LIMIT) == 1
    october = (await settlements(host))["2026-10 NGN"]
    assert (october.gross, october.paid) == (1, 500)
    async with transaction() as tx:
        await at(tx, EVENING)
        await earn(tx, host, 7)  # says October, and comes when October is closed
    assert await breaches() == []  # it has a settlement to come
    await settle_at(SETTLED_NOVEMBER)
    found = await settlements(host)
    assert found["2026-10 NGN"] == october
    assert found["2026-11 NGN"].gross == 27
    assert await breaches() == []


async def earn_aside(host: Principal, amount: int) -> None:
    async with transaction() as tx:
        await earn(tx, host, amount)


async def test_two_processes_at_once_settle_each_month_once(pool: None) -> None:
    host = await a_host()
    for month in (8, 9, 10):
        for day in (1, 28):
            async with transaction() as tx:
                await at(tx, datetime(2026, month, day, tzinfo=UTC))
                await earn(tx, host, month)
    async with transaction() as tx:
        await at(tx, SETTLED_OCTOBER)
    made = await asyncio.gather(*(calculate_settlements(LIMIT) for _ in range(4)))
    assert sum(made) == 3
    assert [each.gross for each in (await settlements(host)).values()] == [20, 18, 16]
    assert await breaches() == []


async def test_a_run_that_died_half_way_is_taken_up(pool: None) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        for _ in range(5):
            await earn(tx, host, 10)
    async with transaction() as tx:
        await at(tx, SETTLED_OCTOBER)
    async with transaction() as tx:
        mark = await ledger.mark(tx)
    async with transaction() as tx:
        month = await actions.begin(tx, OCTOBER.date().replace(day=1), mark)
        assert month is not None
        assert await actions.add_lines(tx, month, first=0, last=8) == 2
    async with transaction() as tx:
        again = await actions.begin(tx, OCTOBER.date().replace(day=1), mark)
        assert again == msgspec.structs.replace(month, done_entry=8)  # it goes on from there
    await earn_aside(host, 1)
    assert await calculate_settlements(LIMIT) == 1
    october = (await settlements(host))["2026-10 NGN"]
    assert (october.gross, october.lines) == (50, 5)


async def test_a_correction_is_a_line_of_the_next_month(pool: None) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 100)
        await transfer(tx, host, 100)
    await settle_at(SETTLED_OCTOBER)
    async with transaction() as tx:
        await post(
            tx,
            posting(
                (clearing(), -100),
                (payable(host), 100),
                kind=PostingKind.TRANSFER_REVERSAL,
            ),
        )
    await settle_at(SETTLED_NOVEMBER)
    found = await settlements(host)
    assert found["2026-10 NGN"].paid == 100
    assert (found["2026-11 NGN"].paid, found["2026-11 NGN"].balance) == (-100, 100)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlements SET gross = 5",
        "DELETE FROM settlements",
        "UPDATE settlement_lines SET gross = 5",
        "DELETE FROM settlement_lines",
        "UPDATE settlement_months SET last_entry = 5",
        "DELETE FROM settlement_months",
        "TRUNCATE settlements",
    ],
)
async def test_nothing_of_a_settled_month_is_ever_changed(pool: None, statement: str) -> None:
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 100)
    await settle_at(SETTLED_OCTOBER)
    sql: str = statement
    with pytest.raises(Violated, match=r"append_only|closed_for_good|not_emptied"):
        async with transaction() as tx:
            await execute(tx, sql)  # pyright: ignore[reportArgumentType]  from the list above


async def test_nothing_happens_while_the_ledger_is_empty(pool: None) -> None:
    assert await settle_at(SETTLED_OCTOBER) == 0
    assert await closed() == []
    async with transaction() as tx:
        assert await fetch_new_value(tx, int, "SELECT count(*) FROM settlement_months") == 0


async def test_a_transaction_whose_ids_are_mixed_with_later_ones_is_in_one_month(
    pool: None,
) -> None:
    """One of its entries is up to the month's last one, the other is not."""
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER)
        await earn(tx, host, 10)
        await execute(
            tx,
            """
            WITH posted AS (
                INSERT INTO ledger_transactions (kind, source_id, memo)
                VALUES ('transfer', gen_random_uuid(), '') RETURNING id, at
            )
            INSERT INTO ledger_entries (id, transaction_id, account_id, amount, at)
            OVERRIDING SYSTEM VALUE
            SELECT 1000 * number, posted.id, account.id, amount, at
              FROM posted
             CROSS JOIN (VALUES (1, 'gateway_clearing', 4), (2, 'host_payable', -4))
                     AS entry (number, kind, amount)
              JOIN ledger_accounts AS account ON account.kind = entry.kind""",
        )
    async with transaction() as tx:
        await at(tx, SETTLED_OCTOBER)
        mark = Mark(entry_id=1_500, writers=[])
        assert await actions.begin(tx, OCTOBER.date().replace(day=1), mark)
    assert await calculate_settlements(100) == 1
    assert (await settlements(host))["2026-10 NGN"].balance == 6
    assert await breaches() == []
    assert await settle_at(SETTLED_NOVEMBER) == 0
    assert await breaches() == []


MOVES = (
    (PostingKind.HOST_DEBIT, AccountKind.PLATFORM_REVENUE),
    (PostingKind.CHARGEBACK_RECOVERY, AccountKind.CHARGEBACK_LOSSES),
    (PostingKind.ADJUSTMENT, AccountKind.PLATFORM_REVENUE),
    (PostingKind.TRANSFER, AccountKind.CHARGEBACK_LOSSES),
    (PostingKind.TRANSFER_REVERSAL, AccountKind.CHARGEBACK_LOSSES),
)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_and_whenever_it_is_settled_all_is_in_settlements_once(
    pool: None, seed: int
) -> None:
    """The settlements of a host sum to what the ledger has of the host up to the last month."""
    dice = random.Random(seed)
    hosts = [await a_host() for _ in range(3)]
    for day in sorted(dice.sample(range(160), 25)):
        moment = datetime(2026, 5, 20, tzinfo=UTC) + timedelta(days=day)
        async with transaction() as tx:
            # Now and then the clock of a server was slow.
            await at(tx, moment - timedelta(days=dice.choice((0, 0, 0, 3))))
            host = dice.choice(hosts)
            await earn(tx, host, dice.randint(1, 90), fee=dice.randint(0, 9), guest=1)
            kind, other = dice.choice(MOVES)
            amount = dice.choice((-1, 1)) * dice.randint(1, 50)
            account = Account(other, "NGN")
            await post(tx, posting((payable(host), -amount), (account, amount), kind=kind))
        if dice.random() < 0.4:
            await settle_at(moment)
            assert await breaches() == []
    await settle_at(datetime(2027, 1, 1, 1, tzinfo=UTC))
    assert await breaches() == []
    for host in hosts:
        months = sorted((await settlements(host)).items())
        async with transaction() as tx:
            owed = await plain_sum(tx, payable(host))
        assert sum(each.net - each.paid for _, each in months) == owed
        assert months[-1][1].balance == owed
