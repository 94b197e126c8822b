"""What every adapter of a gateway that reports chargebacks must do, tried at the sandbox."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.edge.gateways.port import (
    Accepted,
    ChargebackStatus,
    ChargeStatus,
    CheckoutReady,
    EventKind,
    FoundCharge,
    FoundChargeback,
    NoSuchInstruction,
    Refused,
    Unknown,
)
from app.foundation.money import Money
from app.sandbox.app import STRIPE_SECRET_KEY
from app.sandbox.faults import Kind, Operation, Rule
from tests.edge.gateways.adapters import ALL, Adapter, World, adapter_named, opened
from tests.edge.gateways.pages import all_of, around_today
from tests.edge.gateways.requests import (
    BEFORE,
    CHARGE,
    PRICE,
    REFUND,
    find_refund,
    refund,
    signed,
    start,
)

OPEN, WON, LOST = ChargebackStatus
TELLING = [adapter for adapter in ALL if adapter.reports_chargebacks]


@asynccontextmanager
async def paid_at(adapter: Adapter) -> AsyncGenerator[World]:
    """A world of this adapter in which a charge of 5,000.00 is paid."""
    async with opened(adapter, World) as world:
        assert isinstance(await start(world), CheckoutReady)
        await world.sandbox.pay(CHARGE)
        yield world


@pytest.fixture(params=TELLING, ids=lambda adapter: adapter.name)
async def paid(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A charge of 5,000.00 is paid, at a gateway that reports chargebacks."""
    async with paid_at(request.param) as world:
        yield world


