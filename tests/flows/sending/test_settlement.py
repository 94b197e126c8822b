"""A refund of a charge that its gateway has exchanged ends once it is known what left for it."""

from datetime import UTC, datetime

import pytest

from app.edge.gateways.port import FoundInstruction, GatewayName, MoneyOutStatus, Unknown
from app.flows.sending.rules import with_settlement
from app.foundation.money import Money
from app.money.payments.model import Payment, PaymentState
from tests.make import new_id


def charge(settled: Money | None) -> Payment:
    return Payment(
        id=new_id(),
        booking_id=new_id(),
        payer_id=new_id(),
        gateway=GatewayName.STRIPE,
        reference="pay-1",
        state=PaymentState.SUCCEEDED,
        amount=4_500,
        currency="EUR",
        refunded=0,
        settled_amount=settled.amount if settled else None,
        settled_currency=settled.currency if settled else None,
        checkout_url=None,
        failure=None,
        created_at=datetime.now(UTC),
        settled_at=datetime.now(UTC),
        calling=False,
    )


def refund(status: MoneyOutStatus, settled: Money | None) -> FoundInstruction:
    return FoundInstruction(
        reference="rf-1",
        gateway_id="re_1",
        status=status,
        money=Money(1_000, "EUR"),
        settled=settled,
        failure="",
        live=False,
        fee=0,
        data={},
    )


DOLLARS = Money(4_950, "USD")


@pytest.mark.parametrize(
    ("settled", "status", "taken", "is_known"),
    [
        (None, MoneyOutStatus.SUCCEEDED, None, True),
        (DOLLARS, MoneyOutStatus.SUCCEEDED, Money(1_100, "USD"), True),
        (DOLLARS, MoneyOutStatus.SUCCEEDED, None, False),
        (DOLLARS, MoneyOutStatus.PENDING, None, True),
    ],
)
def test_a_refund_has_arrived_once_what_left_the_balance_is_known(
    settled: Money | None, status: MoneyOutStatus, taken: Money | None, is_known: bool
) -> None:
    found = refund(status, taken)
    seen = with_settlement(found, charge(settled))
    assert (seen == found) is is_known
    assert isinstance(seen, Unknown) is not is_known
