"""Giving some of a booking back: seats, rooms, nights; what stays, and where the money goes."""

from datetime import timedelta
from typing import Any, Final

import pytest

from app.edge.gateways.port import GatewayName
from app.flows.cancellation import actions
from app.flows.cancellation.model import (
    Cancel,
    GiveBack,
    GivenBack,
    HeldFast,
    NotCancellable,
    NotPaidYet,
    RefundChanged,
)
from app.foundation.db import Tx, execute, fetch_value, fetch_values, transaction
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.foundation.states import MoveRefused
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, NewPassenger, Reserve
from app.money.escrow.actions import release_due
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean

DAY: Final = timedelta(days=1)
ODD: Final[dict[str, Any]] = {"price": 1_000_003, "fee": 10_000, "deposit": 77_777}


def guest_of(booking: Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


def host_of(booking: Booking) -> Principal:
    return Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))


async def rooms(
    tx: Tx,
    *,
    units: int = 1,
    nights: int = 1,
    days_ahead: int = 30,
    host: Principal | None = None,
    voucher: str | None = None,
    **listing: Any,
) -> Booking:
    """A stay of some nights in some rooms of a guest house of its own, held."""
    host, guest = host or await make.account(tx, Role.HOST), await make.account(tx)
    listing.setdefault("rooms", units)
    listing_id = await make.stay(tx, host, **listing)
    check_in = await make.today(tx) + days_ahead * DAY
    request = Reserve(
        listing_id=listing_id,
        unit_count=units,
        check_in=check_in,
        check_out=check_in + nights * DAY,
        voucher_code=voucher,
    )
    [booking] = await bookings.reserve(tx, guest_id=guest.id, request=request)
    return booking


async def seats(tx: Tx, *labels: str, **trip: Any) -> Booking:
    """Seats of a bus of its own, paid for, with a passenger each."""
    host, guest = await make.account(tx, Role.HOST), await make.account(tx)
    trip_id = await make.trip(tx, host, **trip)
    request = Reserve(
        trip_id=trip_id,
        seat_numbers=list(labels),
        passengers=[NewPassenger(seat=label, name=f"on {label}") for label in labels],
    )
    [booking] = await bookings.reserve(tx, guest_id=guest.id, request=request)
    return await paid.pay(tx, booking)


async def give(tx: Tx, booking: Booking, who: Principal | None = None, **what: Any) -> GivenBack:
    """Give something back, and see that it is what the preview said."""
    asker, request = who or guest_of(booking), GiveBack(**what)
    told = await actions.preview_give_back(tx, booking_id=booking.id, asker=asker, request=request)
    done = await actions.give_back(
        tx,
        booking_id=booking.id,
        asker=asker,
        request=GiveBack(**what, expected_refund=told.total),
    )
    assert (done.rule, done.rental, done.deposit) == (told.rule, told.rental, told.deposit)
    assert done.given_back.price == told.given_back.price
    if done.stays and done.given_back.id:
        pots = await paid.pots_of(tx, await bookings.read(tx, done.given_back.id))
        back = sum(pot.to_guest or 0 for pot in pots.values())
        assert back == done.total.amount
    return done


async def claims_of(tx: Tx, booking: Booking) -> list[str]:
    return await fetch_values(
        tx,
        str,
        """
        SELECT concat(label, ' ', slot) FROM claims JOIN units ON units.id = unit_id
         WHERE booking_id = %(id)s ORDER BY 1""",
        id=booking.id,
    )


