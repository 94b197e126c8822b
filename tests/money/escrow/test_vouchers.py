"""Pots that a voucher of the platform adds to: in proportion, in steps, and not a unit lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of
from app.money.escrow import rules
from app.money.escrow.model import Pot, PotKind
from app.money.ledger.model import AccountKind
from app.money.payouts import rules as payout_rules
from app.money.payouts.model import Debt
from tests.money.escrow.pots import pot
from tests.money.payouts.test_rules import debt


def _pot(
    amount: int, voucher: int, *, gateway: GatewayName = GatewayName.STRIPE, currency: str = "EUR"
) -> Pot:
    made = pot(PotKind.RENTAL, amount, currency=currency)
    return replace(made, gateway=gateway, voucher=voucher)


@pytest.mark.parametrize(
    ("to_guest", "from_voucher", "commission", "to_host"),
    [
        (0, 2_000, 1_000, 9_000),  # as if the guest had paid 10,000
        (8_000, 0, 0, 0),  # never more than was paid
        (4_000, 1_000, 500, 4_500),
        (3_999, 1_000, 500, 4_501),  # the voucher is rounded down, and so is the commission
    ],
)
def test_a_voucher_adds_as_much_of_itself_as_the_guest_did_not_get_back(
    to_guest: int, from_voucher: int, commission: int, to_host: int
) -> None:
    division = rules.divide(_pot(8_000, 2_000), to_guest=to_guest, reason="")
    shares = (division.from_voucher, division.commission, division.to_host)
    assert shares == (from_voucher, commission, to_host)


def test_what_the_bank_has_taken_is_not_made_up_for_by_the_voucher() -> None:
    taken = replace(_pot(8_000, 2_000), charged_back=4_000)
    division = rules.divide(taken, to_guest=0, reason="")
    assert (division.from_voucher, division.commission + division.to_host) == (1_000, 5_000)


_POTS = st.builds(
    _pot,
    st.integers(1, 100_000),
    st.integers(0, 1_000_000),
    gateway=st.sampled_from(GatewayName),
    currency=st.sampled_from(["XAF", "UGX", "EUR", "NGN", "KWD", "TND"]),
)


@given(made=_POTS, part=st.floats(0, 1), taken=st.integers(0, 100_000))
def test_each_share_can_be_paid_and_together_they_are_what_was_paid_and_added(
    made: Pot, part: float, taken: int
) -> None:
    made = replace(made, charged_back=min(taken, made.amount - 1))
    division = rules.divide(made, to_guest=int(made.left * part), reason="")
    steps = amounts_of(made.gateway, Operation.TRANSFER, made.currency)
    assert division.to_guest <= made.left
    assert 0 <= division.from_voucher <= made.voucher
    shares = division.to_guest + division.commission + division.to_host
    assert shares == made.left + division.from_voucher
    assert not division.to_host % steps.step
    posting = rules.posting(division)
    assert sum(entry.amount for entry in posting.entries) == 0
    cost = [e.amount for e in posting.entries if e.account.kind is AccountKind.VOUCHERS]
    assert sum(cost) == -division.from_voucher


@given(made=_POTS, part=st.floats(0, 1), owed=st.integers(0, 2_000_000))
def test_what_is_sent_as_the_charge_is_never_more_than_is_left_of_it(
    made: Pot, part: float, owed: int
) -> None:
    division = rules.divide(made, to_guest=int(made.left * part), reason="")
    payouts = rules.payouts([division])
    owner = (made.host_id, made.currency)
    debts: list[Debt] = [debt(owner, owed)] if owed else []
    kept = payout_rules.recover(payouts, debts)
    sent = payout_rules.transfers(payouts, kept, {})
    assert sum(each.amount for each in sent) + sum(each.amount for each in kept) == division.to_host
    steps = amounts_of(made.gateway, Operation.TRANSFER, made.currency)
    assert all(each.amount > 0 and not each.amount % steps.step for each in sent)
    assert [each.from_balance for each in sent] in ([], [False], [True], [False, True])
    if made.gateway is GatewayName.STRIPE:
        of_charge = sum(each.amount for each in sent if not each.from_balance)
        assert of_charge <= made.left - division.to_guest
    else:
        assert len(sent) <= 1
