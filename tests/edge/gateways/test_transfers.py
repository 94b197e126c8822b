"""Transfers and recipients through the Paystack adapter."""

import json
from typing import Any

import httpx
import pytest

from app.edge.gateways.port import (
    Accepted,
    FoundInstruction,
    MoneyOutStatus,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.recipients import RecipientKind, RecipientReady
from app.foundation.money import Money
from tests.edge.gateways.paystack_requests import OF_CHARGE, TRANSFER, new_recipient, new_transfer
from tests.edge.gateways.paystack_wire import answering, listening, refusal, reply, transfer

TAKEN = "Please provide a unique reference. Reference already exists on a transfer"


def recipient(**details: Any) -> dict[str, Any]:
    fields = {
        "authorization_code": None,
        "account_number": "0001234567",
        "account_name": "HANNAH B HOST",
        "bank_code": "058",
        "bank_name": "Guaranty Trust Bank",
    }
    return reply({"recipient_code": "RCP_1", "active": True, "details": {**fields, **details}})


async def test_a_transfer_is_begun_from_the_balance():
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=transfer(status="pending", recipient=28))

    accepted = await listening(answer).start_transfer(new_transfer())

    assert isinstance(accepted, Accepted)
    assert (accepted.gateway_id, accepted.status) == (
        "TRF_1ptvuv321ahaa7q",
        MoneyOutStatus.PENDING,
    )
    assert json.loads(json.dumps(accepted.data)) == accepted.data
    (request,) = sent
    assert (request.method, request.url.path) == ("POST", "/transfer")
    assert json.loads(request.content) == {
        "source": "balance",
        "amount": 900_000,
        "currency": "NGN",
        "recipient": "RCP_1",
        "reference": TRANSFER,
        "reason": "Bus to Lagos",
    }


async def test_in_test_mode_a_transfer_may_succeed_at_once():
    accepted = await answering(200, transfer()).start_transfer(new_transfer())
    assert isinstance(accepted, Accepted)
    assert accepted.status is MoneyOutStatus.SUCCEEDED


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 900_001},
        {"currency": "GHS"},
        {"reference": "tr-0000000000000002-1"},
        {"transfer_code": None},
        {"domain": "moon"},
    ],
)
async def test_a_reply_that_differs_from_the_request_is_unknown(changes: dict[str, Any]):
    assert isinstance(
        await answering(200, transfer(**changes)).start_transfer(new_transfer()), Unknown
    )


@pytest.mark.parametrize("status", [400, 404, 409])
@pytest.mark.parametrize(
    "body",
    [
        refusal(TAKEN, "duplicate_transfer_reference"),
        refusal("No.", "duplicate_transfer_reference"),
        refusal(TAKEN),
        refusal(f"Duplicate reference(s) found: {TRANSFER}", "unknown"),
    ],
)
async def test_a_start_under_a_taken_reference_is_reference_taken(status: int, body: Any):
    assert await answering(status, body).start_transfer(new_transfer()) == ReferenceTaken()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Your balance is not enough to fulfil this request"),
        (401, "Invalid key"),
        (400, "The recipient code is invalid"),
        (404, "Recipient specified is invalid"),
    ],
)
async def test_a_refusal_of_paystack_is_refused_with_its_message(status: int, message: str):
    refused = await answering(status, refusal(message)).start_transfer(new_transfer())
    assert refused == Refused(reason=f"{message} (HTTP {status})")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_an_answer_that_says_nothing_about_the_transfer_is_unknown(status: int):
    gateway = answering(status, refusal("?"))
    assert isinstance(await gateway.start_transfer(new_transfer()), Unknown)
    assert isinstance(await gateway.find_transfer(TRANSFER, **OF_CHARGE), Unknown)
    assert isinstance(await gateway.create_recipient(new_recipient()), Unknown)


async def test_the_reason_of_an_unknown_says_how_long_paystack_asks_to_wait():
    busy = listening(lambda _: httpx.Response(429, headers={"Retry-After": "7"}, json={}))
    unknown = await busy.start_transfer(new_transfer())
    assert unknown == Unknown(reason="HTTP 429, asks to wait 7", has_ended=True)


