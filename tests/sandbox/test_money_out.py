"""Money out at the sandbox: through the adapter, through its webhooks, and in its books."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import (
    Accepted,
    ChargeStatus,
    Event,
    EventKind,
    FoundCharge,
    FoundInstruction,
    MoneyOutStatus,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.recipients import RecipientReady
from app.foundation.money import Money
from app.sandbox.app import SECRET_KEY
from tests.edge.gateways.paystack_requests import (
    OF_CHARGE,
    new_charge,
    new_recipient,
    new_refund,
    new_transfer,
)
from tests.edge.gateways.paystack_wire import paystack
from tests.sandbox.facts import AUTHORIZED, FACTS, TYPES
from tests.sandbox.server import (
    NOWHERE,
    SandboxHandle,
    running_sandbox,
    sandbox_in_process,
    serving,
)
from tests.sandbox.webhooks import Receiver, all_delivered, delivered, eventually

REFUND = "rf-0000000000000001-1"
TRANSFER = "tr-0000000000000001-1"

World = tuple[SandboxHandle, Paystack]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A charge of 5,000.00 NGN is paid, and money for transfers is there."""
    async with sandbox_in_process() as (sandbox, transport):
        gateway = paystack(transport)
        await prepare(sandbox, gateway)
        yield sandbox, gateway
        await gateway.close()


async def prepare(sandbox: SandboxHandle, gateway: Paystack) -> None:
    await gateway.start_charge(new_charge())
    await sandbox.pay("bk-1")
    await sandbox.top_up(2_000_000, "NGN")


async def transfer(gateway: Paystack, **changes: Any) -> Any:
    ready = await gateway.create_recipient(new_recipient())
    assert isinstance(ready, RecipientReady)
    return await gateway.start_transfer(new_transfer(recipient=ready.recipient, **changes))


async def find_refund(gateway: Paystack, reference: str = REFUND) -> Any:
    return await gateway.find_refund(reference, charge_reference="bk-1")


async def end(find: Callable[[], Awaitable[Any]], status: MoneyOutStatus) -> FoundInstruction:
    """Look until it has come to this end."""
    async with asyncio.timeout(10):
        while True:
            found = await find()
            assert isinstance(found, FoundInstruction)
            if found.status is status:
                return found
            await asyncio.sleep(0.01)


async def test_a_refund_is_queued_and_processed_a_moment_later(world: World):
    sandbox, gateway = world
    accepted = await gateway.start_refund(new_refund())
    assert isinstance(accepted, Accepted)
    assert accepted.status is MoneyOutStatus.PENDING
    found = await end(lambda: find_refund(gateway), MoneyOutStatus.SUCCEEDED)
    assert found.gateway_id == accepted.gateway_id
    assert found.money == Money(amount=200_000, currency="NGN")
    assert (await sandbox.books())["NGN"]["refunded"] == 200_000


async def test_the_same_refund_started_twice_is_found_with_twice_the_amount(world: World):
    sandbox, gateway = world
    await gateway.start_refund(new_refund())
    await gateway.start_refund(new_refund())
    assert len(await sandbox.refunds()) == 2
    found = await find_refund(gateway)
    assert isinstance(found, FoundInstruction)
    assert found.money.amount == 400_000  # twice what was asked for


async def test_many_refunds_of_one_charge_are_found_each_by_its_own_note(world: World):
    _, gateway = world
    for number in range(1, 12):
        reference = f"rf-0000000000000001-{number}"
        money = Money(amount=1_000 * number, currency="NGN")
        await gateway.start_refund(new_refund(reference, money=money))
    for number in range(1, 12):
        found = await find_refund(gateway, f"rf-0000000000000001-{number}")
        assert isinstance(found, FoundInstruction)
        assert found.money.amount == 1_000 * number


