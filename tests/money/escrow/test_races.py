"""Many who want the same money at the same instant: one gets it, once, and the books know why.

Each on a connection of its own; who comes when is left to chance.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import pytest

from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel
from app.foundation.db import Tx, fetch_values, transaction
from app.foundation.errors import Problem
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.market.disputes import actions as disputes
from app.market.disputes.model import OpenDispute
from app.money.escrow import actions as escrow
from app.money.escrow.model import PotKind
from app.money.escrow.rules import WINDOWS
from app.people.accounts.model import Principal, Role
from tasks.bookings import decline_unanswered
from tests import make, paid
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

ROUNDS: Final = 40
MANY: Final = 10
SOON: Final = timedelta(milliseconds=150)
RENTAL_LASTS: Final = WINDOWS[PotKind.RENTAL]

Deed = Callable[[Tx], Awaitable[object]]


async def _succeeds(deed: Deed, *, within: timedelta = timedelta(0)) -> bool:
    """Whether a deed, some time from now, is done; a refusal means that somebody was faster."""
    await asyncio.sleep(random.random() * within.total_seconds())
    try:
        async with transaction() as tx:
            await deed(tx)
    except Problem:
        return False
    return True


async def _stays(**listing: Any) -> list[Booking]:
    """Paid for, and all at the same time."""
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        guest = await make.account(tx)
        return [await paid.stay(tx, host=host, guest=guest, **listing) for _ in range(ROUNDS)]


async def _set_clock(moment: datetime) -> None:
    async with transaction() as tx:
        await paid.set_clock(tx, moment)


async def _states(table: LiteralString, key: LiteralString, found: list[Booking]) -> list[str]:
    """Of each booking, in their order."""
    async with transaction() as tx:
        return [
            " ".join(
                await fetch_values(
                    tx,
                    str,
                    f"SELECT state FROM {table} WHERE {key} = %(id)s ORDER BY id",
                    id=booking.id,
                )
            )
            for booking in found
        ]


async def _outgoing(booking: Booking) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(
            tx,
            str,
            """
            SELECT kind || ' ' || amount FROM instructions
             WHERE booking_id = %(id)s ORDER BY kind, id""",
            id=booking.id,
        )


def _guest_of(booking: Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


async def _release_all() -> int:
    """As a worker does, a few at a time, until nothing is left for it."""
    released, done = 0, -1
    while done:
        async with transaction() as tx:
            done = len(await escrow.release_due(tx, limit=3))
        released += done
    return released


async def test_ten_who_release_at_once_release_each_pot_once() -> None:
    found = await _stays()
    await _set_clock(found[0].check_in_at + RENTAL_LASTS)
    released = await asyncio.gather(*(_release_all() for _ in range(MANY)))
    assert sum(released) == ROUNDS, "the deposits are not due yet"
    for booking in found:
        assert await _outgoing(booking) == [f"transfer {booking.rental * 9 // 10}"]
    await audit_is_clean()


async def test_a_dispute_and_the_release_at_once_have_one_winner() -> None:
    """Time passes by the end of the window while guests complain and workers release."""
    found = await _stays()
    await _set_clock(found[0].check_in_at + RENTAL_LASTS - SOON)
    over = asyncio.Event()

    async def release() -> None:
        while not over.is_set():
            await _release_all()

    def complain(booking: Booking) -> Deed:
        return lambda tx: disputes.open_dispute(
            tx,
            booking_id=booking.id,
            asker=_guest_of(booking),
            request=OpenDispute(reason="No water"),
        )

    workers = [asyncio.create_task(release()) for _ in range(3)]
    disputed = await asyncio.gather(
        *(_succeeds(complain(booking), within=2 * SOON) for booking in found)
    )
    over.set()
    await asyncio.gather(*workers)
    await _release_all()
    for booking, is_disputed in zip(found, disputed, strict=True):
        sent = [] if is_disputed else [f"transfer {booking.rental * 9 // 10}"]
        assert await _outgoing(booking) == sent
    assert await _states("disputes", "booking_id", found) == [
        "open" if is_disputed else "" for is_disputed in disputed
    ]
    await audit_is_clean()


async def test_of_ten_who_cancel_at_once_one_does() -> None:
    found = await _stays()
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)

    def cancel(booking: Booking, by: Principal) -> Deed:
        return lambda tx: cancellation.cancel(tx, booking_id=booking.id, asker=by, request=Cancel())

    for booking in found:
        host = Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))
        done = await asyncio.gather(
            *(
                _succeeds(cancel(booking, (_guest_of(booking), host, admin)[number % 3]))
                for number in range(MANY)
            )
        )
        assert sum(done) == 1
        async with transaction() as tx:
            assert await paid.shares(tx, booking.id) == {"refund": booking.total, "transfer": 0}
    await audit_is_clean()


async def test_who_cancels_while_the_payment_arrives_gets_it_back_once() -> None:
    """Before it, as a payment too late; after it, as the policy says, which is all of it here."""
    async with transaction() as tx:
        found = [await paid.unpaid_stay(tx, policy="flexible") for _ in range(ROUNDS)]
        payments = [await paid.begin(tx, booking) for booking in found]
    for booking, payment in zip(found, payments, strict=True):
        cancelled, *_ = await asyncio.gather(
            _succeeds(
                lambda tx, booking=booking: cancellation.cancel(
                    tx, booking_id=booking.id, asker=_guest_of(booking), request=Cancel()
                ),
                within=SOON / 10,
            ),
            *(
                _succeeds(lambda tx, payment=payment: paid.settle(tx, payment), within=SOON / 10)
                for _ in range(2)
            ),
        )
        assert cancelled
        async with transaction() as tx:
            assert await paid.shares(tx, booking.id) == {"refund": booking.total, "transfer": 0}
    assert set(await _states("bookings", "id", found)) == {"cancelled"}
    await audit_is_clean()


async def test_a_host_s_answer_and_its_deadline_at_once_have_one_winner() -> None:
    found = await _stays(request_to_book=True)
    respond_by = found[0].respond_by
    assert respond_by
    await _set_clock(respond_by - SOON)
    over = asyncio.Event()

    async def time_out() -> None:
        while not over.is_set():
            await decline_unanswered(MANY)

    def accept(booking: Booking) -> Deed:
        return lambda tx: bookings.accept(tx, booking_id=booking.id, host_id=booking.host_id)

    workers = [asyncio.create_task(time_out()) for _ in range(3)]
    accepted = await asyncio.gather(
        *(_succeeds(accept(booking), within=2 * SOON) for booking in found)
    )
    over.set()
    await asyncio.gather(*workers)
    await decline_unanswered(ROUNDS)
    assert await _states("bookings", "id", found) == [
        "confirmed" if is_accepted else "declined" for is_accepted in accepted
    ]
    for booking, is_accepted in zip(found, accepted, strict=True):
        async with transaction() as tx:
            refund = 0 if is_accepted else booking.total
            assert await paid.shares(tx, booking.id) == {"refund": refund, "transfer": 0}
    await audit_is_clean()