async def test_a_seat_of_three_goes_back_with_its_price_and_its_passenger(pool: None) -> None:
    async with transaction() as tx:
        booking = await seats(tx, "1A", "1B", "1C", price=500_001, fee=999, policy="moderate")
        done = await give(tx, booking, units=["1B"])
        assert done.given_back.units == ["1B"]
        assert done.rental == done.total == Money(500_001, "NGN")
        assert done.rule == "moderate policy: all of the rental of what is given back comes back"
        stays = await bookings.read(tx, booking.id)
        assert (stays.labels, stays.state) == (["1A", "1C"], "confirmed")
        assert (stays.rental, stays.fee, stays.total) == (1_000_002, 999, 1_001_001)
        assert [claim[:2] for claim in await claims_of(tx, booking)] == ["1A", "1C"]
        travel = await bookings.read_passengers(tx, booking_id=booking.id, asker=guest_of(booking))
        assert [each.name for each in travel] == ["on 1A", "on 1C"]
        assert done.given_back.id
        gone = await bookings.read(tx, done.given_back.id)
        assert (gone.part_of, gone.part, gone.split_from) == (booking.id, 2, booking.id)
        assert (gone.state, gone.rental, gone.fee, stays.parts) == ("cancelled", 500_001, 0, 2)
        gone_travel = await bookings.read_passengers(tx, booking_id=gone.id, asker=guest_of(gone))
        assert [each.name for each in gone_travel] == ["on 1B"]
        history = await bookings.read_history(tx, booking_id=gone.id, asker=guest_of(gone))
        moves = ["held", "awaiting_payment", "confirmed", "cancelled"]
        assert [move.state for move in history.moves] == moves
        history = await bookings.read_history(tx, booking_id=booking.id, asker=guest_of(gone))
        assert [move.state for move in history.moves] == moves, "each once"
        assert await fetch_value(
            tx, int, "SELECT count(*) FROM audit_log WHERE action = 'give_back'"
        )
        mails = "SELECT count(*) FROM notifications WHERE source_id = %(id)s"
        assert await fetch_value(tx, int, mails, id=gone.id) == 2
    await audit_is_clean()


async def test_the_seat_that_is_given_back_can_be_sold_again(pool: None) -> None:
    async with transaction() as tx:
        booking = await seats(tx, "1A", "1B")
        await give(tx, booking, units=["1B"])
        other = await make.account(tx)
        request = Reserve(trip_id=booking.listing_id, seat_numbers=["1B"])
        [again] = await bookings.reserve(tx, guest_id=other.id, request=request)
        assert again.labels == ["1B"]
    await audit_is_clean()


@pytest.mark.parametrize("currency", ["XAF", "NGN", "KWD"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
async def test_in_every_order_rooms_sum_to_what_all_at_once_gives(
    pool: None, currency: str, order: tuple[int, ...]
) -> None:
    """Half of rental and fee comes back: but for the fee's, nothing depends on the order."""
    gateway = GatewayName.STRIPE
    odd = {"price": 1_000_030, "fee": 10_010, "deposit": 77_780, "policy": "flexible"}
    async with transaction() as tx:
        booking = await paid.pay(
            tx, await rooms(tx, units=3, currency=currency, **odd), gateway=gateway
        )
        await paid.set_clock(tx, booking.check_in_at - DAY / 2)
        all_at_once = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
        labels = booking.labels
        back = [
            (await give(tx, booking, units=[labels[number]])).total.amount for number in order[:2]
        ]
        rest = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
        await actions.cancel(
            tx,
            booking_id=booking.id,
            asker=guest_of(booking),
            request=Cancel(expected_refund=rest.total),
        )
        assert sum(back) + rest.total.amount == all_at_once.total.amount
        refunds = "SELECT sum(amount)::bigint FROM instructions WHERE kind = 'refund'"
        assert await fetch_value(tx, int, refunds) == all_at_once.total.amount
    await audit_is_clean()


async def test_first_and_last_nights_go_back_and_the_windows_follow(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=5, **ODD))
        done = await give(tx, booking, first_nights=2)
        assert (done.rental.amount, done.deposit.amount) == (2 * 1_000_003, 0)
        assert done.stays
        assert done.stays.check_in_at == booking.check_in_at + 2 * DAY
        assert done.given_back.check_out_at == done.stays.check_in_at - timedelta(hours=4)
        done = await give(tx, booking, last_nights=1)
        stays = await bookings.read(tx, booking.id)
        assert stays.check_out_at == booking.check_out_at - DAY
        assert (stays.last_slot - stays.first_slot).days == 1
        assert stays.terms.check_in_local == f"{stays.first_slot}T15:00:00"
        assert stays.terms.check_out_local == f"{stays.last_slot + DAY}T11:00:00"
        assert stays.terms.cancellation == booking.terms.cancellation
        pots = await paid.pots_of(tx, stays)
        assert pots["rental"].opens_at == stays.check_in_at
        assert pots["deposit"].opens_at == stays.check_out_at
        assert len(await claims_of(tx, booking)) == 2
        assert stays.deposit == ODD["deposit"]
    await audit_is_clean()


async def test_each_night_has_its_own_price(pool: None) -> None:
    async with transaction() as tx:
        host, guest = await make.account(tx, Role.HOST), await make.account(tx)
        listing_id = await make.stay(tx, host, price=1_000, deposit=0)
        weekend = "UPDATE listings SET weekend_price = 5000 WHERE id = %(id)s"
        await execute(tx, weekend, id=listing_id)
        today = await make.today(tx)
        friday = today + timedelta(days=30 + (4 - (today + 30 * DAY).weekday()) % 7)
        request = Reserve(
            listing_id=listing_id,
            unit_count=1,
            check_in=friday - DAY,
            check_out=friday + 2 * DAY,
        )
        [booking] = await bookings.reserve(tx, guest_id=guest.id, request=request)
        assert booking.lines[0].nights == [1_000, 5_000, 5_000]
        booking = await paid.pay(tx, booking)
        assert (await give(tx, booking, first_nights=1)).rental.amount == 1_000
        assert (await give(tx, booking, last_nights=1)).rental.amount == 5_000
        assert (await bookings.read(tx, booking.id)).rental == 5_000
    await audit_is_clean()


async def test_the_deposit_of_a_room_follows_it(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, units=3, deposit=100_000))
        done = await give(tx, booking, units=[booking.labels[0]])
        assert done.deposit.amount == 33_333
        done = await give(tx, booking, units=[booking.labels[1]])
        assert done.deposit.amount == 33_333
        stays = await bookings.read(tx, booking.id)
        assert stays.deposit == 33_334
    await audit_is_clean()


