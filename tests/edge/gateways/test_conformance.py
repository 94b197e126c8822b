"""What every adapter must do, whatever its gateway: the same cases, each against the sandbox."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.edge.gateways.lists import Span
from app.edge.gateways.port import (
    Accepted,
    BadPayload,
    BadSignature,
    ChargeStatus,
    CheckoutReady,
    EventKind,
    FoundCharge,
    FoundInstruction,
    MoneyOutStatus,
    NewCharge,
    NoSuchCharge,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.foundation.money import Money
from app.sandbox.faults import Kind
from tests.edge.gateways.adapters import ALL, Adapter, World, opened
from tests.edge.gateways.pages import all_of, around_today
from tests.edge.gateways.requests import (
    BEFORE,
    CHARGE,
    PRICE,
    REFUND,
    TRANSFER,
    charge,
    find_refund,
    find_transfer,
    refund,
    signed,
    start,
    transfer,
)


@pytest.fixture(params=ALL, ids=lambda adapter: adapter.name)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with opened(request.param, World) as world:
        yield world


async def until(find: Callable[[], Awaitable[Any]], *ends: MoneyOutStatus) -> FoundInstruction:
    """Look until it has come to one of these ends."""
    async with asyncio.timeout(10):
        while True:
            found = await find()
            assert isinstance(found, FoundInstruction), found
            if found.status in ends:
                return found
            await asyncio.sleep(0.01)


# ---- charges -------------------------------------------------------------------------------------


async def test_a_paid_charge_is_found_with_what_was_asked_and_the_fee(paid: World):
    found = await paid.gateway.find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert (found.reference, found.status) == (CHARGE, ChargeStatus.SUCCEEDED)
    assert found.money == Money(amount=PRICE, currency=paid.adapter.currency)
    assert found.fee == PRICE * 15 // 1000
    assert not found.live
    assert not paid.gateway.live
    assert found.failure == ""
    assert found.gateway_id


async def test_a_declined_charge_is_failed_with_a_reason_and_can_still_be_paid(world: World):
    await start(world)
    await world.sandbox.decline(CHARGE)
    found = await world.gateway.find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert found.status is ChargeStatus.FAILED
    assert "declined" in found.failure.lower()
    await world.sandbox.pay(CHARGE)
    found = await world.gateway.find_charge(CHARGE)
    assert isinstance(found, FoundCharge)
    assert (found.status, found.failure) == (ChargeStatus.SUCCEEDED, "")


async def test_a_charge_that_nobody_has_tried_to_pay_is_neither_paid_nor_failed(world: World):
    await start(world)
    found = await world.gateway.find_charge(CHARGE)
    if not isinstance(found, NoSuchCharge):
        assert isinstance(found, FoundCharge), found
        assert found.status is ChargeStatus.ABANDONED


async def test_a_charge_that_the_gateway_never_saw_is_no_such_charge(world: World):
    assert await world.gateway.find_charge(CHARGE) == NoSuchCharge()
    assert await world.gateway.find_charge("a/../b?c=d&e") == NoSuchCharge()


async def test_a_reference_is_charged_once(world: World):
    if not world.adapter.knows_references:
        pytest.skip("here our own commit before each start sees to that")
    first = await start(world)
    again = await start(world)
    assert isinstance(again, ReferenceTaken) or again == first
    changed = await start(world, amount=PRICE + 100)
    assert changed == ReferenceTaken()
    assert [each["amount"] for each in await world.sandbox.charges()] == [PRICE]


@pytest.mark.parametrize("kind", BEFORE)
async def test_a_start_that_broke_before_its_effect_is_unknown_and_did_nothing(
    world: World, kind: str
):
    await world.sandbox.fault("initialize", kind)
    assert isinstance(await start(world), Unknown)
    assert await world.sandbox.charges() == []
    again = await start(world)
    assert isinstance(again, CheckoutReady | ReferenceTaken)  # the latter: the error is kept
    assert isinstance(await start(world, "pay-another-0000000001"), CheckoutReady)


async def test_a_start_that_timed_out_after_its_effect_leaves_one_charge(world: World):
    await world.sandbox.fault("initialize", "timeout_after_effect", delay_ms=300)
    hasty = world.open(timeout_s=0.1)
    assert isinstance(await start(world, gateway=hasty), Unknown)
    assert isinstance(await start(world), CheckoutReady | ReferenceTaken)
    assert len(await world.sandbox.charges()) == (1 if world.adapter.knows_references else 2)
    await hasty.close()


@pytest.mark.parametrize("kind", BEFORE)
async def test_a_look_up_that_broke_is_unknown(paid: World, kind: str):
    await paid.sandbox.fault("verify", kind)
    assert isinstance(await paid.gateway.find_charge(CHARGE), Unknown)
    assert isinstance(await paid.gateway.find_charge(CHARGE), FoundCharge)


async def test_a_wrong_amount_and_currency_are_returned_as_the_gateway_reports_them(paid: World):
    await paid.sandbox.fault("verify", "wrong_amount")
    await paid.sandbox.fault("verify", "wrong_currency")
    wrong = [await paid.gateway.find_charge(CHARGE) for _ in range(2)]
    reported = [found.money for found in wrong if isinstance(found, FoundCharge)]
    currency = paid.adapter.currency
    assert reported[0] == Money(amount=PRICE - 100, currency=currency)
    assert reported[1].currency != currency


async def test_a_wrong_key_begins_nothing_and_concludes_nothing(paid: World):
    wrong = paid.open(key="sk_test_wrong_000000000000000000")
    assert isinstance(await start(paid, "pay-another-0000000001", gateway=wrong), Refused)
    assert isinstance(await wrong.find_charge(CHARGE), Unknown)
    assert isinstance(await wrong.find_refund(REFUND, charge_reference=CHARGE), Unknown)
    assert isinstance(await wrong.find_transfer(TRANSFER, charge_reference=CHARGE), Unknown)
    await wrong.close()


async def test_an_amount_that_could_never_be_charged_is_refused_without_a_call(world: World):
    for money in (
        Money(amount=0, currency=world.adapter.currency),
        Money(amount=PRICE, currency="CHF"),
    ):
        reason = world.gateway.refuses(money)
        assert reason
        new = charge(world)
        outcome = await world.gateway.start_charge(
            NewCharge(
                reference=new.reference,
                money=money,
                email=new.email,
                return_url=new.return_url,
                metadata={},
            )
        )
        assert outcome == Refused(reason=reason)
    assert world.transport.seen == []
    assert world.gateway.refuses(Money(amount=PRICE, currency=world.adapter.currency)) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>proxy</html>"), (200, b"{}"), (200, b"[]"), (200, b"null"),
        (200, b'{"status": true, "data": null}'), (200, b'{"object": "list"}'),
        (403, b"<html>blocked</html>"), (403, b'{"error": "blocked"}'), (409, b"{}"),
        (500, b""), (302, b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
async def test_a_reply_that_makes_no_sense_is_unknown_for_every_call(
    adapter: Adapter, status: int, body: bytes
):
    nonsense = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    gateway = adapter.open(nonsense, 5, adapter.secrets, "")
    new = NewCharge(
        reference=CHARGE, money=Money(amount=PRICE, currency=adapter.currency),
        email="guest@example.com", return_url="https://berthold.test/", metadata={},
    )  # fmt: skip
    outcomes = [
        await gateway.start_charge(new),
        await gateway.find_charge(CHARGE),
        await gateway.find_refund(REFUND, charge_reference=CHARGE),
        await gateway.find_transfer(TRANSFER, charge_reference=CHARGE),
    ]
    assert all(isinstance(outcome, Unknown) for outcome in outcomes), outcomes


# ---- refunds -------------------------------------------------------------------------------------


async def test_partial_refunds_are_found_each_by_its_own_reference(paid: World):
    assert await find_refund(paid) == NoSuchInstruction()
    for number, amount in enumerate((200_000, 100_000, 100_000), start=1):
        assert isinstance(await refund(paid, f"{REFUND}{number}", amount), Accepted)
    for number, amount in enumerate((200_000, 100_000, 100_000), start=1):
        found = await until(
            lambda number=number: find_refund(paid, f"{REFUND}{number}"), MoneyOutStatus.SUCCEEDED
        )
        assert found.money == Money(amount=amount, currency=paid.adapter.currency)
        assert found.reference == f"{REFUND}{number}"
        assert not found.live
    assert (await paid.books())["refunded"] == 400_000
    still = await paid.gateway.find_charge(CHARGE)
    assert isinstance(still, FoundCharge)
    assert still.status is ChargeStatus.SUCCEEDED


async def test_a_refund_of_more_than_what_is_left_is_refused(paid: World):
    assert isinstance(await refund(paid, REFUND + "1", 400_000), Accepted)
    assert isinstance(await refund(paid, REFUND + "2", 100_001), Refused)
    assert await find_refund(paid, REFUND + "2") == NoSuchInstruction()
    assert isinstance(await refund(paid, REFUND + "3", 100_000), Accepted)


async def test_of_refunds_at_the_same_time_no_more_than_was_paid_goes_back(paid: World):
    outcomes = await asyncio.gather(*(refund(paid, REFUND + str(n), 200_000) for n in range(5)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == (
        ["Accepted"] * 2 + ["Refused"] * 3
    )


async def test_a_charge_that_nobody_paid_is_not_refunded(world: World):
    await start(world)
    assert isinstance(await refund(world), Refused)


@pytest.mark.parametrize("kind", BEFORE)
async def test_a_refund_that_broke_before_its_effect_is_unknown_and_not_there(
    paid: World, kind: str
):
    await paid.sandbox.fault("refund", kind)
    assert isinstance(await refund(paid), Unknown)
    assert await find_refund(paid) == NoSuchInstruction()
    await paid.sandbox.fault("refunds", kind)
    assert isinstance(await find_refund(paid), Unknown)


async def test_a_refund_that_timed_out_after_its_effect_is_unknown_and_found(paid: World):
    await paid.sandbox.fault("refund", "timeout_after_effect", delay_ms=300)
    hasty = paid.open(timeout_s=0.1)
    assert isinstance(await refund(paid, gateway=hasty), Unknown)
    await until(lambda: find_refund(paid), MoneyOutStatus.SUCCEEDED)
    await hasty.close()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("fail", MoneyOutStatus.FAILED),
        ("reverse", MoneyOutStatus.FAILED),
        ("stuck", MoneyOutStatus.PENDING),
    ],
)
async def test_a_refund_ends_as_the_fault_says(paid: World, kind: str, status: MoneyOutStatus):
    await paid.sandbox.fault("refund", kind)
    assert isinstance(await refund(paid), Accepted)
    found = await until(lambda: find_refund(paid), status)
    assert bool(found.failure) is (status is MoneyOutStatus.FAILED)
    assert (await paid.books())["refunded"] == 0


async def test_a_refund_that_waits_for_the_guest_is_pending_and_says_so(paid: World):
    if Kind.NEEDS_ATTENTION not in paid.adapter.dialect("").refund_courses:
        pytest.skip("no refund waits for a guest here")
    await paid.sandbox.fault("refund", "needs_attention")
    await refund(paid)
    async with asyncio.timeout(10):
        while True:
            found = await find_refund(paid)
            assert found.status is MoneyOutStatus.PENDING
            if found.failure:
                break
            await asyncio.sleep(0.01)


# ---- transfers -----------------------------------------------------------------------------------


async def test_a_transfer_arrives(paid: World):
    assert await find_transfer(paid) == NoSuchInstruction()
    assert isinstance(await transfer(paid), Accepted)
    found = await until(lambda: find_transfer(paid), MoneyOutStatus.SUCCEEDED)
    assert found.money == Money(amount=300_000, currency=paid.adapter.currency)
    assert (found.reference, found.failure, found.live) == (TRANSFER, "", False)
    assert (await paid.books())["transferred"] == 300_000


async def test_under_one_reference_one_transfer_is_made(paid: World):
    payee = await paid.adapter.payee(paid.gateway, paid.sandbox)
    first = await transfer(paid, recipient=payee)
    again = await transfer(paid, recipient=payee)
    assert again == ReferenceTaken() or again.gateway_id == first.gateway_id
    assert await transfer(paid, amount=100_000, recipient=payee) == ReferenceTaken()
    assert len(await paid.sandbox.transfers()) == 1


async def test_two_transfers_of_one_charge_are_found_by_their_own_references(paid: World):
    await transfer(paid, TRANSFER + "1", 100_000)
    await transfer(paid, TRANSFER + "2", 150_000)
    found = [await find_transfer(paid, TRANSFER + number) for number in "12"]
    assert [each.money.amount for each in found] == [100_000, 150_000]


async def test_a_payee_that_is_missing_or_cannot_be_paid_is_refused(paid: World):
    assert isinstance(await transfer(paid, recipient="acct_nobody"), Refused)
    assert await find_transfer(paid) == NoSuchInstruction()


async def test_a_transfer_of_more_than_the_balance_is_refused_and_not_begun(paid: World):
    assert isinstance(await transfer(paid, amount=90_000_000), Refused)
    assert await find_transfer(paid) == NoSuchInstruction()
    assert await paid.sandbox.transfers() == []


@pytest.mark.parametrize("kind", BEFORE)
async def test_a_transfer_that_broke_before_its_effect_is_unknown_and_not_there(
    paid: World, kind: str
):
    payee = await paid.adapter.payee(paid.gateway, paid.sandbox)
    await paid.sandbox.fault("transfer", kind)
    assert isinstance(await transfer(paid, recipient=payee), Unknown)
    assert await find_transfer(paid) == NoSuchInstruction()
    await paid.sandbox.fault("verify_transfer", kind)
    assert isinstance(await find_transfer(paid), Unknown)


async def test_a_transfer_that_timed_out_after_its_effect_is_unknown_and_found(paid: World):
    payee = await paid.adapter.payee(paid.gateway, paid.sandbox)
    await paid.sandbox.fault("transfer", "timeout_after_effect", delay_ms=300)
    hasty = paid.open(timeout_s=0.1)
    assert isinstance(await transfer(paid, gateway=hasty, recipient=payee), Unknown)
    await until(lambda: find_transfer(paid), MoneyOutStatus.SUCCEEDED)
    await hasty.close()


async def test_a_transfer_that_fails_has_paid_nothing(paid: World):
    await paid.sandbox.fault("transfer", "fail")
    outcome = await transfer(paid)
    if isinstance(outcome, Accepted):  # where it ends later
        assert (await until(lambda: find_transfer(paid), MoneyOutStatus.FAILED)).failure
    else:
        assert isinstance(outcome, Refused)
        assert await find_transfer(paid) == NoSuchInstruction()
    assert (await paid.books())["transferred"] == 0


async def test_a_transfer_that_comes_back_is_reversed(paid: World):
    await paid.sandbox.fault("transfer", "reverse")
    assert isinstance(await transfer(paid), Accepted)
    found = await until(lambda: find_transfer(paid), MoneyOutStatus.REVERSED, MoneyOutStatus.FAILED)
    assert found.failure
    assert found.money.amount == 300_000
    assert (await paid.books())["transferred"] == 0


# ---- lists of a day ------------------------------------------------------------------------------


async def of_today(list_page: Any) -> dict[str, int]:
    """What is listed of today by reference, though it be midnight; nothing of other days."""
    rows = await all_of(list_page, around_today())
    assert len({row.reference for row in rows}) == len(rows)
    today = around_today()
    last_year = Span(
        since=today.since - timedelta(days=365), until=today.until - timedelta(days=365)
    )
    assert await all_of(list_page, last_year) == []
    return {row.reference: row.money.amount for row in rows}


async def test_a_day_of_250_charges_is_listed_page_by_page(paid: World):
    first, books = (await paid.sandbox.charges())[0], paid.sandbox.simulator.books
    expected = {CHARGE: PRICE}
    for number in range(1_000, 1_249):
        reference = f"pay-{number:032d}"
        another = books.transactions.begin(
            gateway=paid.adapter.name, reference=reference, access_code=f"code-{number}",
            email=first["email"], amount=100_000 + number * 100, currency=first["currency"],
            callback_url=first["callback_url"],
            metadata=first["metadata"].replace(CHARGE, reference),
        )  # fmt: skip
        books.transactions.pay(another.id)
        expected[reference] = another.amount
    assert await of_today(paid.gateway.list_charges) == expected


async def test_a_day_of_250_refunds_is_listed_page_by_page(paid: World):
    await refund(paid, amount=1_000)
    simulator = paid.sandbox.simulator
    first = simulator.books.refunds.all()[0]
    charge = simulator.books.transactions.get(first.transaction_id)
    expected = {REFUND: 1_000}
    for number in range(1_000, 1_249):
        reference = f"rf-{number:032d}-1"
        simulator.books.refunds.begin(
            charge,
            amount=1_000 + number,
            merchant_note=first.merchant_note.replace(REFUND, reference),
            customer_note=first.customer_note.replace(REFUND, reference),
        )
        expected[reference] = 1_000 + number
    assert await of_today(paid.gateway.list_refunds) == expected


async def test_a_day_of_250_transfers_is_listed_page_by_page(paid: World):
    await transfer(paid, amount=10_000)
    books = paid.sandbox.simulator.books.transfers
    first = books.all()[0]
    expected = {TRANSFER: 10_000}
    for number in range(1_000, 1_249):
        reference = f"tr-{number:032d}-1"
        books.begin(
            books.recipient_of(first), code=f"code-{number}", reference=reference,
            amount=1_000 + number, fee=0, currency=first.currency, reason=first.reason,
            metadata=first.metadata.replace(TRANSFER, reference), status="pending",
        )  # fmt: skip
        expected[reference] = 1_000 + number
    assert await of_today(paid.gateway.list_transfers) == expected


@pytest.mark.parametrize("kind", BEFORE)
async def test_a_list_that_broke_is_unknown(paid: World, kind: str):
    for operation in ("charges", "verify"):  # some list what others look up
        await paid.sandbox.fault(operation, kind)
    assert isinstance(await paid.gateway.list_charges(around_today(), None), Unknown)


# ---- being set up --------------------------------------------------------------------------------


async def test_checking_a_gateway_with_valid_settings_finds_no_problems_and_moves_nothing(
    paid: World,
):
    before = await paid.books()
    assert await paid.gateway.check() == []
    assert await paid.books() == before


async def test_checking_a_gateway_says_in_words_that_the_key_is_wrong_or_it_cannot_be_reached(
    world: World,
):
    wrong = world.open(key="sk_test_wrong_000000000000000000")
    assert any("key" in problem for problem in await wrong.check())
    lost = world.adapter.open(
        httpx.MockTransport(lambda _: httpx.Response(502)), 5, world.adapter.secrets, ""
    )
    assert any("reached" in problem for problem in await lost.check())
    await wrong.close()
    await lost.close()


# ---- webhooks ------------------------------------------------------------------------------------


async def webhooks(world: World, name: str = "") -> list[dict[str, Any]]:
    return [each for each in await world.sandbox.deliveries() if name in each["event"]]


async def test_webhooks_of_charges_refunds_and_transfers_have_our_references(paid: World):
    await refund(paid)
    await until(lambda: find_refund(paid), MoneyOutStatus.SUCCEEDED)
    await transfer(paid)
    await until(lambda: find_transfer(paid), MoneyOutStatus.SUCCEEDED)
    fields: dict[EventKind, set[str | None]] = {}
    for webhook in await webhooks(paid):
        body = webhook["body"].encode()
        event = paid.gateway.read_webhook(signed(paid, body), body)
        assert paid.gateway.read_webhook(signed(paid, body), body).name == event.name
        fields.setdefault(event.kind, set()).add(event.reference)
    fields.pop(EventKind.OTHER, None)
    fields.pop(EventKind.PAYEE_CHANGED, None)  # see test_payees.py
    assert fields == {
        EventKind.CHARGE_CHANGED: {CHARGE},
        EventKind.REFUND_CHANGED: {CHARGE},
        EventKind.TRANSFER_CHANGED: {TRANSFER},
    }


async def test_one_event_has_one_key_and_two_have_two(paid: World):
    await start(paid, "pay-another-0000000001")
    await paid.sandbox.pay("pay-another-0000000001")
    bodies = [webhook["body"].encode() for webhook in await webhooks(paid)]
    keys = [paid.gateway.read_webhook(signed(paid, body), body).key for body in bodies]
    again = [paid.gateway.read_webhook(signed(paid, body), body).key for body in bodies]
    assert keys == again
    assert len(set(keys)) == len(keys)


async def test_while_a_secret_is_rotated_both_are_accepted(paid: World):
    body = (await webhooks(paid))[0]["body"].encode()
    for secret in paid.adapter.secrets:
        assert paid.gateway.read_webhook(signed(paid, body, secret=secret), body).reference


async def test_a_forged_altered_or_missing_signature_is_refused(paid: World):
    body = (await webhooks(paid))[0]["body"].encode()
    good = signed(paid, body)
    forged = signed(paid, body, secret="whsec_stranger_0000000000000000")
    [(name, value)] = good.items()
    if paid.adapter.signs_bodies:
        with pytest.raises(BadSignature):
            paid.gateway.read_webhook(good, body + b" ")
    for headers in (forged, {}, {name: ""}, {name: value[:-1]}, {name: value.upper()}):
        with pytest.raises(BadSignature):
            paid.gateway.read_webhook(headers, body)
    assert paid.gateway.read_webhook({name.upper(): value}, body).reference


async def test_a_signature_is_accepted_if_the_clocks_differ(
    paid: World, monkeypatch: pytest.MonkeyPatch
):
    body = (await webhooks(paid))[0]["body"].encode()
    headers, now = signed(paid, body), time.time()
    for skew in (-7_200, -290, 290):
        monkeypatch.setattr(time, "time", lambda skew=skew: now + skew)
        assert paid.gateway.read_webhook(headers, body).reference


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"event": 1}'])
async def test_a_signed_body_of_an_unknown_shape_is_about_something_else(world: World, body: bytes):
    event = world.gateway.read_webhook(signed(world, body), body)
    assert (event.kind, event.reference) == (EventKind.OTHER, None)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 9_999])
async def test_a_signed_body_that_makes_no_sense_is_a_bad_payload(world: World, body: bytes):
    with pytest.raises(BadPayload):
        world.gateway.read_webhook(signed(world, body), body)
