"""Calls that are tried again, and calls that must not be: the gateways' books show it for both."""

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
NEVER = 4_000_000_000.0  # a date that is not over when the test runs: 2096


class ListRecorder:
    """A recorder that keeps attempts in a list; `down` says that the gateway is down."""

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

    recorder: ListRecorder

    def open(self, **more: Any) -> Gateway:
        self.recorder = ListRecorder()
        return super().open(patience=PATIENT, recorder=self.recorder, **more)


@pytest.fixture(params=ALL, ids=lambda adapter: adapter.name)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[Patiently]:
    async with opened(request.param, Patiently) as world:
        yield world


def _client(
    replies: Sequence[httpx.Response | Exception],
    recorder: ListRecorder | None = None,
    *,
    patience: Patience = PATIENT,
) -> tuple[Client, list[httpx.Request]]:
    """A client of a gateway that gives these replies in turn; and the requests that it got."""
    left, seen = list(replies), list[httpx.Request]()

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    client = Client(
        GatewayName.PAYSTACK,
        base_url="http://gateway.test",
        secret_key="sk_test",
        timeout_s=5,
        transport=httpx.MockTransport(reply),
        recorder=recorder,
        patience=patience,
    )
    return client, seen


async def _call(client: Client, repeat: Repeat = Repeat.SAFE, **more: Any) -> Attempt:
    return await client.call("POST", "/x", operation="x", reference="r-1", repeat=repeat, **more)


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
async def test_a_temporary_fault_is_tried_three_times_more_and_each_attempt_is_recorded(
    fault: httpx.Response | Exception,
):
    recorder = ListRecorder()
    client, seen = _client([fault, fault, fault, OK], recorder)
    assert isinstance(await _call(client), Answered)
    assert recorder.outcomes == ["1 Inconclusive", "2 Inconclusive", "3 Inconclusive", "4 Answered"]
    assert len({(request.method, request.content) for request in seen}) == 1
    client, seen = _client([fault] * 9)
    assert isinstance(await _call(client), Inconclusive)
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
        httpx.Response(503, headers={"Retry-After": formatdate(NEVER, usegmt=True)}),
    ],
)
async def test_a_call_whose_retry_could_not_help_in_time_ends_at_once(answer: httpx.Response):
    recorder = ListRecorder()
    client, _ = _client([answer], recorder)
    await _call(client)
    assert len(recorder.calls) == 1


async def test_a_call_that_must_not_be_repeated_is_not_tried_again():
    client, seen = _client([DOWN])
    assert isinstance(await _call(client, Repeat.NEVER), Inconclusive)
    assert len(seen) == 1


async def test_a_call_to_a_gateway_that_is_down_is_not_tried_again():
    client, seen = _client([DOWN], ListRecorder(down=True))
    assert isinstance(await _call(client), Inconclusive)
    assert len(seen) == 1


async def test_a_call_is_not_tried_again_after_send_before():
    client, seen = _client([DOWN])
    await _call(client, send_before=time.monotonic() + 0.000_5)
    assert len(seen) == 1
    client, seen = _client([DOWN], patience=retries.NO_PATIENCE)
    await _call(client)
    assert len(seen) == 1


async def test_a_refusal_after_an_inconclusive_attempt_is_not_conclusive():
    refusal = httpx.Response(400, json={"status": False, "message": "Insufficient balance"})
    client, _ = _client([refusal])
    result = await _call(client)
    assert isinstance(result, Denied)
    assert not result.follows_inconclusive
    client, _ = _client([DOWN, refusal])
    result = await _call(client)
    assert isinstance(result, Denied)
    assert result.follows_inconclusive


@pytest.mark.parametrize(
    ("replies", "has_ended", "spends_key"),
    [
        ([httpx.Response(500)] * 4, True, True),
        (
            [httpx.Response(500), httpx.Response(500, headers={"Idempotent-Replayed": "true"})],
            True,
            True,
        ),
        ([httpx.Response(429)] * 4, True, False),
        ([httpx.Response(503)] * 4, False, True),
        ([httpx.ReadTimeout("silent")] * 4, False, False),
        ([httpx.ReadTimeout("silent"), *[httpx.Response(500)] * 3], False, True),
        ([httpx.Response(500), *[httpx.ReadTimeout("silent")] * 3], False, True),
        ([httpx.Response(200, text="half of it")], False, False),
    ],
)
async def test_only_answers_of_the_gateways_own_end_a_call_and_only_errors_spend_its_key(
    replies: list[httpx.Response | Exception], has_ended: bool, spends_key: bool
):
    client, seen = _client(replies)
    result = await _call(client)
    assert isinstance(result, Inconclusive)
    assert (result.has_ended, result.spends_key) == (has_ended, spends_key)
    assert len(seen) == len(replies)