async def test_the_list_of_refunds_knows_charges_by_their_id_alone(world: World):
    sandbox, gateway = world
    await gateway.start_refund(new_refund())

    async def listed(transaction: str) -> int:
        path = f"/refund?transaction={transaction}"
        return len((await sandbox.client.get(path, headers=AUTHORIZED)).json()["data"])

    (paid,) = await sandbox.charges()
    assert (await listed(paid["id"]), await listed("bk-1"), await listed("1")) == (1, 0, 0)


async def test_no_more_than_what_is_left_of_a_charge_is_refunded(world: World):
    sandbox, gateway = world
    whole = new_refund(money=Money(amount=500_001, currency="NGN"))
    assert isinstance(await gateway.start_refund(whole), Refused)
    await gateway.start_refund(new_refund(money=Money(amount=400_000, currency="NGN")))
    again = await gateway.start_refund(new_refund("rf-0000000000000001-2"))
    assert isinstance(again, Refused)
    assert "what is left" in again.reason
    await gateway.start_refund(
        new_refund("rf-0000000000000001-3", money=Money(amount=100_000, currency="NGN"))
    )
    last = await gateway.start_refund(new_refund("rf-0000000000000001-4"))
    assert isinstance(last, Refused)
    assert "fully reversed" in last.reason
    assert len(await sandbox.refunds()) == 2


async def test_a_refund_that_failed_can_be_made_again(world: World):
    sandbox, gateway = world
    whole = Money(amount=500_000, currency="NGN")
    await sandbox.fault("refund", "fail")
    await gateway.start_refund(new_refund(money=whole))
    found = await end(lambda: find_refund(gateway), MoneyOutStatus.FAILED)
    assert found.failure
    again = new_refund("rf-0000000000000001-2", money=whole)
    assert isinstance(await gateway.start_refund(again), Accepted)


async def test_a_full_refund_reverses_its_charge_and_a_partial_one_does_not(world: World):
    _, gateway = world

    async def result() -> FoundCharge:
        found = await gateway.find_charge("bk-1")
        assert isinstance(found, FoundCharge)
        return found

    await gateway.start_refund(new_refund())
    await end(lambda: find_refund(gateway), MoneyOutStatus.SUCCEEDED)
    assert (await result()).status is ChargeStatus.SUCCEEDED
    rest = new_refund("rf-0000000000000001-2", money=Money(amount=300_000, currency="NGN"))
    await gateway.start_refund(rest)
    await end(lambda: find_refund(gateway, rest.reference), MoneyOutStatus.SUCCEEDED)
    reversed_charge = await result()
    assert reversed_charge.data["status"] == "reversed"
    assert reversed_charge.status is ChargeStatus.SUCCEEDED  # it was paid
    assert reversed_charge.refunded == 500_000
    assert reversed_charge.fee == 7_500  # which the gateway keeps all the same


async def test_a_charge_that_nobody_paid_is_not_refunded(world: World):
    _, gateway = world
    await gateway.start_charge(new_charge("bk-2"))
    for reference in ("bk-2", "bk-unseen"):
        refused = await gateway.start_refund(new_refund(charge_reference=reference))
        assert isinstance(refused, Refused)


async def test_a_refund_that_needs_attention_is_pending_and_says_so(world: World):
    sandbox, gateway = world
    await sandbox.fault("refund", "needs_attention")
    await gateway.start_refund(new_refund())

    async def needs_attention() -> bool:
        return (await sandbox.refunds())[0]["status"] == "needs-attention"

    await eventually(needs_attention)
    found = await find_refund(gateway)
    assert isinstance(found, FoundInstruction)
    assert found.status is MoneyOutStatus.PENDING
    assert "account" in found.failure
    await sandbox.end_refund(REFUND, "succeed")
    assert (await find_refund(gateway)).status is MoneyOutStatus.SUCCEEDED


