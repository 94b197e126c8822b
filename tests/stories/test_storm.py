"""A storm: three of ten calls to gateways go wrong, in random ways, for as long as guests book.

2,000 bookings with --full, a sample by default. When it is over, all must be as if it had not been.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from app.edge.gateways.retries import PATIENCE_OF_JOBS_S
from app.foundation.db import transaction
from app.foundation.settings import settings
from tests import make
from tests.books import breaches
from tests.house import House, open_house
from tests.laws import audit_is_clean
from tests.size import FULL

BOOKINGS: Final = 2_000 if FULL else 40
SEATS: Final = 100 if FULL else 20  # of a bus; another leaves each day
FAILING: Final = 0.3
SEED: Final = 20261121
NOT_PAID: Final = 0.08  # of the bookings
CANCELLED: Final = 0.25
TRIES_MAX: Final = 40
STEP: Final = timedelta(hours=6)
CALM_STEPS_MAX: Final = 400 if FULL else 60


class Weather:
    """What happens to a call. Half of what goes wrong does so after the gateway has done it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.is_calm = False
        self.calls: Counter[str] = Counter()

    def next(self) -> str:
        fault = "none"
        if not self.is_calm and self._chance.random() < FAILING:
            fault = self._chance.choice(
                ["refused", "500", "502 page", "429", "done, lost", "done, cut", "done, 500"]
            )
        self.calls[fault] += 1
        return fault


class Stormy(httpx.AsyncBaseTransport):
    """A line to a gateway, in that weather."""

    def __init__(self, line: httpx.AsyncBaseTransport, weather: Weather) -> None:
        self._line = line
        self._weather = weather

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._weather.next()
        if fault == "refused":
            raise httpx.ConnectError("nobody there", request=request)
        if fault in ("500", "429"):
            return httpx.Response(int(fault), json={"message": "later"}, request=request)
        if fault == "502 page":
            return httpx.Response(502, html="<h1>Bad gateway</h1>", request=request)
        response = await self._line.handle_async_request(request)
        if fault == "none":
            return response
        await response.aread()
        if fault == "done, lost":
            raise httpx.ReadTimeout("no answer", request=request)
        if fault == "done, cut":
            raise httpx.RemoteProtocolError("cut off", request=request)
        return httpx.Response(500, json={"message": "later"}, request=request)


