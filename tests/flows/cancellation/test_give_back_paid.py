"""Giving back over HTTP, through each gateway, and while others want the same money or units."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel, GiveBack
from app.flows.chargebacks import actions as chargebacks
from app.foundation.db import Tx, fetch_all, transaction
from app.foundation.errors import Problem
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.market.disputes import actions as disputes
from app.market.disputes.model import OpenDispute
from app.money.escrow import actions as escrow
from app.money.payments.model import Payment
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.flows.cancellation.test_give_back import DAY, guest_of, host_of, rooms
from tests.flows.movements.world import settle_down
from tests.laws import audit_is_clean
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing

Action = Callable[[Tx], Awaitable[object]]
# No, two and three decimals; dinars go in steps of ten.
PRICES: Final = {
    "UGX": ("flutterwave", 150_001),
    "NGN": ("paystack", 500_001),
    "EUR": ("stripe", 4_501),
    "KWD": ("stripe", 10_050),
}
ROUNDS: Final = 6


async def three_seats(shop: Shop, currency: str = "NGN", **trip: Any) -> dict[str, Any]:
    """Seats of a trip in three days: a guest gets half of them back. Paid for."""
    _, price = PRICES[currency]
    wanted: dict[str, Any] = {"price": price, "days_ahead": 3, "policy": "moderate"} | trip
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency=currency, seats=3, **wanted)
    booking = await shop.reserve("1A", "1B", "1C", trip_id=trip_id)
    await shop.paid(booking)
    return booking


@pytest.mark.parametrize("currency", list(PRICES))
@pytest.mark.parametrize("order", [("1A", "1B", "1C"), ("1C", "1A", "1B")])
async def test_preview_ledger_and_gateway_agree_in_every_order(
    shop: Shop, currency: str, order: Sequence[str]
) -> None:
    gateway, _ = PRICES[currency]
    booking = await three_seats(shop, currency)
    path = f"/api/bookings/{booking['id']}"
    at_once = (await shop.get(shop.guest, f"{path}/cancellation"))["total"]["amount"]
    told: list[int] = []
    for seat in order:
        preview = await shop.get(shop.guest, f"{path}/give-back", units=seat)
        assert preview["givenBack"]["units"] == [seat]
        body = {"units": [seat], "expectedRefund": preview["total"]}
        done = await shop.post(shop.guest, f"{path}/give-back", body)
        assert done.status_code == 201, done.text
        assert done.json()["total"] == preview["total"]
        told.append(preview["total"]["amount"])
        await settle_down(shop)
    await settle_down(shop)
    assert sum(told) == at_once
    refunds = "SELECT amount::text FROM instructions WHERE kind = 'refund' AND state = 'confirmed'"
    assert sorted(map(int, await shop.values(refunds))) == sorted(told)
    made = await shop.sandbox.refunds()
    assert len(made) == len(order)
    await agree_on_clearing(shop, gateway, currency)
    await audit_is_clean()


async def test_what_stays_and_what_is_given_back_is_said_before_and_after(shop: Shop) -> None:
    booking = await three_seats(shop)
    path = f"/api/bookings/{booking['id']}/give-back"
    preview = await shop.get(shop.guest, path, units=["1A", "1C"])
    assert preview["givenBack"]["id"] is None
    assert preview["givenBack"]["units"] == ["1A", "1C"]
    assert preview["stays"]["units"] == ["1B"]
    assert preview["rule"] == (
        "moderate policy: 50 % of the rental of what is given back comes back"
    )
    done = (await shop.post(shop.guest, path, {"units": ["1A", "1C"]})).json()
    assert done["givenBack"]["price"] == preview["givenBack"]["price"]
    seen = await shop.get(shop.guest, f"/api/bookings/{done['givenBack']['id']}")
    assert (seen["state"], seen["price"]) == ("cancelled", done["givenBack"]["price"])
    for part in (booking["id"], seen["id"]):
        statement = await shop.get(shop.admin, f"/api/admin/ledger/bookings/{part}")
        kinds = [each["kind"] for each in statement["transactions"]]
        assert "split" in kinds
        escrow = [
            each["total"]["amount"]
            for each in statement["totals"]
            if each["accountKind"] == "escrow_rental"
        ]
        # What is given back has gone from the one account to the other, and from there to people.
        assert escrow == ([500_001, 1_000_002] if part == booking["id"] else [-1_000_002, 0])
        followed = await shop.get(shop.guest, f"/api/bookings/{part}/escrow")
        assert followed
    stays = await shop.get(shop.host, f"/api/bookings/{booking['id']}")
    assert (stays["state"], [unit["label"] for unit in stays["units"]]) == ("confirmed", ["1B"])


async def test_all_of_a_part_is_previewed_as_it_is_given_back(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    await shop.paid(booking)
    path = f"/api/bookings/{booking['id']}/give-back"
    told = await shop.get(shop.guest, path, all="true")
    assert (told["total"], told["stays"]) == (booking["price"]["total"], None)
    done = await shop.post(shop.guest, path, {"all": True, "expectedRefund": told["total"]})
    assert done.json()["total"] == told["total"], done.text


async def test_the_same_key_gives_back_once(shop: Shop) -> None:
    async with transaction() as tx:
        stay = await paid.pay(tx, await rooms(tx, nights=5))
    path = f"/api/bookings/{stay.id}/give-back"
    replies = [
        await shop.post(guest_of(stay), path, {"lastNights": 1}, key="one") for _ in range(3)
    ]
    assert [reply.status_code for reply in replies] == [201] * 3
    assert len({reply.content for reply in replies}) == 1
    async with transaction() as tx:
        stays = await bookings.read(tx, stay.id)
    assert stays.check_out_at == stay.check_out_at - DAY


async def test_ten_who_give_back_the_same_seat_give_it_back_once(shop: Shop) -> None:
    booking = await three_seats(shop)
    path = f"/api/bookings/{booking['id']}/give-back"
    who = [shop.guest, shop.host] * 5
    replies = await asyncio.gather(*(shop.post(each, path, {"units": ["1B"]}) for each in who))
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 9
    await settle_down(shop)
    assert len(await shop.sandbox.refunds()) == 1
    await audit_is_clean()


async def test_all_that_give_back_different_seats_at_once_leave_nothing(shop: Shop) -> None:
    booking = await three_seats(shop)
    path = f"/api/bookings/{booking['id']}/give-back"
    wishes = [{"units": ["1A"]}, {"units": ["1B"]}, {"units": ["1C"]}]
    replies = await asyncio.gather(*(shop.post(shop.host, path, wish) for wish in wishes))
    assert [reply.status_code for reply in replies] == [201] * 3
    await settle_down(shop)
    async with transaction() as tx:
        whole = await bookings.lock_whole(tx, UUID(booking["id"]))
    assert {part.state for part in whole} == {"cancelled"}
    assert await shop.count("SELECT sum(amount)::bigint FROM instructions") == 3 * 500_001
    assert await shop.count("SELECT count(*) FROM claims") == 0
    await audit_is_clean()


# ---- others want the same -----------------------------------------------------------------------


async def act(action: Action) -> bool:
    await asyncio.sleep(random.random() * 0.05)
    try:
        async with transaction() as tx:
            await action(tx)
    except Problem:
        return False  # somebody was faster
    return True


async def stays_in_two_rooms() -> list[Booking]:
    async with transaction() as tx:
        return [await paid.pay(tx, await rooms(tx, units=2, nights=3)) for _ in range(ROUNDS)]


def giving(booking: Booking, who: Principal, **what: Any) -> Action:
    return lambda tx: cancellation.give_back(
        tx, booking_id=booking.id, asker=who, request=GiveBack(**what)
    )


async def test_nights_that_go_back_and_a_release_contend_for_the_pot(pool: None) -> None:
    stays = await stays_in_two_rooms()
    async with transaction() as tx:
        await paid.set_clock(tx, stays[0].check_in_at + timedelta(hours=1))
    done = await asyncio.gather(
        *(act(giving(stay, host_of(stay), last_nights=1)) for stay in stays),
        *(act(lambda tx: escrow.release_due(tx, limit=2)) for _ in stays),
    )
    assert all(done), "before or after the release: a night to come can be given back"
    await audit_is_clean()


async def test_nights_that_go_back_and_a_dispute_contend_for_the_pot(pool: None) -> None:
    stays = await stays_in_two_rooms()
    async with transaction() as tx:
        await paid.set_clock(tx, stays[0].check_in_at + timedelta(minutes=1))

    def dispute(stay: Booking) -> Action:
        return lambda tx: disputes.open_dispute(
            tx, booking_id=stay.id, asker=guest_of(stay), request=OpenDispute(reason="A")
        )

    await asyncio.gather(
        *(act(giving(stay, host_of(stay), last_nights=1)) for stay in stays),
        *(act(dispute(stay)) for stay in stays),
    )
    await audit_is_clean()


@pytest.mark.parametrize("status", [ChargebackStatus.OPEN, ChargebackStatus.LOST])
async def test_a_room_that_goes_back_and_a_chargeback_contend_for_the_booking(
    pool: None, status: ChargebackStatus
) -> None:
    stays = await stays_in_two_rooms()
    async with transaction() as tx:
        charges = await fetch_all(tx, Payment, "SELECT *, false AS calling FROM payments")
    await asyncio.gather(
        *(act(giving(stay, host_of(stay), units=[stay.labels[0]])) for stay in stays),
        *(act(_reported(charge, status)) for charge in charges),
    )
    await audit_is_clean()


async def test_a_room_that_goes_back_and_the_end_of_all_contend_for_the_booking(
    pool: None,
) -> None:
    stays = await stays_in_two_rooms()

    def cancel(stay: Booking) -> Action:
        return lambda tx: cancellation.cancel(
            tx,
            booking_id=stay.id,
            asker=Principal(id=stay.host_id, roles=(Role.HOST,)),
            request=Cancel(),
        )

    await asyncio.gather(
        *(act(giving(stay, guest_of(stay), units=[stay.labels[1]])) for stay in stays),
        *(act(giving(stay, host_of(stay), first_nights=1)) for stay in stays),
        *(act(cancel(stay)) for stay in stays),
    )
    await audit_is_clean()


def _reported(payment: Payment, status: ChargebackStatus) -> Action:
    found = FoundChargeback(
        gateway_id=f"cb-{payment.id}",
        charge_reference=payment.reference,
        status=status,
        money=payment.money,
        is_taken=status is ChargebackStatus.LOST,
        fee=None,
        reason="fraudulent",
        evidence_due_at=None,
        live=False,
        data={},
    )
    return lambda tx: chargebacks.post(tx, payment.id, found, live=False)
