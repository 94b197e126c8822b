"""Calls that are made again, and calls that never may be: what the gateways' books say of both."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from app.edge.gateways import retries
from app.edge.gateways.http import Answered, Attempt, Call, Client, Denied, Inconclusive
from app.edge.gateways.port import (
    Accepted,
    CheckoutReady,
    FoundCharge,
    FoundInstruction,
    Gateway,
    GatewayName,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Patience, Repeat
from tests.edge.gateways.adapters import ALL, World, opened
from tests.edge.gateways.requests import CHARGE, REFUND, TRANSFER, refund, start, transfer

PATIENT = Patience(for_s=30, first_wait_s=0.001)
DOWN = httpx.Response(503)
OK = httpx.Response(200, json={"status": True})
NOW = 1_800_000_000.0


class Ear:
    """Hears of attempts, and can be told that the gateway is down."""

    def __init__(self, *, down: bool = False) -> None:
        self.calls: list[Call] = []
        self.down = down

    def record(self, call: Call) -> asyncio.Future[None]:
        self.calls.append(call)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def is_down(self, gateway: GatewayName) -> bool:  # noqa: ARG002
        return self.down

    @property
    def outcomes(self) -> list[str]:
        return [f"{call.number} {type(call.attempt).__name__}" for call in self.calls]


class Patiently(World):
    """A world whose gateway is called again and again."""

    ear: Ear

    def open(self, **more: Any) -> Gateway:
        self.ear = Ear()
        return super().open(patience=PATIENT, recorder=self.ear, **more)


@pytest.fixture(params=ALL, ids=lambda adapter: adapter.name)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[Patiently]:
    async with opened(request.param, Patiently) as world:
        yield world


def _line(
    replies: Sequence[httpx.Response | Exception],
    ear: Ear | None = None,
    *,
    patience: Patience = PATIENT,
) -> tuple[Client, list[httpx.Request]]:
    """A line to a gateway that replies so, one after the other; and what it was sent."""
    left, seen = list(replies), list[httpx.Request]()

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        told = left.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    line = Client(
        GatewayName.PAYSTACK,
        base_url="http://gateway.test",
        secret_key="sk_test",
        timeout_s=5,
        transport=httpx.MockTransport(reply),
        recorder=ear,
        patience=patience,
    )
    return line, seen


async def _call(line: Client, repeat: Repeat = Repeat.SAFE, **more: Any) -> Attempt:
    return await line.call("POST", "/x", operation="x", reference="r-1", repeat=repeat, **more)


# ---- which calls are made again ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(408),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503, text="<h1>down</h1>"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("silent"),
        httpx.RemoteProtocolError("cut off"),
    ],
)
async def test_what_may_pass_is_tried_three_times_more_and_each_attempt_is_heard_of(
    fault: httpx.Response | Exception,
):
    ear = Ear()
    line, seen = _line([fault, fault, fault, OK], ear)
    assert isinstance(await _call(line), Answered)
    assert ear.outcomes == ["1 Inconclusive", "2 Inconclusive", "3 Inconclusive", "4 Answered"]
    assert len({(request.method, request.content) for request in seen}) == 1
    line, seen = _line([fault] * 9)
    assert isinstance(await _call(line), Inconclusive)
    assert len(seen) == 1 + retries.RETRIES_MAX


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={}),
        httpx.Response(401, json={}),
        httpx.Response(402, json={}),
        httpx.Response(404, json={}),
        httpx.Response(409, json={}),
        httpx.Response(422, json={}),
        httpx.Response(403, text="<h1>blocked</h1>"),
        httpx.Response(302),
        httpx.Response(200, text="half of it"),
        httpx.Response(500, headers={"Idempotent-Replayed": "true"}),
        httpx.Response(500, headers={"Stripe-Should-Retry": "false"}),
        httpx.Response(429, headers={"Retry-After": "3600"}),
        httpx.Response(429, headers={"Retry-After": "31"}),
        httpx.Response(503, headers={"Retry-After": formatdate(time.time() + 900, usegmt=True)}),
    ],
)
async def test_what_would_not_go_otherwise_in_time_ends_at_once(answer: httpx.Response):
    ear = Ear()
    line, _ = _line([answer], ear)
    await _call(line)
    assert len(ear.calls) == 1


async def test_what_may_not_be_repeated_is_not():
    line, seen = _line([DOWN])
    assert isinstance(await _call(line, Repeat.NEVER), Inconclusive)
    assert len(seen) == 1


async def test_a_gateway_that_is_down_is_left_alone():
    line, seen = _line([DOWN], Ear(down=True))
    assert isinstance(await _call(line), Inconclusive)
    assert len(seen) == 1


async def test_nothing_is_begun_again_once_it_must_not_be_sent_any_more():
    line, seen = _line([DOWN])
    await _call(line, send_before=time.monotonic() + 0.000_5)
    assert len(seen) == 1
    line, seen = _line([DOWN], patience=retries.NO_PATIENCE)
    await _call(line)
    assert len(seen) == 1


async def test_a_no_after_an_unclear_attempt_may_be_because_of_it():
    refusal = httpx.Response(400, json={"status": False, "message": "Insufficient balance"})
    line, _ = _line([refusal])
    told = await _call(line)
    assert isinstance(told, Denied)
    assert not told.follows_inconclusive
    line, _ = _line([DOWN, refusal])
    told = await _call(line)
    assert isinstance(told, Denied)
    assert told.follows_inconclusive


async def test_a_wait_can_be_cancelled_and_what_was_cancelled_is_heard_of():
    ear = Ear()
    line, seen = _line([httpx.Response(429, headers={"Retry-After": "25"})], ear)
    calling = asyncio.create_task(_call(line))
    async with asyncio.timeout(20):
        while not ear.calls:  # noqa: ASYNC110
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert len(seen) == 1


# ---- for how long is waited ----------------------------------------------------------------------


def test_waits_double_from_the_first_and_stay_under_a_minute():
    assert list(retries.waits_s(Patience(for_s=1, first_wait_s=2))) == [2, 4, 8]
    assert list(retries.waits_s(Patience(for_s=1, first_wait_s=25))) == [25, 50, 60]


def test_a_wait_is_anything_up_to_its_length_and_to_what_is_left():
    waits = [retries.wait_s(8, asked_s=0, left_s=100) for _ in range(2_000)]
    assert all(wait is not None and 0 <= wait <= 8 for wait in waits)
    assert min(waits, key=str) != max(waits, key=str)
    assert max(wait or 0 for wait in waits) > 6
    short = [retries.wait_s(8, asked_s=0, left_s=1) for _ in range(200)]
    assert all(wait is not None and wait <= 1 for wait in short)


def test_what_the_gateway_asks_for_is_the_least_that_is_waited():
    waits = [retries.wait_s(2, asked_s=7, left_s=30) for _ in range(200)]
    assert all(wait is not None and 7 <= wait <= 9 for wait in waits)
    assert retries.wait_s(2, asked_s=61, left_s=1_000) is None
    assert retries.wait_s(2, asked_s=7, left_s=7) is None
    assert retries.wait_s(2, asked_s=0, left_s=0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0), ("7", 7), ("1.5", 1.5), ("0", 0), ("-3", 0), ("soon", 0), ("", 0), ("1e9", 0),
        (formatdate(NOW + 40, usegmt=True), 40), (formatdate(NOW - 40, usegmt=True), 0),
        ("Sat, 99 Foo 2026 25:61:61 GMT", 0), ("Wed, 21 Oct 99999 07:28:00 GMT", 0),
    ],
)  # fmt: skip
def test_a_gateway_asks_for_seconds_or_until_a_date(value: str | None, seconds: float):
    assert retries.read_retry_after(value, now=NOW) == seconds


# ---- what the books of each gateway say ----------------------------------------------------------


async def test_a_charge_whose_answer_is_lost_is_there_once(world: Patiently):
    await world.sandbox.fault("initialize", "timeout_after_effect", delay_ms=300)
    hasty = world.open(timeout_s=0.1)
    outcome = await start(world, gateway=hasty)
    assert len(await world.sandbox.charges()) == 1
    if world.adapter.knows_references:
        assert isinstance(outcome, CheckoutReady | ReferenceTaken)
    else:
        assert isinstance(outcome, Unknown)
        assert len(world.ear.calls) == 1, "its writes are never repeated"
    await hasty.close()


async def test_a_refund_whose_answer_is_lost_is_there_once(paid: Patiently):
    await paid.sandbox.fault("refund", "timeout_after_effect", delay_ms=300)
    hasty = paid.open(timeout_s=0.1)
    outcome = await refund(paid, gateway=hasty)
    assert isinstance(outcome, Accepted if paid.adapter.name == "stripe" else Unknown)
    assert len(await paid.sandbox.refunds()) == 1
    found = await hasty.find_refund(REFUND, charge_reference=CHARGE)
    assert isinstance(found, FoundInstruction)
    assert found.money.amount == 200_000
    await hasty.close()


async def test_a_transfer_whose_answer_is_lost_is_there_once(paid: Patiently):
    payee = await paid.adapter.payee(paid.gateway, paid.sandbox)
    await paid.sandbox.fault("transfer", "timeout_after_effect", delay_ms=300)
    hasty = paid.open(timeout_s=0.1)
    outcome = await transfer(paid, gateway=hasty, recipient=payee)
    expected = {"stripe": Accepted, "paystack": ReferenceTaken, "flutterwave": Unknown}
    assert isinstance(outcome, expected[paid.adapter.name])
    assert len(await paid.sandbox.transfers()) == 1
    found = await hasty.find_transfer(TRANSFER, charge_reference=CHARGE)
    assert isinstance(found, FoundInstruction)
    assert found.money.amount == 300_000
    await hasty.close()


async def test_who_is_asked_to_wait_waits_and_then_has_its_effect_once(world: Patiently):
    await world.sandbox.fault("initialize", "too_many_requests", delay_ms=1)  # Retry-After: 0
    outcome = await start(world)
    if world.adapter.knows_references:
        assert isinstance(outcome, CheckoutReady)
        assert world.ear.outcomes == ["1 Inconclusive", "2 Answered"]
        assert len(await world.sandbox.charges()) == 1
    else:
        assert isinstance(outcome, Unknown)
        assert await world.sandbox.charges() == []


async def test_a_look_is_repeated_until_it_is_answered(paid: Patiently):
    await paid.sandbox.fault("verify", "error_500", times=3)
    assert isinstance(await paid.gateway.find_charge(CHARGE), FoundCharge)
    assert paid.ear.outcomes[-4:] == [
        "1 Inconclusive",
        "2 Inconclusive",
        "3 Inconclusive",
        "4 Answered",
    ]


async def test_what_is_refused_is_asked_for_once(paid: Patiently):
    paid.ear.calls.clear()
    assert isinstance(await refund(paid, amount=90_000_000), Refused)
    writes = [call for call in paid.ear.calls if call.operation == "refund"]
    assert [type(call.attempt) for call in writes] == [Denied]