async def test_a_transfer_is_pending_and_succeeds_a_moment_later(world: World):
    sandbox, gateway = world
    accepted = await transfer(gateway)
    assert isinstance(accepted, Accepted)
    assert accepted.status is MoneyOutStatus.PENDING
    find = lambda: gateway.find_transfer(TRANSFER, **OF_CHARGE)  # noqa: E731
    found = await end(find, MoneyOutStatus.SUCCEEDED)
    assert (found.gateway_id, found.fee) == (accepted.gateway_id, 1_000)
    assert found.money == Money(amount=900_000, currency="NGN")
    books = (await sandbox.books())["NGN"]
    assert (books["transferred"], books["held"]) == (900_000, 0)


async def test_a_transfer_under_a_reference_that_is_taken_pays_once(world: World):
    sandbox, gateway = world
    await transfer(gateway)
    assert await transfer(gateway) == ReferenceTaken()
    assert len(await sandbox.transfers()) == 1


async def test_a_transfer_beyond_the_balance_is_refused_and_not_begun(world: World):
    sandbox, gateway = world
    balance = (await sandbox.books())["NGN"]["balance"]
    too_much = Money(amount=balance - 1_000 + 1, currency="NGN")  # its fee comes on top
    refused = await transfer(gateway, money=too_much)
    assert isinstance(refused, Refused)
    assert "balance is not enough" in refused.reason
    assert await gateway.find_transfer(TRANSFER, **OF_CHARGE) == NoSuchInstruction()
    all_of_it = Money(amount=balance - 1_000, currency="NGN")
    assert isinstance(await transfer(gateway, money=all_of_it), Accepted)
    assert (await sandbox.books())["NGN"]["balance"] == 0


async def test_a_transfer_to_nobody_or_in_another_currency_is_refused(world: World):
    _, gateway = world
    assert isinstance(await gateway.start_transfer(new_transfer(recipient="RCP_none")), Refused)
    cedis = Money(amount=900_000, currency="GHS")
    assert isinstance(await transfer(gateway, money=cedis), Refused)


async def test_the_same_account_is_the_same_recipient(world: World):
    _, gateway = world
    first = await gateway.create_recipient(new_recipient())
    again = await gateway.create_recipient(new_recipient(name="Hannah B. Host"))
    other = await gateway.create_recipient(new_recipient(account_number="0001234568"))
    assert isinstance(first, RecipientReady)
    assert isinstance(again, RecipientReady)
    assert isinstance(other, RecipientReady)
    assert first.recipient == again.recipient != other.recipient
    assert (first.account_name, first.bank_name) == ("HANNAH HOST", "Bank 058")


@pytest.mark.parametrize("number", ["1234567", "0000000000", "12345678901", "a234567890"])
async def test_a_recipient_with_an_invalid_account_number_is_refused(world: World, number: str):
    _, gateway = world
    refused = await gateway.create_recipient(new_recipient(account_number=number))
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("kind", ["error_500", "drop", "too_many_requests"])
async def test_a_call_that_breaks_before_its_effect_is_unknown_and_did_nothing(
    world: World, kind: str
):
    sandbox, gateway = world
    for operation in ("refund", "transfer", "recipient"):
        await sandbox.fault(operation, kind)
    assert isinstance(await gateway.start_refund(new_refund()), Unknown)
    assert isinstance(await gateway.create_recipient(new_recipient()), Unknown)
    assert isinstance(await transfer(gateway), Unknown)
    assert await find_refund(gateway) == NoSuchInstruction()
    assert await gateway.find_transfer(TRANSFER, **OF_CHARGE) == NoSuchInstruction()
    for operation in ("refunds", "verify_transfer"):
        await sandbox.fault(operation, kind)
    assert isinstance(await find_refund(gateway), Unknown)
    assert isinstance(await gateway.find_transfer(TRANSFER, **OF_CHARGE), Unknown)


async def test_the_reason_of_an_unknown_says_how_long_to_wait(world: World):
    sandbox, gateway = world
    await sandbox.fault("initialize", "too_many_requests", delay_ms=7_000)
    unknown = await gateway.start_charge(new_charge("bk-2"))
    assert unknown == Unknown(reason="HTTP 429, asks to wait 7")