async def test_a_refusal_by_somebody_before_paystack_concludes_nothing():
    blocked = answering(404, {"message": "duplicate"})
    assert isinstance(await blocked.start_transfer(new_transfer()), Unknown)
    assert isinstance(await blocked.find_transfer(TRANSFER, **OF_CHARGE), Unknown)


@pytest.mark.parametrize(
    "reference", ["", "tr-1", "a" * 15, "a" * 51, "TR-0000000000000001-1", "tr/0000000000000001",
                  "tr.0000000000000001", "..", "tr-000000000000000ä", "tr-0000000000000001\n"],
)  # fmt: skip
async def test_a_reference_that_paystack_cannot_have_is_never_sent_nor_asked_for(reference: str):
    gateway = answering(500, {})
    assert isinstance(await gateway.start_transfer(new_transfer(reference)), Refused)
    assert await gateway.find_transfer(reference, **OF_CHARGE) == NoSuchInstruction()


@pytest.mark.parametrize("reference", ["a" * 16, "a" * 50, "tr_0-9" * 4])
async def test_the_shortest_and_the_longest_reference_are_sent(reference: str):
    gateway = answering(200, transfer(reference=reference))
    assert isinstance(await gateway.start_transfer(new_transfer(reference)), Accepted)


@pytest.mark.parametrize(
    "money",
    [
        Money(amount=0, currency="NGN"),
        Money(amount=100, currency="USD"),
        Money(amount=100, currency="XOF"),
        Money(amount=1_001, currency="KWD"),
    ],
)
async def test_money_that_paystack_cannot_transfer_is_refused_without_a_call(money: Money):
    assert isinstance(await answering(500, {}).start_transfer(new_transfer(money=money)), Refused)


async def test_a_transfer_is_found_with_its_fee():
    found = await answering(200, transfer()).find_transfer(TRANSFER, **OF_CHARGE)
    assert isinstance(found, FoundInstruction)
    assert (found.reference, found.gateway_id) == (TRANSFER, "TRF_1ptvuv321ahaa7q")
    assert found.money == Money(amount=900_000, currency="NGN")
    assert (found.status, found.failure, found.fee) == (MoneyOutStatus.SUCCEEDED, "", 1_000)
    assert not found.live
    assert json.loads(json.dumps(found.data)) == found.data


@pytest.mark.parametrize("fee", [None, -1, "1000", 1.5])
async def test_a_fee_that_is_not_reported_is_none(fee: Any):
    found = await answering(200, transfer(fee_charged=fee)).find_transfer(
        TRANSFER, charge_reference="bk-1"
    )
    assert isinstance(found, FoundInstruction)
    assert found.fee is None


@pytest.mark.parametrize(
    ("word", "status", "failure"),
    [
        ("success", MoneyOutStatus.SUCCEEDED, ""),
        ("failed", MoneyOutStatus.FAILED, "Account closed"),
        ("rejected", MoneyOutStatus.FAILED, "Account closed"),
        ("reversed", MoneyOutStatus.REVERSED, "Account closed"),
        ("pending", MoneyOutStatus.PENDING, ""),
        ("received", MoneyOutStatus.PENDING, ""),
        ("Success", MoneyOutStatus.PENDING, ""),
        ("a word of next year", MoneyOutStatus.PENDING, ""),
    ],
)
async def test_only_success_is_paid_out(word: str, status: MoneyOutStatus, failure: str):
    body = transfer(status=word, gateway_response="Account closed")
    found = await answering(200, body).find_transfer(TRANSFER, **OF_CHARGE)
    assert isinstance(found, FoundInstruction)
    assert (found.status, found.failure) == (status, failure)


@pytest.mark.parametrize(
    ("word", "says"), [("otp", "one-time password"), ("abandoned", "ask"), ("blocked", "ask")]
)
async def test_a_transfer_that_waits_for_a_person_is_pending_and_says_so(word: str, says: str):
    found = await answering(200, transfer(status=word)).find_transfer(
        TRANSFER, charge_reference="bk-1"
    )
    assert isinstance(found, FoundInstruction)
    assert found.status is MoneyOutStatus.PENDING
    assert says in found.failure


async def test_a_failure_without_a_reason_has_its_status_as_reason():
    body = transfer(status="failed", gateway_response=None)
    found = await answering(200, body).find_transfer(TRANSFER, **OF_CHARGE)
    assert isinstance(found, FoundInstruction)
    assert found.failure == "failed"


