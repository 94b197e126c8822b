"""A government changes its clocks after people have booked: the local times are what counts."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.foundation import db
from app.foundation.db import execute, fetch_values, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, BookingState
from app.money.escrow.model import Pot
from tests import paid
from tests.command import run
from tests.laws import audit_is_clean, take_audit

HOUR = timedelta(hours=1)
MARRAKECH = "Africa/Casablanca"
MAILS = "SELECT account_id::text FROM notifications WHERE kind = 'booking_times_corrected'"


async def _booked(by: timedelta = HOUR, **wanted: Any) -> Booking:
    """A stay in Marrakech whose instants come from zone data by which it is earlier there."""
    async with transaction() as tx:
        made = await paid.stay(tx, **({"zone": MARRAKECH} | wanted))  # pyright: ignore[reportArgumentType]
    await _displace(made, by)
    return made


async def _displace(booking: Booking, by: timedelta) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE bookings
               SET check_in_at = check_in_at - %(by)s, check_out_at = check_out_at - %(by)s,
                   terms = jsonb_set(terms, '{cancellation}', (
                       SELECT jsonb_agg(jsonb_set(tier, '{until}', to_jsonb(
                                  (tier ->> 'until')::timestamptz - %(by)s)) ORDER BY number)
                         FROM jsonb_array_elements(terms -> 'cancellation')
                              WITH ORDINALITY AS tiers (tier, number)))
             WHERE id = %(id)s""",
            id=booking.id,
            by=by,
        )
        await execute(
            tx,
            """
            UPDATE pots SET opens_at = opens_at - %(by)s, closes_at = closes_at - %(by)s
             WHERE booking_id = %(id)s""",
            id=booking.id,
            by=by,
        )


async def _correct(booking: Booking) -> bool:
    async with transaction() as tx:
        return await bookings.correct_times(tx, booking.id, reason="clocks") is not None


async def _stored(booking: Booking) -> tuple[Booking, dict[str, Pot]]:
    async with transaction() as tx:
        return await bookings.read(tx, booking.id), await paid.pots_of(tx, booking)


async def _values(sql: Any, **parameters: Any) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(tx, str, sql, **parameters)


async def _misplaced() -> set[str]:
    (finding,) = [f for f in (await take_audit()).findings if f.law.name == "instants_as_agreed"]
    assert finding.verdict.broken == len(finding.verdict.shown)
    return {row.id for row in finding.verdict.shown}


@pytest.mark.parametrize("by", [HOUR, -HOUR, timedelta(minutes=30)])
async def test_a_corrected_booking_is_as_if_the_clocks_had_been_known(
    pool: None, by: timedelta
) -> None:
    right = await _booked(by)
    assert await _misplaced() == {str(right.id)}
    assert await _correct(right)
    now_is, pots = await _stored(right)
    assert (now_is.check_in_at, now_is.check_out_at) == (right.check_in_at, right.check_out_at)
    assert now_is.terms == right.terms
    assert pots["rental"].opens_at == right.check_in_at
    assert pots["deposit"].opens_at == right.check_out_at
    assert await _misplaced() == set()
    await audit_is_clean(nothing_late=True)


async def test_guest_and_host_are_notified_of_each_correction_and_it_is_in_the_audit_log(
    pool: None,
) -> None:
    booking = await _booked()
    both = sorted([str(booking.guest_id), str(booking.host_id)])
    assert await _correct(booking)
    assert sorted(await _values(MAILS)) == both
    assert not await _correct(booking), "it is right already"
    assert sorted(await _values(MAILS)) == both
    await _displace(booking, HOUR)
    assert await _correct(booking), "the clocks were changed again"
    assert sorted(await _values(MAILS)) == sorted(both + both)
    record = """
        SELECT concat_ws(' ', actor_role, subject_id, before ->> 'checkInAt', after ->> 'checkInAt',
                         reason)
          FROM audit_log WHERE action = 'correct_booking_times' ORDER BY id"""
    was, is_now = (
        f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (booking.check_in_at - HOUR, booking.check_in_at)
    )
    assert await _values(record) == [f"system {booking.id} {was} {is_now} clocks"] * 2


async def test_who_has_not_paid_yet_is_not_notified_of_a_correction(pool: None) -> None:
    async with transaction() as tx:
        held = await paid.unpaid_stay(tx, zone=MARRAKECH)
    await _displace(held, HOUR)
    assert await _correct(held)
    assert (await _stored(held))[0].check_in_at == held.check_in_at
    assert await _values(MAILS) == []


