"""The money stories of a booking of two parts and a voucher: a stay of one host, a trip of another.

The trip's host is asked first. The platform bears the voucher, which can be used once.
"""

from datetime import timedelta
from typing import Any

import msgspec

from app.foundation.db import transaction
from app.people.accounts.model import Principal, Role
from tests import make
from tests.crash.house import CrashHouse
from tests.crash.stories import RENTAL_WINDOW, story
from tests.market.vouchers import made

CODE = "WELCOME"
OVER = timedelta(hours=2, minutes=1)  # after the end of a part, when all its windows are closed
DRIVER_ACCOUNT = "0009876543"


class Journey(msgspec.Struct, frozen=True):
    """The booking of both parts, who drives, and another trip of theirs."""

    booking: dict[str, Any]
    driver: Principal
    other: str

    @property
    def stay(self) -> dict[str, Any]:
        return self.booking["parts"][0]

    @property
    def trip(self) -> dict[str, Any]:
        return self.booking["parts"][1]


class Offered(msgspec.Struct, frozen=True):
    """The bodies of the parts to be booked, who drives, and another trip of theirs."""

    parts: list[dict[str, Any]]
    driver: Principal
    other: str


# ---- what has happened before -------------------------------------------------------------------


async def a_journey_offered(house: CrashHouse) -> Offered:
    """Two nights in three days' time, two seats in five; both hosts can be paid."""
    await made.of_platform(code=CODE, percent_bps=2_000, uses_max=1)
    await house.open_account()
    async with transaction() as tx:
        driver = await make.account(tx, Role.GUEST, Role.HOST)
        trip_id = await make.trip(tx, driver, days_ahead=5, request_to_book=True)
        today = await make.today(tx)
        other_trip = await make.trip(tx, driver, days_ahead=90)
    await house.open_account(driver, number=DRIVER_ACCOUNT)
    await house.sandbox.top_up(100_000_000, "NGN")  # of which the platform pays what it adds
    nights = {
        "listingId": str(house.stay_id),
        "checkIn": str(today + timedelta(days=3)),
        "checkOut": str(today + timedelta(days=5)),
        "unitCount": 1,
    }
    seats = {"tripId": str(trip_id), "seatNumbers": ["1A", "1B"]}
    return Offered([nights, seats], driver, str(other_trip))


async def a_journey_requested(house: CrashHouse) -> Journey:
    """Both parts are paid for, the stay is confirmed, and the driver is to answer."""
    offered = await a_journey_offered(house)
    booking = await _reserved(house, offered)
    await house.paid(booking)
    return Journey(booking, offered.driver, offered.other)


async def a_journey_confirmed(house: CrashHouse) -> Journey:
    """Both hosts have said yes."""
    journey = await a_journey_requested(house)
    await house.ask(journey.driver, f"/api/bookings/{journey.trip['id']}/accept")
    return journey


# ---- the stories --------------------------------------------------------------------------------


@story(a_journey_offered)
async def pay_for_two_parts(house: CrashHouse, offered: Offered) -> None:
    booking = await _reserved(house, offered)
    charge = await house.pending(booking)
    await house.sandbox.pay(charge["reference"])
    await house.deliver()
    await house.run_jobs()


@story(a_journey_offered)
async def a_hold_of_two_parts_runs_out(house: CrashHouse, offered: Offered) -> None:
    booking = await _reserved(house, offered)
    await house.forward_to(booking["expiresAt"])
    await house.sweep("expire-holds")
    await house.run_jobs("money")


@story(a_journey_requested)
async def one_host_accepts(house: CrashHouse, journey: Journey) -> None:
    await house.ask(journey.driver, f"/api/bookings/{journey.trip['id']}/accept")
    await house.run_jobs()


@story(a_journey_requested)
async def one_host_declines_and_all_ends(house: CrashHouse, journey: Journey) -> None:
    await house.ask(journey.driver, f"/api/bookings/{journey.trip['id']}/decline")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_journey_requested)
async def one_host_is_silent_and_all_ends(house: CrashHouse, journey: Journey) -> None:
    await house.forward_to(journey.booking["createdAt"], past=timedelta(hours=25))
    await house.sweep("refund-timeouts")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_journey_confirmed)
async def guest_cancels_two_parts(house: CrashHouse, journey: Journey) -> None:
    """All of the stay comes back, and half of the trip."""
    await house.forward_to(journey.stay["checkInAt"], past=timedelta(hours=-25))
    await house.ask(house.guest, f"/api/bookings/{journey.booking['id']}/cancel")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_journey_confirmed)
async def a_seat_and_then_a_part_are_given_back(house: CrashHouse, journey: Journey) -> None:
    path = "/api/bookings/{}/give-back"
    await house.ask(house.guest, path.format(journey.trip["id"]), {"units": ["1B"]})
    await house.ask(house.guest, path.format(journey.stay["id"]), {"all": True})
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_journey_confirmed)
async def two_parts_are_released(house: CrashHouse, journey: Journey) -> None:
    await house.forward_to(journey.stay["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()
    await house.forward_to(journey.trip["checkOutAt"], past=OVER)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()
    await house.sweep("complete-bookings")


@story(a_journey_confirmed)
async def two_parts_are_charged_back(house: CrashHouse, journey: Journey) -> None:
    """The stay's rental is paid out by then, and the trip is ahead."""
    await house.forward_to(journey.stay["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()
    [reference] = await house.values(
        "SELECT reference FROM payments WHERE booking_id = %(id)s", id=journey.booking["id"]
    )
    if not (wanted := await house.sandbox.chargebacks()):
        wanted = [await house.sandbox.charge_back(reference)]
    await house.deliver()
    await house.run_jobs("money")
    await house.sandbox.close_chargeback(wanted[0]["id"], "lost")
    await house.deliver()
    await house.run_jobs("money")


async def _reserved(house: CrashHouse, offered: Offered) -> dict[str, Any]:
    body = {"parts": offered.parts, "voucherCode": CODE}
    return await house.ask(house.guest, "/api/bookings/reserve", body)
