"""A chargeback of a stay and a trip, and all that may happen to one of them at the same moment."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import pytest

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel
from app.flows.chargebacks import actions as chargebacks
from app.flows.movements import actions as movements
from app.flows.sending import actions as sending
from app.flows.sending.model import Bearer, NewLateRefund
from app.foundation.db import Tx, fetch_values, transaction
from app.foundation.errors import Problem
from app.foundation.money import Money
from app.market.bookings import actions as bookings
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.journeys import Journey, arrive, journey, release, sent_by_others
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

ROUNDS: Final = 6

Action = Callable[[Tx], Awaitable[object]]
STATUSES: Final = (ChargebackStatus.OPEN, ChargebackStatus.LOST)


async def _act(action: Action) -> None:
    await asyncio.sleep(random.random() * 0.05)
    try:
        async with transaction() as tx:
            await action(tx)
    except Problem:
        pass  # somebody was faster


def _reported(both: Journey, status: ChargebackStatus, amount: int) -> Action:
    payment = both.payment
    found = FoundChargeback(
        gateway_id=f"cb-{payment.id}",
        charge_reference=payment.reference,
        status=status,
        money=payment.money_of(amount),
        is_taken=status is ChargebackStatus.LOST,
        fee=None,
        reason="fraudulent",
        evidence_due_at=None,
        live=False,
        data={},
    )
    return lambda tx: chargebacks.post(tx, payment.id, found, live=False)


async def _silence(tx: Tx) -> None:
    if booking_id := await bookings.next_unanswered(tx, []):
        await bookings.decline_unanswered(tx, booking_id)


async def _release(tx: Tx) -> None:
    await escrow.release_due(tx, limit=3)


def _accept(both: Journey) -> Action:
    host_id = both.trip.host_id
    return lambda tx: bookings.accept(tx, booking_id=both.trip.id, host_id=host_id)


def _decline(both: Journey) -> Action:
    host_id = both.trip.host_id
    return lambda tx: bookings.decline(tx, booking_id=both.trip.id, host_id=host_id, reason="")


def _cancel(both: Journey, asker: Principal) -> Action:
    part = random.choice(both.parts)
    return lambda tx: cancellation.cancel(tx, booking_id=part.id, asker=asker, request=Cancel())


def _refund_there(both: Journey, amount: int) -> Action:
    found = sent_by_others(both.payment, InstructionKind.REFUND, amount)
    return lambda tx: movements.take_in_refunds(tx, both.payment.id, [found], live=False)


def _late(both: Journey, admin: Principal) -> Action:
    part = random.choice(both.parts)
    new = NewLateRefund(
        amount=Money(amount=1_000, currency="NGN"), reason="sorry", at_whose_cost=Bearer.HOST
    )
    return lambda tx: sending.refund_past_payout(tx, part.id, new, admin_id=admin.id)


@pytest.mark.parametrize("stand_alone", [False, True])
@pytest.mark.parametrize("begun", [False, True])
async def test_silence_answers_cancelling_release_and_a_chargeback_contend(
    begun: bool, stand_alone: bool
) -> None:
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
        trips = {"request_to_book": True}
        journeys = [await journey(tx, trip=trips, stand_alone=stand_alone) for _ in range(ROUNDS)]
    for status in STATUSES:
        acts: list[Action] = []
        for number, both in enumerate(journeys):
            guest = Principal(id=both.stay.guest_id, roles=(Role.GUEST,))
            amount = both.payment.amount - 250_000 * (number % 3)
            acts += [_reported(both, status, amount) for _ in range(2)]
            acts += [_silence, _release, _accept(both), _decline(both), _late(both, admin)]
            acts += [_cancel(both, guest), _cancel(both, admin), _refund_there(both, 700_000)]
        random.shuffle(acts)
        await asyncio.gather(*map(_act, acts))
        await audit_is_clean()
        async with transaction() as tx:
            await paid.set_clock(tx, _soon(journeys[0], begun=begun))
    assert await _states() == {"lost"}


def _soon(both: Journey, *, begun: bool) -> datetime:
    """The request of the trip has run out by then; with `begun` the stay's rental is due, too."""
    if begun:
        return both.stay.check_in_at + timedelta(hours=2)
    return both.stay.created_at + timedelta(days=3)


async def _states() -> set[str]:
    async with transaction() as tx:
        return set(await fetch_values(tx, str, "SELECT state FROM chargebacks"))


async def test_what_is_sent_of_one_part_and_a_chargeback_contend() -> None:
    """A transfer of the trip leaves, or it is taken; that of the stay is still to come."""
    async with transaction() as tx:
        journeys = [await journey(tx, trip_in=20) for _ in range(ROUNDS)]
        await release(tx, journeys[0].trip)
        out = await fetch_values(tx, UUID, "SELECT id FROM instructions")
        assert len(out) == ROUNDS

    async def send(tx: Tx, transfer_id: UUID) -> None:
        transfer = await instructions.get(tx, transfer_id)
        await chargebacks.lock_around(tx, [transfer.payment_id])
        await arrive(tx, transfer)

    for status in STATUSES:
        acts: list[Action] = [_reported(each, status, each.payment.amount) for each in journeys]
        acts += [partial(send, transfer_id=each) for each in out]
        random.shuffle(acts)
        await asyncio.gather(*map(_act, acts))
        await audit_is_clean()