@pytest.mark.parametrize("by", ["host", "admin"])
async def test_host_and_admin_give_all_back_of_what_they_give_back(pool: None, by: str) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, units=2, nights=2, policy="strict", **ODD))
        who = host_of(booking) if by == "host" else await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at - timedelta(minutes=1))
        done = await give(tx, booking, who, units=[booking.labels[0]])
        assert done.rental.amount == 2 * 1_000_003
        assert done.rule.startswith(f"given back by the {by}: all of the rental")
        assert (await bookings.read(tx, booking.id)).fee == ODD["fee"]
    await audit_is_clean()


async def test_the_frozen_policy_decides_and_deadlines_do_not_move(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=10, policy="strict", price=100))
        await paid.set_clock(tx, booking.check_in_at - DAY)
        done = await give(tx, booking, first_nights=8)
        assert done.total.amount == 0
        left = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
        assert left.rental.amount == 0, "else giving back the first nights would buy a refund"
    await audit_is_clean()


async def test_within_a_stay_nights_to_come_go_back_and_the_paid_rental_stays(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=4, **ODD))
        await paid.set_clock(tx, booking.check_in_at + timedelta(hours=2))
        await release_due(tx, limit=10)
        wishes: list[dict[str, Any]] = [
            {"first_nights": 1},
            {"units": booking.labels},
            {"last_nights": 4},
        ]
        for wrong in wishes:
            with pytest.raises(NotCancellable):
                await give(tx, booking, **wrong)
        done = await give(tx, booking, last_nights=2)
        assert done.total.amount == 0
        assert done.rule == "the rental is paid out: the stay is shortened, and no money moves"
        stays = await bookings.read(tx, booking.id)
        assert stays.check_out_at == booking.check_out_at - 2 * DAY
        assert stays.rental == booking.rental
        assert len(await claims_of(tx, booking)) == 2
        assert (await paid.pots_of(tx, stays))["deposit"].opens_at == stays.check_out_at
        await paid.set_clock(tx, stays.check_out_at)
        with pytest.raises(NotCancellable):
            await give(tx, booking, last_nights=1)
        await paid.set_clock(tx, stays.check_out_at + timedelta(hours=2))
        await release_due(tx, limit=10)
    await audit_is_clean()


@pytest.mark.parametrize(("by", "back"), [("guest", 0), ("host", 2_000_006), ("admin", 2_000_006)])
async def test_within_the_guest_window_the_policy_decides(pool: None, by: str, back: int) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=4, **ODD))
        await paid.set_clock(tx, booking.check_in_at + timedelta(minutes=30))
        who = {"guest": guest_of(booking), "host": host_of(booking)}.get(by)
        done = await give(tx, booking, who or await make.account(tx, Role.ADMIN), last_nights=2)
        assert (done.rental.amount, done.deposit.amount) == (back, 0)
    await audit_is_clean()


async def test_a_night_whose_check_out_has_passed_is_not_given_back(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=4))
        await paid.set_clock(tx, booking.check_in_at + 2 * DAY)  # after 11:00 of the third day
        with pytest.raises(NotCancellable):
            await give(tx, booking, host_of(booking), last_nights=2)
        await give(tx, booking, host_of(booking), last_nights=1)