@pytest.fixture(
    params=[adapter for adapter in ALL if not adapter.reports_chargebacks],
    ids=lambda adapter: adapter.name,
)
async def mute(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A charge of 5,000.00 is paid, at a gateway that does not report chargebacks."""
    async with paid_at(request.param) as world:
        yield world


async def listed_today(world: World) -> dict[str, int]:
    """What is listed by charge, though it be midnight."""
    rows = await all_of(world.gateway.list_chargebacks, around_today())
    assert len({row.charge_reference for row in rows}) == len(rows)
    return {row.charge_reference: row.money.amount for row in rows}


async def find(world: World, reference: str = CHARGE) -> FoundChargeback:
    found = await world.gateway.find_chargebacks(reference)
    assert isinstance(found, list), found
    [chargeback] = found
    return chargeback


def is_taken_at_once(world: World) -> bool:
    return world.adapter.dialect("").takes_chargebacks_at_once


async def test_a_charge_that_nobody_wants_back_has_no_chargeback(paid: World):
    assert paid.gateway.reports_chargebacks
    unpaid = "pay-another-0000000001"
    await start(paid, unpaid)
    for reference in (CHARGE, unpaid, "pay-nobody-00000000000000", "../charges", "", "é"):
        assert await paid.gateway.find_chargebacks(reference) == [], reference
    assert await listed_today(paid) == {}


async def test_an_opened_chargeback_is_found_with_what_the_bank_wants_and_until_when(paid: World):
    before = (await paid.books())["balance"]
    chargeback = await paid.sandbox.charge_back(CHARGE, days=3)
    found = await find(paid)
    assert (found.charge_reference, found.status, found.reason) == (CHARGE, OPEN, "fraudulent")
    assert found.gateway_id in (str(chargeback["id"]), f"dp_{chargeback['id']}")
    assert found.money == Money(amount=PRICE, currency=paid.adapter.currency)
    assert found.evidence_due_at
    assert abs(found.evidence_due_at - datetime.now(UTC) - timedelta(days=3)) < timedelta(hours=1)
    assert not found.live
    assert found.is_taken is is_taken_at_once(paid)
    taken = PRICE + (found.fee or 0) if found.is_taken else 0
    assert (await paid.books())["balance"] == before - taken
    assert await listed_today(paid) == {CHARGE: PRICE}


async def test_a_chargeback_without_evidence_has_no_evidence_due_at(paid: World):
    await paid.sandbox.charge_back(CHARGE, days=None, reason="duplicate")
    found = await find(paid)
    assert (found.evidence_due_at, found.reason) == (None, "duplicate")


async def test_a_chargeback_with_evidence_is_open_until_the_bank_decides(paid: World):
    chargeback = await paid.sandbox.charge_back(CHARGE)
    before = await find(paid)
    await paid.sandbox.answer_chargeback(chargeback["id"])
    found = await find(paid)
    assert found.status is OPEN
    assert found.data["status"] != before.data["status"]


async def test_the_money_of_a_won_chargeback_is_ours_and_may_be_refunded(paid: World):
    before = (await paid.books())["balance"]
    chargeback = await paid.sandbox.charge_back(CHARGE)
    await paid.sandbox.close_chargeback(chargeback["id"], "won")
    found = await find(paid)
    assert (found.status, found.is_taken) == (WON, False)
    assert (await paid.books())["balance"] == before - (found.fee or 0)
    assert isinstance(await refund(paid), Accepted)


async def test_a_lost_chargeback_takes_the_money_and_nothing_can_be_refunded(paid: World):
    before = (await paid.books())["balance"]
    chargeback = await paid.sandbox.charge_back(CHARGE)
    await paid.sandbox.close_chargeback(chargeback["id"], "lost")
    found = await find(paid)
    assert (found.status, found.is_taken) == (LOST, True)
    assert found.money.amount == PRICE
    books = await paid.books()
    assert (books["charged_back"], books["refunded"]) == (PRICE, 0)
    assert books["balance"] == before - PRICE - (found.fee or 0)
    assert isinstance(await refund(paid), Refused)
    assert await find_refund(paid) == NoSuchInstruction()


async def test_a_decided_chargeback_may_be_decided_the_other_way(paid: World):
    chargeback = await paid.sandbox.charge_back(CHARGE)
    for outcome, expected in (("lost", LOST), ("won", WON), ("lost", LOST)):
        await paid.sandbox.close_chargeback(chargeback["id"], outcome)
        found = await find(paid)
        assert (found.status, found.is_taken) == (expected, expected is LOST)


async def test_a_part_of_a_charge_may_be_wanted_back(paid: World):
    chargeback = await paid.sandbox.charge_back(CHARGE, amount=200_000)
    await paid.sandbox.close_chargeback(chargeback["id"], "lost")
    found = await find(paid)
    assert found.money == Money(amount=200_000, currency=paid.adapter.currency)
    assert (await paid.books())["charged_back"] == 200_000
    still = await paid.gateway.find_charge(CHARGE)
    assert isinstance(still, FoundCharge)
    assert still.money.amount == PRICE
    assert isinstance(await refund(paid, amount=300_001), Refused)


async def test_all_chargebacks_of_a_charge_are_found_and_none_of_another(paid: World):
    await start(paid, "pay-another-0000000001")
    await paid.sandbox.pay("pay-another-0000000001")
    await paid.sandbox.charge_back("pay-another-0000000001")
    for _ in range(2):
        await paid.sandbox.charge_back(CHARGE, amount=100_000)
    found = await paid.gateway.find_chargebacks(CHARGE)
    assert isinstance(found, list)
    assert [each.charge_reference for each in found] == [CHARGE] * 2
    assert len({each.gateway_id for each in found}) == 2


async def test_more_chargebacks_of_a_charge_than_fit_a_page_are_found(paid: World):
    for _ in range(120):
        await paid.sandbox.charge_back(CHARGE, amount=100)
    found = await paid.gateway.find_chargebacks(CHARGE)
    assert isinstance(found, list)
    assert len({each.gateway_id for each in found}) == 120


async def test_a_day_of_250_chargebacks_is_listed_page_by_page(paid: World):
    first, books = (await paid.sandbox.charges())[0], paid.sandbox.simulator.books
    expected: dict[str, int] = {}
    for number in range(1_000, 1_250):
        reference = f"pay-{number:032d}"
        another = books.transactions.begin(
            gateway=paid.adapter.name, reference=reference, access_code=f"code-{number}",
            email=first["email"], amount=PRICE, currency=first["currency"],
            callback_url=first["callback_url"],
            metadata=first["metadata"].replace(CHARGE, reference),
        )  # fmt: skip
        paid_one = books.transactions.pay(another.id)
        assert paid_one
        expected[reference] = paid.sandbox.simulator.issuer.charge_back(
            paid_one, amount=100_000 + number * 100
        ).amount
    assert await listed_today(paid) == expected


async def test_a_look_up_or_list_that_broke_is_unknown(paid: World):
    await paid.sandbox.charge_back(CHARGE)
    for kind in BEFORE:
        await paid.sandbox.fault("chargebacks", kind, times=2)
        assert isinstance(await paid.gateway.find_chargebacks(CHARGE), Unknown)
        assert isinstance(await paid.gateway.list_chargebacks(around_today(), None), Unknown)
        await paid.sandbox.fault("verify", kind)
        assert isinstance(await paid.gateway.find_chargebacks(CHARGE), Unknown)


async def test_a_look_up_that_takes_too_long_is_unknown(paid: World):
    await paid.sandbox.charge_back(CHARGE)
    await paid.sandbox.fault("chargebacks", "delay", delay_ms=3_000)
    hasty = paid.open(timeout_s=0.2)
    assert isinstance(await hasty.find_chargebacks(CHARGE), Unknown)
    await hasty.close()


async def test_a_call_with_a_wrong_key_is_unknown(paid: World):
    wrong = paid.open(key="sk_test_wrong_000000000000000000")
    assert isinstance(await wrong.find_chargebacks(CHARGE), Unknown)
    assert isinstance(await wrong.list_chargebacks(around_today(), None), Unknown)
    await wrong.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>proxy</html>"), (200, b"{}"), (200, b"[]"), (200, b"null"),
        (200, b'{"status": true, "data": null}'), (200, b'{"object": "list"}'),
        (403, b'{"error": "blocked"}'), (409, b"{}"), (500, b""), (302, b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("adapter", TELLING, ids=lambda adapter: adapter.name)
async def test_a_reply_that_makes_no_sense_is_unknown(adapter: Adapter, status: int, body: bytes):
    nonsense = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    gateway = adapter.open(nonsense, 5, adapter.secrets, "")
    assert isinstance(await gateway.find_chargebacks(CHARGE), Unknown)
    assert isinstance(await gateway.list_chargebacks(around_today(), None), Unknown)
    await gateway.close()


async def test_a_wrong_amount_is_returned_as_it_is(paid: World):
    await paid.sandbox.charge_back(CHARGE)
    await paid.sandbox.fault("chargebacks", "wrong_amount")
    assert (await find(paid)).money.amount == PRICE - 100


# ---- webhooks ------------------------------------------------------------------------------------


async def heard(world: World) -> list[Any]:
    """What the webhooks about chargebacks say, in the order in which they are sent."""
    bodies = [
        webhook["body"].encode()
        for webhook in await world.sandbox.deliveries()
        if "dispute" in webhook["event"]
    ]
    return [world.gateway.read_webhook(signed(world, body), body) for body in bodies]


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_each_step_of_a_chargeback_is_one_event_that_leads_to_it(paid: World, outcome: str):
    chargeback = await paid.sandbox.charge_back(CHARGE)
    steps = [len(await heard(paid))]
    await paid.sandbox.remind_of_chargeback(chargeback["id"])
    await paid.sandbox.answer_chargeback(chargeback["id"])
    steps.append(len(await heard(paid)))
    for _ in range(2):  # the second time it is closed already
        await paid.sandbox.close_chargeback(chargeback["id"], outcome)
        steps.append(len(await heard(paid)))
    assert 0 < steps[0] < steps[1] < steps[2] == steps[3]
    events = await heard(paid)
    assert {event.kind for event in events} == {EventKind.CHARGEBACK_CHANGED}
    assert len({event.key for event in events}) == len(events)
    for event in events:
        assert (await find(paid, event.reference)).charge_reference == CHARGE


async def test_a_webhook_with_a_wrong_amount_leads_to_the_true_chargeback(paid: World):
    await paid.sandbox.charge_back(CHARGE)
    rule = Rule(operation=Operation.WEBHOOK, kind=Kind.WRONG_AMOUNT)
    true = (await paid.sandbox.deliveries())[-1]["body"]
    distorted = paid.adapter.dialect("").distorted(true, rule)
    assert str(PRICE - 100) in distorted
    assert str(PRICE - 100) not in true
    event = paid.gateway.read_webhook(signed(paid, distorted.encode()), distorted.encode())
    assert event.reference
    assert (await find(paid, event.reference)).money.amount == PRICE


# ---- each gateway's own --------------------------------------------------------------------------


@pytest.fixture
async def at_stripe() -> AsyncIterator[World]:
    async with paid_at(adapter_named("stripe")) as world:
        yield world


async def events(world: World) -> list[str]:
    return [webhook["event"] for webhook in await world.sandbox.deliveries()]


async def test_stripe_refuses_to_refund_what_is_disputed_and_says_so(at_stripe: World):
    chargeback = await at_stripe.sandbox.charge_back(CHARGE, amount=100_000)
    refused = await refund(at_stripe, amount=1_000)
    assert isinstance(refused, Refused)
    assert "charged back" in refused.reason
    disputed = await at_stripe.gateway.find_charge(CHARGE)
    assert isinstance(disputed, FoundCharge)
    assert (disputed.status, disputed.data["disputed"]) == (ChargeStatus.SUCCEEDED, True)
    await at_stripe.sandbox.close_chargeback(chargeback["id"], "won")
    assert isinstance(await refund(at_stripe, f"{REFUND}-2", 1_000), Accepted)


async def test_stripe_takes_a_fee_and_keeps_it(at_stripe: World):
    before = (await at_stripe.books())["balance"]
    chargeback = await at_stripe.sandbox.charge_back(CHARGE)
    assert (await find(at_stripe)).fee == chargeback["fee"] > 0
    await at_stripe.sandbox.close_chargeback(chargeback["id"], "won")
    assert (await find(at_stripe)).fee == chargeback["fee"]
    assert (await at_stripe.books())["balance"] == before - chargeback["fee"]


async def test_stripe_reports_a_chargeback_by_five_events(at_stripe: World):
    chargeback = await at_stripe.sandbox.charge_back(CHARGE)
    await at_stripe.sandbox.answer_chargeback(chargeback["id"])
    await at_stripe.sandbox.close_chargeback(f"dp_{chargeback['id']}", "won")
    assert (await events(at_stripe))[-5:] == [
        f"charge.dispute.{news}"
        for news in ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated")
    ]


async def test_the_sandbox_returns_every_field_that_stripes_official_file_requires(
    at_stripe: World,
):
    await at_stripe.sandbox.charge_back(CHARGE)
    reply = await at_stripe.sandbox.client.get(
        "/v1/disputes",
        headers={"Authorization": f"Bearer {STRIPE_SECRET_KEY}", "Stripe-Version": "x"},
    )
    [chargeback] = reply.json()["data"]
    # github.com/stripe/openapi, openapi/spec3.yaml, 2023-09-12 (MIT)
    assert set(chargeback) >= {
        "amount", "balance_transactions", "charge", "created", "currency", "evidence",
        "evidence_details", "id", "is_charge_refundable", "livemode", "metadata", "object",
        "reason", "status",
    }  # fmt: skip
    assert set(chargeback["evidence_details"]) >= {"has_evidence", "past_due", "submission_count"}
    assert chargeback["charge"].startswith("ch_")  # the whole of it only if that is asked for


async def test_paystack_reports_a_chargeback_by_three_events():
    async with paid_at(adapter_named("paystack")) as world:
        chargeback = await world.sandbox.charge_back(CHARGE)
        await world.sandbox.remind_of_chargeback(chargeback["id"])
        await world.sandbox.answer_chargeback(chargeback["id"])
        await world.sandbox.close_chargeback(chargeback["id"], "lost")
        assert (await events(world))[-3:] == [
            f"charge.dispute.{news}" for news in ("create", "remind", "resolve")
        ]


# ---- a gateway that reports no chargebacks ------------------------------------------------------


async def test_flutterwave_takes_the_money_of_a_lost_chargeback_without_a_webhook(mute: World):
    assert not mute.gateway.reports_chargebacks
    before = (await mute.books())["balance"]
    webhooks = len(await mute.sandbox.deliveries())
    chargeback = await mute.sandbox.charge_back(CHARGE)
    await mute.sandbox.close_chargeback(chargeback["id"], "lost")
    assert (await mute.books())["balance"] == before - PRICE
    assert len(await mute.sandbox.deliveries()) == webhooks
    assert await mute.gateway.find_chargebacks(CHARGE) == []
    assert isinstance(await refund(mute), Refused)


# ---- the sandbox itself --------------------------------------------------------------------------


async def test_a_chargeback_that_is_not_possible_is_refused(paid: World):
    client = paid.sandbox.client
    await start(paid, "pay-another-0000000001")
    for reference, wanted, status in (
        ("pay-nobody", {}, 404),
        ("pay-another-0000000001", {}, 400),  # not paid
        (CHARGE, {"amount": PRICE + 1}, 400),
        (CHARGE, {"amount": 0}, 400),
        (CHARGE, {"days": -1}, 400),
        (CHARGE, {"colour": "red"}, 400),
    ):
        reply = await client.post(f"/sandbox/charges/{reference}/chargeback", json=wanted)
        assert reply.status_code == status, (reference, wanted)
    assert await paid.sandbox.chargebacks() == []
    chargeback = await paid.sandbox.charge_back(CHARGE)
    again = await client.post(f"/sandbox/charges/{CHARGE}/chargeback", json={})
    assert again.status_code == 400  # all of it is wanted back already
    for path, body in (("close", {"outcome": "drawn"}), ("close", {}), ("fly", {})):
        reply = await client.post(f"/sandbox/chargebacks/{chargeback['id']}/{path}", json=body)
        assert reply.status_code in (400, 404)
    await paid.sandbox.close_chargeback(chargeback["id"], "won")
    for verb in ("answer", "remind"):
        reply = await client.post(f"/sandbox/chargebacks/{chargeback['id']}/{verb}")
        assert reply.status_code == 400
    assert (await client.post("/sandbox/chargebacks/1/answer")).status_code == 404


async def test_without_an_amount_the_bank_wants_what_the_guest_does_not_have_yet(paid: World):
    await refund(paid, REFUND, 200_000)
    assert (await paid.sandbox.charge_back(CHARGE))["amount"] == 300_000
