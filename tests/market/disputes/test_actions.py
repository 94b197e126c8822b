"""Disputes against the clock and the books: in the window only, and the money as decided."""

from datetime import timedelta
from typing import Any, Final

import pytest

from app.flows.cancellation.actions import cancel
from app.flows.cancellation.model import Cancel
from app.foundation.db import Tx, execute, fetch_values, savepoint, transaction
from app.foundation.errors import Problem
from app.foundation.money import Money
from app.foundation.states import MoveRefused
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, NotYourPart
from app.market.disputes import actions
from app.market.disputes.model import (
    DISPUTES_MAX,
    EVIDENCE_MAX,
    DamageReport,
    DisputeReply,
    NewEvidence,
    NoSuchDispute,
    OpenDispute,
    Resolve,
    TooMuchEvidence,
)
from app.money.escrow import actions as escrow
from app.money.escrow.model import AlreadyDisputed, NothingHeld, NotYetOpen, WindowClosed
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

TICK: Final = timedelta(microseconds=1)
ODD: Final[dict[str, Any]] = {"price": 1_000_003, "fee": 10_000, "deposit": 77_777}


def guest_of(booking: Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


def host_of(booking: Booking) -> Principal:
    return Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))


async def complain(tx: Tx, booking: Booking, kind: str, amount: int = 1) -> DisputeReply:
    money = Money(amount, booking.currency)
    if kind == "rental":
        return await actions.open_dispute(
            tx,
            booking_id=booking.id,
            asker=guest_of(booking),
            request=OpenDispute(reason="Not as described", claimed=money),
        )
    return await actions.report_damage(
        tx,
        booking_id=booking.id,
        asker=host_of(booking),
        request=DamageReport(reason="Broken window", claimed=money),
    )


async def _refused(tx: Tx, booking: Booking, kind: str, problem: type[Problem]) -> Problem:
    with pytest.raises(problem) as refused:
        await complain(tx, booking, kind)
    return refused.value


async def _window(tx: Tx, booking: Booking, kind: str) -> tuple[Any, Any]:
    pot = (await paid.pots_of(tx, booking))[kind]
    return pot.opens_at, pot.closes_at


# ---- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rental", "deposit"])
async def test_a_window_is_open_from_its_first_microsecond_until_before_its_end(
    kind: str,
) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        opens_at, closes_at = await _window(tx, booking, kind)
        await paid.set_clock(tx, opens_at - TICK)
        early = await _refused(tx, booking, kind, NotYetOpen)
        assert early.members == {"opensAt": opens_at}
        for moment in (opens_at, closes_at - TICK):
            await paid.set_clock(tx, moment)
            async with savepoint(tx) as undo:
                assert (await complain(tx, booking, kind)).state == "open"
                undo()
        await paid.set_clock(tx, closes_at)
        late = await _refused(tx, booking, kind, WindowClosed)
        assert late.members == {"closesAt": closes_at}


@pytest.mark.parametrize("kind", ["rental", "deposit"])
async def test_what_is_released_is_closed_whatever_an_earlier_clock_says(kind: str) -> None:
    """A request that began before the end, and got its turn after the release."""
    async with transaction() as tx:
        booking = await paid.stay(tx)
        _, closes_at = await _window(tx, booking, kind)
        await paid.set_clock(tx, closes_at)
        await escrow.release_due(tx, limit=10)
        await paid.set_clock(tx, closes_at - TICK)
        await _refused(tx, booking, kind, WindowClosed)


async def test_nothing_is_disputed_before_the_host_has_accepted() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, request_to_book=True)
        await paid.set_clock(tx, booking.check_in_at)
        assert (await _refused(tx, booking, "rental", NotYetOpen)).members == {"opensAt": None}


async def test_nothing_is_disputed_of_a_cancelled_booking() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await cancel(tx, booking_id=booking.id, asker=host_of(booking), request=Cancel())
        await paid.set_clock(tx, booking.check_in_at)
        await _refused(tx, booking, "rental", MoveRefused)


async def test_nothing_is_disputed_where_nothing_is_held() -> None:
    async with transaction() as tx:
        bus = await paid.seat(tx)
        await _refused(tx, bus, "deposit", NothingHeld)