async def test_a_transfer_that_paystack_does_not_know_is_no_such_instruction():
    unseen = answering(404, refusal("Transfer not found"))
    assert await unseen.find_transfer(TRANSFER, **OF_CHARGE) == NoSuchInstruction()
    coded = answering(400, refusal("Transfer not found", "transfer_not_found"))
    assert await coded.find_transfer(TRANSFER, **OF_CHARGE) == NoSuchInstruction()


async def test_a_wrong_key_says_nothing_about_a_transfer():
    gateway = answering(401, refusal("Invalid key"))
    assert isinstance(await gateway.find_transfer(TRANSFER, **OF_CHARGE), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        transfer(reference="tr-0000000000000002-1"),
        transfer(amount=-1),
        transfer(amount=None),
        transfer(currency="???"),
        transfer(status=None),
        reply([]),
        {"status": False},
        b"not json",
    ],
)
async def test_a_found_transfer_that_makes_no_sense_is_unknown(body: Any):
    assert isinstance(await answering(200, body).find_transfer(TRANSFER, **OF_CHARGE), Unknown)


@pytest.mark.parametrize(
    ("kind", "currency", "word"),
    [
        (RecipientKind.BANK_ACCOUNT, "NGN", "nuban"),
        (RecipientKind.BANK_ACCOUNT, "GHS", "ghipss"),
        (RecipientKind.BANK_ACCOUNT, "KES", "kepss"),
        (RecipientKind.BANK_ACCOUNT, "ZAR", "basa"),
        (RecipientKind.MOBILE_MONEY, "GHS", "mobile_money"),
        (RecipientKind.MOBILE_MONEY, "KES", "mobile_money"),
        (RecipientKind.MOBILE_MONEY_BUSINESS, "KES", "mobile_money_business"),
    ],
)
async def test_a_recipient_is_made_under_the_type_that_its_currency_asks_for(
    kind: RecipientKind, currency: str, word: str
):
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=recipient(account_number=number))

    number = "0712345678" if kind is RecipientKind.MOBILE_MONEY else "0001234567"
    number = "0241234567" if (kind, currency) == (RecipientKind.MOBILE_MONEY, "GHS") else number
    new = new_recipient(kind=kind, currency=currency, account_number=number)
    ready = await listening(answer).create_recipient(new)

    assert ready == RecipientReady(
        recipient="RCP_1", account_name="HANNAH B HOST", bank_name="Guaranty Trust Bank"
    )
    (request,) = sent
    assert (request.method, request.url.path) == ("POST", "/transferrecipient")
    assert json.loads(request.content) == {
        "type": word,
        "name": "Hannah Host",
        "account_number": number,  # a wallet's as it is dialled at home
        "bank_code": "058",
        "currency": currency,
    }


@pytest.mark.parametrize(
    ("kind", "currency"),
    [
        (RecipientKind.BANK_ACCOUNT, "USD"),
        (RecipientKind.MOBILE_MONEY, "NGN"),
        (RecipientKind.MOBILE_MONEY_BUSINESS, "GHS"),
        (RecipientKind.BANK_ACCOUNT, "EUR"),
    ],
)
async def test_an_account_that_paystack_cannot_pay_is_refused_without_a_call(
    kind: RecipientKind, currency: str
):
    new = new_recipient(kind=kind, currency=currency)
    assert isinstance(await answering(500, {}).create_recipient(new), Refused)


async def test_an_account_that_paystack_does_not_find_is_refused():
    gateway = answering(400, refusal("Cannot resolve account", "invalid_params"))
    refused = await gateway.create_recipient(new_recipient())
    assert refused == Refused(reason="Cannot resolve account (HTTP 400)")


async def test_names_that_paystack_does_not_know_are_empty():
    body = recipient(account_name=None, bank_name=None, account_number=None)
    ready = await answering(201, body).create_recipient(new_recipient())
    assert ready == RecipientReady(recipient="RCP_1", account_name="", bank_name="")


@pytest.mark.parametrize(
    "body", [recipient(account_number="0009999999"), reply({"recipient_code": ""}), reply(None)]
)
async def test_a_recipient_that_is_not_the_one_asked_for_is_unknown(body: Any):
    assert isinstance(await answering(201, body).create_recipient(new_recipient()), Unknown)
