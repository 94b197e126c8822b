"""What an account has a gateway asked for, and forged webhooks, are limited."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.foundation import limits
from app.foundation.db import execute, transaction
from app.foundation.settings import settings
from app.people.accounts.model import Principal
from app.sandbox.faults import Operation
from tests.shop import Shop


@pytest.fixture(autouse=True)
def no_scale(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()


def asked(shop: Shop, operation: Operation) -> int:
    """How often the gateways were asked for this, as they have counted."""
    return shop.sandbox.simulator.faults.asked[operation]


async def pending(shop: Shop, seat: str, who: Principal | None = None) -> dict[str, Any]:
    who = who or shop.guest
    reply = await shop.initiate(await shop.reserve(seat, who=who), who=who)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def _let_pass(**time: int) -> None:
    async with transaction() as tx:
        sql = "UPDATE limit_buckets SET full_at = full_at - %(by)s"
        await execute(tx, sql, by=timedelta(**time))


async def test_sixty_verifications_of_a_payment_are_one_question_to_the_gateway(
    shop: Shop,
) -> None:
    payment = await pending(shop, "1A")
    path = f"/api/payments/{payment['id']}/verify"
    replies = [await shop.post(shop.guest, path) for _ in range(60)]
    assert [reply.status_code for reply in replies] == [200] * 20 + [429] * 40
    assert {reply.json()["state"] for reply in replies[:20]} == {"pending"}
    assert asked(shop, Operation.VERIFY) == 1


async def test_at_once_too_a_payment_is_asked_about_once(shop: Shop) -> None:
    payment = await pending(shop, "1A")
    path = f"/api/payments/{payment['id']}/verify"
    replies = await asyncio.gather(*(shop.post(shop.guest, path) for _ in range(10)))
    assert {reply.status_code for reply in replies} == {200}
    assert asked(shop, Operation.VERIFY) == 1


async def test_seconds_later_the_gateway_is_asked_again(shop: Shop) -> None:
    payment = await pending(shop, "1A")
    path = f"/api/payments/{payment['id']}/verify"
    assert (await shop.post(shop.guest, path)).json()["state"] == "pending"
    await shop.sandbox.fault("webhook", "drop", times=5)  # only asking shows that it was paid
    await shop.sandbox.pay(payment["reference"])
    assert (await shop.post(shop.guest, path)).json()["state"] == "pending", "as it was stored"
    await _let_pass(seconds=6)
    assert (await shop.post(shop.guest, path)).json()["state"] == "succeeded"
    assert asked(shop, Operation.VERIFY) == 2


async def test_what_one_account_has_gateways_asked_is_bounded_whatever_the_payment(
    shop: Shop,
) -> None:
    payments = [await pending(shop, seat) for seat in ("1A", "1B")]
    bucket = limits.bucket(limits.GATEWAY_CALLS, shop.guest.id)
    await asyncio.gather(*(limits.take_now(bucket) for _ in range(limits.GATEWAY_CALLS.quota - 1)))
    paths = [f"/api/payments/{payment['id']}/verify" for payment in payments]
    codes = [(await shop.post(shop.guest, path)).status_code for path in paths]
    assert codes == [200, 429]
    assert asked(shop, Operation.VERIFY) == 1


async def test_beginning_to_pay_is_bounded_by_the_hour_whatever_the_booking(shop: Shop) -> None:
    bucket = limits.bucket(limits.INITIATE, shop.guest.id)
    for _ in range(limits.INITIATE.quota - 1):
        await limits.take_now(bucket)
    first, second = await shop.reserve("1A"), await shop.reserve("1B")
    assert (await shop.initiate(first)).status_code == 201
    refused = await shop.initiate(second)
    assert (refused.status_code, refused.json()["code"]) == (429, "limited")
    assert asked(shop, Operation.INITIALIZE) == 1
    booking = await shop.reserve("2A", who=shop.other)
    assert (await shop.initiate(booking, who=shop.other)).status_code == 201, "others go on"
    await _let_pass(minutes=1)
    assert (await shop.initiate(second)).status_code == 201
    assert (await shop.initiate(await shop.reserve("2B"))).status_code == 429, "one a minute"


async def test_nobody_else_can_use_up_the_question_about_a_payment(shop: Shop) -> None:
    payment = await pending(shop, "1A")
    path = f"/api/payments/{payment['id']}/verify"
    assert (await shop.post(shop.other, path)).status_code == 404
    assert (await shop.post(shop.guest, path)).status_code == 200
    assert asked(shop, Operation.VERIFY) == 1


async def test_forged_webhooks_are_limited(shop: Shop) -> None:
    headers = {"x-paystack-signature": "0" * 128}
    codes = [
        (await shop.api.post("/api/webhooks/paystack", content=b"{}", headers=headers)).status_code
        for _ in range(120)
    ]
    assert set(codes[:60]) == {401}
    assert codes.count(429) > 30, "one more each second"
