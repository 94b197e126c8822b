"""What is Flutterwave's own: decimal amounts, words for codes, refunds without names, a hash."""

import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.edge.gateways.flutterwave.adapter import Flutterwave
from app.edge.gateways.flutterwave.amounts import fee_from_wire, from_wire, to_wire
from app.edge.gateways.flutterwave.webhooks import Scheme
from app.edge.gateways.port import (
    Accepted,
    BadPayload,
    BadSignature,
    ChargeStatus,
    CheckoutReady,
    Event,
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
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.foundation.money import Money
from app.sandbox.app import FLUTTERWAVE_SECRET_KEY, FLUTTERWAVE_WEBHOOK_SECRET
from tests.edge.gateways.adapters import BASE, World, adapter_named, opened
from tests.edge.gateways.requests import CHARGE, REFUND, TRANSFER, refund, start, transfer

SECOND_SECRET = "second-secret-hash-00000000000000"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(adapter_named("flutterwave"), World) as world:
        yield world


def listening(
    answer: Callable[[httpx.Request], httpx.Response], scheme: Scheme = Scheme.V3
) -> Flutterwave:
    return Flutterwave(
        secret_key=FLUTTERWAVE_SECRET_KEY,
        webhook_secrets=[FLUTTERWAVE_WEBHOOK_SECRET, SECOND_SECRET],
        webhook_scheme=scheme,
        base_url=BASE,
        timeout_s=5,
        transport=httpx.MockTransport(answer),
    )


def answering(status: int, body: Any) -> Flutterwave:
    return listening(lambda _: httpx.Response(status, json=body))


def error(message: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "data": None}


def transaction(**changes: Any) -> dict[str, Any]:
    fields = {
        "id": 285959875, "tx_ref": CHARGE, "status": "successful", "amount": 5000,
        "currency": "NGN", "charged_amount": 5000, "app_fee": 75.125, "merchant_fee": 0,
        "amount_settled": None,
        "processor_response": "Approved", "created_at": "2026-01-05T10:00:00.000Z",
    }  # fmt: skip
    return fields | changes


async def found(**changes: Any) -> FoundCharge:
    reply = {"status": "success", "message": "ok", "data": transaction(**changes)}
    attempts = reply | {
        "data": [transaction(**changes)],
        "meta": {"page_info": {"total": 1, "current_page": 1, "total_pages": 1}},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        is_list = request.url.path.endswith("/transactions")
        return httpx.Response(200, json=attempts if is_list else reply)

    result = await listening(answer).find_charge(CHARGE)
    assert isinstance(result, FoundCharge), result
    return result


# ---- amounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "minor", "wire"),
    [
        *(
            (currency, 150_000, "1500.00")
            for currency in ("NGN", "GHS", "KES", "ZAR", "USD", "EUR")
        ),
        *((currency, 1_500, "1500") for currency in ("XOF", "XAF", "UGX")),
        ("NGN", 1, "0.01"),
        ("NGN", 10**15, "10000000000000.00"),
    ],
)
def test_amounts_on_the_wire_are_major_units(currency: str, minor: int, wire: str):
    money = Money(amount=minor, currency=currency)
    assert str(to_wire(money)) == wire
    assert from_wire(Decimal(wire), currency) == money


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.005", "NGN"), ("1.5", "UGX"), ("-1", "NGN"), ("NaN", "NGN"), ("1e400", "NGN"),
     ("1", "JPY"), ("1", "KWD"), ("Infinity", "NGN")],
)  # fmt: skip
def test_amounts_that_do_not_fit_their_currency_are_none(amount: str, currency: str):
    assert from_wire(Decimal(amount), currency) is None


def test_a_fee_is_rounded_down_to_minor_units():
    assert fee_from_wire(Decimal("26.875"), "NGN") == 2_687
    assert fee_from_wire(Decimal("26.875"), "UGX") == 26
    assert fee_from_wire(Decimal(-1), "NGN") is None


async def test_an_amount_with_a_point_loses_nothing_on_its_way(world: World):
    odd = 1_000_000_000_000_07
    assert isinstance(await start(world, amount=odd), CheckoutReady)
    await world.sandbox.pay(CHARGE)
    result = await world.gateway.find_charge(CHARGE)
    assert isinstance(result, FoundCharge)
    assert result.money.amount == odd


# ---- charges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_a_not_found_message_is_recognised_with_any_http_status(status: int):
    nothing = answering(status, error("No transaction was found for this id"))
    assert await nothing.find_charge(CHARGE) == NoSuchCharge()