async def test_a_call_that_times_out_after_its_effect_is_unknown_and_then_found():
    async with sandbox_in_process(step_seconds=None) as (sandbox, transport):
        hasty = paystack(transport, timeout_s=0.2)
        await prepare(sandbox, hasty)
        for operation in ("refund", "transfer"):
            await sandbox.fault(operation, "timeout_after_effect")
        assert isinstance(await hasty.start_refund(new_refund()), Unknown)
        assert isinstance(await transfer(hasty), Unknown)
        refund, paid_out = (
            await find_refund(hasty),
            await hasty.find_transfer(TRANSFER, **OF_CHARGE),
        )
        assert isinstance(refund, FoundInstruction)
        assert isinstance(paid_out, FoundInstruction)
        assert refund.status is paid_out.status is MoneyOutStatus.PENDING
        assert await transfer(hasty) == ReferenceTaken()
        await hasty.close()


async def test_another_amount_or_currency_is_returned_as_the_gateway_reports_it(world: World):
    sandbox, gateway = world
    await gateway.start_refund(new_refund())
    await transfer(gateway)
    for kind in ("wrong_amount", "wrong_currency"):
        await sandbox.fault("refunds", kind)
        await sandbox.fault("verify_transfer", kind)
    result = [(await find_refund(gateway)).money for _ in range(3)]
    assert result == [
        Money(amount=199_900, currency="NGN"),
        Money(amount=200_000, currency="USD"),
        Money(amount=200_000, currency="NGN"),
    ]
    found = [await gateway.find_transfer(TRANSFER, **OF_CHARGE) for _ in range(3)]
    assert [each.money for each in found if isinstance(each, FoundInstruction)] == [
        Money(amount=899_900, currency="NGN"),
        Money(amount=900_000, currency="USD"),
        Money(amount=900_000, currency="NGN"),
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("fail", MoneyOutStatus.FAILED),
        ("reverse", MoneyOutStatus.REVERSED),
        ("stuck", MoneyOutStatus.PENDING),
        ("otp", MoneyOutStatus.PENDING),
    ],
)
async def test_a_transfer_ends_as_the_fault_says(world: World, kind: str, status: MoneyOutStatus):
    sandbox, gateway = world
    await sandbox.fault("transfer", kind)
    await transfer(gateway)
    if status is MoneyOutStatus.PENDING:
        await asyncio.sleep(0.1)  # several steps
    found = await end(lambda: gateway.find_transfer(TRANSFER, **OF_CHARGE), status)
    assert bool(found.failure) is (kind != "stuck")
    books = (await sandbox.books())["NGN"]
    assert books["transferred"] == 0
    assert books["held"] == (901_000 if status is MoneyOutStatus.PENDING else 0)
    assert books["fees"] == 7_500 + (1_000 if kind == "reverse" else 0)


async def test_a_refund_that_was_processed_may_come_back(world: World):
    sandbox, gateway = world
    await sandbox.fault("refund", "reverse")
    await gateway.start_refund(new_refund(money=Money(amount=500_000, currency="NGN")))
    await end(lambda: find_refund(gateway), MoneyOutStatus.FAILED)
    books = (await sandbox.books())["NGN"]
    assert (books["refunded"], books["held"]) == (0, 0)
    assert (await sandbox.charges())[0]["status"] == "success"


