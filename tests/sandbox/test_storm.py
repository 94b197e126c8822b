"""An unkind gateway at random: asked again, it shows each thing once, and misses none."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app.sandbox.faults import UNKIND, Kind, Mix
from tests.sandbox.server import SandboxHandle, sandbox_in_process
from tests.sandbox.stripe_calls import HEADERS, payee, post
from tests.sandbox.test_lists import take

# What replies, and replies soon: these tests measure nothing.
KINDS: Final = UNKIND - {Kind.TIMEOUT_AFTER_EFFECT, Kind.DROP}


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with sandbox_in_process(step_seconds=0.01) as (handle, _):
        yield handle


async def calm(sandbox: SandboxHandle, path: str) -> dict[str, Any]:
    """A reply to a call that is repeated until it goes well."""
    while True:
        reply = await sandbox.client.get(path, headers=HEADERS)
        if reply.is_success:
            return reply.json()


async def walk(sandbox: SandboxHandle, path: str) -> list[str]:
    """All rows of a list, with those that come twice."""
    seen: list[str] = []
    while True:
        after = f"&starting_after={seen[-1]}" if seen else ""
        page = await calm(sandbox, f"{path}?limit=5{after}")
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            return seen


async def test_whoever_walks_a_list_again_sees_every_row(sandbox: SandboxHandle):
    for _ in range(15):
        take(sandbox, "stripe")
    was_unkind = False
    for seed in range(5):
        sandbox.simulator.faults.start_mix(Mix(seed=seed, share=0.4, delay_ms=5, kinds=KINDS))
        await sandbox.misbehave(seed, 4)
        walks = [await walk(sandbox, "/v1/charges") for _ in range(4)]
        sandbox.simulator.faults.start_mix(None)
        everything = await walk(sandbox, "/v1/charges")
        assert len(everything) == len(set(everything))
        assert {each for walked in walks for each in walked} == set(everything)
        was_unkind |= any(Counter(walked) != Counter(everything) for walked in walks)
    assert was_unkind


@pytest.mark.parametrize("seed", range(3))
async def test_one_key_moves_money_once_whatever_goes_wrong(sandbox: SandboxHandle, seed: int):
    code = await payee(sandbox)
    await sandbox.top_up(1_000_000, "EUR", "stripe")
    sandbox.simulator.faults.start_mix(Mix(seed=seed, share=0.5, delay_ms=5, kinds=KINDS))
    paid = 0
    for number in range(15):
        new = {"amount": 1_000, "currency": "eur", "destination": code, "metadata__n": number}
        key = f"tr-{number}"
        replies = [await post(sandbox, "transfers", key=key, **new) for _ in range(4)]
        kept = [each for each in replies if "idempotent-replayed" in each.headers]
        assert len({each.status_code for each in kept}) <= 1  # a 500 stays one
        made = [each for each in await sandbox.transfers() if f'"n":"{number}"' in each["metadata"]]
        assert len(made) <= 1
        paid += len(made)
        if any(each.is_success for each in replies):
            assert len(made) == 1
    assert (await sandbox.books("stripe"))["EUR"]["transferred"] == paid * 1_000
