"""Shares that a gateway can pay: cut to its step, and not a unit lost.

At Stripe the last of three decimals must be 0.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of
from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel
from app.flows.sending.actions import refund_past_payout
from app.flows.sending.model import Bearer, NewLateRefund
from app.foundation.db import savepoint, transaction
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.market.disputes import actions as disputes
from app.market.disputes.model import DamageReport, OpenDispute, Resolve
from app.money.escrow import actions as escrow
from app.money.escrow import rules
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.payouts import rules as payout_rules
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean
from tests.money.payouts.test_rules import debt, payout

KWD = ("KWD", GatewayName.STRIPE)
ODD = 10_050  # half of it is 5.025


def a_pot(kind: PotKind, amount: int, charged_back: int, bps: int, currency: str) -> Pot:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Pot(
        id=uuid4(), booking_id=uuid4(), kind=kind, state=PotState.HELD, payment_id=uuid4(),
        guest_id=uuid4(), host_id=uuid4(), gateway=GatewayName.STRIPE, amount=amount,
        currency=currency, commission_bps=bps, opens_at=None, closes_at=None, to_guest=None,
        commission=None, to_host=None, created_at=moment, updated_at=moment, divided_at=None,
        charged_back=min(charged_back, amount),
    )  # fmt: skip


@given(
    pot=st.builds(
        a_pot,
        st.sampled_from(PotKind),
        st.integers(1, 100_000),
        st.integers(0, 2_000) | st.just(0),
        st.integers(0, 10_000),
        st.sampled_from(["KWD", "TND", "EUR", "UGX"]),
    ),
    part=st.floats(0, 1),
)
def test_each_share_of_a_division_can_be_paid_and_together_they_are_all_of_it(
    pot: Pot, part: float
) -> None:
    wanted = int(pot.left * part)
    division = rules.divide(pot, to_guest=wanted, reason="")
    refunds = amounts_of(pot.gateway, Operation.REFUND, pot.currency)
    transfers = amounts_of(pot.gateway, Operation.TRANSFER, pot.currency)
    assert division.to_guest + division.commission + division.to_host == pot.left
    assert division.to_guest == 0 or refunds.pays(division.to_guest)
    assert division.to_host == 0 or transfers.pays(division.to_host)
    assert 0 <= wanted - division.to_guest < refunds.step
    bps = pot.commission_bps if pot.kind is PotKind.RENTAL else 0
    rest = pot.left - division.to_guest
    assert 0 <= division.commission - rest * bps // 10_000 < transfers.step
    assert sum(entry.amount for entry in rules.posting(division).entries) == 0


@given(earned=st.integers(1, 9_999), owed=st.integers(1, 99_999), more=st.integers(1, 99_999))
def test_what_is_left_of_a_payout_after_a_debt_can_be_paid(
    earned: int, owed: int, more: int
) -> None:
    host = (make.new_id(), "KWD")
    amount = earned * 10
    one = replace(payout(host, amount), gateway=GatewayName.STRIPE)
    kept = payout_rules.recover([one], [debt(host, owed), debt(host, more)])
    rest = amount - sum(each.amount for each in kept)
    assert rest % 10 == 0
    assert rest >= 0
    assert sum(each.amount for each in kept) >= min(owed + more, amount) - 2 * 9


def _guest(booking: paid.Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


@pytest.fixture
def kwd(pool: None) -> dict[str, Any]:
    currency, gateway = KWD
    return {"currency": currency, "gateway": gateway, "price": ODD, "policy": "flexible"}


async def test_half_of_10_050_dinars_is_promised_and_paid_as_5_020(kwd: dict[str, Any]) -> None:
    async with transaction() as tx:
        booking = await paid.seat(tx, **kwd)
        await paid.set_clock(tx, booking.check_in_at - timedelta(hours=1))
        guest = _guest(booking)
        told = await cancellation.preview(tx, booking_id=booking.id, asker=guest)
        assert told.total == Money(5_020, "KWD")
        cancel = Cancel(expected_refund=told.total)
        await cancellation.cancel(tx, booking_id=booking.id, asker=guest, request=cancel)
        pot = (await paid.pots_of(tx, booking))["rental"]
        # Of 5.030 a tenth is 0.503; of the 4.527 that remain 0.007 can be paid to nobody.
        assert (pot.to_guest, pot.commission, pot.to_host) == (5_020, 510, 4_520)
        assert await paid.shares(tx, booking.id) == {"refund": 5_020, "transfer": 4_520}
    await audit_is_clean()


async def test_a_fare_of_10_050_dinars_is_released_as_9_040(kwd: dict[str, Any]) -> None:
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
        booking = await paid.seat(tx, **kwd)
        await paid.set_clock(tx, booking.check_out_at + timedelta(hours=2))
        assert await escrow.release_due(tx, limit=1)
        assert await paid.shares(tx, booking.id) == {"refund": 0, "transfer": 9_040}
        for amount, fits in ((1_005, False), (1_010, True)):
            late = NewLateRefund(
                amount=Money(amount, "KWD"), reason="Late", at_whose_cost=Bearer.HOST
            )
            if fits:
                await refund_past_payout(tx, booking.id, late, admin_id=admin.id)
                continue
            with pytest.raises(Invalid, match=r"1.000 KWD or 1.010 KWD would do"):
                await refund_past_payout(tx, booking.id, late, admin_id=admin.id)
    await audit_is_clean()


async def test_a_dispute_can_neither_claim_nor_decide_what_cannot_be_paid(
    kwd: dict[str, Any],
) -> None:
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
        booking = await paid.stay(tx, **kwd, deposit=2_000)
        await paid.set_clock(tx, booking.check_in_at)

        def claim(amount: int) -> OpenDispute:
            return OpenDispute(reason="No water", claimed=Money(amount, "KWD"))

        flaw = r"claimed.amount: .* 5.020 KWD or 5.030 KWD would do"
        with pytest.raises(Invalid, match=flaw):
            async with savepoint(tx):
                await disputes.open_dispute(
                    tx, booking_id=booking.id, asker=_guest(booking), request=claim(5_025)
                )
        opened = await disputes.open_dispute(
            tx, booking_id=booking.id, asker=_guest(booking), request=claim(5_020)
        )

        async def decide(amount: int) -> None:
            decision = Resolve(to_guest=Money(amount, "KWD"), decision="Half")
            await disputes.resolve(tx, dispute_id=opened.id, asker=admin, request=decision)

        flaw = r"toGuest.amount: .* 1.000 KWD or 1.010 KWD would do"
        with pytest.raises(Invalid, match=flaw):
            await decide(1_001)
        await decide(1_010)
        await paid.set_clock(tx, booking.check_out_at)
        report = DamageReport(reason="A broken lamp", claimed=Money(1_999, "KWD"))
        host = Principal(id=booking.host_id, roles=(Role.HOST,))
        with pytest.raises(Invalid, match=r"1.990 KWD or 2.000 KWD would do"):
            async with savepoint(tx):
                await disputes.report_damage(tx, booking_id=booking.id, asker=host, request=report)
    await audit_is_clean()
