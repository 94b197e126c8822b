"""A chargeback of a charge that has paid for a stay of one host and a trip of another."""

from uuid import UUID

import pytest

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks.model import Chargeback
from app.flows.tracking import actions as tracking
from app.foundation.db import Tx, fetch_new_value, fetch_values, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.journeys import (
    STAY_DEPOSIT,
    STAY_HOST,
    STAY_RENTAL,
    TRIP_HOST,
    TRIP_RENTAL,
    WHOLE,
    Journey,
    journey,
    mails,
    money_out,
    pots_of,
    recipient,
    release,
    send_all,
)
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")


async def report(
    tx: Tx, paid_for: Journey, status: ChargebackStatus, amount: int = WHOLE
) -> Chargeback:
    payment = paid_for.payment
    found = FoundChargeback(
        gateway_id="cb_1",
        charge_reference=payment.reference,
        status=status,
        money=payment.money_of(amount),
        is_taken=status is not ChargebackStatus.WON,
        fee=None,
        reason="fraudulent",
        evidence_due_at=None,
        live=False,
        data={},
    )
    posted = await chargebacks.post(tx, payment.id, found, live=False)
    assert posted
    return posted


async def states(tx: Tx, paid_for: Journey) -> list[str]:
    return [(await bookings.read(tx, part.id)).state for part in paid_for.parts]


async def debts(tx: Tx) -> list[tuple[UUID, UUID, int]]:
    """Host, booking or part, and amount of each debt."""
    rows = await fetch_values(
        tx,
        str,
        "SELECT concat_ws(' ', host_id, booking_id, amount) FROM host_debts ORDER BY amount",
    )
    return [(UUID(host), UUID(part), int(owed)) for host, part, owed in map(str.split, rows)]


def owed(part: Booking, amount: int) -> tuple[UUID, UUID, int]:
    return part.host_id, part.id, amount


async def test_what_both_hosts_wait_for_is_frozen_and_taken_and_each_is_notified_of_the_own() -> (
    None
):
    async with transaction() as tx:
        both = await journey(tx)
        await report(tx, both, ChargebackStatus.OPEN)
        assert {pot.contested for pot in (await pots_of(tx, both)).values()} == {True}
    await audit_is_clean()
    async with transaction() as tx:
        lost = await report(tx, both, ChargebackStatus.LOST)
        assert (lost.from_deposit, lost.from_rental) == (STAY_DEPOSIT, STAY_RENTAL + TRIP_RENTAL)
        assert {pot.state for pot in (await pots_of(tx, both)).values()} == {"charged_back"}
        assert await states(tx, both) == ["cancelled", "cancelled"]
        assert await fetch_new_value(tx, int, "SELECT count(*) FROM claims") == 0
        assert await mails(tx) == [
            f"chargeback_lost Guest house {STAY_RENTAL + STAY_DEPOSIT}",
            f"chargeback_lost Lagos to Abuja {TRIP_RENTAL}",
            f"chargeback_opened Guest house {STAY_RENTAL + STAY_DEPOSIT}",
            f"chargeback_opened Lagos to Abuja {TRIP_RENTAL}",
        ]
    await audit_is_clean()


async def test_the_history_of_each_part_has_the_chargeback_of_their_charge() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        await report(tx, both, ChargebackStatus.OPEN)
        for part in both.parts:
            host = Principal(id=part.host_id, roles=(Role.HOST,))
            trail = await tracking.read_trail(tx, booking_id=part.id, asker=host)
            assert [event.what for event in trail.events].count("chargeback") == 1


async def test_a_host_of_two_parts_is_notified_of_each() -> None:
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        both = await journey(tx, stay_host=host, trip_host=host)
        await report(tx, both, ChargebackStatus.OPEN, 700_000)
        assert await mails(tx) == [
            "chargeback_opened Guest house 700000",
            f"chargeback_opened Lagos to Abuja {TRIP_RENTAL}",
        ]


async def test_a_part_whose_rental_is_not_all_taken_takes_place() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        pots = (await pots_of(tx, both)).values()
        first, second = sorted((pot for pot in pots if pot.kind == "rental"), key=lambda p: p.id)
        await report(tx, both, ChargebackStatus.LOST, STAY_DEPOSIT + first.amount + 7)
        was = {
            part.id: state for part, state in zip(both.parts, await states(tx, both), strict=True)
        }
        assert (was[first.booking_id], was[second.booking_id]) == ("cancelled", "confirmed")
        assert sum(pot.left for pot in (await pots_of(tx, both)).values()) == second.amount - 7
    await audit_is_clean()


async def test_what_is_held_of_one_part_pays_before_the_host_who_got_the_other() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        await release(tx, both.stay)
        await send_all(tx, both.stay)
    await audit_is_clean()
    async with transaction() as tx:
        lost = await report(tx, both, ChargebackStatus.LOST)
        assert (lost.from_rental, lost.from_host) == (TRIP_RENTAL, STAY_HOST)
        assert lost.loss == STAY_RENTAL - STAY_HOST + STAY_DEPOSIT, "commission, and a deposit"
        assert await debts(tx) == [owed(both.stay, STAY_HOST)]
        assert await states(tx, both) == ["confirmed", "cancelled"]
    await audit_is_clean()


