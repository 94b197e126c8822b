"""Refunds through the Paystack adapter: found by a note, and never taken for what they are not."""

import json
from typing import Any

import httpx
import pytest

from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import (
    Accepted,
    FoundInstruction,
    MoneyOutStatus,
    NoSuchInstruction,
    Refused,
    Unknown,
)
from app.foundation.money import Money
from tests.edge.gateways.paystack_requests import REFUND, new_refund
from tests.edge.gateways.paystack_wire import (
    answering,
    listening,
    refund,
    refusal,
    reply,
    transaction,
)


def begun(**changes: Any) -> dict[str, Any]:
    """The reply to a new refund."""
    fields = {"status": "pending", "transaction": {"id": 1, "reference": "bk-1"}}
    return reply(refund(**{**fields, **changes}))


def holding(*refunds: Any, charge: dict[str, Any] | None = None, per_page: int = 100) -> Paystack:
    """A Paystack that has these refunds of the charge bk-1, and no chargeback of it. It lists so
    many at a time.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/transaction/verify/bk-1":
            return httpx.Response(200, json=charge or transaction())
        assert request.url.params["transaction"] == "4099260516"  # its id: no reference will do
        if request.url.path == "/dispute":
            return httpx.Response(200, json=reply([], meta={"total": 0}))
        assert request.url.path == "/refund"
        start = (int(request.url.params["page"]) - 1) * per_page
        page = list(refunds[start : start + per_page])
        return httpx.Response(200, json=reply(page, meta={"total": len(refunds)}))

    return listening(answer)


async def find(gateway: Paystack, reference: str = REFUND) -> Any:
    return await gateway.find_refund(reference, charge_reference="bk-1")


async def test_a_refund_is_begun_with_our_reference_in_its_note():
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=begun())

    accepted = await listening(answer).start_refund(new_refund())

    assert isinstance(accepted, Accepted)
    assert (accepted.gateway_id, accepted.status) == ("3018284", MoneyOutStatus.PENDING)
    assert json.loads(json.dumps(accepted.data)) == accepted.data
    (request,) = sent
    assert (request.method, request.url.path) == ("POST", "/refund")
    assert json.loads(request.content) == {
        "transaction": "bk-1",
        "amount": 200_000,
        "currency": "NGN",
        "merchant_note": REFUND,
        "customer_note": "Booking cancelled",
    }


@pytest.mark.parametrize(
    "body",
    [
        begun(amount=500_000),
        begun(currency="GHS"),
        begun(id=None),
        begun(status=None),
        begun(domain="moon"),
        reply(refund(transaction={"id": 1, "reference": "bk-2"})),
        reply([]),
        reply(None),
        {"status": False, "message": "?"},
        {},
    ],
)
async def test_a_reply_that_differs_from_the_request_is_unknown(body: Any):
    assert isinstance(await answering(200, body).start_refund(new_refund()), Unknown)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_an_answer_that_says_nothing_about_the_refund_is_unknown(status: int):
    gateway = answering(status, refusal("?"))
    assert isinstance(await gateway.start_refund(new_refund()), Unknown)
    assert isinstance(await find(gateway), Unknown)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Refund amount cannot be more than transaction amount"),
        (400, "Transaction has been fully reversed"),
        (401, "Invalid key"),
        (422, "Invalid transaction"),
    ],
)
async def test_a_refusal_of_paystack_is_refused_with_its_message(status: int, message: str):
    refused = await answering(status, refusal(message)).start_refund(new_refund())
    assert refused == Refused(reason=f"{message} (HTTP {status})")


async def test_a_refusal_by_somebody_before_paystack_concludes_nothing():
    blocked = answering(403, {"message": "no Route matched with those values"})
    assert isinstance(await blocked.start_refund(new_refund()), Unknown)


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "refund"},
        {"reference": "rf 0000000000000001 1"},
        {"reference": ""},
        {"charge_reference": "../x"},
        {"money": Money(amount=0, currency="NGN")},
        {"money": Money(amount=1, currency="KWD")},
        {"money": Money(amount=1, currency="JPY")},
    ],
)
async def test_a_refund_with_an_invalid_reference_or_amount_is_never_sent(changes: dict[str, Any]):
    gateway = answering(500, {})
    assert isinstance(await gateway.start_refund(new_refund(**changes)), Refused)


async def test_a_refund_is_found_by_its_note_among_those_of_its_charge():
    others = [refund(id=n, merchant_note=f"rf-0000000000000001-1{n}") for n in range(5)]
    strange = [refund(id=7, merchant_note=0), refund(id=8, merchant_note=8), {"odd": True}]
    found = await find(holding(*others, *strange, refund(amount=150_000), per_page=3))
    assert isinstance(found, FoundInstruction)
    assert (found.reference, found.gateway_id) == (REFUND, "3018284")
    assert found.money == Money(amount=150_000, currency="NGN")
    assert (found.status, found.failure, found.fee) == (MoneyOutStatus.SUCCEEDED, "", 0)
    assert not found.live
    assert json.loads(json.dumps(found.data)) == found.data


async def test_a_note_to_which_something_was_added_is_still_found():
    found = await find(holding(refund(merchant_note=f"{REFUND} by ops@example.com")))
    assert isinstance(found, FoundInstruction)


async def test_a_note_that_only_begins_with_our_reference_is_another_refund():
    listed = refund(merchant_note=f"{REFUND}0"), refund(id=2, merchant_note=f"x{REFUND}")
    assert await find(holding(*listed)) == NoSuchInstruction()


async def test_a_refund_whose_note_is_in_no_page_is_no_such_instruction():
    assert await find(holding()) == NoSuchInstruction()
    assert await find(holding(refund(merchant_note="by hand"))) == NoSuchInstruction()
    assert await find(answering(500, {}), "x y") == NoSuchInstruction()  # never sent


async def test_a_list_without_a_total_is_read_to_its_empty_end():
    pages = {"1": [refund(merchant_note="by hand")], "2": [refund()], "3": []}

    def answer(request: httpx.Request) -> httpx.Response:
        if "verify" in request.url.path:
            return httpx.Response(200, json=transaction())
        return httpx.Response(200, json=reply(pages[request.url.params["page"]]))

    assert isinstance(await find(listening(answer)), FoundInstruction)


async def test_a_refund_that_is_on_two_pages_is_one_refund():
    assert isinstance(await find(holding(refund(), refund(), per_page=1)), FoundInstruction)


async def test_two_refunds_with_one_note_are_found_as_their_sum():
    found = await find(holding(refund(), refund(id=2, amount=1, status="pending")))
    assert isinstance(found, FoundInstruction)
    assert found.money.amount == 200_001  # which is not what was instructed
    assert (found.status, found.gateway_id) == (MoneyOutStatus.PENDING, "2")


async def test_of_two_refunds_with_one_note_one_that_failed_pays_nothing():
    found = await find(holding(refund(id=2, status="failed"), refund()))
    assert isinstance(found, FoundInstruction)
    assert (found.status, found.money.amount) == (MoneyOutStatus.SUCCEEDED, 200_000)
    both = await find(holding(refund(id=2, status="failed"), refund(status="failed")))
    assert isinstance(both, FoundInstruction)
    assert (both.status, both.money.amount) == (MoneyOutStatus.FAILED, 200_000)


async def test_two_refunds_with_one_note_in_two_currencies_are_unknown():
    assert isinstance(await find(holding(refund(), refund(id=2, currency="GHS"))), Unknown)


async def test_a_list_without_an_end_is_unknown():
    def answer(request: httpx.Request) -> httpx.Response:
        if "verify" in request.url.path:
            return httpx.Response(200, json=transaction())
        return httpx.Response(200, json=reply([refund(merchant_note="by hand")]))

    assert isinstance(await find(listening(answer)), Unknown)


@pytest.mark.parametrize("page", [reply(None), reply("x"), reply([1]), {"status": False}, [], {}])
async def test_a_list_that_makes_no_sense_is_unknown(page: Any):
    def answer(request: httpx.Request) -> httpx.Response:
        is_charge = "verify" in request.url.path
        return httpx.Response(200, json=transaction() if is_charge else page)

    assert isinstance(await find(listening(answer)), Unknown)


async def test_a_refunded_charge_with_an_empty_list_of_refunds_is_unknown():
    assert isinstance(await find(holding(charge=transaction(status="reversed"))), Unknown)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [([500_000], NoSuchInstruction), ([300_000, 200_000], NoSuchInstruction), ([300_000], Unknown)],
)
async def test_a_charge_that_the_payers_bank_took_has_no_refund(taken: Any, expected: Any):
    disputes = [
        {
            "id": number, "domain": "test", "status": "resolved", "resolution": "auto-accepted",
            "refund_amount": amount, "currency": "NGN", "transaction": transaction()["data"],
        }
        for number, amount in enumerate(taken)
    ]  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/transaction/verify/"):
            return httpx.Response(200, json=transaction(status="reversed"))
        rows = disputes if request.url.path == "/dispute" else []
        return httpx.Response(200, json=reply(rows, meta={"total": len(rows)}))

    assert isinstance(await find(listening(answer)), expected)


async def test_a_charge_that_paystack_does_not_know_says_nothing_about_its_refund():
    unknown = answering(404, refusal("Transaction reference not found.", "transaction_not_found"))
    assert isinstance(await find(unknown), Unknown)


async def test_a_wrong_key_says_nothing_about_a_refund():
    assert isinstance(await find(answering(401, refusal("Invalid key"))), Unknown)


@pytest.mark.parametrize(
    "changes", [{"amount": -1}, {"amount": "much"}, {"currency": "???"}, {"status": None}]
)
async def test_a_refund_of_ours_that_makes_no_sense_is_unknown(changes: dict[str, Any]):
    assert isinstance(await find(holding(refund(**changes))), Unknown)


@pytest.mark.parametrize(
    ("word", "status", "has_failure"),
    [
        ("pending", MoneyOutStatus.PENDING, False),
        ("processing", MoneyOutStatus.PENDING, False),
        ("needs-attention", MoneyOutStatus.PENDING, True),
        ("needs_attention", MoneyOutStatus.PENDING, True),
        ("processed", MoneyOutStatus.SUCCEEDED, False),
        ("failed", MoneyOutStatus.FAILED, True),
        ("a word of next year", MoneyOutStatus.PENDING, False),
    ],
)
async def test_only_processed_is_refunded_and_only_failed_is_over(
    word: str, status: MoneyOutStatus, has_failure: bool
):
    found = await find(holding(refund(status=word)))
    assert isinstance(found, FoundInstruction)
    assert found.status is status
    assert bool(found.failure) is has_failure


async def test_live_is_what_paystack_reports():
    found = await find(holding(refund(domain="live")))
    assert isinstance(found, FoundInstruction)
    assert found.live
