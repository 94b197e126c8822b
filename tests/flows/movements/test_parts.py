"""What somebody moves at a gateway of a charge that has paid for parts of two hosts."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from app.edge.gateways.port import ChargeStatus, FoundCharge, FoundInstruction, GatewayName
from app.flows.movements import actions as movements
from app.flows.movements.model import NotTakenIn
from app.flows.movements.rules import asked_money
from app.foundation.db import Tx, fetch_values, transaction
from app.foundation.ids import derived
from app.market.bookings import actions as bookings
from app.market.bookings.model import PARTS_MAX
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.instructions.rules import attempts
from app.money.taken_in import actions as taken_in
from app.money.taken_in.model import TakenIn
from app.people.accounts.model import Role
from tests import make
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
    sent_by_others,
)
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

REFUND, TRANSFER = InstructionKind.REFUND, InstructionKind.TRANSFER


async def refund_there(tx: Tx, both: Journey, amount: int) -> TakenIn:
    """Somebody refunds so much at the dashboard, and it is taken in."""
    found = sent_by_others(both.payment, REFUND, amount)
    assert await movements.take_in_refunds(tx, both.payment.id, [found], live=False) == 1
    return (await taken_in.of_booking(tx, both.stay.id))[-1]


async def pay_there(tx: Tx, both: Journey, found: FoundInstruction) -> None:
    payment = await movements.charge_of_transfer(tx, GatewayName.PAYSTACK, found)
    assert payment
    assert payment.id == both.payment.id
    assert await movements.take_in_transfer(tx, payment.id, found, live=False)


async def debts(tx: Tx) -> list[str]:
    return await fetch_values(
        tx, str, "SELECT concat_ws(' ', host_id, booking_id, amount) FROM host_debts ORDER BY id"
    )


async def test_a_refund_of_all_empties_all_pots_and_cancels_both_parts() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        taken = await refund_there(tx, both, WHOLE)
        assert (taken.from_deposit, taken.from_rental) == (STAY_DEPOSIT, STAY_RENTAL + TRIP_RENTAL)
        assert {pot.state for pot in (await pots_of(tx, both)).values()} == {"refunded"}
        assert {(await bookings.read(tx, part.id)).state for part in both.parts} == {"cancelled"}
        assert await mails(tx) == [
            "rental_given_back Guest house",
            "rental_given_back Lagos to Abuja",
        ]
    await audit_is_clean()


async def test_a_refund_of_a_part_empties_the_deposit_and_then_one_rental_after_the_other() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        rentals = [pot for pot in (await pots_of(tx, both)).values() if pot.kind == "rental"]
        first, second = sorted(rentals, key=lambda pot: pot.id)
        await refund_there(tx, both, STAY_DEPOSIT + first.amount + 5)
        left = {pot.id: pot.left for pot in (await pots_of(tx, both)).values()}
        assert (left[first.id], left[second.id]) == (0, second.amount - 5)
        assert (await bookings.read(tx, first.booking_id)).state == "cancelled"
        assert (await bookings.read(tx, second.booking_id)).state == "confirmed"
    await audit_is_clean()


async def test_a_refund_does_what_was_promised_of_one_part_before_it_takes_from_the_other() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip={"request_to_book": True}, stand_alone=True)
        await bookings.decline(tx, booking_id=both.trip.id, host_id=both.trip.host_id, reason="no")
        assert await money_out(tx, both) == [f"trip refund queued {TRIP_RENTAL}"]
        taken = await refund_there(tx, both, TRIP_RENTAL + 9)
        assert (taken.from_unsent, taken.from_deposit) == (TRIP_RENTAL, 9)
    await audit_is_clean()


async def test_a_refund_of_divided_money_comes_out_of_the_transfers_of_both_hosts() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        await release(tx, both.trip)
        await release(tx, both.stay)
        amount = STAY_DEPOSIT + TRIP_HOST + 11
        taken = await refund_there(tx, both, amount)
        assert (taken.from_unsent, taken.from_transfers) == (STAY_DEPOSIT, TRIP_HOST + 11)
        assert [each for each in await money_out(tx, both) if "transfer queued" in each] == [
            f"stay transfer queued {STAY_HOST - 11}"
        ]
        assert await mails(tx) == [
            "rental_given_back Guest house",
            "rental_given_back Lagos to Abuja",
        ]
        posted = await fetch_values(
            tx,
            str,
            """
            SELECT concat_ws(' ', owner_id, amount)
              FROM ledger_transactions AS transaction
              JOIN ledger_entries ON transaction_id = transaction.id
              JOIN ledger_accounts AS account ON account.id = account_id
             WHERE transaction.kind = 'taken_in' AND account.kind = 'host_payable'""",
        )
        assert set(posted) == {f"{both.stay.host_id} -11", f"{both.trip.host_id} {-TRIP_HOST}"}
    await audit_is_clean()
    async with transaction() as tx:
        await send_all(tx, both.stay)
    await audit_is_clean()


async def test_a_refund_of_what_both_hosts_were_paid_is_a_loss() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        for part in (both.trip, both.stay):
            await release(tx, part)
            await send_all(tx, part)
        taken = await refund_there(tx, both, 1_000)
        assert (taken.loss, taken.from_transfers) == (1_000, 0)
        assert await debts(tx) == []
    await audit_is_clean()


async def test_a_transfer_by_hand_is_for_the_host_that_it_goes_to() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        to = recipient(both.trip.host_id)
        found = sent_by_others(both.payment, TRANSFER, 1_000, to=to)
        await pay_there(tx, both, found)
        assert await debts(tx) == [f"{both.trip.host_id} {both.trip.id} 1000"]
        (transfer,) = await instructions.of_booking(tx, both.trip.id)
        assert (transfer.payee_id, transfer.amount) == (both.trip.host_id, 1_000)
        assert await taken_in.of_booking(tx, both.trip.id)
    await audit_is_clean()


async def test_a_transfer_by_hand_does_what_its_own_host_was_not_sent_yet() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=20)
        await release(tx, both.trip)
        await release(tx, both.stay)
        to = recipient(both.trip.host_id)
        found = sent_by_others(both.payment, TRANSFER, STAY_HOST, to=to)
        await pay_there(tx, both, found)
        assert await debts(tx) == [f"{both.trip.host_id} {both.trip.id} {STAY_HOST - TRIP_HOST}"]
        out = await money_out(tx, both)
        assert f"trip transfer cancelled {TRIP_HOST}" in out
        assert f"stay transfer queued {STAY_HOST}" in out, "though it is of just that amount"
    await audit_is_clean()


async def test_a_transfer_by_hand_without_a_charge_is_for_the_part_of_which_so_much_waits() -> None:
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        both = await journey(tx, stay_host=host, trip_host=host, trip_in=20)
        await release(tx, both.trip)
        await release(tx, both.stay)
        found = sent_by_others(both.payment, TRANSFER, TRIP_HOST, to=recipient(host.id))
        await pay_there(tx, both, found)
        assert await debts(tx) == []
        (taken,) = await taken_in.of_booking(tx, both.trip.id)
        assert taken.from_unsent == TRIP_HOST
    await audit_is_clean()


async def test_a_transfer_to_nobody_of_the_charge_waits_for_a_person() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        found = sent_by_others(both.payment, TRANSFER, 1_000, to="RCP_nobody")
        with pytest.raises(NotTakenIn):
            await movements.charge_of_transfer(tx, GatewayName.PAYSTACK, found)
        with pytest.raises(NotTakenIn):
            await movements.take_in_transfer(tx, both.payment.id, found, live=False)


async def test_a_transfer_that_was_made_before_a_restore_is_of_the_pot_that_it_names() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        pot = (await pots_of(tx, both))["trip rental"]
        reference = f"tr-{derived(pot.id, TRANSFER).hex}-1"
        assert reference in instructions.references_of_payouts(both.payment.id)
        found = sent_by_others(both.payment, TRANSFER, TRIP_HOST, to="an account that is gone")
        await pay_there(tx, both, replace(found, reference=reference))
        assert await debts(tx) == [f"{both.trip.host_id} {both.trip.id} {TRIP_HOST}"]
    await audit_is_clean()


def test_what_pays_out_the_first_part_is_looked_for_first() -> None:
    payment_id = UUID(int=7)
    references = instructions.references_of_payouts(payment_id)
    first = derived(derived(payment_id, "rental"), TRANSFER)
    assert references[0] == f"tr-{first.hex}-1"
    assert len(set(references)) == len(references)


async def test_a_charge_that_is_not_here_was_to_be_the_price_of_all_parts_of_its_booking() -> None:
    async with transaction() as tx:
        both = await journey(tx)
        booking = await bookings.find_reported(tx, str(both.stay.id))
        assert booking
        parts = await bookings.parts_of(tx, booking)
        assert asked_money(paid_there(both, 5), parts) == both.payment.money
        assert asked_money(paid_there(both, 5), []).amount == 5


def paid_there(both: Journey, amount: int) -> FoundCharge:
    return FoundCharge(
        reference=both.payment.reference,
        gateway_id="of nothing here",
        status=ChargeStatus.SUCCEEDED,
        money=both.payment.money_of(amount),
        fee=None,
        failure="",
        live=False,
        data={},
    )


def test_a_restored_database_looks_for_the_payouts_of_as_many_parts_as_can_be_booked() -> None:
    assert attempts.PARTS_MAX == PARTS_MAX
