"""Money in currencies of none, two and three decimals, through every split to the last unit."""

import pytest

from app.flows.sending.actions import refund_past_payout
from app.flows.sending.model import Bearer, NewLateRefund
from app.foundation.db import Tx, fetch_values, transaction
from app.foundation.money import Money
from app.money.escrow import actions as escrow
from app.people.accounts.model import Role
from tests import make, paid
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

PRICE, FEE, DEPOSIT = 1_000_003, 10_006, 77_777
RENTAL = PRICE + FEE
COMMISSION = 101_000  # a tenth of 1010009, rounded down
TO_HOST = RENTAL - COMMISSION


async def _owned(tx: Tx, kind: str, currency: str) -> int:
    """What there is on all accounts of a kind in this currency, and in no other."""
    balances = await fetch_values(
        tx,
        str,
        """
        SELECT currency || ' ' || sum(amount)
          FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = %(kind)s GROUP BY currency HAVING sum(amount) <> 0""",
        kind=kind,
    )
    if not balances:
        return 0
    (balance,) = balances
    code, amount = balance.split()
    assert code == currency
    return int(amount)


@pytest.mark.parametrize("currency", ["XAF", "NGN", "KWD"])
async def test_a_release_a_refund_past_it_and_its_recovery(currency: str) -> None:
    async with transaction() as tx:
        host, admin = await make.account(tx, Role.HOST), await make.account(tx, Role.ADMIN)
        stays = [
            await paid.stay(tx, host=host, currency=currency, price=PRICE, fee=FEE, deposit=DEPOSIT)
            for _ in range(2)
        ]
        first, _ = stays
        await paid.set_clock(tx, first.check_out_at + 2 * (first.check_out_at - first.check_in_at))
        assert len(await escrow.release_due(tx, limit=2)) == 2  # both rentals
        for booking in stays:
            assert await paid.shares(tx, booking.id) == {"refund": 0, "transfer": TO_HOST}
        assert await _owned(tx, "platform_revenue", currency) == 2 * COMMISSION
        assert await _owned(tx, "host_payable", currency) == 2 * TO_HOST
        assert len(await escrow.release_due(tx, limit=2)) == 2  # both deposits
        for booking in stays:
            assert await paid.shares(tx, booking.id) == {"refund": DEPOSIT, "transfer": TO_HOST}
        assert await _owned(tx, "guest_refundable", currency) == 2 * DEPOSIT
    await audit_is_clean()

    async with transaction() as tx:
        late = NewLateRefund(
            amount=Money(333_337, currency), reason="No heating", at_whose_cost=Bearer.HOST
        )
        await refund_past_payout(tx, first.id, late, admin_id=admin.id)
        third = await paid.stay(
            tx, host=host, currency=currency, price=PRICE, fee=FEE, deposit=DEPOSIT
        )
        await paid.set_clock(tx, third.check_out_at)
        assert len(await escrow.release_due(tx, limit=1)) == 1
        assert await paid.shares(tx, third.id) == {"refund": 0, "transfer": TO_HOST - 333_337}
        assert await _owned(tx, "host_payable", currency) == 3 * TO_HOST - 333_337
        assert await _owned(tx, "platform_revenue", currency) == 3 * COMMISSION
    await audit_is_clean()
