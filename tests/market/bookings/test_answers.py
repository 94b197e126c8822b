"""Requests to book: the host's answer, its absence, and cancelling by each side."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.foundation.db import execute, transaction
from app.people.accounts.model import Principal
from tasks.bookings import decline_unanswered, expire_holds
from tests import make
from tests.shop import Shop

REFUNDS = "SELECT reason FROM instructions ORDER BY created_at, id"
REFUNDS_OF = "SELECT reason FROM instructions WHERE booking_id = %(id)s"
ANSWER_TIME = timedelta(hours=24, seconds=1)


async def _paid(shop: Shop, booking: dict[str, Any]) -> dict[str, Any]:
    """Pay for a booking; the payment."""
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    reply = await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert reply.json()["state"] == "succeeded", reply.text
    return reply.json()


async def _request_trip(shop: Shop, *, seats: int = 4, days_ahead: int = 10) -> UUID:
    async with transaction() as tx:
        return await make.trip(
            tx, shop.host, seats=seats, days_ahead=days_ahead, request_to_book=True
        )


async def _requested(shop: Shop, *seats: str, trip_id: UUID | None = None) -> dict[str, Any]:
    """A booking that is paid for and waits for its host."""
    trip_id = trip_id or await _request_trip(shop)
    booking = await shop.reserve(*seats, trip_id=trip_id)
    await _paid(shop, booking)
    seen: dict[str, Any] = await shop.get(shop.guest, f"/api/bookings/{booking['id']}")
    assert seen["state"] == "awaiting_host"
    return seen


async def _do(shop: Shop, who: Principal, what: str, booking: dict[str, Any]) -> int:
    return (await shop.post(who, f"/api/bookings/{booking['id']}/{what}")).status_code


async def test_an_accepted_request_is_confirmed_and_keeps_its_money(shop: Shop) -> None:
    booking = await _requested(shop)
    assert booking["respondBy"] is not None
    assert await _do(shop, shop.host, "accept", booking) == 200
    assert await shop.state(booking) == "confirmed"
    assert await shop.values(REFUNDS) == []
    assert await shop.count("SELECT count(*) FROM claims WHERE expires_at IS NULL") == 1
    assert await _do(shop, shop.host, "accept", booking) == 409
    assert await _do(shop, shop.host, "decline", booking) == 409


async def test_a_declined_request_frees_the_seat_and_refunds_once(shop: Shop) -> None:
    booking = await _requested(shop)
    path = f"/api/bookings/{booking['id']}/decline"
    reply = await shop.post(shop.host, path, {"reason": "The bus is broken"})
    assert reply.json()["state"] == "declined"
    assert await _do(shop, shop.host, "decline", booking) == 409
    assert await _do(shop, shop.host, "accept", booking) == 409
    assert await shop.values(REFUNDS) == ["declined"]
    assert await shop.count("SELECT count(*) FROM claims") == 0
    history = await shop.get(shop.guest, f"/api/bookings/{booking['id']}/history")
    assert history["moves"][-1]["reason"] == "The bus is broken"
    assert history["moves"][-1]["actor"] == "host"


async def test_only_a_request_can_be_answered(shop: Shop) -> None:
    held = await shop.reserve("1A")
    paid = await shop.reserve("1B")
    await _paid(shop, paid)
    for booking in (held, paid):
        for what in ("accept", "decline"):
            assert await _do(shop, shop.host, what, booking) == 409
    assert await shop.state(held) == "held"
    assert await shop.state(paid) == "confirmed"


async def test_a_request_nobody_answers_is_declined_and_refunded(shop: Shop) -> None:
    booking = await _requested(shop)
    assert await decline_unanswered(100) == 0
    await shop.forward(ANSWER_TIME)
    assert await _do(shop, shop.host, "accept", booking) == 409
    assert await decline_unanswered(100) == 1
    assert await decline_unanswered(100) == 0
    assert await shop.state(booking) == "declined"
    assert await shop.values(REFUNDS) == ["declined"]
    assert "booking_declined" in await shop.values("SELECT kind FROM notifications")


async def test_a_host_has_until_the_departure_at_the_latest(shop: Shop) -> None:
    trip_id = await _request_trip(shop, days_ahead=1)
    booking = await _requested(shop, trip_id=trip_id)
    assert booking["respondBy"] <= booking["checkInAt"]


async def test_an_answer_and_the_time_out_at_once_have_one_winner(shop: Shop) -> None:
    trip_id = await _request_trip(shop)
    bookings = [
        await _requested(shop, label, trip_id=trip_id) for label in ("1A", "1B", "1C", "1D")
    ]
    await shop.forward(timedelta(hours=23, minutes=50))
    # From here on time passes by the bookings' own deadline, as it does between two statements.
    async with transaction() as tx:
        await execute(tx, "UPDATE bookings SET respond_by = business_now() + interval '30 ms'")

    async def answer(booking: dict[str, Any], after_ms: int) -> int:
        await asyncio.sleep(after_ms / 1000)
        return await _do(shop, shop.host, "accept", booking)

    async def time_out() -> None:
        for _ in range(20):
            await decline_unanswered(100)
            await asyncio.sleep(0.01)

    *replies, _ = await asyncio.gather(
        *(answer(booking, 10 * n) for n, booking in enumerate(bookings)), time_out()
    )
    for booking, status in zip(bookings, replies, strict=True):
        refunds = await shop.count(
            "SELECT count(*) FROM instructions WHERE booking_id = %(id)s", id=booking["id"]
        )
        expected = ("confirmed", 0) if status == 200 else ("declined", 1)
        assert (await shop.state(booking), refunds) == expected


async def test_accept_and_decline_at_once_have_one_winner(shop: Shop) -> None:
    trip_id = await _request_trip(shop, seats=8)
    for label in ("1A", "1B", "1C", "1D"):
        booking = await _requested(shop, label, trip_id=trip_id)
        statuses = await asyncio.gather(
            _do(shop, shop.host, "accept", booking),
            _do(shop, shop.host, "decline", booking),
            _do(shop, shop.guest, "cancel", booking),
        )
        moves = (await shop.get(shop.guest, f"/api/bookings/{booking['id']}/history"))["moves"]
        states = [move["state"] for move in moves[3:]]
        # What was accepted can still be cancelled; from the other two there is no way on.
        assert states in (["confirmed"], ["declined"], ["cancelled"], ["confirmed", "cancelled"])
        assert statuses.count(200) == len(states), (statuses, states)
        sent = len(await shop.values(REFUNDS_OF, id=booking["id"]))
        assert sent == (states != ["confirmed"])


# ---- cancelling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["held", "awaiting_payment", "awaiting_host", "confirmed"])
async def test_each_side_may_cancel_until_it_begins(shop: Shop, state: str) -> None:
    for who in (shop.guest, shop.host, shop.admin):
        booking = await _in_state(shop, state)
        assert await _do(shop, who, "cancel", booking) == 200
        assert await shop.state(booking) == "cancelled"
        assert await _do(shop, who, "cancel", booking) == 409, "once"
        was_paid = state in ("awaiting_host", "confirmed")
        assert await shop.values(REFUNDS_OF, id=booking["id"]) == ["cancelled"] * was_paid
    assert await shop.count("SELECT count(*) FROM claims") == 0


async def _in_state(shop: Shop, state: str) -> dict[str, Any]:
    if state == "awaiting_host":
        return await _requested(shop)
    booking = await shop.reserve("1A")
    if state == "awaiting_payment":
        await shop.pending(booking)
    if state == "confirmed":
        await _paid(shop, booking)
    return booking


async def test_nothing_that_is_over_can_be_cancelled(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.forward(timedelta(minutes=16))
    await expire_holds(10)
    for who in (shop.guest, shop.host, shop.admin):
        assert await _do(shop, who, "cancel", booking) == 409
    assert await shop.state(booking) == "expired"


async def test_a_host_cannot_cancel_what_has_begun(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await _paid(shop, booking)
    await shop.forward(timedelta(days=11))
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    assert (reply.status_code, reply.json()["code"]) == (409, "not_cancellable")


async def test_money_that_comes_after_cancelling_goes_back(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    assert await _do(shop, shop.guest, "cancel", booking) == 200
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "cancelled"
    assert await shop.values(REFUNDS) == ["late payment"]


async def test_a_refunded_late_payment_is_not_refunded_again(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    first = await shop.pending(booking)
    await shop.sandbox.decline(first["reference"])
    await shop.post(shop.guest, f"/api/payments/{first['id']}/verify")
    second = await shop.pending(booking)
    await shop.forward(timedelta(minutes=31))
    taker = await shop.reserve("1A", who=shop.other)
    await shop.sandbox.pay(first["reference"])  # late, and the seat is gone
    await shop.post(shop.guest, f"/api/payments/{first['id']}/verify")
    assert await shop.state(booking) == "expired"
    await _do(shop, shop.other, "cancel", taker)
    await shop.sandbox.pay(second["reference"])  # late, and the seat is free again
    await shop.post(shop.guest, f"/api/payments/{second['id']}/verify")
    assert await shop.state(booking) == "confirmed"
    await _do(shop, shop.host, "cancel", booking)
    refunds = await shop.values(
        """
        SELECT payments.reference || ': ' || instructions.reason
          FROM instructions JOIN payments ON payments.id = payment_id ORDER BY instructions.id"""
    )
    assert refunds == [f"{first['reference']}: late payment", f"{second['reference']}: cancelled"]


# ---- passengers ---------------------------------------------------------------------------------


async def test_passengers_are_replaced_until_the_departure(shop: Shop) -> None:
    booking = await shop.reserve(
        "1A", "1B", passengers=[{"seat": "1A", "name": "Ada"}, {"seat": "1B", "name": "Bob"}]
    )
    path = f"/api/bookings/{booking['id']}/passengers"

    async def put(*passengers: dict[str, str], who: Principal = shop.guest) -> Any:
        return await shop.api.put(
            path, json={"passengers": list(passengers)}, headers=make.bearer(who)
        )

    async def names() -> list[str]:
        return [p["name"] for p in (await shop.get(shop.host, path))["passengers"]]

    assert await names() == ["Ada", "Bob"]
    assert (await put({"seat": "1B", "name": "Eve"})).status_code == 200
    assert await names() == ["Eve"], "those left out are unknown again"
    for wrong in ([{"seat": "2A", "name": "A"}], [{"seat": "1A", "name": "A"}] * 2):
        refused = await put(*wrong)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == f"passengers[{len(wrong) - 1}].seat"
    assert (await put(who=shop.host)).status_code == 403
    assert await names() == ["Eve"]
    await _paid(shop, booking)
    assert (await put({"seat": "1A", "name": "Ada"}, {"seat": "1B", "name": "Eve"})).is_success
    await shop.forward(timedelta(days=11))
    late = await put()
    assert (late.status_code, late.json()["code"]) == (409, "departed")
    assert await names() == ["Ada", "Eve"]
    audited = await shop.values(
        """
        SELECT actor_role || ' ' || before::text || ' ' || after::text FROM audit_log
         WHERE action = 'change_passengers' ORDER BY id"""
    )
    assert audited == [
        'guest {"1A": "Ada", "1B": "Bob"} {"1B": "Eve"}',
        'guest {"1B": "Eve"} {"1A": "Ada", "1B": "Eve"}',
    ]


async def test_a_cancelled_booking_takes_no_passengers(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await _do(shop, shop.guest, "cancel", booking)
    reply = await shop.api.put(
        f"/api/bookings/{booking['id']}/passengers",
        json={"passengers": []},
        headers=make.bearer(shop.guest),
    )
    assert reply.status_code == 409


# ---- what was agreed stays ----------------------------------------------------------------------


async def test_price_and_terms_stay_though_the_listing_changes(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    changes = {
        "price": {"amount": 6_000, "currency": "NGN"},
        "title": "Another bus",
        "policy": "strict",
        "requestToBook": True,
    }
    reply = await shop.api.patch(
        f"/api/listings/{shop.trip_id}", json=changes, headers=make.bearer(shop.host)
    )
    assert reply.status_code == 200, reply.text
    seen = await shop.get(shop.guest, f"/api/bookings/{booking['id']}")
    assert (seen["price"], seen["terms"]) == (booking["price"], booking["terms"])
    payment = await _paid(shop, booking)
    assert payment["amount"] == booking["price"]["total"]
    assert await shop.state(booking) == "confirmed", "it was not a request when it was made"
    fresh = await shop.reserve("1B")
    assert fresh["price"]["total"]["amount"] == 6_000
    assert fresh["terms"]["requestToBook"] is True
