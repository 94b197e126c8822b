"""Bookings of several parts: held together, seen as one, answered by each host, ended together."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel, NotCancellable
from app.flows.checkout import actions as checkout
from app.flows.tracking import actions as tracking
from app.foundation.db import Tx, Violated, execute, fetch_new_value, transaction
from app.foundation.errors import Invalid
from app.foundation.states import MoveRefused
from app.market.bookings import actions as bookings
from app.market.bookings.model import (
    Booking,
    BookingReply,
    NewPassenger,
    Reserve,
    WantedPart,
    code_of,
)
from app.market.claims.model import SoldOut, UnitsTaken
from app.money.escrow import actions as escrow
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.journeys import Journey, journey, money_out
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

CLAIMS = "SELECT count(*) FROM claims"


def guest_of(booking: Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


def host_of(booking: Booking) -> Principal:
    return Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))


ADMIN = Principal(id=make.new_id(), roles=(Role.ADMIN,))


async def wanted(tx: Tx, **trip: Any) -> list[WantedPart]:
    """A night in Room 1 and the seat 1A, of two hosts."""
    stay_id = await make.stay(tx, await make.account(tx, Role.HOST))
    trip_id = await make.trip(tx, await make.account(tx, Role.HOST), **trip)
    check_in = await make.today(tx) + timedelta(days=30)
    return [
        WantedPart(
            listing_id=stay_id,
            units=["Room 1"],
            check_in=check_in,
            check_out=check_in + timedelta(days=2),
        ),
        WantedPart(trip_id=trip_id, seat_numbers=["1A"]),
    ]


async def hold(tx: Tx, parts: list[WantedPart], **request: Any) -> list[Booking]:
    guest = await make.account(tx)
    return await bookings.reserve(tx, guest_id=guest.id, request=Reserve(parts=parts, **request))


async def states(tx: Tx, parts: list[Booking]) -> list[str]:
    return [(await bookings.read(tx, part.id)).state for part in parts]


# ---- held together ------------------------------------------------------------------------------


async def test_all_parts_are_held_until_the_same_instant_and_of_one_code() -> None:
    async with transaction() as tx:
        stay, trip = await hold(tx, await wanted(tx))
        assert await fetch_new_value(tx, int, CLAIMS) == 3
    assert (stay.part_of, stay.part, stay.parts) == (None, 1, 2)
    assert (trip.part_of, trip.part, trip.parts) == (stay.id, 2, 1)
    assert stay.expires_at == trip.expires_at
    replies = [BookingReply.of(stay), BookingReply.of(trip), BookingReply.of_whole([stay, trip])]
    assert {reply.code for reply in replies} == {code_of(stay.id)}


async def test_if_a_unit_of_one_part_is_taken_nothing_is_held_and_the_part_is_named() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        await hold(tx, [parts[1]])
    with pytest.raises(UnitsTaken) as refused:
        async with transaction() as tx:
            await hold(tx, parts)
    assert refused.value.members["part"] == 2
    assert refused.value.members["unavailableSeats"] == ["1A"]
    assert refused.value.members["alternativeSeats"] == ["1B", "1C", "1D"]
    async with transaction() as tx:
        assert await fetch_new_value(tx, int, CLAIMS) == 1


async def test_any_units_of_one_part_beside_named_ones_of_another() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        any_two = WantedPart(trip_id=parts[1].trip_id, seat_count=2)
        stay, trip = await hold(tx, [parts[0], any_two])
        assert (stay.labels, trip.labels) == (["Room 1"], ["1A", "1B"])
        with pytest.raises(UnitsTaken) as refused:
            await hold(tx, [parts[0], any_two])
        assert refused.value.members["part"] == 1
    async with transaction() as tx:
        rooms = msgspec.structs.replace(parts[0], units=None, unit_count=1)
        five = WantedPart(trip_id=parts[1].trip_id, seat_count=3)
        with pytest.raises(SoldOut) as sold_out:
            await hold(tx, [rooms, five])
        assert sold_out.value.members == {
            "part": 2,
            "unavailableSeats": [],
            "alternativeSeats": ["1C", "1D"],
        }


async def test_an_expired_hold_is_taken_over_by_a_booking_of_several_parts() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        await hold(tx, parts)
        await execute(tx, "UPDATE claims SET expires_at = business_now()")
        again = await hold(tx, parts)
        assert [part.labels for part in again] == [["Room 1"], ["1A"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"parts": 0}, "parts[1].listingId"),
        ({"currency": "EUR"}, "parts[1].listingId"),
        ({"seat_numbers": ["9Z"]}, "parts[1].seatNumbers[0]"),
        ({"seat_numbers": None}, "parts[1].seatNumbers"),
        ({"passengers": [NewPassenger(seat="1B", name="Ada")]}, "parts[1].passengers[0].seat"),
    ],
)
async def test_what_is_wrong_with_a_part_names_its_field(
    change: dict[str, Any], field: str
) -> None:
    async with transaction() as tx:
        currency = change.pop("currency", "NGN")
        parts = await wanted(tx, currency=currency)
        parts[1] = (
            parts[0] if change == {"parts": 0} else msgspec.structs.replace(parts[1], **change)
        )
        with pytest.raises(Invalid) as refused:
            await hold(tx, parts)
    assert [error.field for error in refused.value.errors] == [field]


async def test_parts_cannot_stand_beside_the_fields_of_one_part() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        with pytest.raises(Invalid) as refused:
            await hold(tx, parts, trip_id=parts[1].trip_id, seat_count=1)
    assert [error.field for error in refused.value.errors] == ["tripId", "seatCount"]


async def test_passengers_are_named_part_by_part() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        ada = [NewPassenger(seat="1A", name="Ada")]
        _, trip = await hold(tx, [parts[0], msgspec.structs.replace(parts[1], passengers=ada)])
        found = await bookings.read_passengers(tx, booking_id=trip.id, asker=guest_of(trip))
    assert [(each.seat, each.name) for each in found] == [("1A", "Ada")]


# ---- seen as one --------------------------------------------------------------------------------


async def test_a_booking_of_one_part_says_nothing_of_parts() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        page = await bookings.read_as_guest(tx, booking.guest_id, state=None, limit=9, cursor=None)
    shown = msgspec.to_builtins(page.bookings[0])
    assert {"part", "partOf", "parts", "splitFrom", "partsStandAlone"}.isdisjoint(shown)
    assert shown["id"] == str(booking.id)


async def test_guest_and_admin_see_the_whole_and_each_host_the_own_part() -> None:
    async with transaction() as tx:
        stay, trip = await hold(tx, await wanted(tx))
        whole = [stay.id, trip.id]

        async def seen(asker: Principal, part: Booking) -> list[Any]:
            found = await bookings.get_whole(tx, booking_id=part.id, asker=asker)
            return [each.id for each in found]

        assert await seen(guest_of(stay), stay) == await seen(ADMIN, stay) == whole
        assert await seen(guest_of(stay), trip) == [trip.id]
        assert await seen(host_of(stay), stay) == [stay.id]
        assert await seen(host_of(trip), trip) == [trip.id]
        with pytest.raises(bookings.not_found(stay.id).__class__):
            await seen(host_of(trip), stay)
        mine = await bookings.read_as_guest(tx, stay.guest_id, state=None, limit=9, cursor=None)
        theirs = await bookings.read_as_host(tx, trip.host_id, state=None, limit=9, cursor=None)
    assert [reply.id for reply in mine.bookings] == [stay.id]
    assert mine.bookings[0].price.total.amount == stay.total + trip.total
    assert mine.bookings[0].check_in_at == min(stay.check_in_at, trip.check_in_at)
    assert [reply.id for reply in theirs.bookings] == [trip.id]
    assert theirs.bookings[0].part_of == stay.id


async def test_the_history_of_a_booking_has_the_moves_of_all_parts() -> None:
    async with transaction() as tx:
        stay, trip, _ = await journey(tx)
        history = await bookings.read_history(tx, booking_id=stay.id, asker=guest_of(stay))
    assert [(move.booking_id, move.state) for move in history.moves] == [
        (part.id, state)
        for state in ("held", "awaiting_payment", "confirmed")
        for part in (stay, trip)
    ]


# ---- paid together ------------------------------------------------------------------------------


async def test_one_payment_fills_the_pots_of_all_parts() -> None:
    async with transaction() as tx:
        stay, trip, payment = await journey(tx)
        pots = await escrow.of_bookings(tx, [stay.id, trip.id])
    assert payment.amount == stay.total + trip.total == sum(pot.amount for pot in pots)
    assert {pot.host_id for pot in pots} == {stay.host_id, trip.host_id}
    await audit_is_clean()


async def test_a_late_payment_gets_all_parts_or_goes_back_whole() -> None:
    async with transaction() as tx:
        parts = await wanted(tx)
        held = await hold(tx, parts)
        payment = await checkout.begin(tx, held, gateway=paid.GatewayName.PAYSTACK)
        await execute(tx, "UPDATE claims SET expires_at = business_now()")
        await hold(tx, [parts[1]])
        await paid.settle(tx, payment)
        assert await states(tx, held) == ["expired", "expired"]
        assert await escrow.of_bookings(tx, [part.id for part in held]) == []
        refund = "SELECT amount FROM instructions WHERE source_id = %(id)s"
        assert await fetch_new_value(tx, int, refund, id=payment.id) == payment.amount
        stay = held[0]
        seen = {
            asker: (await tracking.explain(tx, booking_id=stay.id, asker=asker)).refunds
            for asker in (guest_of(stay), host_of(stay))
        }
        assert [len(refunds) for refunds in seen.values()] == [1, 0]
        assert await fetch_new_value(tx, int, CLAIMS) == 1


async def test_what_is_not_paid_in_time_expires_whole() -> None:
    async with transaction() as tx:
        held = await hold(tx, await wanted(tx))
        await execute(tx, "UPDATE bookings SET expires_at = business_now()")
        first = await bookings.next_unpaid(tx, [])
        assert first == held[0].id
        await bookings.expire_unpaid(tx, held[0].id)
        assert await states(tx, held) == ["expired", "expired"]
        assert await fetch_new_value(tx, int, CLAIMS) == 0


# ---- hosts answer -------------------------------------------------------------------------------

ASKED: dict[str, Any] = {"stay": {"request_to_book": True}}


async def test_a_no_of_one_host_ends_the_whole_and_all_comes_back() -> None:
    async with transaction() as tx:
        stay, trip, _ = both = await journey(tx, **ASKED)
        assert await states(tx, both.parts) == ["awaiting_host", "confirmed"]
        await bookings.decline(tx, booking_id=stay.id, host_id=stay.host_id, reason="full")
        assert await states(tx, both.parts) == ["declined", "cancelled"]
        assert sorted(await money_out(tx, both)) == [
            f"stay refund queued {stay.rental + stay.fee}",
            f"stay refund queued {stay.deposit}",
            f"trip refund queued {trip.total}",
        ]
        assert await fetch_new_value(tx, int, CLAIMS) == 0
    await audit_is_clean()


async def test_parts_that_stand_alone_outlive_a_no() -> None:
    async with transaction() as tx:
        stay, _, _ = both = await journey(tx, stand_alone=True, **ASKED)
        await bookings.decline(tx, booking_id=stay.id, host_id=stay.host_id, reason="full")
        assert await states(tx, both.parts) == ["declined", "confirmed"]
        assert await fetch_new_value(tx, int, CLAIMS) == 1
    await audit_is_clean()


async def test_silence_of_one_host_ends_the_whole() -> None:
    async with transaction() as tx:
        stay, trip, _ = both = await journey(tx, trip={"request_to_book": True}, **ASKED)
        await bookings.accept(tx, booking_id=stay.id, host_id=stay.host_id)
        late = "UPDATE bookings SET respond_by = business_now() WHERE id = %(id)s"
        await execute(tx, late, id=trip.id)
        assert await bookings.next_unanswered(tx, []) == stay.id
        await bookings.decline_unanswered(tx, stay.id)
        assert await states(tx, both.parts) == ["cancelled", "declined"]
    await audit_is_clean()


async def test_a_host_answers_before_another_part_begins_that_would_end_with_it() -> None:
    async with transaction() as tx:
        evening = datetime.combine(await make.today(tx), time(20), UTC)  # it leaves at seven
        await paid.set_clock(tx, evening)
        stay, trip, _ = await journey(tx, stay_in=30, trip_in=1, **ASKED)
        alone = await journey(tx, stay_in=30, trip_in=1, stand_alone=True, **ASKED)
    assert stay.respond_by == trip.check_in_at
    assert alone.stay.respond_by
    assert alone.stay.respond_by != alone.trip.check_in_at


async def test_a_part_that_has_begun_outlives_the_no_to_another() -> None:
    async with transaction() as tx:
        stay, trip, _ = both = await journey(tx, trip_in=1, **ASKED)
        await paid.set_clock(tx, trip.check_in_at)
        await bookings.decline_unanswered(tx, stay.id)
        assert await states(tx, both.parts) == ["declined", "confirmed"]


@pytest.mark.parametrize(
    ("accepts", "ends"), [(True, ["confirmed", "confirmed"]), (False, ["cancelled", "declined"])]
)
async def test_two_hosts_who_answer_at_the_same_moment_do_not_block_each_other(
    accepts: bool, ends: list[str]
) -> None:
    async with transaction() as tx:
        both = await journey(tx, trip={"request_to_book": True}, **ASKED)

    async def answer(part: Booking) -> Booking:
        async with transaction() as tx:
            if accepts:
                return await bookings.accept(tx, booking_id=part.id, host_id=part.host_id)
            return await bookings.decline(tx, booking_id=part.id, host_id=part.host_id, reason="")

    done = await asyncio.gather(*map(answer, both.parts), return_exceptions=True)
    assert all(isinstance(each, Booking | MoveRefused) for each in done), done
    async with transaction() as tx:
        assert sorted(await states(tx, both.parts)) == ends
    await audit_is_clean()


# ---- cancelled ----------------------------------------------------------------------------------


async def _cancel(both: Journey, part: Booking, who: Principal) -> list[str]:
    async with transaction() as tx:
        preview = await cancellation.preview(tx, booking_id=part.id, asker=who)
        request = Cancel(expected_refund=preview.total)
        await cancellation.cancel(tx, booking_id=part.id, asker=who, request=request)
        back = "SELECT coalesce(sum(amount), 0)::bigint FROM instructions WHERE kind = 'refund'"
        assert await fetch_new_value(tx, int, back) == preview.total.amount
        return await states(tx, both.parts)


async def test_the_guest_who_cancels_the_booking_cancels_all_parts() -> None:
    async with transaction() as tx:
        both = await journey(tx)
    assert await _cancel(both, both.stay, guest_of(both.stay)) == ["cancelled", "cancelled"]
    await audit_is_clean()


async def test_the_id_of_a_later_part_cancels_that_part_alone() -> None:
    async with transaction() as tx:
        both = await journey(tx)
    assert await _cancel(both, both.trip, guest_of(both.trip)) == ["confirmed", "cancelled"]
    await audit_is_clean()


async def test_a_host_cancels_the_own_part_alone() -> None:
    async with transaction() as tx:
        both = await journey(tx)
    assert await _cancel(both, both.stay, host_of(both.stay)) == ["cancelled", "confirmed"]
    await audit_is_clean()


async def test_each_part_is_cancelled_by_its_own_policy_and_what_has_begun_stays() -> None:
    async with transaction() as tx:
        both = await journey(tx, trip_in=2, trip={"policy": "moderate"})
        guest = guest_of(both.stay)
        preview = await cancellation.preview(tx, booking_id=both.stay.id, asker=guest)
        assert isinstance(preview.parts, list)
        assert [part.total.amount for part in preview.parts] == [
            both.stay.total,
            both.trip.total // 2,
        ]
        assert preview.rule == "each part by its own rule"
        await paid.set_clock(tx, both.trip.check_in_at)
        begun = await cancellation.preview(tx, booking_id=both.stay.id, asker=guest)
        assert begun.total.amount == both.stay.total
        with pytest.raises(NotCancellable):
            await cancellation.preview(tx, booking_id=both.trip.id, asker=guest)


async def test_a_charge_of_the_first_part_alone_is_refused_by_the_database() -> None:
    async with transaction() as tx:
        held = await hold(tx, await wanted(tx))
        with pytest.raises(Violated) as refused:
            await checkout.begin(tx, [held[0]], gateway=paid.GatewayName.PAYSTACK)
    assert refused.value.constraint == "charges_ask_for_all_parts"


async def test_a_list_of_one_part_names_its_fields_in_the_list() -> None:
    async with transaction() as tx:
        with pytest.raises(Invalid) as refused:
            await hold(tx, [WantedPart()])
    assert {error.field for error in refused.value.errors} == {
        "parts[0].listingId",
        "parts[0].seatNumbers",
    }


async def test_what_is_over_without_a_refund_does_not_hold_back_the_stage_of_the_whole() -> None:
    async with transaction() as tx:
        stay, trip, _ = await journey(tx)
        guest = guest_of(stay)
        await paid.set_clock(tx, trip.check_in_at - timedelta(minutes=1))
        request = Cancel()
        await cancellation.cancel(tx, booking_id=trip.id, asker=guest, request=request)
        seen = await tracking.explain(tx, booking_id=stay.id, asker=guest)
        alone = await tracking.explain(tx, booking_id=trip.id, asker=guest)
    assert (seen.stage and seen.stage.number, alone.stage and alone.stage.number) == (2, 3)