@pytest.mark.parametrize("status", [200, 400, 401, 403])
async def test_another_refusal_of_a_look_up_is_unknown(status: int):
    refusing = answering(status, error("Invalid authorization key"))
    assert isinstance(await refusing.find_charge(CHARGE), Unknown)
    assert isinstance(await refusing.find_transfer(TRANSFER, charge_reference=CHARGE), Unknown)


async def test_a_refusal_that_comes_with_http_200_is_a_refusal(world: World):
    refusing = answering(200, error("tx_ref is required"))
    assert await start(world, gateway=refusing) == Refused(reason="tx_ref is required (HTTP 200)")


async def test_giving_up_after_28_seconds_concludes_nothing(world: World):
    late = answering(503, error("Your request may still be processing"))
    assert isinstance(await start(world, gateway=late), Unknown)


async def test_the_same_reference_makes_another_link_and_the_last_attempt_counts(world: World):
    first, second = [await start(world) for _ in range(2)]
    assert isinstance(first, CheckoutReady)
    assert isinstance(second, CheckoutReady)
    assert first != second
    await world.sandbox.client.post(first.checkout_url + "/decline")
    result = await world.gateway.find_charge(CHARGE)
    assert isinstance(result, FoundCharge)
    assert result.status is ChargeStatus.FAILED
    await world.sandbox.client.post(second.checkout_url + "/pay")
    result = await world.gateway.find_charge(CHARGE)
    assert isinstance(result, FoundCharge)
    assert result.status is ChargeStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("changes", "amount", "fee"),
    [
        ({}, 500_000, 7_512),
        ({"amount_settled": 4_900.5}, 500_000, 9_950),  # stamp duty too
        ({"charged_amount": 5_075.125}, 500_000, 0),  # the payer bears the fee
        ({"charged_amount": 4_000}, 400_000, 7_512),  # less came in than was asked for
        ({"amount": "5000.00", "app_fee": "75.125"}, 500_000, 7_512),
        ({"app_fee": None}, 500_000, None),
    ],
)
async def test_a_charge_is_what_was_asked_for_and_its_fee_is_what_is_kept(
    changes: Any, amount: int, fee: int | None
):
    result = await found(**changes)
    assert (result.money.amount, result.fee) == (amount, fee)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("successful", ChargeStatus.SUCCEEDED), ("failed", ChargeStatus.FAILED),
     ("pending", ChargeStatus.PENDING), ("new-word", ChargeStatus.PENDING)],
)  # fmt: skip
async def test_only_successful_is_paid(status: str, verdict: ChargeStatus):
    assert (await found(status=status)).status is verdict


@pytest.mark.parametrize(
    "changes", [{"tx_ref": "another"}, {"amount": 1.005}, {"currency": "CHF"}, {"amount": None}]
)
async def test_a_transaction_that_makes_no_sense_is_unknown(changes: Any):
    reply = {"status": "success", "message": "ok", "data": transaction(**changes)}
    assert isinstance(await answering(200, reply).find_charge(CHARGE), Unknown)


# ---- refunds ------------------------------------------------------------------------------------


