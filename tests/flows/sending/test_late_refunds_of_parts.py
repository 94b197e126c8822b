"""Refunds past the payout of one part of a booking, beside what is held or divided of the other."""

from uuid import UUID

import pytest

from app.flows.movements import actions as movements
from app.flows.sending import actions as sending
from app.flows.sending.model import Bearer, LateRefundReply, NewLateRefund, StillHeld
from app.foundation.db import Tx, fetch_values, transaction
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payments.model import RefundExceedsCharge
from app.people.accounts.model import Role
from tests import make
from tests.journeys import (
    STAY_RENTAL,
    TRIP_RENTAL,
    Journey,
    journey,
    mails,
    release,
    send_all,
    sent_by_others,
)
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")


async def give_back(
    tx: Tx, part_id: UUID, amount: int, *, cost: Bearer = Bearer.HOST
) -> LateRefundReply:
    admin = await make.account(tx, Role.ADMIN)
    new = NewLateRefund(
        amount=Money(amount=amount, currency="NGN"), reason="a wrong bus", at_whose_cost=cost
    )
    return await sending.refund_past_payout(tx, part_id, new, admin_id=admin.id)


async def _trip_is_over(tx: Tx) -> Journey:
    """The trip's host has been paid; the stay is still ahead."""
    both = await journey(tx, trip_in=20)
    await release(tx, both.trip)
    await send_all(tx, both.trip)
    return both


async def test_a_refund_of_one_part_is_its_own_hosts_debt_and_names_it() -> None:
    async with transaction() as tx:
        both = await _trip_is_over(tx)
        refund = await give_back(tx, both.trip.id, TRIP_RENTAL)
        assert refund.booking_id == refund.refund.booking_id == both.trip.id
        assert await fetch_values(
            tx, str, "SELECT concat_ws(' ', host_id, booking_id, amount) FROM host_debts"
        ) == [f"{both.trip.host_id} {both.trip.id} {TRIP_RENTAL}"]
        assert await mails(tx) == [f"host_debt Lagos to Abuja {TRIP_RENTAL}"]
    await audit_is_clean()
    async with transaction() as tx:
        await send_all(tx, both.trip)
        await release(tx, both.stay)
        await send_all(tx, both.stay)
    await audit_is_clean()


async def test_a_part_that_is_still_held_is_cancelled_and_not_refunded_so() -> None:
    async with transaction() as tx:
        both = await _trip_is_over(tx)
        with pytest.raises(StillHeld):
            await give_back(tx, both.stay.id, 1_000)


async def test_no_more_of_a_part_is_given_back_than_was_paid_for_it_though_more_is_left() -> None:
    async with transaction() as tx:
        both = await _trip_is_over(tx)
        await release(tx, both.stay)
        with pytest.raises(RefundExceedsCharge, match="of what was paid for this part"):
            await give_back(tx, both.trip.id, TRIP_RENTAL + 1)
        await give_back(tx, both.trip.id, TRIP_RENTAL - 1, cost=Bearer.PLATFORM)
        with pytest.raises(RefundExceedsCharge, match=r"0\.01 NGN is left"):
            await give_back(tx, both.trip.id, 2)
        await give_back(tx, both.trip.id, 1)
        await give_back(tx, both.stay.id, STAY_RENTAL)
        refunds = await instructions.of_booking(tx, both.stay.id)
        assert sum(each.amount for each in refunds if each.kind == "refund") == (
            STAY_RENTAL + both.stay.deposit
        )
    await audit_is_clean()


async def test_no_more_of_a_part_is_given_back_than_is_left_of_the_charge() -> None:
    """Somebody has refunded most of it at the dashboard, when it was all paid out."""
    async with transaction() as tx:
        both = await _trip_is_over(tx)
        await release(tx, both.stay)
        await send_all(tx, both.stay)
        there = sent_by_others(both.payment, InstructionKind.REFUND, STAY_RENTAL + TRIP_RENTAL - 9)
        await movements.take_in_refunds(tx, both.payment.id, [there], live=False)
        with pytest.raises(RefundExceedsCharge, match=r"0\.09 NGN is left of the charge"):
            await give_back(tx, both.trip.id, 10)
        await give_back(tx, both.trip.id, 9)
    await audit_is_clean()
