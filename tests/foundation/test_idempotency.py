"""Idempotency keys: one effect and one reply, in whatever way a request comes twice."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.foundation import idempotency
from app.foundation.db import execute, fetch_value, transaction
from app.foundation.errors import Invalid
from app.foundation.idempotency import Key, KeyBusy, KeyReused
from tests.shop import Shop

DAY = timedelta(hours=24)


def _key(text: str = "k-1", *, body: bytes = b"{}") -> Key:
    key = idempotency.read_key(text, principal_id=_WHO, route="POST /api/things", body=body)
    assert key is not None
    return key


_WHO = uuid4()


@pytest.mark.parametrize("text", ["k", "x" * 255, "a b", "!~"])
def test_an_idempotency_key_is_1_to_255_printable_characters(text: str) -> None:
    assert _key(text).key == text


@pytest.mark.parametrize("text", ["", "x" * 256, "é", "a\tb", "a\x00b", "\U0001f511"])
def test_a_malformed_idempotency_key_is_refused_by_the_name_of_its_header(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        _key(text)
    assert [error.field for error in refusal.value.errors] == ["Idempotency-Key"]


async def _forward(by: timedelta) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)


async def test_a_reply_under_a_key_is_kept_for_a_day_and_no_longer(pool: None) -> None:
    async with transaction() as tx:
        await idempotency.remember(tx, _key(), status=201, reply=b"first")
    await _forward(DAY - timedelta(seconds=5))
    async with transaction() as tx:
        stored = await idempotency.recall(tx, _key())
    assert stored is not None
    assert (stored.status, stored.reply) == (201, b"first")
    await _forward(timedelta(seconds=6))
    async with transaction() as tx:
        assert await idempotency.recall(tx, _key(body=b"another")) is None
        await idempotency.remember(tx, _key(body=b"another"), status=201, reply=b"second")
    async with transaction() as tx:
        stored = await idempotency.recall(tx, _key(body=b"another"))
    assert stored is not None
    assert stored.reply == b"second"


async def test_old_idempotency_keys_are_forgotten_and_young_ones_kept(pool: None) -> None:
    async with transaction() as tx:
        await idempotency.remember(tx, _key("old"), status=201, reply=b"")
    await _forward(DAY)
    async with transaction() as tx:
        await idempotency.remember(tx, _key("young"), status=201, reply=b"")
        assert (await idempotency.forget_old(tx, limit=10)).deleted == 1
        assert await fetch_value(tx, str, "SELECT key FROM idempotency_keys") == "young"


async def test_an_idempotency_key_that_another_transaction_holds_is_busy(pool: None) -> None:
    async with transaction() as first:
        assert await idempotency.recall(first, _key()) is None
        with pytest.raises(KeyBusy):
            async with transaction() as second:
                await idempotency.recall(second, _key())
        async with transaction() as third:
            assert await idempotency.recall(third, _key("k-2")) is None


async def test_a_crash_frees_its_idempotency_key(pool: None) -> None:
    class Crash(Exception):
        pass

    async def crash() -> None:
        async with transaction() as tx:
            assert await idempotency.recall(tx, _key()) is None
            await idempotency.remember(tx, _key(), status=201, reply=b"never sent")
            raise Crash

    with pytest.raises(Crash):
        await crash()
    async with transaction() as tx:
        assert await idempotency.recall(tx, _key(body=b"even another")) is None


async def test_an_idempotency_key_that_is_taken_is_busy_until_its_time_is_over(pool: None) -> None:
    resource_id = uuid4()
    async with transaction() as tx:
        await idempotency.take(tx, _key(), resource_id=resource_id, busy_for=timedelta(seconds=30))
    with pytest.raises(KeyBusy):
        async with transaction() as tx:
            await idempotency.recall(tx, _key())
    await _forward(timedelta(seconds=31))
    async with transaction() as tx:
        stored = await idempotency.recall(tx, _key())
        assert stored is not None
        assert (stored.resource_id, stored.reply) == (resource_id, None)
    with pytest.raises(KeyReused):
        async with transaction() as tx:
            await idempotency.recall(tx, _key(body=b"another"))
    async with transaction() as tx:
        await idempotency.remember(tx, _key(), status=201, reply=b"done")
    async with transaction() as tx:
        stored = await idempotency.recall(tx, _key())
    assert stored is not None
    assert stored.reply == b"done"


async def test_an_idempotency_key_that_is_released_can_be_used_at_once(pool: None) -> None:
    async with transaction() as tx:
        await idempotency.take(tx, _key(), resource_id=uuid4(), busy_for=timedelta(seconds=30))
    async with transaction() as tx:
        await idempotency.release(tx, _key())
    async with transaction() as tx:
        assert await idempotency.recall(tx, _key()) is not None


async def test_the_first_of_two_replies_under_a_key_is_the_one_that_is_kept(pool: None) -> None:
    async with transaction() as tx:
        await idempotency.remember(tx, _key(), status=201, reply=b"first")
    with pytest.raises(KeyBusy):
        async with transaction() as tx:
            await idempotency.remember(tx, _key(), status=201, reply=b"second")


# ---- through the API ----------------------------------------------------------------------------


async def test_a_refusal_is_not_kept_under_its_key_so_that_the_request_can_be_mended(
    shop: Shop,
) -> None:
    taken = await shop.reserve("1A")
    body: dict[str, Any] = {"tripId": shop.trip_id, "seatNumbers": ["1A"]}
    path = "/api/bookings/reserve"
    refused = await shop.post(shop.other, path, body, key="k-1")
    assert refused.status_code == 409
    await shop.post(shop.guest, f"/api/bookings/{taken['id']}/cancel")
    again = await shop.post(shop.other, path, body, key="k-1")
    assert again.status_code == 201, "the same request, when the seat is free again"
    assert "idempotency-replayed" not in again.headers


async def test_an_idempotency_key_of_one_route_says_nothing_about_another(shop: Shop) -> None:
    key = "k-1"
    booking = await shop.post(
        shop.guest,
        "/api/bookings/reserve",
        {"tripId": shop.trip_id, "seatNumbers": ["1A"]},
        key=key,
    )
    payment = await shop.initiate(booking.json(), key=key)
    assert (booking.status_code, payment.status_code) == (201, 201)


async def test_beginning_a_payment_needs_an_idempotency_key(shop: Shop) -> None:
    from tests import make

    booking = await shop.reserve("1A")
    reply = await shop.api.post(
        "/api/payments/initiate",
        json={"bookingId": booking["id"]},
        headers=make.bearer(shop.guest),
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "key_missing")


async def test_a_payment_in_flight_answers_409_and_is_replayed_when_done(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.sandbox.fault("initialize", "delay", delay_ms=500)
    first = asyncio.create_task(shop.initiate(booking, key="pay-1"))
    await asyncio.sleep(0.2)
    meanwhile = await shop.initiate(booking, key="pay-1")
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "key_busy")
    done = await first
    replayed = await shop.initiate(booking, key="pay-1")
    assert replayed.json() == done.json()
    assert replayed.headers["idempotency-replayed"] == "true"
    other = await shop.reserve("1B")
    changed = await shop.initiate(other, key="pay-1")
    assert (changed.status_code, changed.json()["code"]) == (422, "key_reused")


async def test_a_crash_while_the_gateway_is_asked_goes_on_with_the_same_charge(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    async with transaction() as tx:  # all that such a crash leaves
        key = idempotency.read_key(
            "pay-1",
            principal_id=shop.guest.id,
            route="POST /api/payments/initiate",
            body=f'{{"bookingId":"{booking["id"]}"}}'.encode(),
        )
        assert key is not None
        from app.edge.gateways.port import GatewayName
        from app.flows.checkout import actions

        held = await actions.payable(tx, booking_id=booking["id"], guest_id=shop.guest.id)
        payment = await actions.begin(tx, held, gateway=GatewayName.PAYSTACK)
        await idempotency.take(tx, key, resource_id=payment.id, busy_for=timedelta(seconds=30))
    busy = await shop.initiate(booking, key="pay-1")
    assert busy.status_code == 409
    await shop.forward(timedelta(seconds=31))
    reply = await shop.initiate(booking, key="pay-1")
    assert reply.status_code == 201, reply.text
    assert reply.json()["reference"] == payment.reference


async def test_a_key_that_was_taken_while_the_clock_was_ahead_is_not_busy(pool: None) -> None:
    thing = uuid4()
    async with transaction() as tx:
        await idempotency.take(tx, _key(), resource_id=thing, busy_for=timedelta(minutes=1))
    with pytest.raises(KeyBusy):
        async with transaction() as tx:
            await idempotency.recall(tx, _key())
    async with transaction() as tx:
        await execute(
            tx,
            "UPDATE idempotency_keys SET created_at = created_at + interval '1 year',"
            " busy_until = busy_until + interval '1 year'",
        )
    async with transaction() as tx:
        stored = await idempotency.recall(tx, _key())
    assert stored is not None
    assert stored.resource_id == thing
