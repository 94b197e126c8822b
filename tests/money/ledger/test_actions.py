"""Posting: what the ledger takes, and what it refuses to every caller."""

import asyncio
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.db import Violated, execute, fetch_value, fetch_values, savepoint, transaction
from app.money.ledger.actions import checkpoint, mark, post
from app.money.ledger.model import Account, AccountKind, AlreadyPosted, Posting, PostingKind
from tests.make import new_id
from tests.money.ledger.books import CLEARING, REVENUE, commit, escrow, plain_sum, posting


async def held(booking_id: UUID) -> int:
    async with transaction() as tx:
        return await plain_sum(tx, escrow(booking_id))


async def refusal(*postings: Posting) -> str:
    """The constraint that refuses these postings at the commit."""
    with pytest.raises(Violated) as refused:
        await commit(*postings)
    return refused.value.constraint


async def test_a_charge_is_held_in_escrow(pool: None) -> None:
    booking_id = new_id()
    await commit(posting((CLEARING, -500), (escrow(booking_id), 500)))
    assert await held(booking_id) == 500


async def test_entries_are_in_the_order_given_and_zeros_are_left_out(pool: None) -> None:
    one, two = escrow(new_id()), escrow(new_id())
    await commit(
        posting((two, 0), (CLEARING, -300), (two, 200), (one, 100)),
        posting((one, 50), (CLEARING, -50)),
    )
    async with transaction() as tx:
        amounts = await fetch_values(tx, int, "SELECT amount FROM ledger_entries ORDER BY id")
    assert amounts == [-300, 200, 100, 50, -50]


@pytest.mark.parametrize("amount", [None, 0])
async def test_a_posting_that_moves_nothing_is_refused(pool: None, amount: int | None) -> None:
    entries = () if amount is None else ((CLEARING, amount), (REVENUE, amount))
    with pytest.raises(ValueError, match="nothing to post"):
        await commit(posting(*entries))


async def test_an_unbalanced_posting_is_refused(pool: None) -> None:
    assert await refusal(posting((CLEARING, -500), (REVENUE, 499))) == "ledger_balanced"


async def test_each_currency_is_balanced_by_itself(pool: None) -> None:
    other = Account(AccountKind.PLATFORM_REVENUE, "KWD")
    assert await refusal(posting((CLEARING, -500), (other, 500))) == "ledger_balanced"


async def test_one_unbalanced_posting_takes_all_of_its_transaction_with_it(pool: None) -> None:
    booking_id = new_id()
    good = posting((CLEARING, -500), (escrow(booking_id), 500))
    assert await refusal(good, posting((CLEARING, 1))) == "ledger_balanced"
    assert await held(booking_id) == 0


async def test_the_same_source_is_posted_once(pool: None) -> None:
    charge = posting((CLEARING, -500), (REVENUE, 500))
    await commit(charge)
    with pytest.raises(AlreadyPosted):
        await commit(charge)
    await commit(posting((REVENUE, -500), (CLEARING, 500), kind=PostingKind.REFUND,
                         source_id=charge.source_id))  # fmt: skip


