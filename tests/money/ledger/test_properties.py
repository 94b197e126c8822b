"""Random postings against a model in plain Python: sums of numbers per account."""

import asyncio
from collections import defaultdict
from typing import Final
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.edge.gateways.port import GatewayName
from app.foundation.db import Violated, transaction
from app.foundation.money import AMOUNT_MAX
from app.money.ledger.actions import checkpoint as take
from app.money.ledger.actions import get_account, get_statement, mark
from app.money.ledger.model import AT_GATEWAY, OWNED, Account, AccountKind, Posting
from tests.health_checks import EVERY_CHECK
from tests.money.ledger.books import account_id, commit, plain_sum, posting
from tests.shop import Shop

OWNERS: Final = (UUID(int=1), UUID(int=2))
CURRENCIES: Final = ("XAF", "NGN", "KWD")  # of none, two and three decimals


def accounts() -> st.SearchStrategy[Account]:
    def account(kind: AccountKind, currency: str, owner_id: UUID) -> Account:
        return Account(
            kind,
            currency,
            owner_id=owner_id if kind in OWNED else None,
            gateway=GatewayName.PAYSTACK if kind in AT_GATEWAY else None,
        )

    return st.builds(
        account,
        st.sampled_from(AccountKind),
        st.sampled_from(CURRENCIES),
        st.sampled_from(OWNERS),
    )


AMOUNTS: Final = st.integers(-50, 50) | st.integers(-AMOUNT_MAX, AMOUNT_MAX)
SIDES: Final = st.lists(st.tuples(accounts(), AMOUNTS), min_size=1, max_size=5)


@st.composite
def postings(draw: st.DrawFn) -> Posting:
    """Balanced more often than not: what is missing in a currency is put on an account of it."""
    sides = draw(SIDES)
    if draw(st.integers(0, 3)):
        off = defaultdict[str, int](int)
        for account, amount in sides:
            off[account.currency] += amount
        sides += [
            (Account(AccountKind.CHARGEBACK_LOSSES, currency), -amount)
            for currency, amount in off.items()
        ]
    if not any(amount for _, amount in sides):
        sides = [(sides[0][0], 1)]
    return posting(*sides)


class Model:
    """What the ledger must be: a number per account."""

    def __init__(self) -> None:
        self.sums = defaultdict[Account, int](int)

    def refusals(self, batch: list[Posting]) -> set[str]:
        """The constraints that a commit of these postings breaks; books them if there are none."""
        sums = self.sums.copy()
        refusals: set[str] = set()
        for each in batch:
            off = defaultdict[str, int](int)
            for entry in each.entries:
                sums[entry.account] += entry.amount
                off[entry.account.currency] += entry.amount
            if any(off.values()):
                refusals.add("ledger_balanced")
        escrow = (AccountKind.ESCROW_RENTAL, AccountKind.ESCROW_DEPOSIT)
        if any(total < 0 for account, total in sums.items() if account.kind in escrow):
            refusals.add("ledger_escrow_not_negative")
        if not refusals:
            self.sums = sums
        return refusals


def examples(count: int) -> list[list[Posting]]:
    """Batches that are committed one after the other; the same in each run."""
    found: list[list[Posting]] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=EVERY_CHECK,
    )
    @given(st.lists(postings(), min_size=1, max_size=3))
    def collect(batch: list[Posting]) -> None:
        found.append(batch)

    collect()
    return found


async def refusal(batch: list[Posting]) -> str:
    """The constraint that refuses these postings, empty if they are taken."""
    try:
        await commit(*batch)
    except Violated as violated:
        return violated.constraint
    return ""


async def test_the_ledger_takes_what_the_model_takes_and_sums_as_it_does(pool: None) -> None:
    model = Model()
    taken = 0
    for number, batch in enumerate(await asyncio.to_thread(examples, 300)):
        expected = model.refusals(batch)
        refused = await refusal(batch)
        assert refused in (expected or {""}), batch
        taken += not refused
        if number % 50 == 0:
            await _checkpoint()
    assert 50 < taken < 250, "both are tried"
    async with transaction() as tx:
        for account, total in model.sums.items():
            assert await plain_sum(tx, account) == total
            if total:
                found = await get_account(tx, await account_id(tx, account))
                assert found.balance.amount == total


async def _checkpoint() -> None:
    async with transaction() as tx:
        begun = await mark(tx)
    async with transaction() as tx:
        await take(tx, begun, limit=10_000, worth=1)


async def test_the_statement_of_any_booking_sums_to_zero(shop: Shop) -> None:
    booking_id = UUID((await shop.reserve("1A"))["id"])
    for batch in await asyncio.to_thread(examples, 60):
        await refusal([posting_of(booking_id, each) for each in batch])
    async with transaction() as tx:
        statement = await get_statement(tx, booking_id)
    assert len(statement.transactions) > 10
    assert {money.amount for money in statement.sum} == {0}
    assert sum(total.total.amount for total in statement.totals) == 0


def posting_of(booking_id: UUID, each: Posting) -> Posting:
    sides = [(entry.account, entry.amount) for entry in each.entries]
    return posting(*sides, booking_id=booking_id)