# ---- freezing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rental", "deposit"])
async def test_a_disputed_pot_is_not_released_and_the_other_one_is(kind: str) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        opens_at, _ = await _window(tx, booking, kind)
        await paid.set_clock(tx, opens_at)
        await complain(tx, booking, kind)
        await _refused(tx, booking, kind, AlreadyDisputed)
        await paid.set_clock(tx, booking.check_out_at + timedelta(days=400))
        assert len(await escrow.release_due(tx, limit=10)) == 1
        pots = await paid.pots_of(tx, booking)
        assert pots[kind].state == "disputed"
        assert await bookings.complete_over(tx, limit=10) == []
        await execute(tx, "UPDATE business_clock SET shift = '0'")
    await audit_is_clean()


async def test_a_withdrawn_dispute_lets_the_release_go_on() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        opens_at, closes_at = await _window(tx, booking, "rental")
        await paid.set_clock(tx, opens_at)
        dispute = await complain(tx, booking, "rental")
        await paid.set_clock(tx, closes_at + timedelta(hours=3))
        assert len(await escrow.release_due(tx, limit=10)) == 0
        withdrawn = await actions.withdraw(
            tx, booking_id=booking.id, dispute_id=dispute.id, asker=guest_of(booking)
        )
        assert withdrawn.state == "withdrawn"
        assert len(await escrow.release_due(tx, limit=10)) == 1
        await _refused(tx, booking, "rental", WindowClosed)
        assert await paid.shares(tx, booking.id) == {"refund": 0, "transfer": 1_800_000}
    await audit_is_clean()


async def test_a_pot_is_disputed_so_often_and_no_more() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await paid.set_clock(tx, booking.check_in_at)
        for _ in range(DISPUTES_MAX):
            dispute = await complain(tx, booking, "rental")
            await actions.withdraw(
                tx, booking_id=booking.id, dispute_id=dispute.id, asker=guest_of(booking)
            )
    async with transaction() as tx:
        await _refused(tx, booking, "rental", AlreadyDisputed)


# ---- deciding -----------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["XAF", "NGN", "KWD"])
@pytest.mark.parametrize("to_guest", [0, 1, 333_333, 1_010_002, 1_010_003])
async def test_the_money_is_divided_as_decided_in_one_commit(currency: str, to_guest: int) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, currency=currency, **ODD)
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at)
        dispute = await complain(tx, booking, "rental", 1_010_003)
    async with transaction() as tx:
        decided = await actions.resolve(
            tx,
            dispute_id=dispute.id,
            asker=admin,
            request=Resolve(to_guest=Money(to_guest, currency), decision="Seen the photos"),
        )
        assert (decided.state, decided.to_guest) == ("resolved", Money(to_guest, currency))
    await audit_is_clean()
    async with transaction() as tx:
        rest = 1_010_003 - to_guest
        shares = {"refund": to_guest, "transfer": rest - rest // 10}
        assert await paid.shares(tx, booking.id) == shares
        trail = await fetch_values(
            tx, str, "SELECT state FROM escrow_events WHERE pot = 'rental' ORDER BY id"
        )
        assert trail == ["held", "disputed", "held", "releasing" if rest else "refunding"]


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize("claimed", [1, 77_777])
async def test_what_a_host_gets_for_damage_bears_commission_if_that_was_agreed_on(
    claimed: int, agreed: bool
) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, **ODD)
        if not agreed:  # booked before it was asked
            await execute(tx, "UPDATE pots SET commission_on_deposit = false")
            await execute(tx, "UPDATE bookings SET terms = terms - 'commissionOnDeposit'")
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_out_at)
        assert len(await escrow.release_due(tx, limit=10)) == 1
        released = await paid.shares(tx, booking.id)
        dispute = await complain(tx, booking, "deposit", claimed)
        to_guest = Money(77_777 - claimed, "NGN")
        await actions.resolve(
            tx,
            dispute_id=dispute.id,
            asker=admin,
            request=Resolve(to_guest=to_guest, decision="Paid for"),
        )
        shares = await paid.shares(tx, booking.id)
        assert shares["refund"] == to_guest.amount
        commission = claimed // 10 if agreed else 0
        assert shares["transfer"] - released["transfer"] == claimed - commission
    await audit_is_clean()


