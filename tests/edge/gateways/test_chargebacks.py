"""How each gateway reports chargebacks, and how the adapters read that."""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from app.edge.gateways.flutterwave.adapter import Flutterwave
from app.edge.gateways.lists import Page, Span, instant
from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import (
    ChargebackStatus,
    EventKind,
    FoundChargeback,
    Gateway,
    Unknown,
)
from app.foundation.money import Money
from app.sandbox.app import SECRET_KEY
from tests.edge.gateways import paystack_wire, stripe_wire
from tests.edge.gateways.paystack_wire import reply
from tests.edge.gateways.requests import CHARGE, PRICE
from tests.edge.gateways.stripe_wire import read, signed

OPEN, WON, LOST = ChargebackStatus
DUE = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = Span.of_day(date(2026, 1, 1))


def dispute(**changes: Any) -> dict[str, Any]:
    """One as Stripe lists it, with its charge."""
    fields = {
        "id": "dp_1", "object": "dispute", "amount": PRICE, "currency": "eur",
        "charge": stripe_wire.charge(disputed=True), "payment_intent": "pi_1",
        "reason": "fraudulent", "status": "needs_response", "livemode": False,
        "is_charge_refundable": False, "created": 1_767_225_600, "metadata": {},
        "balance_transactions": [taken(-PRICE, 1_500)],
        "evidence_details": {"due_by": int(DUE.timestamp()), "has_evidence": False},
    }  # fmt: skip
    return fields | changes


def taken(amount: int, fee: int, currency: str = "eur") -> dict[str, Any]:
    return {"id": "txn_1", "amount": amount, "fee": fee, "net": amount - fee, "currency": currency}


def paystack_dispute(**changes: Any) -> dict[str, Any]:
    """One as Paystack lists it."""
    fields = {
        "id": 358_950, "refund_amount": PRICE, "currency": "NGN", "domain": "test",
        "status": "awaiting-merchant-feedback", "resolution": None, "category": "chargeback",
        "transaction": paystack_wire.transaction(reference=CHARGE)["data"],
        "dueAt": DUE.isoformat(), "resolvedAt": None, "createdAt": "2026-01-01T10:00:00.000Z",
    }  # fmt: skip
    return fields | changes