@pytest.mark.timeout(3_600 if FULL else 400)
async def test_a_storm_passes_and_leaves_nothing_wrong(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    weather, chance = Weather(SEED), random.Random(SEED)
    async with open_house(
        House,
        database_url,
        tmp_path / "books",
        wrap=lambda line: Stormy(line, weather),
        patience_s=PATIENCE_OF_JOBS_S,
    ) as house:
        await house.fill()
        weather.is_calm = True
        await house.open_account()
        weather.is_calm = False
        states = await _guests_book(house, chance)
        for _ in range(BOOKINGS // SEATS + 3):
            for _ in range(timedelta(days=1) // STEP):
                await _pass(house, STEP)
        weather.is_calm = True
        steps = await _until_all_has_ended(house)
        were_unknown = await house.count(_WERE_UNKNOWN)
        print(
            f"storm: {sum(weather.calls.values())} calls, {dict(weather.calls)}; {dict(states)}; "
            f"at rest after {steps} steps of calm; {await house.values(_INSTRUCTIONS)}; "
            f"{were_unknown} were unknown"
        )
        assert were_unknown, "the storm was too weak to show anything"
        assert await house.values(_UNKNOWN) == []
        wrong = await breaches(house)
        assert not wrong, "\n".join(wrong)
        await audit_is_clean(nothing_late=True)
    settings.cache_clear()


async def _guests_book(house: House, chance: random.Random) -> Counter[str]:
    """One bus after the other is sold; returns what became of the bookings."""
    done: Counter[str] = Counter()
    for number in range(BOOKINGS // SEATS):
        async with transaction() as tx:
            trip_id = await make.trip(tx, house.host, seats=SEATS, days_ahead=3 + number)
        for _ in range(4):
            done += await _some_book(house, chance, trip_id, SEATS // 4)
    return done


async def _some_book(
    house: House, chance: random.Random, trip_id: UUID, count: int
) -> Counter[str]:
    held = [await _hold(house, trip_id) for _ in range(count)]
    fates = [chance.random() for _ in held]
    for booking, fate in zip(held, fates, strict=True):
        payment = await _begin_to_pay(house, booking)
        if payment and fate >= NOT_PAID:
            await house.sandbox.pay(payment["reference"])
    await house.deliver()
    await house.run_jobs()
    await _pass(house, timedelta(minutes=2))
    for booking, fate in zip(held, fates, strict=True):
        if NOT_PAID <= fate < NOT_PAID + CANCELLED:
            reply = await house.post(house.guest, f"/api/bookings/{booking['id']}/cancel")
            assert reply.status_code in (200, 409), reply.text
    await house.run_jobs()
    return Counter([await house.state(booking) for booking in held])


async def _hold(house: House, trip_id: UUID) -> dict[str, Any]:
    body = {"tripId": trip_id, "seatCount": 1}
    reply = await house.post(house.guest, "/api/bookings/reserve", body)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def _begin_to_pay(house: House, booking: dict[str, Any]) -> dict[str, Any] | None:
    """The guest asks until there is an address to pay at, or the time for it is over."""
    for _ in range(TRIES_MAX):
        reply = await house.initiate(booking, key=booking["id"])
        if reply.status_code == 201:
            return reply.json()
        if reply.json()["code"] in ("hold_expired", "not_payable"):
            return None
        assert reply.status_code in (409, 502, 503, 504), reply.text
        await house.forward(timedelta(seconds=5))
    raise AssertionError(reply.text)


async def _pass(house: House, by: timedelta) -> None:
    """Time passes: banks work, gateways report it, and all that is due is done."""
    await house.forward(by)
    await house.banks_work()
    await house.deliver()
    await house.settle_down()


async def _until_all_has_ended(house: House) -> int:
    """Calm, and admins who see to what was given up; how many steps that took."""
    for step in range(CALM_STEPS_MAX):
        await _admins_see_to(house, await house.values(_GIVEN_UP))
        if not await house.values(_OPEN):
            await house.come_to_rest()
            return step
        await _pass(house, timedelta(hours=1))
    raise AssertionError(await house.values(_OPEN))


async def _admins_see_to(house: House, given_up: Sequence[str]) -> None:
    """An instruction that has failed for the fifth time is tried again when somebody says so."""
    for row in given_up:
        kind, instruction_id = row.split()
        path = f"/api/admin/{kind}s/{instruction_id}/retry"
        reply = await house.post(house.admin, path, {"reason": "the storm is over"})
        assert reply.is_success, reply.text


_INSTRUCTIONS: Final = """
    SELECT concat_ws(' ', gateway, kind, state, count(*), 'in', max(attempt), 'attempts at most')
      FROM instructions GROUP BY gateway, kind, state ORDER BY 1"""
_WERE_UNKNOWN: Final = "SELECT count(*) FROM instruction_history WHERE state = 'unknown'"
_UNKNOWN: Final = "SELECT id::text FROM instructions WHERE state = 'unknown'"
_GIVEN_UP: Final = """
    SELECT kind || ' ' || id FROM instructions WHERE state = 'failed' AND next_try_at IS NULL"""
_OPEN: Final = """
    SELECT 'instruction ' || state FROM instructions
     WHERE state NOT IN ('confirmed', 'waiting_for_payee')
     UNION ALL
    SELECT 'payment ' || state FROM payments WHERE state IN ('created', 'pending')
     UNION ALL
    SELECT 'webhook ' || state FROM webhook_events WHERE state IN ('received', 'failed')
     UNION ALL
    SELECT 'booking ' || state FROM bookings
     WHERE state NOT IN ('completed', 'cancelled', 'expired', 'declined')"""