async def test_each_host_who_was_paid_owes_what_that_host_has_got() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        for part in (both.trip, both.stay):
            await release(tx, part)
            await send_all(tx, part)
    async with transaction() as tx:
        lost = await report(tx, both, ChargebackStatus.LOST)
        assert (lost.from_host, lost.loss) == (STAY_HOST + TRIP_HOST, WHOLE - STAY_HOST - TRIP_HOST)
        assert await debts(tx) == [owed(both.trip, TRIP_HOST), owed(both.stay, STAY_HOST)]
        assert [each for each in await mails(tx) if each.startswith("host_debt")] == [
            f"host_debt Guest house {STAY_HOST}",
            f"host_debt Lagos to Abuja {TRIP_HOST}",
        ]
        posted = await fetch_values(
            tx,
            str,
            """
            SELECT concat_ws(' ', owner_id, amount)
              FROM ledger_transactions AS transaction
              JOIN ledger_entries ON transaction_id = transaction.id
              JOIN ledger_accounts AS account ON account.id = account_id
             WHERE transaction.kind = 'chargeback_recovery' AND account.kind = 'host_payable'""",
        )
        assert set(posted) == {
            f"{both.stay.host_id} {-STAY_HOST}",
            f"{both.trip.host_id} {-TRIP_HOST}",
        }
        assert await escrow.other_parts(tx, [both.stay.id]) == {
            (both.stay.id, both.trip.host_id): both.trip.id
        }, "so the line of the other host's settlement names the trip"
    await audit_is_clean()
    async with transaction() as tx:
        host = Principal(id=both.trip.host_id, roles=(Role.HOST,))
        again = await paid.seat(tx, host=host, price=2 * TRIP_HOST)
        await release(tx, again)
        assert await fetch_values(
            tx, int, "SELECT recovered FROM host_debts WHERE booking_id = %(id)s", id=both.trip.id
        ) == [TRIP_HOST]
    await audit_is_clean()


async def test_a_second_chargeback_takes_of_a_host_what_the_first_has_left() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        for part in (both.trip, both.stay):
            await release(tx, part)
            await send_all(tx, part)
        await report(tx, both, ChargebackStatus.LOST, STAY_HOST + 50_000)
        assert await debts(tx) == [owed(both.trip, 50_000), owed(both.stay, STAY_HOST)]
        found = FoundChargeback(
            gateway_id="cb_2",
            charge_reference=both.payment.reference,
            status=ChargebackStatus.LOST,
            money=both.payment.money_of(TRIP_HOST),
            is_taken=True,
            fee=None,
            reason="again",
            evidence_due_at=None,
            live=False,
            data={},
        )
        second = await chargebacks.post(tx, both.payment.id, found, live=False)
        assert second
        assert (second.from_host, second.loss) == (TRIP_HOST - 50_000, 50_000)
    await audit_is_clean()


async def test_transfers_of_both_hosts_that_have_not_left_are_taken_before_anybody_owes() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        await release(tx, both.trip)
        await release(tx, both.stay)
        (refund,) = [
            each
            for each in await instructions.of_booking(tx, both.stay.id)
            if each.kind == "refund"
        ]
        assert refund.amount == STAY_DEPOSIT, "the deposit of the stay, which the refund names"
        lost = await report(tx, both, ChargebackStatus.LOST, STAY_DEPOSIT + TRIP_HOST + 9)
        assert (lost.from_refunds, lost.from_transfers) == (STAY_DEPOSIT, TRIP_HOST + 9)
        out = await money_out(tx, both)
        assert [each for each in out if "queued" in each] == [
            f"stay transfer queued {STAY_HOST - 9}"
        ]
        assert await debts(tx) == []
    await audit_is_clean()
    async with transaction() as tx:
        for transfer in await instructions.of_booking(tx, both.stay.id):
            if transfer.state == "queued":
                assert transfer.target == recipient(both.stay.host_id)
        await send_all(tx, both.stay)
    await audit_is_clean()


async def test_one_host_is_paid_and_the_other_is_not() -> None:
    """The transfer of one goes into the chargeback, and then the other owes."""
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        await release(tx, both.trip)
        await send_all(tx, both.trip)
        await release(tx, both.stay)
        lost = await report(tx, both, ChargebackStatus.LOST)
        assert (lost.from_refunds, lost.from_transfers) == (STAY_DEPOSIT, STAY_HOST)
        assert await debts(tx) == [owed(both.trip, TRIP_HOST)]
    await audit_is_clean()


async def test_a_guest_who_cancels_after_a_chargeback_gets_back_what_the_bank_has_left() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        await report(tx, both, ChargebackStatus.LOST, STAY_DEPOSIT - 7)
        guest = Principal(id=both.stay.guest_id, roles=(Role.GUEST,))
        admin = Principal(id=(await make.account(tx, Role.ADMIN)).id, roles=(Role.ADMIN,))
        assert guest.id == both.trip.guest_id
        await cancellation.cancel(tx, booking_id=both.stay.id, asker=admin, request=Cancel())
        out = await money_out(tx, both)
        assert sorted(out) == [
            f"stay refund queued {STAY_RENTAL}",
            "stay refund queued 7",
            f"trip refund queued {TRIP_RENTAL}",
        ]
    await audit_is_clean()
