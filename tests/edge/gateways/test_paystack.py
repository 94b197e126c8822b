"""The Paystack adapter against the sandbox in this process, and against strange answers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.paystack.amounts import WIRE_MIN, from_wire, to_wire
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    FoundCharge,
    NoSuchCharge,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.foundation.money import Money
from app.sandbox.app import SECRET_KEY
from tests.edge.gateways.paystack_requests import new_charge
from tests.edge.gateways.paystack_wire import BASE, answering, paystack, transaction
from tests.sandbox.server import SandboxHandle, sandbox_in_process


@pytest.fixture
async def world() -> AsyncIterator[tuple[SandboxHandle, Paystack]]:
    async with sandbox_in_process() as (sandbox, transport):
        gateway = paystack(transport)
        yield sandbox, gateway
        await gateway.close()


World = tuple[SandboxHandle, Paystack]


async def test_a_paid_charge_is_found_as_succeeded_with_what_was_asked(world: World):
    sandbox, gateway = world
    started = await gateway.start_charge(new_charge())
    assert isinstance(started, CheckoutReady)
    assert started.checkout_url.startswith(f"{BASE}/checkout/")

    await sandbox.pay("bk-1")
    found = await gateway.find_charge("bk-1")

    assert isinstance(found, FoundCharge)
    assert (found.reference, found.status, found.failure) == ("bk-1", ChargeStatus.SUCCEEDED, "")
    assert found.money == Money(amount=500_000, currency="NGN")
    assert found.live is gateway.live is False
    assert int(found.gateway_id) > 2**32
    assert found.data["fees"] == 7_500
    assert json.loads(json.dumps(found.data)) == found.data


async def test_a_declined_charge_is_found_as_failed_with_the_reason(world: World):
    sandbox, gateway = world
    await gateway.start_charge(new_charge())
    await sandbox.decline("bk-1")
    found = await gateway.find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert (found.status, found.failure) == (ChargeStatus.FAILED, "Declined")


async def test_a_declined_charge_can_still_be_paid(world: World):
    sandbox, gateway = world
    await gateway.start_charge(new_charge())
    await sandbox.decline("bk-1")
    await sandbox.pay("bk-1")
    found = await gateway.find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.status is ChargeStatus.SUCCEEDED


async def test_a_charge_that_nobody_has_paid_yet_is_abandoned(world: World):
    _, gateway = world
    await gateway.start_charge(new_charge())
    found = await gateway.find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.status is ChargeStatus.ABANDONED
    assert found.money == new_charge().money


async def test_a_second_start_with_the_same_reference_says_that_it_is_taken(world: World):
    sandbox, gateway = world
    await gateway.start_charge(new_charge())
    assert await gateway.start_charge(new_charge()) == ReferenceTaken()
    assert len(await sandbox.charges()) == 1


async def test_a_reference_that_the_gateway_never_saw_is_no_such_charge(world: World):
    _, gateway = world
    assert await gateway.find_charge("bk-unseen") == NoSuchCharge()


@pytest.mark.parametrize("reference", ["..", ".", "", "a/b", "a_b", "ä", "a?b", "a#b", "a" * 101])
async def test_a_reference_that_paystack_cannot_have_is_never_asked_for(reference: str):
    gateway = answering(500, {})
    assert await gateway.find_charge(reference) == NoSuchCharge()
    assert isinstance(await gateway.start_charge(new_charge(reference)), Refused)


@pytest.mark.parametrize("operation", ["initialize", "verify"])
@pytest.mark.parametrize("kind", ["error_500", "drop"])
async def test_a_call_that_broke_before_its_effect_is_unknown_and_did_nothing(
    world: World, operation: str, kind: str
):
    sandbox, gateway = world
    await sandbox.fault(operation, kind)
    if operation == "initialize":
        assert isinstance(await gateway.start_charge(new_charge()), Unknown)
        assert await gateway.find_charge("bk-1") == NoSuchCharge()
        assert isinstance(await gateway.start_charge(new_charge()), CheckoutReady)
    else:
        assert isinstance(await gateway.find_charge("bk-1"), Unknown)


async def test_a_start_that_timed_out_after_its_effect_is_unknown_and_then_taken():
    async with sandbox_in_process() as (sandbox, transport):
        hasty = paystack(transport, timeout_s=0.1)
        await sandbox.fault("initialize", "timeout_after_effect")
        started = await hasty.start_charge(new_charge())
        assert isinstance(started, Unknown)
        assert "0.1 s" in started.reason
        assert isinstance(await hasty.find_charge("bk-1"), FoundCharge)
        assert await hasty.start_charge(new_charge()) == ReferenceTaken()
        await hasty.close()


async def test_a_start_that_is_only_slow_succeeds(world: World):
    sandbox, gateway = world
    await sandbox.fault("initialize", "delay", delay_ms=50)
    assert isinstance(await gateway.start_charge(new_charge()), CheckoutReady)


async def test_a_port_where_nobody_listens_is_unknown():
    gateway = Paystack(secret_keys=["sk_test_x"], base_url="http://127.0.0.1:9", timeout_s=2)
    assert isinstance(await gateway.start_charge(new_charge()), Unknown)
    assert isinstance(await gateway.find_charge("bk-1"), Unknown)
    await gateway.close()


async def test_a_wrong_key_refuses_a_start_but_says_nothing_about_a_charge():
    async with sandbox_in_process() as (_, transport):
        gateway = paystack(transport, key="sk_test_wrong")
        assert await gateway.start_charge(new_charge()) == Refused(reason="Invalid key (HTTP 401)")
        found = await gateway.find_charge("bk-1")
        assert isinstance(found, Unknown)  # not NoSuchCharge: it may well exist
        await gateway.close()


async def test_the_wrong_amount_and_currency_are_returned_as_the_gateway_reports_them(world: World):
    sandbox, gateway = world
    await gateway.start_charge(new_charge())
    await sandbox.pay("bk-1")
    await sandbox.fault("verify", "wrong_amount")
    await sandbox.fault("verify", "wrong_currency")
    less, other, right = [await gateway.find_charge("bk-1") for _ in range(3)]
    assert isinstance(less, FoundCharge)
    assert isinstance(other, FoundCharge)
    assert isinstance(right, FoundCharge)
    assert less.money == Money(amount=499_900, currency="NGN")
    assert other.money == Money(amount=500_000, currency="USD")
    assert right.money == Money(amount=500_000, currency="NGN")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"not json"),
        (200, b'{"status": true, "data": {"authorization_url": "https://x.te'),
        (200, b"[" * 100_000),
        (200, b'"\xff"'),
        (200, {}),
        (200, []),
        (200, {"status": False, "message": "?"}),
        (200, {"status": True, "data": None}),
        (200, {"status": True, "data": {"authorization_url": "https://x.test"}}),
        (200, {"status": True, "data": {"authorization_url": "javascript:x", "reference": "bk-1"}}),
        (200, {"status": True, "data": {"authorization_url": "https://x", "reference": "other"}}),
        (200, transaction(reference="other")),
        (200, transaction(amount=-1)),
        (200, transaction(amount="much")),
        (200, transaction(amount=10**30)),
        (200, transaction(domain="moon")),
        (200, transaction(currency="???")),
        (200, transaction(currency="XOF", amount=150, requested_amount=150)),
        (200, b"x" * 2_000_000),
        (204, b""),
        (302, b""),
        (301, {"status": True}),
        (403, b"<html>blocked</html>"),
        (404, b"<html>no such page</html>"),
        (404, {"message": "no Route matched with those values"}),
        (408, {"status": False, "message": "?"}),
        (429, {"status": False, "message": "slow down"}),
        (500, {"status": False, "message": "?"}),
        (502, b"<html>"),
        (503, {"status": False}),
        (200, {"status": True, "data": {"authorization_url": "https://x/\0", "reference": "bk-1"}}),
    ],
)
async def test_a_reply_that_makes_no_sense_is_unknown(status: int, body: Any):
    gateway = answering(status, body)
    assert isinstance(await gateway.start_charge(new_charge()), Unknown)
    assert isinstance(await gateway.find_charge("bk-1"), Unknown)


@pytest.mark.parametrize("shape", ["object", "", "{}", 0, None, {"deep": [1]}])
async def test_transaction_metadata_of_any_type_is_accepted(shape: Any):
    found = await answering(200, transaction(metadata=shape)).find_charge("bk-1")
    assert isinstance(found, FoundCharge)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("success", ChargeStatus.SUCCEEDED),
        ("failed", ChargeStatus.FAILED),
        ("reversed", ChargeStatus.SUCCEEDED),
        ("abandoned", ChargeStatus.ABANDONED),
        ("ongoing", ChargeStatus.PENDING),
        ("pending", ChargeStatus.PENDING),
        ("processing", ChargeStatus.PENDING),
        ("queued", ChargeStatus.PENDING),
        ("Success", ChargeStatus.PENDING),
        ("a word of next year", ChargeStatus.PENDING),
    ],
)
async def test_only_success_is_paid(word: str, status: ChargeStatus):
    found = await answering(200, transaction(status=word)).find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.status is status
    assert found.refunded == (found.money.amount if word == "reversed" else None)


async def test_a_fee_that_the_payer_pays_is_not_part_of_what_was_asked():
    # The official sample: 40333 = 30050 + 10283.
    body = transaction(amount=40_333, requested_amount=30_050, fees=10_283)
    found = await answering(200, body).find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.money.amount == 30_050


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        ({"fees": 7_500}, 7_500),
        ({"fees": 0}, 0),
        ({"fees": None}, None),
        ({"fees": "7500"}, None),
        ({"fees": -1}, None),
        ({"amount": 510_000, "fees": 10_000}, 0),  # the payer bears it
        ({"amount": 506_000, "fees": 10_000}, 4_000),  # the payer bears a part of it
        ({"currency": "XOF", "fees": 7_550}, 75),  # no fractions of a franc
    ],
)
async def test_the_fee_is_what_the_gateway_keeps_of_what_was_asked(
    changes: dict[str, Any], fee: int | None
):
    found = await answering(200, transaction(**changes)).find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.fee == fee


async def test_a_charge_paid_in_part_is_found_with_what_was_paid():
    found = await answering(200, transaction(amount=100)).find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert found.money.amount == 100


@pytest.mark.parametrize("absent", ["requested_amount", "fees", "channel", "gateway_response"])
async def test_a_field_that_is_not_needed_may_be_absent_or_null(absent: str):
    body = transaction(**{absent: None})
    assert isinstance(await answering(200, body).find_charge("bk-1"), FoundCharge)
    del body["data"][absent]
    assert isinstance(await answering(200, body).find_charge("bk-1"), FoundCharge)


async def test_a_test_payment_is_never_live_under_a_live_key():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=transaction()))
    gateway = paystack(transport, key="sk_live_x")
    found = await gateway.find_charge("bk-1")
    assert isinstance(found, FoundCharge)
    assert gateway.live
    assert not found.live


async def test_the_lookup_of_an_unknown_reference_may_also_be_a_400():
    body = {"status": False, "message": "Transaction reference not found", "type":
            "validation_error", "code": "transaction_not_found"}  # fmt: skip
    assert await answering(400, body).find_charge("bk-1") == NoSuchCharge()


async def test_an_error_whose_status_is_text_is_read_too():
    refused = await answering(400, {"status": "false", "message": "No."}).start_charge(new_charge())
    assert refused == Refused(reason="No. (HTTP 400)")


@pytest.mark.parametrize(
    ("currency", "minor", "wire"),
    [
        ("GHS", 150_000, 150_000),
        ("KES", 150_000, 150_000),
        ("NGN", 150_000, 150_000),
        ("USD", 150_000, 150_000),
        ("ZAR", 150_000, 150_000),
        ("XOF", 1_500, 150_000),
        ("NGN", 5_001, 5_001),
        ("XOF", 1, 100),
    ],
)
def test_amounts_on_the_wire_are_hundredths_of_the_major_unit(currency: str, minor: int, wire: int):
    money = Money(amount=minor, currency=currency)
    assert to_wire(money) == wire
    assert from_wire(wire, currency) == money


def test_amounts_that_do_not_fit_their_currency_are_refused():
    for currency in ("CHF", "EUR", "JPY", "KWD"):
        assert to_wire(Money(amount=1_000, currency=currency)) is None
        assert from_wire(1_000, currency) is None
    assert from_wire(150_050, "XOF") is None


@pytest.mark.parametrize("currency", sorted(WIRE_MIN))
async def test_charges_below_the_smallest_and_above_the_largest_are_refused(
    world: World, currency: str
):
    sandbox, gateway = world
    smallest = from_wire(WIRE_MIN[currency], currency)
    largest = from_wire(1_000_000_000, currency)
    assert smallest
    assert largest
    for index, money in enumerate([smallest, largest]):
        assert gateway.refuses(money) is None
        reference = f"{currency}-{index}"
        assert isinstance(
            await gateway.start_charge(new_charge(reference, money=money)), CheckoutReady
        )
        found = await gateway.find_charge(reference)
        assert isinstance(found, FoundCharge)
        assert found.money == money
    for amount in (0, smallest.amount - 1, largest.amount + 1):
        beyond = Money(amount=amount, currency=currency)
        assert gateway.refuses(beyond)
        assert isinstance(await gateway.start_charge(new_charge("no", money=beyond)), Refused)
    assert len(await sandbox.charges()) == 2


async def test_a_currency_that_is_not_offered_is_refused_without_a_call():
    gateway = answering(500, {})
    euros = Money(amount=500, currency="EUR")
    assert gateway.refuses(euros) == "Paystack does not take EUR"
    assert isinstance(await gateway.start_charge(new_charge(money=euros)), Refused)


async def test_one_line_is_logged_per_attempt_and_never_the_key(world: World):
    _, gateway = world
    with capture_logs() as lines:
        await gateway.start_charge(new_charge())
    (line,) = [line for line in lines if line["event"] == "gateway call"]
    assert line.pop("latency_ms") >= 0
    assert line == {
        "event": "gateway call",
        "log_level": "info",
        "gateway": "paystack",
        "operation": "initialize",
        "reference": "bk-1",
        "attempt": 1,
        "status": 200,
        "outcome": "answered",
    }
    assert SECRET_KEY not in repr(lines)
