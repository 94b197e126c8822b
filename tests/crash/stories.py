"""The money stories: what people do, and when. Each is tried at every boundary in it.

A story begins in a house in which `given` has happened. It is played again from its beginning after
a crash, as people and programs come back: with the same keys, at the same instants; what was done
before the crash answers that it is done.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import msgspec

from app.foundation.db import transaction
from tests import make
from tests.crash.house import CrashHouse

Given = Callable[[CrashHouse], Awaitable[Any]]
Play = Callable[[CrashHouse, Any], Awaitable[None]]
Booking = dict[str, Any]


class Story(msgspec.Struct, frozen=True):
    """`play` gets what `given` returned, which must be plain data: it crosses processes."""

    given: Given
    play: Play


STORIES: Final[dict[str, Story]] = {}

PAYMENT_TIME: Final = timedelta(minutes=31)
RENTAL_WINDOW: Final = timedelta(hours=1, seconds=1)
DEPOSIT_WINDOW: Final = timedelta(hours=2, seconds=1)
RETRY_AFTER: Final = timedelta(hours=1, seconds=1)


def story(given: Given) -> Callable[[Play], Play]:
    """Put a story on the list, under its function's name."""

    def register(play: Play) -> Play:
        STORIES[play.__name__] = Story(given, play)
        return play

    return register


# ---- what has happened before -------------------------------------------------------------------


async def nothing(_: CrashHouse) -> None:
    """Listings, a host and guests, and no bookings."""


async def a_charge_begun(house: CrashHouse) -> dict[str, Any]:
    """Seat 1A is held, and the guest stands before the gateway's page."""
    booking = await house.reserve("1A")
    return {"booking": booking, "charge": await house.pending(booking)}


async def a_charge_whose_seat_is_sold(house: CrashHouse) -> str:
    """The guest still stands before the gateway's page, but somebody else has the seat."""
    begun = await a_charge_begun(house)
    await house.forward(PAYMENT_TIME)
    winner = await house.reserve("1A", who=house.other)  # takes the expired hold over
    charge = (await house.initiate(winner, who=house.other)).json()
    await house.sandbox.pay(charge["reference"])
    return str(begun["charge"]["reference"])


async def a_seat_paid(house: CrashHouse) -> Booking:
    """Seat 1A is confirmed, and the host can be paid."""
    await house.open_account()
    booking = await house.reserve("1A")
    await house.paid(booking)
    return booking


async def two_small_fares_paid(house: CrashHouse) -> Booking:
    """Of each fare the host gets NGN 72.00, and Paystack sends at least NGN 100.00."""
    await house.open_account()
    async with transaction() as tx:
        trip_id = await make.trip(tx, house.host, price=8_000)
    bookings = [await house.reserve(seat, trip_id=trip_id) for seat in ("1A", "1B")]
    for booking in bookings:
        await house.paid(booking)
    return bookings[-1]


async def a_stay_paid(house: CrashHouse) -> Booking:
    """Two nights in three days' time are confirmed, and the host can be paid."""
    await house.open_account()
    booking = await house.sleep_over()
    await house.paid(booking)
    return booking


async def a_stay_begun(house: CrashHouse) -> Booking:
    """The guest has checked in, and the host has the rental."""
    booking = await a_stay_paid(house)
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await house.settle_down()
    await house.banks_work()
    await house.deliver()
    await house.settle_down()
    return booking


async def a_stay_unpaid_for_want_of_an_account(house: CrashHouse) -> Booking:
    """The rental is released, and nobody knows where it shall go."""
    booking = await house.sleep_over()
    await house.paid(booking)
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    return booking


async def a_request_paid(house: CrashHouse) -> Booking:
    """A seat is paid for, and the host is to answer."""
    async with transaction() as tx:
        trip_id = await make.trip(tx, house.host, request_to_book=True)
    booking = await house.reserve("1A", trip_id=trip_id)
    await house.paid(booking)
    return booking


async def a_refund_begun(house: CrashHouse) -> Booking:
    """The host has declined, and the refund is at the gateway."""
    booking = await a_request_paid(house)
    await house.ask(house.host, f"/api/bookings/{booking['id']}/decline")
    return booking


async def a_stay_and_a_debt(house: CrashHouse) -> Booking:
    """The host owes what was refunded of a stay, and a seat that pays for it is sold."""
    await refund_past_payout(house, await a_stay_begun(house))
    seat = await house.reserve("1A")
    await house.paid(seat)
    return seat


# ---- money in -----------------------------------------------------------------------------------


@story(nothing)
async def pay(house: CrashHouse, _: None) -> None:
    booking = await house.reserve("1A", "1B")
    charge = await house.pending(booking)
    await house.sandbox.pay(charge["reference"])
    await house.deliver()
    await house.run_jobs()


@story(nothing)
async def pay_after_a_declined_card(house: CrashHouse, _: None) -> None:
    booking = await house.reserve("1A")
    first = await house.pending(booking)
    await house.sandbox.decline(first["reference"])
    await house.ask(house.guest, f"/api/payments/{first['id']}/verify")
    await house.paid(booking)


