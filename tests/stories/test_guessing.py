"""Who guesses passwords is stopped, and shuts out neither the owner nor anybody else."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from app.foundation.settings import settings
from tests.application import the_app, transport_to
from tests.size import FULL

PASSWORD: Final = "correct horse battery 7"
WRONG: Final = 10_000 if FULL else 1_500
AT_ONCE: Final = 60
PATIENCE_S: Final = 5


@pytest.fixture(autouse=True)
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
async def owner(pool: None) -> dict[str, Any]:
    """What an owner gets who registers on a device of her own."""
    reply = await _post("register", "198.51.100.1", email="owner@example.com", name="Olga")
    assert reply.status_code == 201, reply.text
    return reply.json()


async def _post(verb: str, address: str, **body: str) -> httpx.Response:
    transport = transport_to(the_app())
    transport.client = (address, 5000)
    body = {"password": PASSWORD} | body
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        return await client.post(f"/api/auth/{verb}", json=body)


async def _guess(numbers: Iterator[int], codes: list[int]) -> None:
    """Try wrong passwords, each from an address of its own."""
    for number in numbers:
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        reply = await _post("login", address, email="owner@example.com", password=f"wrong {number}")
        codes.append(reply.status_code)


async def test_ten_thousand_guesses_from_many_addresses_keep_nobody_out(
    owner: dict[str, Any],
) -> None:
    codes: list[int] = []
    numbers = iter(range(WRONG))
    guessers = [asyncio.create_task(_guess(numbers, codes)) for _ in range(AT_ONCE)]
    waits: list[float] = []
    for nth in itertools.count():
        await asyncio.sleep(0.5)
        if all(guesser.done() for guesser in guessers):
            break
        if nth >= 5:
            continue
        begun = time.monotonic()
        known = {"email": "owner@example.com", "deviceToken": owner["deviceToken"]}
        reply = await _post("login", "198.51.100.77", **known)
        assert reply.status_code == 200, reply.text
        waits.append(time.monotonic() - begun)
        begun = time.monotonic()
        new = await _post("register", f"198.51.100.{nth + 2}", email=f"n{nth}@x.io", name="New")
        assert new.status_code == 201, new.text
        waits.append(time.monotonic() - begun)
    await asyncio.gather(*guessers)
    assert waits, "there was time to try"
    # On a machine of its own it is under 1 s; without turns it would be as long as the flood.
    assert max(waits) < PATIENCE_S, sorted(waits)
    assert codes.count(401) <= 12, "a guess in so many"
    assert codes.count(401) + codes.count(429) == len(codes) == WRONG


async def test_guesses_from_one_address_are_limited_whatever_they_aim_at(
    owner: dict[str, Any],
) -> None:
    async def guess(number: int) -> int:
        reply = await _post("login", "203.0.113.5", email=f"somebody{number}@example.com")
        return reply.status_code

    codes = [
        code for n in range(0, 80, 8) for code in await asyncio.gather(*map(guess, range(n, n + 8)))
    ]
    assert codes.count(401) in (60, 61)
    assert codes.count(401) + codes.count(429) == 80
    reply = await _post("login", "203.0.113.5", email="x@example.com")
    assert reply.headers["ratelimit-policy"].startswith('"log-in";q=60;w=600')
    assert 0 < int(reply.headers["retry-after"]) <= 10


async def test_the_right_password_is_refused_too_when_strangers_have_used_up_the_target(
    owner: dict[str, Any],
) -> None:
    """From a device that is not known: else who guesses would see which guess was right."""
    email = "owner@example.com"
    for number in range(10):
        await _post("login", f"203.0.113.{number}", email=email, password="wrong wrong wrong")
    assert (await _post("login", "203.0.113.99", email=email)).status_code == 429
    known = await _post("login", "203.0.113.99", email=email, deviceToken=owner["deviceToken"])
    assert known.status_code == 200


async def test_a_device_is_known_to_its_own_account_only(owner: dict[str, Any]) -> None:
    other = (await _post("register", "198.51.100.9", email="o@x.io", name="Other")).json()
    email = "owner@example.com"
    for number in range(10):
        await _post("login", f"203.0.113.{number}", email=email, password="wrong wrong wrong")
    for token in (other["deviceToken"], "x", "x.y", owner["deviceToken"][:-1] + "-"):
        reply = await _post("login", "203.0.113.50", email=email, deviceToken=token)
        assert reply.status_code == 429, token


async def test_a_known_device_has_a_limit_too(owner: dict[str, Any]) -> None:
    known = {"email": "owner@example.com", "deviceToken": owner["deviceToken"]}
    codes = [
        (await _post("login", "203.0.113.1", password="wrong wrong wrong", **known)).status_code
        for _ in range(12)
    ]
    assert codes == [401] * 10 + [429] * 2


async def test_registering_is_limited_by_address(pool: None) -> None:
    codes = [
        (await _post("register", "203.0.113.7", email=f"a{n}@x.io", name="A")).status_code
        for n in range(32)
    ]
    assert codes == [201] * 30 + [429] * 2
    assert (await _post("register", "203.0.113.8", email="b@x.io", name="B")).status_code == 201


async def _forgot(address: str, email: str) -> int:
    transport = transport_to(the_app())
    transport.client = (address, 5000)
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        reply = await client.post("/api/auth/password/forgot", json={"email": email})
    return reply.status_code


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
async def test_who_has_mails_sent_is_stopped_and_their_reader_still_gets_one(
    owner: dict[str, Any], email: str
) -> None:
    assert owner
    assert [await _forgot("203.0.113.9", email) for _ in range(6)] == [204] * 5 + [429]
    assert await _forgot("198.51.100.1", email) == 204


async def test_nobody_gets_mails_without_end_however_many_ask(owner: dict[str, Any]) -> None:
    assert owner
    codes = [await _forgot(f"203.0.113.{n}", "owner@example.com") for n in range(31)]
    assert codes.count(204) in (29, 30), "one went to her who registered"
    assert codes[-1] == 429
