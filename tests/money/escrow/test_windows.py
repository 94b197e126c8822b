"""When pots may be disputed and are released: by instants, whatever the clocks on walls do."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import pytest

from app.foundation.clock import instant
from app.foundation.db import Tx, execute, fetch_value, transaction
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, Reserve
from app.money.escrow import actions as escrow
from app.money.escrow.model import Pot
from app.people.accounts.model import Role
from tests import make, paid
from tests.laws import audit_is_clean

TICK: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("pool")


async def _stay_on(tx: Tx, first: date, last: date, zone: str, check_in: str) -> Booking:
    host, guest = await make.account(tx, Role.HOST), await make.account(tx)
    listing_id = await make.stay(tx, host, zone=zone, check_in=check_in)
    request = Reserve(listing_id=listing_id, unit_count=1, check_in=first, check_out=last)
    (booking,) = await bookings.reserve(tx, guest_id=guest.id, request=request)
    return await paid.pay(tx, booking)


def _window(pot: Pot) -> tuple[datetime | None, datetime | None]:
    return pot.opens_at, pot.closes_at


@pytest.mark.parametrize(
    ("zone", "day", "check_in", "rental_from", "deposit_from"),
    [
        # The hour before check-in, or check-in itself, is skipped: it begins when the hour is over.
        ("Europe/Berlin", "2027-03-28", "02:30", "2027-03-28T01:30Z", "2027-03-29T09:00Z"),
        ("Europe/Berlin", "2027-03-28", "03:00", "2027-03-28T01:00Z", "2027-03-29T09:00Z"),
        # The hour of check-in comes twice: it begins at the first, and lasts one hour.
        ("Europe/Berlin", "2027-10-31", "02:30", "2027-10-31T00:30Z", "2027-11-01T10:00Z"),
        ("America/New_York", "2027-03-14", "02:30", "2027-03-14T07:30Z", "2027-03-15T15:00Z"),
        ("America/New_York", "2027-11-07", "01:59", "2027-11-07T05:59Z", "2027-11-08T16:00Z"),
        # By half an hour only, by day, and not at all.
        ("Australia/Lord_Howe", "2027-04-04", "01:45", "2027-04-03T14:45Z", "2027-04-05T00:30Z"),
        # No clock changes there any more since September 2026, as the pinned zone data has it.
        ("Africa/Casablanca", "2027-02-07", "02:30", "2027-02-07T02:30Z", "2027-02-08T11:00Z"),
        ("Africa/Lagos", "2027-03-28", "15:00", "2027-03-28T14:00Z", "2027-03-29T10:00Z"),
    ],
)
async def test_windows_last_their_time_on_days_when_the_clocks_change(
    zone: str, day: str, check_in: str, rental_from: str, deposit_from: str
) -> None:
    first = date.fromisoformat(day)
    async with transaction() as tx:
        await paid.set_clock(tx, datetime(2027, 1, 1, tzinfo=UTC))
        booking = await _stay_on(tx, first, first + timedelta(days=1), zone, check_in)
        pots = await paid.pots_of(tx, booking)
        opens_at = datetime.fromisoformat(rental_from)
        assert _window(pots["rental"]) == (opens_at, opens_at + HOUR)
        opens_at = datetime.fromisoformat(deposit_from)
        assert _window(pots["deposit"]) == (opens_at, opens_at + 2 * HOUR)
        await paid.set_clock(tx, pots["rental"].closes_at or opens_at)
        assert len(await escrow.release_due(tx, limit=10)) == 1
        await paid.set_clock(tx, datetime(2027, 1, 1, tzinfo=UTC))
    await audit_is_clean()


async def test_a_pot_is_released_at_the_end_of_its_window_and_not_a_microsecond_before() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        for kind in ("rental", "deposit"):
            closes_at = (await paid.pots_of(tx, booking))[kind].closes_at
            assert closes_at
            await paid.set_clock(tx, closes_at - TICK)
            assert len(await escrow.release_due(tx, limit=10)) == 0
            await paid.set_clock(tx, closes_at)
            assert len(await escrow.release_due(tx, limit=10)) == 1
            assert len(await escrow.release_due(tx, limit=10)) == 0, "once"
        assert await paid.shares(tx, booking.id) == {"refund": 500_000, "transfer": 1_800_000}
    await audit_is_clean()


async def test_a_trip_s_window_opens_at_its_arrival() -> None:
    async with transaction() as tx:
        booking = await paid.seat(tx)
        pots = await paid.pots_of(tx, booking)
    assert list(pots) == ["rental"]
    assert _window(pots["rental"]) == (booking.check_out_at, booking.check_out_at + HOUR)


@pytest.mark.parametrize("request_to_book", [False, True])
async def test_whoever_gets_a_room_for_tonight_in_the_evening_has_the_whole_window(
    request_to_book: bool,
) -> None:
    async with transaction() as tx:
        today = await make.today(tx)
        evening = instant(today + timedelta(days=1), time(20), "Africa/Lagos")
        await paid.set_clock(tx, evening)
        booking = await paid.stay(tx, days_ahead=0, request_to_book=request_to_book)
        if request_to_book:
            assert _window((await paid.pots_of(tx, booking))["rental"]) == (None, None)
            evening += HOUR
            await paid.set_clock(tx, evening)
            await bookings.accept(tx, booking_id=booking.id, host_id=booking.host_id)
        pots = await paid.pots_of(tx, booking)
        assert booking.check_in_at < evening
        assert _window(pots["rental"]) == (evening, evening + HOUR)
        assert pots["deposit"].opens_at == booking.check_out_at
    await audit_is_clean()


async def test_what_a_host_has_not_accepted_is_never_released() -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, request_to_book=True)
        await paid.set_clock(tx, booking.check_out_at + timedelta(days=9))
        assert len(await escrow.release_due(tx, limit=10)) == 0
        held = await fetch_value(tx, int, "SELECT count(*) FROM pots WHERE state = 'held'")
        assert held == 2
        await execute(tx, "UPDATE business_clock SET shift = '0'")