async def test_what_is_over_stays_and_the_end_of_a_stay_is_corrected(pool: None) -> None:
    booking = await _booked(days_ahead=2, nights=3)
    wrong, _ = await _stored(booking)
    async with transaction() as tx:
        await execute(
            tx,
            "UPDATE business_clock SET movable = true, shift = %(at)s - now()",
            at=booking.check_in_at + timedelta(minutes=1),
        )
    assert await _correct(booking)
    now_is, pots = await _stored(booking)
    assert now_is.check_in_at == wrong.check_in_at, "the guest is there"
    assert now_is.terms == wrong.terms
    assert now_is.check_out_at == booking.check_out_at
    assert pots["rental"].opens_at == wrong.check_in_at
    assert pots["deposit"].opens_at == booking.check_out_at
    await audit_is_clean()


async def test_a_trip_arrives_by_the_clocks_of_where_it_goes(pool: None) -> None:
    async with transaction() as tx:
        trip = await paid.seat(tx)
    await _displace(trip, HOUR)
    assert await _misplaced() == {str(trip.id)}
    assert await _correct(trip)
    now_is, pots = await _stored(trip)
    assert (now_is.check_in_at, now_is.check_out_at) == (trip.check_in_at, trip.check_out_at)
    assert pots["rental"].opens_at == trip.check_out_at


@pytest.mark.parametrize("was_changed", [False, True])
async def test_a_booking_from_before_local_times_were_kept_is_judged_by_its_listing_if_that_stayed(
    pool: None, *, was_changed: bool
) -> None:
    """Else its check-in would seem wrong because the host has another one now."""
    booking = await _booked()
    async with transaction() as tx:
        await execute(
            tx, "UPDATE bookings SET terms = terms - '{checkInLocal,checkOutLocal}'::text[]"
        )
        if was_changed:
            await execute(
                tx,
                "UPDATE listings SET check_in_time = '12:00',"
                " updated_at = business_now() + interval '1 second'",
            )
    assert await _misplaced() == (set() if was_changed else {str(booking.id)})
    assert await _correct(booking) is not was_changed


async def test_a_later_change_of_the_listing_changes_no_local_time_of_a_booking(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, zone=MARRAKECH)
        await execute(tx, "UPDATE listings SET check_in_time = '12:00', updated_at = now()")
    assert await _misplaced() == set()
    assert not await _correct(booking)


async def test_a_booking_that_ended_is_neither_judged_nor_corrected(pool: None) -> None:
    booking = await _booked()
    async with transaction() as tx:
        await execute(tx, "UPDATE bookings SET state = 'cancelled'")
    assert await _misplaced() == set()
    assert not await _correct(booking)


async def test_of_two_corrections_at_once_one_does_it(pool: None) -> None:
    booking = await _booked()
    assert sorted(await asyncio.gather(*(_correct(booking) for _ in range(4)))) == [
        False, False, False, True,
    ]  # fmt: skip
    assert len(await _values(MAILS)) == 2


async def test_a_request_that_waits_for_its_host_is_corrected_and_gets_its_window_when_accepted(
    pool: None,
) -> None:
    booking = await _booked(request_to_book=True)
    assert booking.state is BookingState.AWAITING_HOST
    assert await _correct(booking)
    async with transaction() as tx:
        await bookings.accept(tx, booking_id=booking.id, host_id=booking.host_id)
    _, pots = await _stored(booking)
    assert pots["rental"].opens_at == booking.check_in_at
    await audit_is_clean()


def test_the_command_prints_what_is_wrong_and_corrects_it_only_when_told(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    booking = asyncio.run(_with_pool(database_url))

    def zones(*arguments: str) -> tuple[int, str]:
        result = run(monkeypatch, "zones", *arguments, DATABASE_URL=database_url)
        return result.exit_code, result.output

    for _ in range(2):
        code, printed = zones()
        assert code == 1
        assert MARRAKECH in printed
        assert "1 bookings to correct: run it again with --mend" in printed
    code, printed = zones("--mend")
    assert code == 0
    assert f"{booking.id}  " in printed
    assert "1 bookings corrected" in printed
    assert zones()[0] == 0


async def _with_pool(url: str) -> Booking:
    await db.open_pool(url, size_max=2)
    try:
        return await _booked()
    finally:
        await db.close_pool()
