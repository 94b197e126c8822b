"""Debts kept back from payouts: nothing is lost, and nobody pays for others."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.edge.gateways.port import GatewayName
from app.money.payouts import rules
from app.money.payouts.model import Debt, Payout
from tests.make import new_id

HOSTS = (new_id(), new_id())
CURRENCIES = ("XAF", "NGN", "KWD")  # of none, two and three decimals
OWNERS = st.tuples(st.sampled_from(HOSTS), st.sampled_from(CURRENCIES))
AMOUNTS = st.integers(1, 30) | st.integers(1, 10**15)

Owner = tuple[UUID, str]


def payout(owner: Owner, amount: int) -> Payout:
    return Payout(
        source_id=new_id(),
        booking_id=new_id(),
        payment_id=new_id(),
        host_id=owner[0],
        gateway=GatewayName.PAYSTACK,
        amount=amount,
        currency=owner[1],
        reason="rental released",
    )


def debt(owner: Owner, amount: int, recovered: int = 0) -> Debt:
    return Debt(
        id=new_id(),
        host_id=owner[0],
        booking_id=new_id(),
        amount=amount + recovered,
        currency=owner[1],
        recovered=recovered,
        reason="refund past the payout",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


@given(
    payouts=st.lists(st.builds(payout, OWNERS, AMOUNTS), max_size=8),
    debts=st.lists(st.builds(debt, OWNERS, AMOUNTS, st.integers(0, 9)), max_size=8),
)
def test_what_is_kept_back_and_what_is_transferred_sum_to_the_payouts(
    payouts: list[Payout], debts: list[Debt]
) -> None:
    kept = rules.recover(payouts, debts)
    sent = rules.transfers(payouts, kept, {})
    kept_of: Counter[UUID] = Counter()
    towards: Counter[UUID] = Counter()
    for recovery in kept:
        assert recovery.amount > 0
        kept_of[recovery.source_id] += recovery.amount
        towards[recovery.debt_id] += recovery.amount
    sent_of = {transfer.source_id: transfer for transfer in sent}
    assert all(transfer.amount > 0 for transfer in sent)
    for each in payouts:
        transfer = sent_of.get(each.source_id)
        assert kept_of[each.source_id] + (transfer.amount if transfer else 0) == each.amount
        if transfer:
            assert (transfer.payee_id, transfer.currency) == (each.host_id, each.currency)
    owners = {each.id: _owner(each) for each in debts}
    payers = {each.source_id: _owner(each) for each in payouts}
    assert all(owners[recovery.debt_id] == payers[recovery.source_id] for recovery in kept)
    for owner in set(owners.values()):
        own = [each for each in debts if _owner(each) == owner]
        earned = sum(each.amount for each in payouts if _owner(each) == owner)
        recovered = sum(towards[each.id] for each in own)
        assert recovered == min(sum(each.left for each in own), earned)
        paid_off = [towards[each.id] == each.left for each in own]
        begun = [towards[each.id] > 0 for each in own]
        assert all(paid_off[: max(0, sum(begun) - 1)]), "the oldest first"
        assert begun == sorted(begun, reverse=True), "the oldest first"


def _owner(each: Payout | Debt) -> Owner:
    return each.host_id, each.currency