async def test_of_many_who_post_the_same_source_at_once_one_does(pool: None) -> None:
    booking_id = new_id()
    charge = posting((CLEARING, -500), (escrow(booking_id), 500))
    ends = await asyncio.gather(*(commit(charge) for _ in range(8)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["AlreadyPosted"] * 7 + ["NoneType"]
    assert await held(booking_id) == 500


async def test_accounts_that_many_open_at_once_are_opened_once(pool: None) -> None:
    booking_ids = [new_id() for _ in range(6)]

    def charges(turn: int) -> list[Posting]:
        turned = booking_ids[turn:] + booking_ids[:turn]
        return [posting((CLEARING, -5), (escrow(booking_id), 5)) for booking_id in turned]

    await asyncio.gather(*(commit(*charges(turn)) for turn in range(6)))
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM ledger_accounts") == 7
    assert [await held(booking_id) for booking_id in booking_ids] == [30] * 6


async def test_escrow_is_never_below_zero(pool: None) -> None:
    pot = escrow(new_id())
    await commit(posting((CLEARING, -500), (pot, 500)))
    assert await refusal(posting((pot, -501), (REVENUE, 501))) == "ledger_escrow_not_negative"
    await commit(posting((pot, -500), (REVENUE, 500)))


async def test_within_a_transaction_escrow_may_be_paid_out_before_it_is_paid_in(
    pool: None,
) -> None:
    pot = escrow(new_id())
    out = posting((pot, -500), (REVENUE, 500))
    await commit(out, posting((CLEARING, -500), (pot, 500)))


async def test_of_many_who_empty_the_same_escrow_at_once_one_does(pool: None) -> None:
    """Each has looked at the balance before any of them has committed, if nothing makes it wait."""
    booking_id = new_id()
    pot = escrow(booking_id)
    await commit(posting((CLEARING, -500), (pot, 500)))

    async def empty() -> None:
        async with transaction() as tx:
            await post(tx, posting((pot, -300), (REVENUE, 300)))
            await execute(tx, "SET CONSTRAINTS ALL IMMEDIATE")
            await asyncio.sleep(0.3)

    await commit(posting((CLEARING, -1), (REVENUE, 1)))  # opens the account that all share
    ends = await asyncio.gather(*(empty() for _ in range(4)), return_exceptions=True)
    refused = [end.constraint for end in ends if isinstance(end, Violated)]
    assert refused == ["ledger_escrow_not_negative"] * 3
    assert await held(booking_id) == 200


async def test_escrow_is_not_debited_on_an_old_snapshot(pool: None) -> None:
    pot = escrow(new_id())
    await commit(posting((CLEARING, -500), (pot, 500)))

    async def debit() -> None:
        async with transaction() as tx:
            await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await post(tx, posting((pot, -300), (REVENUE, 300)))

    with pytest.raises(Violated) as refused:
        await debit()
    assert refused.value.constraint == "ledger_escrow_debited_in_read_committed"


TABLES = ("ledger_accounts", "ledger_transactions", "ledger_entries")
CHANGES: list[LiteralString] = [
    "UPDATE ledger_accounts SET currency = 'KWD'",
    "UPDATE ledger_transactions SET memo = 'other'",
    "UPDATE ledger_entries SET amount = amount + 1",
    "DELETE FROM ledger_accounts",
    "DELETE FROM ledger_transactions",
    "DELETE FROM ledger_entries",
    "TRUNCATE ledger_entries",
    "TRUNCATE ledger_transactions, ledger_entries, settlement_lines",
    "TRUNCATE ledger_accounts CASCADE",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_written_stays(pool: None, change: LiteralString) -> None:
    await commit(posting((CLEARING, -500), (REVENUE, 500)))
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(tx, change)
    assert refused.value.constraint in {f"{table}_append_only" for table in TABLES}


OWNED_BY_A_PLAIN_ROLE: list[LiteralString] = [
    "CREATE ROLE plain",
    "ALTER TABLE ledger_accounts OWNER TO plain",
    "ALTER TABLE ledger_transactions OWNER TO plain",
    "ALTER TABLE ledger_entries OWNER TO plain",
    "ALTER TABLE ledger_checkpoints OWNER TO plain",
    "GRANT SELECT, UPDATE ON bookings, business_clock TO plain",
    "SET LOCAL ROLE plain",
]
NOT_EVEN_TRIED: list[LiteralString] = [
    "UPDATE ledger_entries SET amount = amount + 1",
    "DELETE FROM ledger_accounts",
    "DELETE FROM ledger_transactions",
    "DELETE FROM ledger_entries",
    "TRUNCATE ledger_entries",
]


async def test_an_owner_of_the_tables_who_is_no_superuser_may_only_add(pool: None) -> None:
    """As in production, where a plain role migrates. (A superuser is stopped by triggers alone.)"""
    pot = escrow(new_id())
    async with transaction() as tx, savepoint(tx) as undo:
        begun = await mark(tx)
        for statement in OWNED_BY_A_PLAIN_ROLE:
            await execute(tx, statement)
        await post(tx, posting((CLEARING, -500), (pot, 500)))
        await post(tx, posting((pot, -500), (REVENUE, 500)))
        await execute(tx, "SET CONSTRAINTS ALL IMMEDIATE")
        assert await checkpoint(tx, begun, limit=10, worth=1) == 0  # nothing before the mark
        for change in NOT_EVEN_TRIED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with savepoint(tx):
                    await execute(tx, change)
        undo()


ADD_TO_OLD: LiteralString = """
    INSERT INTO ledger_entries (transaction_id, account_id, amount, at)
    SELECT transaction_id, account_id, amount, at FROM ledger_entries"""


async def test_nothing_is_added_to_a_transaction_of_before(pool: None) -> None:
    await commit(posting((CLEARING, -500), (REVENUE, 500)))
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(tx, ADD_TO_OLD)
    assert refused.value.constraint == "ledger_entries_written_with_transaction"


async def test_an_entry_bears_the_time_of_its_transaction(pool: None) -> None:
    await commit(posting((CLEARING, -500), (REVENUE, 500)))
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(
                tx,
                """
                WITH written AS (
                    INSERT INTO ledger_transactions (kind, source_id, memo)
                    VALUES ('charge', %(id)s, 'backdated') RETURNING id
                )
                INSERT INTO ledger_entries (transaction_id, account_id, amount, at)
                SELECT written.id, account_id, amount, at FROM written, ledger_entries""",
                id=new_id(),
            )
    assert refused.value.constraint == "ledger_entries_written_with_transaction"


async def test_an_entry_is_on_an_account_that_there_is(pool: None) -> None:
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(
                tx,
                """
                WITH written AS (
                    INSERT INTO ledger_transactions (kind, source_id, memo)
                    VALUES ('charge', %(id)s, 'nobody') RETURNING id
                )
                INSERT INTO ledger_entries (transaction_id, account_id, amount)
                SELECT id, 1000, amount FROM written, (VALUES (5), (-5)) AS entry (amount)""",
                id=new_id(),
            )
    assert refused.value.constraint == "ledger_balanced"


async def test_no_posting_waits_for_a_row_of_an_account_of_the_house(pool: None) -> None:
    pot = escrow(new_id())
    await commit(posting((CLEARING, -500), (pot, 450), (REVENUE, 50)))
    async with transaction() as tx:
        locked = await execute(tx, "SELECT FROM ledger_accounts WHERE owner_id IS NULL FOR UPDATE")
        assert locked == 2
        await commit(posting((CLEARING, -500), (pot, 450), (REVENUE, 50)))


async def test_a_transaction_without_entries_is_refused(pool: None) -> None:
    with pytest.raises(Violated) as refused:
        async with transaction() as tx:
            await execute(
                tx,
                """
                INSERT INTO ledger_transactions (kind, source_id, memo)
                VALUES ('charge', %(id)s, 'nothing')""",
                id=new_id(),
            )
    assert refused.value.constraint == "ledger_transactions_not_empty"


@pytest.mark.parametrize("kind", AccountKind)
def test_an_account_has_the_owner_and_the_gateway_of_its_kind(kind: AccountKind) -> None:
    made = 0
    for owner_id in (None, new_id()):
        for gateway in (None, GatewayName.PAYSTACK):
            try:
                Account(kind, "NGN", owner_id=owner_id, gateway=gateway)
            except ValueError:
                continue
            made += 1
    assert made == 1


async def test_the_database_knows_the_same_kinds(pool: None) -> None:
    for constraint, kinds in (
        ("ledger_accounts_kind_known", AccountKind),
        ("ledger_transactions_kind_known", PostingKind),
    ):
        async with transaction() as tx:
            known = await fetch_values(
                tx,
                str,
                """
                SELECT (regexp_matches(pg_get_constraintdef(oid), '''(\\w+)''', 'g'))[1]
                  FROM pg_constraint WHERE conname = %(name)s""",
                name=constraint,
            )
        assert set(known) == set(kinds)