async def test_a_person_ends_what_waits_and_sends_back_what_was_paid():
    async with sandbox_in_process(step_seconds=None) as (sandbox, transport):
        gateway = paystack(transport)
        await prepare(sandbox, gateway)
        await gateway.start_refund(new_refund())
        await transfer(gateway)
        moves = [
            (sandbox.end_refund, REFUND, "processed", "failed"),
            (sandbox.end_transfer, TRANSFER, "success", "reversed"),
        ]
        for act, key, done, back in moves:
            with pytest.raises(AssertionError, match="pending"):
                await act(key, "reverse")
            assert (await act(key, "succeed"))["status"] == done
            assert (await act(key, "succeed"))["status"] == done  # once is enough
            with pytest.raises(AssertionError, match=done):
                await act(key, "fail")
            assert (await act(key, "reverse"))["status"] == back
        events = [each["event"] for each in await sandbox.deliveries()]
        assert events == [
            "charge.success",
            "refund.pending",
            "refund.processed",
            "refund.failed",
            "transfer.success",
            "transfer.reversed",
        ]
        for path in ("/sandbox/refunds/none/fail", "/sandbox/transfers/none/fail"):
            assert (await sandbox.client.post(path)).status_code == 404
        assert (await sandbox.client.post(f"/sandbox/refunds/{REFUND}/x")).status_code == 400
        await gateway.close()


async def test_ending_a_refund_by_hand_cancels_its_planned_moves():
    async with sandbox_in_process(step_seconds=0.3) as (sandbox, transport):
        gateway = paystack(transport)
        await prepare(sandbox, gateway)
        await gateway.start_refund(new_refund())
        await transfer(gateway)
        await sandbox.end_refund(REFUND, "fail")
        await sandbox.end_transfer(TRANSFER, "fail")
        await sandbox.set_pace(0)
        await asyncio.sleep(0.8)  # by now both plans would be through
        assert [each["status"] for each in await sandbox.refunds()] == ["failed"]
        assert [each["status"] for each in await sandbox.transfers()] == ["failed"]
        await gateway.start_refund(new_refund("rf-0000000000000001-2"))
        done = "rf-0000000000000001-2"
        await end(lambda: find_refund(gateway, done), MoneyOutStatus.SUCCEEDED)  # at once
        await gateway.close()


async def test_refunds_and_transfers_move_on_after_a_restart_of_the_sandbox(tmp_path: Path):
    path = str(tmp_path / "books.sqlite3")
    async with running_sandbox(NOWHERE, books_path=path, step_seconds=0.5) as sandbox:
        gateway = Paystack(secret_keys=[SECRET_KEY], base_url=sandbox.base_url, timeout_s=5)
        await prepare(sandbox, gateway)
        await transfer(gateway)
        await gateway.close()
    async with running_sandbox(NOWHERE, books_path=path) as sandbox:
        gateway = Paystack(secret_keys=[SECRET_KEY], base_url=sandbox.base_url, timeout_s=5)
        await end(
            lambda: gateway.find_transfer(TRANSFER, **OF_CHARGE),
            MoneyOutStatus.SUCCEEDED,
        )
        await gateway.close()


async def test_the_books_add_up_to_the_balance_of_the_api(world: World):
    sandbox, gateway = world
    await gateway.start_charge(new_charge("bk-2", money=Money(amount=1_500, currency="XOF")))
    await sandbox.pay("bk-2")
    await gateway.start_charge(new_charge("bk-3"))  # nobody pays it
    await gateway.start_refund(new_refund())
    await end(lambda: find_refund(gateway), MoneyOutStatus.SUCCEEDED)
    await sandbox.fault("transfer", "stuck")
    await transfer(gateway)

    books = await sandbox.books()
    assert books["NGN"] == {
        "gateway": "paystack",
        "currency": "NGN",
        "topped_up": 2_000_000,
        "money_in": 500_000,
        "fees": 7_500,
        "refunded": 200_000,
        "charged_back": 0,
        "transferred": 0,
        "paid_out": 0,
        "adjusted": 0,
        "held": 901_000,
        "balance": 2_000_000 + 500_000 - 7_500 - 200_000 - 901_000,
    }
    assert (books["XOF"]["money_in"], books["XOF"]["balance"]) == (150_000, 147_750)
    result = (await sandbox.client.get("/balance", headers=AUTHORIZED)).json()["data"]
    assert result == [
        {"currency": currency, "balance": books[currency]["balance"]} for currency in books
    ]


async def listened(receiver: Receiver) -> list[Event]:
    adapter = Paystack(secret_keys=[SECRET_KEY], base_url=NOWHERE, timeout_s=1)
    events = [adapter.read_webhook(*each) for each in receiver.received]
    await adapter.close()
    return events