@story(a_charge_begun)
async def payment_is_found_by_a_reconciliation(house: CrashHouse, given: dict[str, Any]) -> None:
    """No webhook comes: only the gateway's list shows that the guest has paid."""
    await house.sandbox.pay(given["charge"]["reference"])
    await house.sweep("reconcile-last-hours")
    await house.run_jobs("money")


@story(a_charge_begun)
async def late_payment_finds_the_seat_free(house: CrashHouse, given: dict[str, Any]) -> None:
    await house.forward_to(given["booking"]["createdAt"], past=PAYMENT_TIME)
    await house.sweep("expire-holds")
    await house.run_jobs("money")
    await house.sandbox.pay(given["charge"]["reference"])
    await house.deliver()
    await house.run_jobs("money")


@story(a_charge_whose_seat_is_sold)
async def late_payment_finds_the_seat_sold(house: CrashHouse, reference: str) -> None:
    await house.sandbox.pay(reference)
    await house.deliver()
    await house.run_jobs("money")
    await house.money_arrives()


# ---- money held ---------------------------------------------------------------------------------


@story(a_stay_paid)
async def release(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()


@story(two_small_fares_paid)
async def small_payouts_go_together(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkOutAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_unpaid_for_want_of_an_account)
async def host_opens_an_account_at_last(house: CrashHouse, _: Booking) -> None:
    await house.open_account()
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_begun)
async def deposit_comes_back(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkOutAt"], past=DEPOSIT_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()
    await house.sweep("complete-bookings")


@story(a_stay_paid)
async def transfer_fails_and_is_tried_again(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.banks_work("fail")
    await house.deliver()
    await house.run_jobs("money")
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW + RETRY_AFTER)
    await house.sweep("retry-failed-transfers")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_seat_paid)
async def guest_cancels_at_half(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"], past=timedelta(days=-2))
    await house.ask(house.guest, f"/api/bookings/{booking['id']}/cancel")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_paid)
async def a_night_is_given_back(house: CrashHouse, booking: Booking) -> None:
    await house.ask(house.guest, f"/api/bookings/{booking['id']}/give-back", {"lastNights": 1})
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_request_paid)
async def host_declines(house: CrashHouse, booking: Booking) -> None:
    await house.ask(house.host, f"/api/bookings/{booking['id']}/decline")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_request_paid)
async def host_does_not_answer(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"], past=timedelta(minutes=-1))
    await house.sweep("refund-timeouts")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_refund_begun)
async def refund_fails_and_is_tried_again(house: CrashHouse, booking: Booking) -> None:
    await house.banks_work("fail")
    await house.deliver()
    await house.run_jobs("money")
    await house.forward_to(booking["createdAt"], past=RETRY_AFTER + timedelta(minutes=1))
    await house.sweep("process-refunds")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_begun)
async def refund_past_payout(house: CrashHouse, booking: Booking) -> None:
    body = {"amount": _naira(900_000), "reason": "There was no water.", "atWhoseCost": "host"}
    await house.ask(house.admin, f"/api/admin/bookings/{booking['id']}/refunds", body)
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_and_a_debt)
async def debt_is_kept_back(house: CrashHouse, seat: Booking) -> None:
    await house.forward_to(seat["checkOutAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_begun)
async def charge_is_charged_back(house: CrashHouse, booking: Booking) -> None:
    [reference] = await house.values(
        "SELECT reference FROM payments WHERE booking_id = %(id)s", id=booking["id"]
    )
    if not (wanted := await house.sandbox.chargebacks()):
        wanted = [await house.sandbox.charge_back(reference)]
    await house.deliver()
    await house.run_jobs("money")
    await house.sandbox.close_chargeback(wanted[0]["id"], "lost")
    await house.deliver()
    await house.run_jobs("money")


# ---- disputes -----------------------------------------------------------------------------------


@story(a_stay_paid)
async def dispute_is_split(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"])
    dispute = await house.ask(
        house.guest, f"/api/bookings/{booking['id']}/disputes", {"reason": "There is no water."}
    )
    await house.ask(
        house.admin,
        f"/api/admin/disputes/{dispute['id']}/resolve",
        {"toGuest": _naira(1_333_333), "decision": "There was some."},
    )
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_paid)
async def dispute_is_withdrawn(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkInAt"])
    path = f"/api/bookings/{booking['id']}/disputes"
    dispute = await house.ask(house.guest, path, {"reason": "There is no water."})
    await house.ask(house.guest, f"{path}/{dispute['id']}/withdraw")
    await house.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await house.sweep("release-escrow")
    await house.run_jobs("money")
    await house.money_arrives()


@story(a_stay_begun)
async def damage_is_paid_from_the_deposit(house: CrashHouse, booking: Booking) -> None:
    await house.forward_to(booking["checkOutAt"])
    claim = await house.ask(
        house.host,
        f"/api/bookings/{booking['id']}/damage-claims",
        {"reason": "A window is broken.", "claimed": _naira(200_000)},
    )
    await house.ask(
        house.admin,
        f"/api/admin/disputes/{claim['id']}/resolve",
        {"toGuest": _naira(350_001), "decision": "It was an old window."},
    )
    await house.run_jobs("money")
    await house.money_arrives()
    await house.sweep("complete-bookings")


def _naira(kobo: int) -> dict[str, Any]:
    return {"amount": kobo, "currency": "NGN"}