def with_refunds(*refunds: dict[str, Any], per_page: int = 10, counts: bool = True) -> Flutterwave:
    """Flutterwave with one paid charge and these refunds, of whichever charge."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "verify_by_reference" in request.url.path:
            return httpx.Response(200, json={"status": "success", "data": transaction()})
        page = int(request.url.params["page"])
        shown = refunds[(page - 1) * per_page : page * per_page]
        info = {"total": len(refunds), "current_page": page,
                "total_pages": max(1, -(-len(refunds) // per_page))}  # fmt: skip
        meta = {"meta": {"page_info": info}} if counts else {}
        return httpx.Response(200, json={"status": "success", "data": shown, **meta})

    return listening(answer)


def told_refund(**changes: Any) -> dict[str, Any]:
    fields = {
        "id": 75923, "tx_id": 285959875, "amount_refunded": 2000, "status": "completed",
        "comments": f"{REFUND} of {CHARGE}: Cancelled\nby the host",
    }  # fmt: skip
    return fields | changes


async def find_refund(gateway: Flutterwave) -> Any:
    return await gateway.find_refund(REFUND, charge_reference=CHARGE)


async def test_a_new_refund_that_is_called_completed_is_pending(world: World):
    await start(world)
    await world.sandbox.pay(CHARGE)
    await world.sandbox.fault("refund", "stuck")
    result = await refund(world)
    assert isinstance(result, Accepted)
    assert (result.data["status"], result.status) == ("completed", MoneyOutStatus.PENDING)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("completed", MoneyOutStatus.SUCCEEDED), ("completed-bank-transfer", MoneyOutStatus.SUCCEEDED),
     ("failed", MoneyOutStatus.FAILED), ("pending-momo", MoneyOutStatus.PENDING),
     ("new", MoneyOutStatus.PENDING), ("processing", MoneyOutStatus.PENDING)],
)  # fmt: skip
async def test_a_refund_event_is_recognised_by_its_comments_and_status(
    status: str, verdict: MoneyOutStatus
):
    other = told_refund(id=1, comments=f"{REFUND}2 of {CHARGE}: x")
    result = await find_refund(with_refunds(other, told_refund(status=status)))
    assert isinstance(result, FoundInstruction)
    assert (result.gateway_id, result.status) == ("75923", verdict)
    assert result.money == Money(amount=200_000, currency="NGN")


@pytest.mark.parametrize("counts", [True, False])
async def test_a_refund_is_looked_for_on_all_pages(counts: bool):
    others = [told_refund(id=n, tx_id=n, comments="from the dashboard") for n in range(25)]
    deep = with_refunds(*others, told_refund(), counts=counts)
    assert isinstance(await find_refund(deep), FoundInstruction)
    assert await find_refund(with_refunds(*others, counts=counts)) == NoSuchInstruction()


async def test_a_refund_without_comments_makes_the_look_up_unknown():
    nameless = told_refund()
    del nameless["comments"]
    assert isinstance(await find_refund(with_refunds(nameless)), Unknown)
    of_others = with_refunds(nameless | {"tx_id": 7})
    assert await find_refund(of_others) == NoSuchInstruction()


async def test_two_refunds_with_one_reference_are_unknown():
    assert isinstance(await find_refund(with_refunds(told_refund(), told_refund(id=2))), Unknown)


# ---- transfers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["Transfer with reference already exists", "Reference must be unique", "Duplicate transfer"],
)
async def test_a_message_about_a_taken_reference_is_recognised(world: World, words: str):
    gateway = answering(400, error(words))
    assert await transfer(world, gateway=gateway, recipient="3768") == ReferenceTaken()


async def test_a_list_that_ignores_its_filter_is_filtered_by_us():
    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        row = {"id": page, "reference": TRANSFER if page == 3 else f"tr-{page}", "amount": 3000,
               "status": "SUCCESSFUL", "currency": "NGN", "fee": 26.875}  # fmt: skip
        info = {"current_page": page, "total_pages": 4}
        body = {"status": "success", "data": [row], "meta": {"page_info": info}}
        return httpx.Response(200, json=body)

    result = await listening(answer).find_transfer(TRANSFER, charge_reference=CHARGE)
    assert isinstance(result, FoundInstruction)
    assert (result.gateway_id, result.fee) == ("3", 2_687)
    gone = await listening(answer).find_transfer("tr-none", charge_reference=CHARGE)
    assert gone == NoSuchInstruction()


async def test_a_transfer_that_waits_for_approval_says_so():
    row = {"id": 1, "reference": TRANSFER, "amount": 3000, "status": "NEW", "currency": "NGN",
           "requires_approval": 1, "is_approved": 0}  # fmt: skip
    gateway = answering(200, {"status": "success", "data": [row], "meta": None} | {"meta": {
        "page_info": {"current_page": 1, "total_pages": 1}}})  # fmt: skip
    result = await gateway.find_transfer(TRANSFER, charge_reference=CHARGE)
    assert isinstance(result, FoundInstruction)
    assert result.status is MoneyOutStatus.PENDING
    assert "approve" in result.failure


def payee(**changes: Any) -> NewRecipient:
    given = {
        "name": "Hannah Host", "kind": RecipientKind.MOBILE_MONEY, "account_number": "256771234567",
        "bank_code": "MPS", "currency": "UGX",
    }  # fmt: skip
    return NewRecipient(**(given | changes))


async def test_a_mobile_money_account_is_a_beneficiary(world: World):
    ready = await world.gateway.create_recipient(payee())
    assert isinstance(ready, RecipientReady)
    assert ready.recipient.isdecimal()
    assert ready.account_name == "HANNAH HOST"


@pytest.mark.parametrize(
    "changes",
    [
        {"account_number": "12345"},
        {"account_number": "07712345678"},
        {"account_number": "UG771234567"},
        {"kind": RecipientKind.BANK_ACCOUNT},  # wants a branch
        {"currency": "USD"},
        {"currency": "NGN", "kind": RecipientKind.BANK_ACCOUNT, "account_number": "012345678"},
        {"currency": "NGN", "kind": RecipientKind.BANK_ACCOUNT, "account_number": "0123456789",
         "bank_code": "GTB"},
    ],
)  # fmt: skip
async def test_an_account_that_cannot_be_right_is_refused_without_a_call(
    world: World, changes: Any
):
    assert isinstance(await world.gateway.create_recipient(payee(**changes)), Refused)
    assert world.transport.seen == []


# ---- webhooks -----------------------------------------------------------------------------------

CHARGED = {
    "event": "charge.completed", "event.type": "CARD_TRANSACTION",
    "data": {"id": 285959875, "tx_ref": CHARGE, "status": "successful", "amount": 7500.5},
}  # fmt: skip


def read(payload: Any, *, scheme: Scheme = Scheme.V3, **headers: str) -> Event:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    gateway = listening(lambda _: httpx.Response(500), scheme)
    return gateway.read_webhook(given or {"verif-hash": FLUTTERWAVE_WEBHOOK_SECRET}, body)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (CHARGED, ("charge.completed:285959875:successful", EventKind.CHARGE_CHANGED, CHARGE)),
        (CHARGED | {"data": {"id": 1, "tx_ref": CHARGE, "status": "failed"}},
         ("charge.completed:1:failed", EventKind.CHARGE_CHANGED, CHARGE)),
        ({"event": "transfer.completed", "data": {"id": 2, "reference": "tr", "status": "FAILED"}},
         ("transfer.completed:2:FAILED", EventKind.TRANSFER_CHANGED, "tr")),
        ({"event.type": "Transfer", "transfer": {"id": 3, "reference": "tr", "status": "FAILED"}},
         ("transfer.completed:3:FAILED", EventKind.TRANSFER_CHANGED, "tr")),
        ({"id": 4, "AmountRefunded": 5, "status": "completed", "TransactionId": 8,
          "comments": f"{REFUND} of {CHARGE}: x"},
         ("refund:4:completed", EventKind.REFUND_CHANGED, CHARGE)),
        ({"id": 4, "status": "completed", "TransactionId": 8, "comments": "from the dashboard"},
         ("refund:4:completed", EventKind.OTHER, None)),
        ({"event": "virtualcard.debit", "data": {"id": 5}}, ("virtualcard.debit:5:",
         EventKind.OTHER, None)),
    ],
)  # fmt: skip
def test_the_key_of_an_event_is_its_subject(payload: Any, expected: Any):
    event = read(payload)
    assert (event.key, event.kind, event.reference) == expected


def test_pending_and_successful_webhooks_of_a_payment_are_two_events():
    pending = CHARGED | {"data": CHARGED["data"] | {"status": "pending"}}
    assert read(pending).key != read(CHARGED).key


V4 = {"webhook_id": "wbk_1", "timestamp": 1, "type": "charge.completed",
      "data": {"id": "chg_1", "reference": CHARGE, "status": "succeeded"}}  # fmt: skip


def openssl(secret: str, body: bytes) -> str:
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret, "-binary"],
        input=body, capture_output=True, check=True,
    )  # fmt: skip
    return base64.b64encode(made.stdout).decode()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
@pytest.mark.parametrize("secret", [FLUTTERWAVE_WEBHOOK_SECRET, SECOND_SECRET])
def test_under_v4_the_signature_that_openssl_makes_is_accepted(secret: str):
    body = json.dumps(V4).encode()
    event = read(body, scheme=Scheme.V4, flutterwave_signature=openssl(secret, body))
    assert (event.key, event.kind, event.reference) == ("wbk_1", EventKind.CHARGE_CHANGED, CHARGE)
    with pytest.raises(BadSignature):
        read(body + b" ", scheme=Scheme.V4, flutterwave_signature=openssl(secret, body))
    with pytest.raises(BadSignature):
        read(body, scheme=Scheme.V4, flutterwave_signature=openssl("stranger", body))


def test_a_webhook_header_of_the_other_scheme_is_refused():
    secret, body = FLUTTERWAVE_WEBHOOK_SECRET, json.dumps(V4).encode()
    for headers in ({"verif_hash": secret}, {"flutterwave_signature": secret}):
        with pytest.raises(BadSignature):
            read(body, scheme=Scheme.V4, **headers)
    with pytest.raises(BadSignature):
        read(CHARGED, flutterwave_signature=secret)


@pytest.mark.parametrize(
    "payload",
    [{"event": "charge.completed"}, {"event": "charge.completed", "data": {"id": None}},
     {"data": {"id": 1}}, {"TransactionId": 1}, {"transfer": "x"},
     {"event": "charge.completed", "data": {"id": 1, "tx_ref": "\x00"}}],
)  # fmt: skip
def test_an_event_without_a_required_field_is_a_bad_payload(payload: Any):
    with pytest.raises(BadPayload):
        read(payload)


def test_without_a_webhook_secret_every_signature_is_refused():
    gateway = Flutterwave(
        secret_key=FLUTTERWAVE_SECRET_KEY, webhook_secrets=[], base_url=BASE, timeout_s=1
    )
    with pytest.raises(BadSignature):
        gateway.read_webhook({"verif-hash": ""}, json.dumps(CHARGED).encode())