async def test_every_step_of_a_refund_sends_a_webhook_in_paystacks_words():
    receiver = Receiver()
    async with serving(receiver) as target, running_sandbox(target) as sandbox:
        gateway = Paystack(secret_keys=[SECRET_KEY], base_url=sandbox.base_url, timeout_s=5)
        await prepare(sandbox, gateway)
        await gateway.start_refund(new_refund())
        await transfer(gateway)

        async def all_told() -> bool:
            return len(receiver.received) == 5 and await delivered(sandbox)

        await eventually(all_told)
        await gateway.close()
    events = {event.name: event for event in await listened(receiver)}
    for name in ("refund.pending", "refund.processing", "refund.processed"):
        assert (events[name].kind, events[name].reference) == (EventKind.REFUND_CHANGED, "bk-1")
    paid_out = events["transfer.success"]
    assert (paid_out.kind, paid_out.reference) == (EventKind.TRANSFER_CHANGED, TRANSFER)
    fields = {
        body["event"]: body["data"] for body in (json.loads(raw) for _, raw in receiver.received)
    }
    assert fields["refund.pending"] == {
        "status": "pending",
        "transaction_reference": "bk-1",
        "refund_reference": None,
        "amount": "200000",
        "currency": "NGN",
        "processor": "mpgs_zen",
        "domain": "test",
    }
    assert fields["refund.processed"]["refund_reference"]
    assert fields["refund.processed"]["amount"] == 200_000
    assert {
        "id", "domain", "status", "reference", "transfer_code", "amount", "currency", "failures",
        "fee_charged", "recipient", "session",
    } <= set(fields["transfer.success"])  # fmt: skip


async def test_two_equal_refund_events_without_ids_have_two_keys():
    receiver = Receiver()
    async with serving(receiver) as target, running_sandbox(target) as sandbox:
        gateway = Paystack(secret_keys=[SECRET_KEY], base_url=sandbox.base_url, timeout_s=5)
        await prepare(sandbox, gateway)
        for number in (1, 2):
            await sandbox.fault("refund", "fail")
            await gateway.start_refund(new_refund(f"rf-0000000000000001-{number}"))

        async def all_told() -> bool:
            return len(receiver.received) == 5

        await eventually(all_told)
        await gateway.close()
    failed = [raw for _, raw in receiver.received if b"refund.failed" in raw]
    assert failed[0] == failed[1]
    assert len({event.key for event in await listened(receiver)}) == 5


async def test_webhooks_about_money_out_are_lost_doubled_falsified_and_overtaken():
    receiver = Receiver()
    async with (
        serving(receiver) as target,
        running_sandbox(target, step_seconds=None) as sandbox,
    ):
        gateway = Paystack(secret_keys=[SECRET_KEY], base_url=sandbox.base_url, timeout_s=5)
        await prepare(sandbox, gateway)
        await all_delivered(sandbox)
        receiver.received.clear()

        await sandbox.fault("webhook", "reorder")
        await gateway.start_refund(new_refund())
        await asyncio.sleep(0.05)  # it is put off
        await sandbox.fault("webhook", "wrong_amount")
        await sandbox.end_refund(REFUND)
        await all_delivered(sandbox)
        await transfer(gateway)
        for kind in ("drop", "duplicate"):
            await sandbox.fault("webhook", kind)
        await sandbox.end_transfer(TRANSFER)
        await all_delivered(sandbox)
        await gateway.close()
    events = [json.loads(raw) for _, raw in receiver.received]
    assert [event["event"] for event in events] == [
        "refund.processed",
        "refund.pending",
        "transfer.success",
        "transfer.success",
    ]
    assert [event["data"]["amount"] for event in events[:2]] == [199_900, "200000"]