def stripe_listing(*disputes: dict[str, Any]) -> Gateway:
    """A Stripe that knows one charge, and these chargebacks."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/charges":
            return httpx.Response(200, json=stripe_wire.listed(stripe_wire.charge()))
        assert request.url.params.get("charge", "ch_1") == "ch_1"
        return httpx.Response(200, json=stripe_wire.listed(*disputes))

    return stripe_wire.listening(answer)


def paystack_listing(*disputes: dict[str, Any]) -> Gateway:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/transaction/verify/"):
            return httpx.Response(200, json=paystack_wire.transaction(reference=CHARGE))
        assert request.url.params.get("transaction", "4099260516") == "4099260516"
        return httpx.Response(200, json=reply(list(disputes), meta={"total": len(disputes)}))

    return paystack_wire.listening(answer)


async def the_one(gateway: Gateway) -> FoundChargeback:
    found = await gateway.find_chargebacks(CHARGE)
    assert isinstance(found, list), found
    [chargeback] = found
    assert json.loads(json.dumps(chargeback.data)) == chargeback.data
    return chargeback


# ---- Stripe --------------------------------------------------------------------------------------


async def test_an_open_chargeback_at_stripe_is_taken_with_its_fee():
    assert await the_one(stripe_listing(dispute())) == FoundChargeback(
        gateway_id="dp_1",
        charge_reference=CHARGE,
        status=OPEN,
        money=Money(amount=PRICE, currency="EUR"),
        is_taken=True,
        fee=1_500,
        reason="fraudulent",
        evidence_due_at=DUE,
        live=False,
        data={
            "status": "needs_response", "amount": PRICE, "currency": "eur", "charge": "ch_1",
            "payment_intent": "pi_1", "is_charge_refundable": False, "withdrawn": PRICE,
        },
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


AWAY, BACK = taken(-PRICE, 1_500), taken(PRICE, 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "under_review"}, (OPEN, True, 1_500)),
        ({"status": "won"}, (WON, True, 1_500)),  # not given back yet
        ({"status": "won", "balance_transactions": [BACK, AWAY]}, (WON, False, 1_500)),
        ({"status": "won", "balance_transactions": [taken(PRICE, -1_500), AWAY]}, (WON, False, 0)),
        ({"status": "lost"}, (LOST, True, 1_500)),
        ({"status": "warning_needs_response", "balance_transactions": []}, (OPEN, False, None)),
        ({"status": "warning_closed", "balance_transactions": []}, (WON, False, None)),
        ({"status": "prevented", "balance_transactions": []}, (WON, False, None)),
        ({"status": "prevented"}, (LOST, True, 1_500)),
        ({"status": "appeal_under_review"}, (OPEN, True, 1_500)),
        ({"status": "a word to come"}, (OPEN, True, 1_500)),
        ({"balance_transactions": [taken(-PRICE, 1_500, "usd")]}, (OPEN, True, 1_500)),
    ],
)
async def test_a_stripe_chargeback_is_taken_as_its_balance_transactions_say(
    changes: Any, expected: Any
):
    found = await the_one(stripe_listing(dispute(**changes)))
    assert (found.status, found.is_taken, found.fee) == expected


@pytest.mark.parametrize("back", [4_900, 5_100])
async def test_what_a_stripe_chargeback_of_an_exchanged_charge_moves_is_in_our_balance_currency(
    back: int,
):
    away = taken(-5_000, 1_700, "usd")
    found = await the_one(stripe_listing(dispute(balance_transactions=[away])))
    assert found.money == Money(amount=PRICE, currency="EUR")
    assert (found.settled, found.returned) == (Money(amount=5_000, currency="USD"), None)
    assert found.is_taken
    returned = [taken(back, 0, "usd"), away]  # at the rate of another day
    found = await the_one(stripe_listing(dispute(status="won", balance_transactions=returned)))
    assert found.settled == Money(amount=5_000, currency="USD")
    assert found.returned == Money(amount=back, currency="USD")
    assert not found.is_taken


@pytest.mark.parametrize(("reported", "money"), [(200, 200), (PRICE + 1, PRICE)])
async def test_a_stripe_chargeback_is_never_more_than_was_paid(reported: int, money: int):
    found = await the_one(stripe_listing(dispute(amount=reported)))
    assert found.money == Money(amount=money, currency="EUR")
    assert found.data["amount"] == reported


@pytest.mark.parametrize("due_by", [0, None])
async def test_a_stripe_chargeback_without_evidence_has_no_evidence_due_at(due_by: Any):
    details = {"due_by": due_by, "has_evidence": False}
    found = await the_one(stripe_listing(dispute(evidence_details=details)))
    assert found.evidence_due_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": -1},
        {"charge": "ch_1"},  # not expanded: whose is it?
        {"currency": "usd"},  # of a charge in EUR
        {"balance_transactions": None},
        {"evidence_details": {"due_by": 10**18}},
        {"status": None},
    ],
)
async def test_a_chargeback_at_stripe_that_makes_no_sense_is_unknown(changes: Any):
    gateway = stripe_listing(dispute(**changes))
    assert isinstance(await gateway.find_chargebacks(CHARGE), Unknown)
    assert await gateway.list_chargebacks(DAY, None) == Page(rows=[], unreadable=["dp_1"])


async def test_a_stripe_chargeback_that_is_not_ours_has_no_reference():
    stranger = dispute(charge=stripe_wire.charge(transfer_group=None))
    listing = await stripe_listing(stranger).list_chargebacks(DAY, None)
    assert isinstance(listing, Page)
    assert [row.charge_reference for row in listing.rows] == [""]


@pytest.mark.parametrize(
    "news", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"]
)
async def test_what_an_event_of_stripe_is_about_finds_its_chargebacks(news: str):
    reported = dispute(charge="ch_1")
    body = json.dumps(
        {"id": "evt_1", "type": f"charge.dispute.{news}", "data": {"object": reported}}
    ).encode()
    event = read(body, signed(body))
    assert (event.kind, event.key) == (EventKind.CHARGEBACK_CHANGED, "platform:evt_1")
    found = await stripe_listing(dispute()).find_chargebacks(event.reference)
    assert isinstance(found, list), found
    assert [each.charge_reference for each in found] == [CHARGE]


@pytest.mark.parametrize("charge", [None, "", 1, "ch_1&limit=1", {"id": "ch_1"}])
def test_a_stripe_dispute_event_without_a_charge_is_of_the_kind_other(charge: Any):
    data = {"object": {"charge": charge}}
    body = json.dumps({"id": "evt_1", "type": "charge.dispute.created", "data": data}).encode()
    assert read(body, signed(body)).kind is EventKind.OTHER


# ---- Paystack ------------------------------------------------------------------------------------


async def test_an_open_chargeback_at_paystack_is_not_taken_yet():
    assert await the_one(paystack_listing(paystack_dispute())) == FoundChargeback(
        gateway_id="358950",
        charge_reference=CHARGE,
        status=OPEN,
        money=Money(amount=PRICE, currency="NGN"),
        is_taken=False,
        fee=None,
        reason="chargeback",
        evidence_due_at=DUE,
        live=False,
        data={
            "status": "awaiting-merchant-feedback", "resolution": None, "domain": "test",
            "refund_amount": PRICE, "currency": "NGN", "category": "chargeback",
            "transaction": 4099260516, "resolved_at": None,
        },
        at=instant(paystack_dispute()["createdAt"]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "resolution", "expected"),
    [
        ("awaiting-bank-feedback", None, (OPEN, False)),
        ("pending", "declined", (OPEN, False)),
        ("resolved", "declined", (WON, False)),
        ("resolved", "merchant-accepted", (LOST, True)),
        ("resolved", "auto-accepted", (LOST, True)),
        ("resolved", "a word to come", (OPEN, False)),
        ("resolved", None, (OPEN, False)),
    ],
)
async def test_the_status_of_a_resolved_paystack_dispute_is_its_resolution(
    status: str, resolution: Any, expected: Any
):
    reported = paystack_dispute(status=status, resolution=resolution)
    found = await the_one(paystack_listing(reported))
    assert (found.status, found.is_taken) == expected


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({"refund_amount": 5_800}, 5_800),
        ({"refund_amount": None, "currency": None}, PRICE),  # as of old ones in the documentation
        ({"refund_amount": PRICE + 1}, PRICE),
        ({"refund_amount": 0, "status": "resolved", "resolution": "declined"}, PRICE),
        ({"refund_amount": 0, "status": "resolved", "resolution": "merchant-accepted"}, 0),
    ],
)
async def test_a_paystack_chargeback_is_never_more_than_was_asked(changes: Any, amount: int):
    found = await the_one(paystack_listing(paystack_dispute(**changes)))
    assert found.money == Money(amount=amount, currency="NGN")


@pytest.mark.parametrize("due_at", [None, "soon", 7])
async def test_a_paystack_chargeback_without_a_due_time_has_no_evidence_due_at(due_at: Any):
    found = await the_one(paystack_listing(paystack_dispute(dueAt=due_at)))
    assert found.evidence_due_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_amount": -1},
        {"currency": "GHS"},  # of a charge in NGN
        {"transaction": None},
        {"domain": "moon"},
    ],
)
async def test_a_chargeback_at_paystack_that_makes_no_sense_is_unknown(changes: Any):
    gateway = paystack_listing(paystack_dispute(**changes))
    assert isinstance(await gateway.find_chargebacks(CHARGE), Unknown)
    assert await gateway.list_chargebacks(DAY, None) == Page(rows=[], unreadable=["358950"])


async def test_a_list_with_a_chargeback_of_another_charge_is_unknown():
    other = paystack_wire.transaction(reference="pay-2")["data"]
    gateway = paystack_listing(paystack_dispute(), paystack_dispute(id=2, transaction=other))
    assert isinstance(await gateway.find_chargebacks(CHARGE), Unknown)


def paystack_event(name: str, **changes: Any) -> bytes:
    return json.dumps({"event": name, "data": paystack_dispute(**changes)}).encode()


def heard(body: bytes) -> Any:
    signature = hmac.new(SECRET_KEY.encode(), body, hashlib.sha512).hexdigest()
    gateway: Paystack = paystack_wire.answering(500, {})
    return gateway.read_webhook({"x-paystack-signature": signature}, body)


@pytest.mark.parametrize("news", ["create", "remind", "resolve"])
def test_an_event_of_paystack_names_the_charge(news: str):
    event = heard(paystack_event(f"charge.dispute.{news}"))
    assert (event.kind, event.reference) == (EventKind.CHARGEBACK_CHANGED, CHARGE)


def test_each_chargeback_reminder_of_paystack_is_one_event():
    first, later = (
        paystack_event("charge.dispute.remind", updatedAt=f"2026-01-0{day}T10:00:00Z")
        for day in (2, 3)
    )
    assert heard(first).key == heard(first).key != heard(later).key


@pytest.mark.parametrize("changes", [{"transaction": None}, {"transaction": {}}])
def test_an_event_of_paystack_without_a_charge_names_none(changes: Any):
    event = heard(paystack_event("charge.dispute.create", **changes))
    assert event.reference is None


# ---- Flutterwave ---------------------------------------------------------------------------------


async def test_flutterwave_reports_no_chargebacks_and_is_not_asked():
    gateway = Flutterwave(
        secret_key="FLWSECK_TEST-0",
        webhook_secrets=["0"],
        base_url="http://sandbox.test",
        timeout_s=5,
        transport=httpx.MockTransport(lambda _: httpx.Response(500)),
    )
    assert not gateway.reports_chargebacks
    assert await gateway.find_chargebacks(CHARGE) == []
    assert await gateway.list_chargebacks(DAY, None) == Page(rows=[], unreadable=[])
