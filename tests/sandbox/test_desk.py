"""Trouble by a page, and trouble at random that a seed brings again."""

from typing import Any

import pytest

from app.sandbox.faults import POSSIBLE, UNKIND, Faults, Kind, Mix, Operation
from tests.edge.gateways.adapters import ALL, World
from tests.edge.gateways.requests import CHARGE, refund, start
from tests.sandbox.server import sandbox_in_process


def drawn(mix: Mix, calls: int = 200) -> list[tuple[Kind, int] | None]:
    faults = Faults()
    faults.start_mix(mix)
    operations = list(Operation)
    taken = [faults.take(operations[number % len(operations)]) for number in range(calls)]
    return [(rule.kind, rule.delay_ms) if rule else None for rule in taken]


def test_the_same_seed_brings_the_same_faults_and_another_brings_others():
    mix = Mix(seed=7, share=0.3, delay_ms=50)
    assert drawn(mix) == drawn(mix)
    assert drawn(mix) != drawn(Mix(seed=8, share=0.3, delay_ms=50))


def test_a_mix_injects_possible_faults_in_about_the_share_asked_for():
    faults = Faults()
    faults.start_mix(Mix(seed=1, share=0.3, kinds=UNKIND))
    for operation in Operation:
        rules = [rule for _ in range(400) if (rule := faults.take(operation))]
        assert 80 <= len(rules) <= 160
        assert {rule.kind for rule in rules} <= POSSIBLE[operation]
        assert all(1 <= rule.delay_ms <= 200 for rule in rules)
    faults.start_mix(None)
    assert faults.take(Operation.VERIFY) is None


def test_only_the_kinds_that_were_asked_for_are_mixed():
    everything = drawn(Mix(seed=1, share=1, kinds=frozenset({Kind.ERROR_500})))
    assert {each[0] for each in everything if each} == {Kind.ERROR_500}
    assert None in everything  # a webhook cannot answer 500


async def desk(world: World, path: str, **form: Any) -> int:
    reply = await world.sandbox.client.post(f"/desk{path}", data=form)
    return reply.status_code


async def page(world: World) -> str:
    reply = await world.sandbox.client.get("/desk")
    assert reply.status_code == 200
    return reply.text


@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
async def test_the_page_shows_the_books_and_acts_as_guest_and_bank(adapter: Any):
    async with sandbox_in_process(step_seconds=None) as (sandbox, transport):
        world = World(adapter, sandbox, transport)
        assert "None yet." in await page(world)
        await start(world)
        [begun] = await sandbox.charges()
        assert await desk(world, f"/charges/{begun['id']}/pay") == 303
        assert "5,000.00" in await page(world)
        await refund(world)
        [begun] = await sandbox.refunds()
        assert await desk(world, f"/refunds/{begun['id']}/succeed") == 303
        assert (await sandbox.refunds())[0]["status"] == "processed"
        assert await desk(world, f"/refunds/{begun['id']}/fly") == 400
        [charge] = await sandbox.charges()
        assert await desk(world, f"/charges/{charge['id']}/charge%20back") == 303
        [wanted] = await sandbox.chargebacks()
        for verb, status in (("remind", 303), ("answer", 303), ("answer", 400), ("fly", 400),
                             ("lost", 303), ("won", 303)):  # fmt: skip
            assert await desk(world, f"/chargebacks/{wanted['id']}/{verb}") == status
        assert "resolved: declined" in await page(world)
        assert await desk(world, "/chargebacks/1/won") == 400
        assert await desk(world, f"/deliveries/{CHARGE}/replay") == 303
        assert CHARGE in await page(world)
        await world.gateway.close()


@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
async def test_the_page_acts_at_the_dashboard(adapter: Any):
    async with sandbox_in_process(step_seconds=None) as (sandbox, transport):
        world = World(adapter, sandbox, transport)
        some = {"gateway": adapter.name, "currency": adapter.currency}
        terms = {"gateway": adapter.name, "lateSeconds": "60", "from": "GBP", "into": "EUR"}
        assert await desk(world, "/terms", **terms, rate="1.17") == 303
        assert "GBP comes in as EUR at 1.17; told 60.0 s later." in await page(world)
        assert await desk(world, "/dashboard/charges", **some, amount="500000") == 303
        [charge] = await sandbox.charges()
        assert "not settled" in await page(world)
        for verb, status in (("settle", 303), ("settle", 400), ("refund%20half", 303)):
            assert await desk(world, f"/charges/{charge['id']}/{verb}") == status
        assert [each["amount"] for each in await sandbox.refunds()] == [250_000]
        assert await desk(world, "/dashboard/transfers", **some, amount="50000") == 303
        [transfer] = await sandbox.transfers()
        await sandbox.end_transfer(transfer["id"])
        half = await desk(world, f"/transfers/{transfer['id']}/take%20half%20back")
        assert half == (303 if adapter.name == "stripe" else 400)
        assert await desk(world, "/dashboard/payouts", **some, amount="1000", status="paid") == 303
        [payout] = await sandbox.payouts()
        assert await desk(world, f"/payouts/{payout['id']}/failed") == 303
        assert await desk(world, "/dashboard/adjustments", **some, amount="-1000") == 303
        assert (await world.books())["adjusted"] == -1_000
        again = await desk(world, f"/charges/{charge['id']}/pay%20again")
        assert again == (303 if adapter.name == "flutterwave" else 400)
        assert await desk(world, "/misbehave", seed="1", times="3") == 303
        assert await desk(world, "/mix", seed="5", share="0.25", unkind="1") == 303
        mix = sandbox.simulator.faults.mix
        assert mix is not None
        assert Kind.LATE in mix.kinds
        for what, form in (("colours", some), ("charges", some), ("payouts", {"gateway": "x"})):
            assert await desk(world, f"/dashboard/{what}", **form) in (400, 404)
        await world.gateway.close()


async def test_faults_are_asked_for_on_the_page_and_ended_there():
    async with sandbox_in_process() as (sandbox, transport):
        world = World(ALL[0], sandbox, transport)
        rule = {"operation": "verify", "kind": "error_500", "times": "3", "delayMs": ""}
        assert await desk(world, "/faults", **rule) == 303
        assert await desk(world, "/mix", seed="5", share="0.25", delayMs="") == 303
        shown = await page(world)
        assert "verify: error_500, 3 more" in shown
        assert "25 % of all calls and webhooks go wrong, seed 5" in shown
        for wrong in (
            {"operation": "verify", "kind": "duplicate"},
            {"operation": "fly", "kind": "drop"},
            {"operation": "verify", "kind": "drop", "times": "0"},
            {"operation": "verify", "kind": "drop", "times": "many"},
        ):
            assert await desk(world, "/faults", **wrong) == 400
        assert await desk(world, "/mix", seed="5", share="2") == 400
        assert await desk(world, "/faults/clear") == 303
        assert "Nothing: all goes well." in await page(world)
        await world.gateway.close()


async def test_a_mix_is_asked_for_by_the_api_too():
    async with sandbox_in_process() as (sandbox, _):
        mix = {"seed": 3, "share": 0.5, "delayMs": 20, "kinds": ["error_500"]}
        assert (await sandbox.client.put("/sandbox/mix", json=mix)).json() == mix
        assert (await sandbox.client.put("/sandbox/mix", json={"seed": 3})).status_code == 400
        assert (await sandbox.client.put("/sandbox/mix", json=None)).status_code < 500
        assert (await sandbox.client.put("/sandbox/mix", content=b"null")).json() is None