async def test_a_dispute_ends_once() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at)
        dispute = await complain(tx, booking, "rental", 100)
        decision = Resolve(to_guest=Money(100, "NGN"), decision="Sorry")
        await actions.resolve(tx, dispute_id=dispute.id, asker=admin, request=decision)
    for _ in range(2):
        async with transaction() as tx:
            with pytest.raises(MoveRefused):
                await actions.resolve(tx, dispute_id=dispute.id, asker=admin, request=decision)
        async with transaction() as tx:
            with pytest.raises(MoveRefused):
                await actions.withdraw(
                    tx, booking_id=booking.id, dispute_id=dispute.id, asker=guest_of(booking)
                )
    await audit_is_clean()


async def _undecided(tx: Tx) -> list[str]:
    await actions.alert_undecided(tx, limit=10)
    sql = """
        SELECT severity || ' ' || subject FROM alerts
         WHERE kind = 'dispute_undecided' AND state <> 'resolved'"""
    return await fetch_values(tx, str, sql)


async def test_a_dispute_that_nobody_decides_for_two_weeks_is_a_critical_alert_until_it_ends() -> (
    None
):
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await paid.set_clock(tx, booking.check_in_at)
        dispute = await complain(tx, booking, "rental", 100)
        await paid.set_clock(tx, booking.check_in_at + timedelta(days=14) - TICK)
        assert await _undecided(tx) == []
        await paid.set_clock(tx, booking.check_in_at + timedelta(days=14))
        assert await _undecided(tx) == [f"critical {dispute.id}"]
        await actions.withdraw(
            tx, booking_id=booking.id, dispute_id=dispute.id, asker=guest_of(booking)
        )
        assert await _undecided(tx) == []


async def test_an_admin_does_not_decide_on_a_booking_of_their_own() -> None:
    async with transaction() as tx:
        both = await make.account(tx, Role.GUEST, Role.ADMIN)
        booking = await paid.stay(tx, guest=both)
        await paid.set_clock(tx, booking.check_in_at)
        dispute = await complain(tx, booking, "rental", 100)
        decision = Resolve(to_guest=Money(100, "NGN"), decision="I am right")
        with pytest.raises(NotYourPart):
            await actions.resolve(tx, dispute_id=dispute.id, asker=both, request=decision)


# ---- who ----------------------------------------------------------------------------------------


async def test_each_side_disputes_its_own_pot_and_withdraws_its_own_dispute() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at)
        for asker in (host_of(booking), admin):
            with pytest.raises(NotYourPart):
                await actions.open_dispute(
                    tx, booking_id=booking.id, asker=asker, request=OpenDispute(reason="A")
                )
        claim = DamageReport(reason="A", claimed=Money(1, "NGN"))
        for asker in (guest_of(booking), admin):
            with pytest.raises(NotYourPart):
                await actions.report_damage(tx, booking_id=booking.id, asker=asker, request=claim)
        dispute = await complain(tx, booking, "rental")
        for asker in (host_of(booking), admin):
            with pytest.raises(NotYourPart):
                await actions.withdraw(
                    tx, booking_id=booking.id, dispute_id=dispute.id, asker=asker
                )


async def test_both_sides_bring_evidence_while_it_is_open() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at)
        dispute = await complain(tx, booking, "rental")

        async def add(asker: Principal, text: str, booking_id: Any = booking.id) -> None:
            await actions.add_evidence(
                tx,
                booking_id=booking_id,
                dispute_id=dispute.id,
                asker=asker,
                evidence=NewEvidence(text=text),
            )

        await add(guest_of(booking), "No water")
        await add(host_of(booking), "There was")
        with pytest.raises(NotYourPart):
            await add(admin, "Hm")
        elsewhere = await paid.stay(tx, guest=guest_of(booking))
        with pytest.raises(NoSuchDispute):
            await add(guest_of(booking), "Here?", elsewhere.id)
        (seen,) = await actions.of_booking(tx, booking_id=booking.id, asker=admin)
        assert isinstance(seen.evidence, list)
        assert [(e.side, e.text) for e in seen.evidence] == [
            ("guest", "No water"),
            ("host", "There was"),
        ]
        for n in range(EVIDENCE_MAX - 2):
            await add(guest_of(booking), str(n))
        with pytest.raises(TooMuchEvidence):
            await add(guest_of(booking), "One more")
        await actions.withdraw(
            tx, booking_id=booking.id, dispute_id=dispute.id, asker=guest_of(booking)
        )
        with pytest.raises(MoveRefused):
            await add(host_of(booking), "Too late")