async def test_each_attempt_is_recorded_before_the_wait_with_when_the_next_one_comes():
    recorder = ListRecorder()
    client, _ = _client([httpx.Response(429, headers={"Retry-After": "25"})], recorder)
    calling = asyncio.create_task(_call(client))
    async with asyncio.timeout(20):
        while not recorder.calls:  # noqa: ASYNC110
            await asyncio.sleep(0)
    calling.cancel()
    (call,) = recorder.calls
    assert (call.number, call.attempts_max) == (1, 4)
    assert call.next_in_s is not None
    assert 25 <= call.next_in_s <= 30
    client, _ = _client([DOWN] * 4, recorder := ListRecorder())
    await _call(client)
    assert [call.next_in_s is None for call in recorder.calls] == [False, False, False, True]
    client, _ = _client([DOWN], recorder := ListRecorder())
    await _call(client, Repeat.NEVER)
    assert [(call.attempts_max, call.next_in_s) for call in recorder.calls] == [(1, None)]


async def test_a_call_cancelled_while_it_waits_has_recorded_its_attempt():
    recorder = ListRecorder()
    client, seen = _client([httpx.Response(429, headers={"Retry-After": "25"})], recorder)
    calling = asyncio.create_task(_call(client))
    async with asyncio.timeout(20):
        while not recorder.calls:  # noqa: ASYNC110
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert len(seen) == 1


# ---- for how long is waited ----------------------------------------------------------------------


def test_waits_double_from_the_first_and_stay_under_a_minute():
    assert list(retries.waits_s(Patience(for_s=1, first_wait_s=2))) == [2, 4, 8]
    assert list(retries.waits_s(Patience(for_s=1, first_wait_s=25))) == [25, 50, 60]


def test_a_wait_is_random_from_its_shortest_to_a_quarter_more():
    waits = [retries.wait_s(8, asked_s=0, left_s=100) or 0 for _ in range(2_000)]
    assert all(8 <= wait <= 10 for wait in waits)
    assert max(waits) - min(waits) > 1
    assert all(retries.wait_s(60, asked_s=0, left_s=100) == 60 for _ in range(50))


def test_a_wait_that_would_take_longer_than_there_is_time_is_not_begun():
    assert retries.wait_s(8, asked_s=0, left_s=8) is None
    assert 8 <= (retries.wait_s(8, asked_s=0, left_s=8.1) or 0) <= 8.1
    assert retries.wait_s(2, asked_s=0, left_s=0) is None


def test_a_wait_is_never_shorter_than_the_gateway_asks_for():
    waits = [retries.wait_s(2, asked_s=7, left_s=30) or 0 for _ in range(200)]
    assert all(7 <= wait <= 8.75 for wait in waits)
    assert all(2 <= (retries.wait_s(2, asked_s=1, left_s=30) or 0) <= 2.5 for _ in range(50))
    assert retries.wait_s(2, asked_s=61, left_s=1_000) is None
    assert retries.wait_s(2, asked_s=60, left_s=1_000) == 60
    assert retries.wait_s(2, asked_s=7, left_s=7) is None


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
        assert len(world.recorder.calls) == 1, "its writes are never repeated"
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


async def test_a_call_that_is_asked_to_wait_has_its_effect_once(world: Patiently):
    await world.sandbox.fault("initialize", "too_many_requests", delay_ms=1)  # Retry-After: 0
    outcome = await start(world)
    if world.adapter.knows_references:
        assert isinstance(outcome, CheckoutReady)
        assert world.recorder.outcomes == ["1 Inconclusive", "2 Answered"]
        assert len(await world.sandbox.charges()) == 1
    else:
        assert isinstance(outcome, Unknown)
        assert await world.sandbox.charges() == []


async def test_a_look_up_is_repeated_until_the_gateway_replies(paid: Patiently):
    await paid.sandbox.fault("verify", "error_500", times=3)
    assert isinstance(await paid.gateway.find_charge(CHARGE), FoundCharge)
    assert paid.recorder.outcomes[-4:] == [
        "1 Inconclusive",
        "2 Inconclusive",
        "3 Inconclusive",
        "4 Answered",
    ]


async def test_a_refused_call_is_not_tried_again(paid: Patiently):
    paid.recorder.calls.clear()
    assert isinstance(await refund(paid, amount=90_000_000), Refused)
    writes = [call for call in paid.recorder.calls if call.operation == "refund"]
    assert [type(call.attempt) for call in writes] == [Denied]
