"""What is Stripe's own: amounts, keys, groups, signatures."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe

from app.edge.gateways.port import (
    BadSignature,
    ChargeStatus,
    CheckoutReady,
    EventKind,
    FoundCharge,
    FoundInstruction,
    MoneyOutStatus,
    NoSuchCharge,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.stripe.adapter import VERSION
from app.edge.gateways.stripe.amounts import chargeable, from_wire, to_wire
from app.foundation.money import Money
from app.sandbox.app import STRIPE_WEBHOOK_SECRET
from app.sandbox.stripe.dialect import Stripe as StripeDialect
from tests.edge.gateways.adapters import World, adapter_named, opened
from tests.edge.gateways.requests import CHARGE, PRICE, REFUND, TRANSFER, refund, start, transfer
from tests.edge.gateways.stripe_wire import (
    SECOND_SECRET,
    answering,
    charge,
    error,
    listed,
    listening,
    read,
    signed,
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(adapter_named("stripe"), World) as world:
        yield world


# ---- amounts (Stripe counts some currencies in its own way) -----------------------------------


@pytest.mark.parametrize(
    ("currency", "minor", "wire"),
    [
        ("NGN", 150_000, 150_000),
        ("USD", 150_000, 150_000),
        ("EUR", 150_000, 150_000),
        ("XOF", 1_500, 1_500),
        ("XAF", 1_500, 1_500),
        ("JPY", 1_500, 1_500),
        ("UGX", 1_500, 150_000),
        ("KWD", 1_500_000, 1_500_000),
        ("KWD", 1_230, 1_230),
    ],
)
def test_amounts_on_the_wire_are_as_stripe_counts(currency: str, minor: int, wire: int):
    money = Money(amount=minor, currency=currency)
    assert to_wire(money) == wire
    assert from_wire(wire, currency.lower()) == money


def test_amounts_that_do_not_fit_their_currency_are_refused():
    assert to_wire(Money(amount=1_234, currency="KWD")) is None
    assert to_wire(Money(amount=1, currency="CHF")) is None
    assert from_wire(150_050, "ugx") is None
    assert from_wire(1, "chf") is None
    assert isinstance(chargeable(Money(amount=49, currency="EUR")), Refused)
    assert chargeable(Money(amount=50, currency="EUR")) == 50
    assert chargeable(Money(amount=99_999_999, currency="EUR")) == 99_999_999
    assert isinstance(chargeable(Money(amount=100_000_000, currency="EUR")), Refused)


# ---- calls ---------------------------------------------------------------------------------------


async def test_every_call_pins_the_version_and_every_post_has_its_reference_as_key(world: World):
    sent: list[httpx.Request] = []

    class Noting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return await world.transport.handle_async_request(request)

    gateway = world.adapter.open(Noting(), 5, world.adapter.secrets, "")
    await start(world, gateway=gateway)
    await world.sandbox.pay(CHARGE)
    await refund(world, gateway=gateway)
    await transfer(world, gateway=gateway)
    assert {request.headers["stripe-version"] for request in sent} == {VERSION}
    posts = [request for request in sent if request.method == "POST"]
    assert [post.headers["idempotency-key"] for post in posts] == [CHARGE, REFUND, TRANSFER]
    await gateway.close()


async def test_starting_the_same_charge_again_gives_the_same_page(world: World):
    first = await start(world)
    assert isinstance(first, CheckoutReady)
    assert await start(world) == first


async def test_an_error_that_stripe_repeats_for_a_key_makes_the_reference_taken(world: World):
    await world.sandbox.fault("initialize", "error_500")
    assert isinstance(await start(world), Unknown)
    assert await start(world) == ReferenceTaken()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, error("invalid_request_error"), Refused),
        (402, error("card_error", "card_declined"), Refused),
        (401, error("invalid_request_error"), Refused),
        (400, error("idempotency_error"), ReferenceTaken),
        (409, error("invalid_request_error", "lock_timeout"), Unknown),
        (424, error("api_error"), Unknown),
        (400, error("api_error"), Unknown),
        (429, error("invalid_request_error"), Unknown),
        (400, {"message": "a proxy"}, Unknown),
        (500, error("api_error"), Unknown),
    ],
)
async def test_only_stripes_own_refusal_is_conclusive(
    world: World, status: int, body: Any, outcome: type
):
    gateway = answering(status, body)
    assert isinstance(await start(world, gateway=gateway), outcome)


async def test_of_several_attempts_to_pay_the_one_that_succeeded_counts():
    failed = charge(id="ch_0", status="failed", failure_message="Your card was declined.")
    for order in ((failed, charge()), (charge(), failed)):
        found = await answering(200, listed(*order)).find_charge(CHARGE)
        assert isinstance(found, FoundCharge)
        assert (found.status, found.gateway_id) == (ChargeStatus.SUCCEEDED, "ch_1")
    pending = charge(id="ch_2", status="pending")
    found = await answering(200, listed(failed, pending)).find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert found.status is ChargeStatus.PENDING


@pytest.mark.parametrize(
    "objects",
    [
        [charge(transfer_group="another")],
        [charge(amount=None)],
        [charge(currency="chf")],
        [{}],
    ],
)
async def test_charges_that_make_no_sense_are_unknown(objects: list[dict[str, Any]]):
    assert isinstance(await answering(200, listed(*objects)).find_charge(CHARGE), Unknown)


async def test_of_two_attempts_that_succeeded_the_first_counts_and_the_other_is_named():
    twice = answering(200, listed(charge(id="ch_2"), charge()))
    found = await twice.find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert (found.gateway_id, found.also_paid) == ("ch_1", ("ch_2",))


async def test_a_charge_that_was_refunded_in_full_has_succeeded_all_the_same():
    reported = charge(refunded=True, amount_refunded=PRICE)
    found = await answering(200, listed(reported)).find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert (found.status, found.refunded) == (ChargeStatus.SUCCEEDED, PRICE)


@pytest.mark.parametrize(
    ("balance", "fee"),
    [
        ({"amount": PRICE, "currency": "eur", "fee": 7_500}, (7_500, None)),
        ({"amount": 540_000, "currency": "usd", "fee": 8_100}, (8_100, Money(540_000, "USD"))),
        ({"amount": 540_000, "currency": "xyz", "fee": 8_100}, (None, None)),
        ("txn_1", (None, None)),
        (None, (None, None)),
    ],
)
async def test_the_fee_is_in_the_currency_that_was_settled(balance: Any, fee: Any):
    reported = charge(balance_transaction=balance)
    found = await answering(200, listed(reported)).find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert (found.fee, found.settled) == fee


async def test_a_list_is_read_to_its_end_and_one_without_an_end_is_unknown():
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("starting_after", ""))
        last = len(asked) == 3
        reported = charge() if last else charge(id=f"ch_{len(asked)}", status="failed")
        return httpx.Response(200, json=listed(reported, more=not last))

    found = await listening(answer).find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert asked == ["", "ch_1", "ch_2"]
    endless = answering(200, listed(charge(status="failed"), more=True))
    assert isinstance(await endless.find_charge(CHARGE), Unknown)


async def test_a_transfer_that_was_taken_back_in_part_says_so(world: World):
    made = {
        "id": "tr_1", "amount": 300_000, "amount_reversed": 100_000, "currency": "eur",
        "destination": "acct_1", "livemode": False, "metadata": {"reference": TRANSFER},
    }  # fmt: skip
    gateway = answering(200, listed(made, made | {"id": "tr_2", "metadata": {}}))
    found = await gateway.find_transfer(TRANSFER, charge_reference=CHARGE)
    assert isinstance(found, FoundInstruction)
    assert (found.money.amount, found.returned) == (300_000, 100_000)
    assert found.status is MoneyOutStatus.SUCCEEDED


async def test_a_transfer_without_a_reference_is_found_by_stripes_id() -> None:
    made = {
        "id": "tr_1", "amount": 300_000, "amount_reversed": 300_000, "currency": "eur",
        "destination": "acct_1", "livemode": False, "metadata": {},
    }  # fmt: skip
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=made)

    find = listening(answer).find_transfer
    found = await find("gw:tr_1", charge_reference=CHARGE, gateway_id="tr_1")
    assert isinstance(found, FoundInstruction)
    assert (found.reference, found.status) == ("", MoneyOutStatus.REVERSED)
    strange = await find("", charge_reference=CHARGE, gateway_id="../accounts")
    assert strange == NoSuchInstruction()
    assert asked == ["/v1/transfers/tr_1"]
    gone = answering(404, error("invalid_request_error"))
    assert await gone.find_transfer("", charge_reference=CHARGE, gateway_id="tr_2") == (
        NoSuchInstruction()
    )


async def test_money_out_of_a_charge_that_cannot_be_looked_up_is_not_asked_for(world: World):
    await start(world)
    await world.sandbox.pay(CHARGE)
    for operation in (refund, transfer):
        await world.sandbox.fault("verify", "error_500")
        assert isinstance(await operation(world), Refused)
    assert await world.sandbox.refunds() == []
    assert await world.sandbox.transfers() == []


async def test_a_refund_of_a_charge_that_the_gateway_does_not_know_is_unknown(world: World):
    found = await world.gateway.find_refund(REFUND, charge_reference=CHARGE)
    assert isinstance(found, Unknown)
    assert await world.gateway.find_charge(CHARGE) == NoSuchCharge()


# ---- webhooks, against the official package -------------------------------------------------


def event(kind: str = "checkout.session.completed", **about: Any) -> bytes:
    fields = {"metadata": {"reference": CHARGE}, "payment_status": "paid", **about}
    return json.dumps(
        {"id": "evt_1", "object": "event", "type": kind, "data": {"object": fields}}
    ).encode()


def test_what_the_official_package_signs_is_accepted():
    body = event()
    reported = read(body, signed(body))
    assert (reported.key, reported.kind, reported.reference) == (
        "platform:evt_1",
        EventKind.CHARGE_CHANGED,
        CHARGE,
    )
    assert read(body, signed(body, secret=SECOND_SECRET)).key == reported.key


def test_what_the_sandbox_signs_the_official_package_accepts():
    body = event()
    [signature] = StripeDialect(STRIPE_WEBHOOK_SECRET).signed(body).values()
    reported = stripe.Webhook.construct_event(body, signature, STRIPE_WEBHOOK_SECRET)
    assert reported.id == "evt_1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, SECOND_SECRET)


@pytest.mark.parametrize("age", [-10_000, 0, 250, 310, 100_000])
def test_the_age_of_a_signature_is_judged_as_the_official_package_judges_it(age: int):
    body = event()
    signature = signed(body, at=int(time.time()) - age)
    try:
        stripe.Webhook.construct_event(body, signature, STRIPE_WEBHOOK_SECRET)
    except stripe.SignatureVerificationError:
        with pytest.raises(BadSignature):
            read(body, signature)
    else:
        assert read(body, signature).reference == CHARGE


def test_any_v1_signature_is_accepted_and_no_v0():
    body = event()
    stamp, _, good = signed(body).partition(",")
    stranger = "v1=" + "0" * 64
    assert read(body, f"{stamp},{stranger},{good}").reference == CHARGE
    assert read(body, f"{stamp},{good},v0={'0' * 64}").reference == CHARGE
    for bad in (f"{stamp},{good.replace('v1', 'v0')}", good, stamp, f"{stamp},{stamp},{good}"):
        with pytest.raises(BadSignature):
            read(body, bad)


@pytest.mark.parametrize(
    ("kind", "about", "expected"),
    [
        ("payment_intent.payment_failed", {}, (EventKind.CHARGE_CHANGED, CHARGE)),
        ("checkout.session.completed", {"payment_status": "unpaid"}, (EventKind.OTHER, None)),
        ("checkout.session.expired", {"payment_status": "unpaid"},
         (EventKind.CHARGE_CHANGED, CHARGE)),
        ("charge.refunded", {"metadata": {}, "transfer_group": CHARGE},
         (EventKind.REFUND_CHANGED, CHARGE)),
        ("refund.failed", {"metadata": {"reference": REFUND, "charge_reference": CHARGE}},
         (EventKind.REFUND_CHANGED, CHARGE)),
        ("refund.created", {"metadata": {}}, (EventKind.OTHER, None)),
        ("transfer.reversed", {"metadata": {"reference": TRANSFER}},
         (EventKind.TRANSFER_CHANGED, TRANSFER)),
        ("transfer.created", {"metadata": None}, (EventKind.OTHER, None)),
        ("customer.created", {}, (EventKind.OTHER, None)),
    ],
)  # fmt: skip
def test_the_reference_of_an_event_is_ours_in_its_metadata(kind: str, about: Any, expected: Any):
    body = event(kind, **about)
    reported = read(body, signed(body))
    assert (reported.kind, reported.reference) == expected
    assert reported.name == kind