async def test_a_trip_that_has_begun_is_not_given_back(pool: None) -> None:
    async with transaction() as tx:
        booking = await seats(tx, "1A", "1B")
        await paid.set_clock(tx, booking.check_in_at)
        for who in (guest_of(booking), host_of(booking), await make.account(tx, Role.ADMIN)):
            with pytest.raises(NotCancellable):
                await give(tx, booking, who, units=["1A"])


async def test_what_the_host_has_not_accepted_goes_back_whole(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(
            tx, await rooms(tx, units=2, policy="strict", request_to_book=True, **ODD)
        )
        done = await give(tx, booking, units=[booking.labels[1]])
        assert done.total.amount == 1_000_003 + 77_777 // 2
        assert (await bookings.read(tx, booking.id)).state == "awaiting_host"
        await bookings.accept(tx, booking_id=booking.id, host_id=booking.host_id)
    await audit_is_clean()


async def test_all_units_or_all_nights_or_all_end_the_part(pool: None) -> None:
    async with transaction() as tx:
        wishes: list[dict[str, Any]] = [
            {"everything": True},
            {"first_nights": 2},
            {"last_nights": 2},
            {},
        ]
        for what in wishes:
            booking = await paid.pay(tx, await rooms(tx, nights=2, units=2, **ODD))
            done = await give(tx, booking, **(what or {"units": booking.labels}))
            assert done.stays is None
            assert done.total.amount == booking.total
            assert (await bookings.read(tx, booking.id)).state == "cancelled"
    await audit_is_clean()


async def test_a_preview_that_no_longer_holds_stops_it(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, units=2, policy="flexible", **ODD))
        await paid.set_clock(tx, booking.check_in_at - DAY)
        with pytest.raises(RefundChanged) as refused:
            await actions.give_back(
                tx,
                booking_id=booking.id,
                asker=guest_of(booking),
                request=GiveBack(
                    units=[booking.labels[0]], expected_refund=Money(1_000_003 + 38_888, "NGN")
                ),
            )
        assert refused.value.members["preview"]["rental"]["amount"] == 500_002


async def test_what_contradicts_itself_or_the_booking_names_the_field(pool: None) -> None:
    async with transaction() as tx:
        stay = await paid.pay(tx, await rooms(tx, nights=2))
        trip = await seats(tx, "1A")
        wrong: list[tuple[Booking, dict[str, Any], str]] = [
            (stay, {}, "units"),
            (stay, {"units": ["Attic"]}, "units[0]"),
            (stay, {"units": ["Room 1"], "first_nights": 1}, "firstNights"),
            (stay, {"first_nights": 1, "last_nights": 1}, "lastNights"),
            (stay, {"last_nights": 3}, "lastNights"),
            (trip, {"first_nights": 1}, "firstNights"),
            (trip, {"units": ["1A", "1B"]}, "units[1]"),
        ]
        for booking, what, field in wrong:
            with pytest.raises(Invalid) as refused:
                await give(tx, booking, **what)
            assert [error.field for error in refused.value.errors] == [field]


async def test_nothing_is_given_back_unpaid_or_ended(pool: None) -> None:
    async with transaction() as tx:
        booking = await rooms(tx, units=2)
        with pytest.raises(NotPaidYet):
            await give(tx, booking, units=[booking.labels[0]])
        booking = await paid.pay(tx, booking)
        await actions.cancel(tx, booking_id=booking.id, asker=guest_of(booking), request=Cancel())
        with pytest.raises(MoveRefused):
            await give(tx, booking, units=[booking.labels[0]])


@pytest.mark.parametrize("column", ["charged_back", "given_back"])
async def test_what_was_taken_from_is_not_split(pool: None, column: str) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, units=2))
        taken = (
            "UPDATE pots SET charged_back = 1"
            if column == "charged_back"
            else ("UPDATE pots SET given_back = 1")
        )
        await execute(tx, taken)
        with pytest.raises(HeldFast):
            await give(tx, booking, units=[booking.labels[0]])


async def test_a_stay_booked_before_local_times_were_kept_is_shortened_too(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.pay(tx, await rooms(tx, nights=3))
        forget = "UPDATE bookings SET terms = terms - 'checkInLocal' - 'checkOutLocal'"
        await execute(tx, forget)
        await give(tx, booking, last_nights=1)
        await give(tx, booking, first_nights=1)
        stays = await bookings.read(tx, booking.id)
        assert stays.check_in_at == booking.check_in_at + DAY
        assert stays.check_out_at == booking.check_out_at - DAY
    await audit_is_clean()
