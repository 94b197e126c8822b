"""Paystack with two businesses: each call goes to that of its currency, and finds nothing else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from app.edge.gateways.lists import Span
from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.paystack.amounts import WIRE_MIN
from app.edge.gateways.port import (
    Accepted,
    BadSignature,
    CheckoutReady,
    FoundCharge,
    FoundInstruction,
    NewCharge,
    NewRefund,
    NewTransfer,
    NoSuchCharge,
    NoSuchInstruction,
    Refused,
    Unknown,
)
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.foundation import settings
from app.foundation.money import Money
from app.sandbox.paystack import dialect
from app.sandbox.paystack.businesses import CURRENCIES
from tests.sandbox.server import SandboxHandle, running_sandbox

NIGERIA: Final = "sk_test_nigeria_00000000000000000"
GHANA: Final = "sk_test_ghana_0000000000000000000"
FORMER: Final = "sk_test_ghana_former_000000000000"
KEYS: Final = [f"NGN+USD:{NIGERIA}", f"GHS:{GHANA}"]
NAIRA: Final = "pay-00000000000000000000000000000001"
CEDIS: Final = "pay-00000000000000000000000000000002"


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with running_sandbox(paystack_keys=KEYS) as sandbox:
        yield sandbox


def opened(sandbox: SandboxHandle, *keys: str) -> Paystack:
    return Paystack(secret_keys=keys or KEYS, base_url=sandbox.base_url, timeout_s=5)


@pytest.fixture
async def gateway(sandbox: SandboxHandle) -> AsyncIterator[Paystack]:
    gateway = opened(sandbox)
    yield gateway
    await gateway.close()


async def paid(sandbox: SandboxHandle, gateway: Paystack, reference: str, currency: str) -> None:
    new = NewCharge(
        reference=reference,
        money=Money(500_000, currency),
        email="guest@example.com",
        return_url="https://berthold.test/return",
        metadata={"bookingId": "b-1"},
    )
    assert isinstance(await gateway.start_charge(new), CheckoutReady)
    await sandbox.pay(reference)


async def ask(sandbox: SandboxHandle, key: str, path: str) -> int:
    """The status of what the simulator answers to a key."""
    headers = {"authorization": f"Bearer {key}"}
    return (await sandbox.client.get(path, headers=headers)).status_code


async def payee(gateway: Paystack, currency: str) -> str:
    is_naira = currency == "NGN"
    new = NewRecipient(
        name="Hannah Host",
        kind=RecipientKind.BANK_ACCOUNT,
        account_number="0001234567",
        bank_code="058" if is_naira else "GH010",
        currency=currency,
    )
    ready = await gateway.create_recipient(new)
    assert isinstance(ready, RecipientReady), ready
    return ready.recipient


def transfer(reference: str, recipient: str, currency: str) -> NewTransfer:
    return NewTransfer(
        reference=reference,
        charge_reference=CEDIS,
        recipient=recipient,
        money=Money(100_000, currency),
        reason="Bus",
    )


def test_the_currencies_of_paystack_are_the_same_everywhere() -> None:
    assert settings._PAYSTACK_CURRENCIES == set(WIRE_MIN) == CURRENCIES


async def test_a_charge_is_begun_and_found_at_the_business_of_its_currency(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, CEDIS, "GHS")
    assert await ask(sandbox, GHANA, f"/transaction/verify/{CEDIS}") == 200
    assert await ask(sandbox, NIGERIA, f"/transaction/verify/{CEDIS}") == 404
    found = await gateway.find_charge(CEDIS, currency="GHS")
    assert isinstance(found, FoundCharge)
    assert found.money == Money(500_000, "GHS")
    assert await gateway.find_charge(CEDIS, currency="NGN") == NoSuchCharge()


async def test_two_businesses_may_have_one_reference_and_each_is_asked_for_its_own(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, NAIRA, "NGN")
    await paid(sandbox, gateway, NAIRA, "GHS")
    for currency in ("NGN", "GHS"):
        found = await gateway.find_charge(NAIRA, currency=currency)
        assert isinstance(found, FoundCharge)
        assert found.money.currency == currency


async def test_without_a_currency_all_businesses_are_asked(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, CEDIS, "GHS")
    assert isinstance(await gateway.find_charge(CEDIS), FoundCharge)
    assert await gateway.find_refunds(CEDIS) == []
    assert await gateway.find_charge(NAIRA) == NoSuchCharge()
    assert await gateway.find_chargebacks(CEDIS) == []
    half_known = opened(sandbox, "NGN:sk_test_wrong_0000000000000000", KEYS[1])
    assert isinstance(await half_known.find_charge(CEDIS), FoundCharge)
    assert isinstance(await half_known.find_charge(NAIRA), Unknown), "one did not say no"
    await half_known.close()


async def test_refunds_transfers_and_payees_are_of_the_business_of_their_currency(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, CEDIS, "GHS")
    refund = NewRefund(
        reference="rf-00000000000000000000000000000001-1",
        charge_reference=CEDIS,
        money=Money(200_000, "GHS"),
        reason="Cancelled",
    )
    assert isinstance(await gateway.start_refund(refund), Accepted)
    asked = {"charge_reference": CEDIS, "currency": "GHS"}
    assert isinstance(await gateway.find_refund(refund.reference, **asked), FoundInstruction)
    assert isinstance(await gateway.find_refunds(CEDIS, currency="NGN"), Unknown)
    await sandbox.top_up(1_000_000, "GHS")
    new = transfer("tr-00000000000000000000000000000001-1", await payee(gateway, "GHS"), "GHS")
    assert isinstance(await gateway.start_transfer(new), Accepted)
    found = await gateway.find_transfer(new.reference, charge_reference=CEDIS, currency="GHS")
    assert isinstance(found, FoundInstruction)
    other = await gateway.find_transfer(new.reference, charge_reference=CEDIS, currency="NGN")
    assert other == NoSuchInstruction()
    for path in (f"/transfer/verify/{new.reference}", f"/transfer/{found.gateway_id}"):
        assert (await ask(sandbox, GHANA, path), await ask(sandbox, NIGERIA, path)) == (200, 404)


async def test_the_simulator_pays_no_recipient_and_no_charge_of_another_business(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await sandbox.top_up(1_000_000, "GHS")
    recipient = await payee(gateway, "GHS")
    await paid(sandbox, gateway, CEDIS, "GHS")
    posted: list[tuple[str, dict[str, Any]]] = [
        ("/transfer", {"source": "balance", "amount": 100_000, "recipient": recipient,
                       "reference": "tr-00000000000000000000000000000002-1"}),
        ("/refund", {"transaction": CEDIS}),
        ("/transaction/initialize", {"email": "a@b.c", "amount": 100_000, "currency": "GHS"}),
        ("/transferrecipient", {"type": "ghipss", "name": "A", "account_number": "0001234567",
                                "bank_code": "GH010", "currency": "GHS"}),
    ]  # fmt: skip
    for path, body in posted:
        headers = {"authorization": f"Bearer {NIGERIA}"}
        reply = await sandbox.client.post(path, json=body, headers=headers)
        assert reply.status_code in (400, 404), (path, reply.text)
    assert [each for each in await sandbox.transfers() if each["currency"] == "GHS"] == []


async def test_lists_go_through_all_businesses(sandbox: SandboxHandle, gateway: Paystack) -> None:
    await paid(sandbox, gateway, NAIRA, "NGN")
    await paid(sandbox, gateway, CEDIS, "GHS")
    now = datetime.now(UTC)
    span = Span(since=now - timedelta(hours=1), until=now + timedelta(hours=1))
    for list_of, count in ((gateway.list_charges, 2), (gateway.list_transfers, 0)):
        rows, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = await list_of(span, cursor)
            assert not isinstance(page, Unknown)
            rows += page.rows
            cursor, pages = page.next_cursor, pages + 1
        assert (len(rows), pages) == (count, 2)
    begun_anew = await gateway.list_charges(span, "ZAR:3")
    assert not isinstance(begun_anew, Unknown)
    assert [row.reference for row in begun_anew.rows] == [NAIRA]


async def test_a_currency_without_a_key_is_refused_and_never_reported_as_missing(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    assert gateway.currencies == {"NGN", "USD", "GHS"}
    assert gateway.refuses(Money(500_000, "KES"))
    assert isinstance(await gateway.start_transfer(transfer("tr-" + "0" * 16, "R", "KES")), Refused)
    found = await gateway.find_charge(CEDIS, currency="KES")
    assert isinstance(found, Unknown)
    assert "KES" in found.reason


async def test_a_key_is_rotated_for_one_currency_alone(sandbox: SandboxHandle) -> None:
    gateway = opened(sandbox, KEYS[0], KEYS[1], f"GHS:{FORMER}")
    await paid(sandbox, gateway, CEDIS, "GHS")  # with the first
    body = (await sandbox.deliveries())[0]["body"].encode()
    for key in (GHANA, FORMER):
        event = gateway.read_webhook(dialect.Paystack(key).signed(body), body)
        assert (event.account, event.reference) == ("GHS", CEDIS)
    await gateway.close()


async def test_an_event_says_which_business_signed_it_and_two_of_them_are_two_events(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, NAIRA, "NGN")
    body = (await sandbox.deliveries())[0]["body"].encode()
    events = [
        gateway.read_webhook(dialect.Paystack(key).signed(body), body) for key in (NIGERIA, GHANA)
    ]
    assert [event.account for event in events] == ["NGN+USD", "GHS"]
    assert len({event.key for event in events}) == 2
    with pytest.raises(BadSignature):
        gateway.read_webhook(dialect.Paystack(FORMER).signed(body), body)


async def test_the_simulator_signs_with_the_key_of_the_events_currency(
    sandbox: SandboxHandle, gateway: Paystack
) -> None:
    await paid(sandbox, gateway, NAIRA, "NGN")
    await paid(sandbox, gateway, CEDIS, "GHS")
    signing = sandbox.simulator.dialects["paystack"]
    for delivery in await sandbox.deliveries():
        body = delivery["body"].encode()
        event = gateway.read_webhook(signing.signed(body), body)
        assert event.account == ("GHS" if event.reference == CEDIS else "NGN+USD")


async def test_a_check_names_the_business_whose_key_is_not_taken(sandbox: SandboxHandle) -> None:
    gateway = opened(sandbox, KEYS[0], "GHS:sk_test_wrong_0000000000000000")
    [problem] = await gateway.check()
    assert problem.startswith("GHS: it does not take the key")
    await gateway.close()


async def test_balances_are_those_of_the_business(sandbox: SandboxHandle) -> None:
    for currency in ("NGN", "GHS"):
        await sandbox.top_up(100_000, currency)
    headers = {"authorization": f"Bearer {GHANA}"}
    reply: httpx.Response = await sandbox.client.get("/balance", headers=headers)
    assert [row["currency"] for row in reply.json()["data"]] == ["GHS"]