async def test_what_the_adapter_sends_is_what_the_official_file_allows():
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    gateway = paystack(httpx.MockTransport(answer))
    await gateway.start_refund(new_refund())
    await gateway.create_recipient(new_recipient())
    await gateway.start_transfer(new_transfer())
    for request, name in zip(sent, ("refund", "recipient", "transfer"), strict=True):
        assert request.headers["authorization"] == f"Bearer {SECRET_KEY}"
        body, known = json.loads(request.content), FACTS[name]["properties"]
        assert set(FACTS[name]["required"]) <= set(body) <= set(known)
        for field, value in body.items():
            assert isinstance(value, TYPES[known[field]]), field


async def test_the_sandbox_returns_every_field_that_the_official_file_requires(world: World):
    sandbox, _ = world

    async def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        reply = await sandbox.client.request(method, path, json=body, headers=AUTHORIZED)
        return reply.json()

    recipient = await call("POST", "/transferrecipient", RECIPIENT)
    transfer = {"source": "balance", "amount": 10_000, "reference": TRANSFER}
    transfer["recipient"] = recipient["data"]["recipient_code"]
    refunded = await call("POST", "/refund", {"transaction": "bk-1"})
    page = await call("GET", "/refund")
    await sandbox.charge_back("bk-1", amount=5_800)
    disputes = await call("GET", "/dispute")
    fields = {
        "recipient_created": recipient["data"],
        "transfer_created": (await call("POST", "/transfer", transfer))["data"],
        "transfer_verified": (await call("GET", f"/transfer/verify/{TRANSFER}"))["data"],
        "refund_created": refunded["data"],
        "refund_listed": page["data"][0],
        "refund_list_meta": page["meta"],
        "dispute_listed": disputes["data"][0],
        "dispute_transaction": disputes["data"][0]["transaction"],
        "dispute_list_meta": disputes["meta"],
    }
    for name, data in fields.items():
        assert set(FACTS[name]["required"]) <= set(data), name
        for field, kind in FACTS[name]["types"].items():
            assert isinstance(data[field], TYPES[kind]), (name, field)
    assert refunded["data"]["amount"] == 500_000  # absent: all of it
    assert refunded["message"] == "Refund has been queued for processing"


RECIPIENT = {"type": "nuban", "name": "H", "account_number": "0001234567", "bank_code": "058"}
WITHOUT_BANK = {name: value for name, value in RECIPIENT.items() if name != "bank_code"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/refund", {}),
        ("/refund", {"transaction": "bk-1", "amount": 1.5}),
        ("/refund", {"transaction": "bk-1", "amount": -1}),
        ("/refund", {"transaction": "bk-1", "currency": "GHS"}),
        ("/transfer", {"source": "balance", "amount": 100, "reference": TRANSFER}),
        ("/transfer", {"source": "balance", "amount": 1, "reference": "short", "recipient": "R"}),
        ("/transferrecipient", WITHOUT_BANK),
        ("/transferrecipient", {**RECIPIENT, "type": "basa"}),
        ("/transferrecipient", {**RECIPIENT, "type": []}),
        ("/transferrecipient", {**RECIPIENT, "currency": {}}),
        ("/transferrecipient", {**RECIPIENT, "account_number": 1}),
    ],
)
async def test_a_refund_that_paystack_refuses_is_refused(
    world: World, path: str, body: dict[str, Any]
):
    sandbox, _ = world
    refused = await sandbox.client.post(path, json=body, headers=AUTHORIZED)
    assert (refused.status_code, refused.json()["status"]) == (400, False)
    assert await sandbox.refunds() == await sandbox.transfers() == []


async def test_every_sandbox_call_with_a_wrong_key_is_refused(world: World):
    sandbox, _ = world
    calls = ("POST /refund", "GET /refund", "POST /transferrecipient", "POST /transfer",
             f"GET /transfer/verify/{TRANSFER}", "GET /balance")  # fmt: skip
    for call in calls:
        method, path = call.split()
        reply = await sandbox.client.request(method, path, json={})
        assert reply.status_code == 401, call
