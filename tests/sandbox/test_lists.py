"""The gateways' lists, page by page, as unkind as they are."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app.sandbox.app import FLUTTERWAVE_SECRET_KEY, SECRET_KEY, STRIPE_SECRET_KEY
from app.sandbox.books.transactions import Transaction
from app.sandbox.stripe.dialect import Stripe
from tests.sandbox.server import SandboxHandle, sandbox_in_process

HEADERS: Final = {
    "stripe": {"authorization": f"Bearer {STRIPE_SECRET_KEY}", "stripe-version": "2026-10-28"},
    "paystack": {"authorization": f"Bearer {SECRET_KEY}"},
    "flutterwave": {"authorization": f"Bearer {FLUTTERWAVE_SECRET_KEY}"},
}
CURRENCIES: Final = {"stripe": "EUR", "paystack": "NGN", "flutterwave": "NGN"}
LISTS: Final = {
    "stripe": "/v1/charges",
    "paystack": "/transaction",
    "flutterwave": "/v3/transactions",
}


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with sandbox_in_process(step_seconds=None) as (handle, _):
        yield handle


def take(sandbox: SandboxHandle, gateway: str, amount: int = 10_000) -> Transaction:
    return sandbox.simulator.cashier.take(
        gateway,
        amount=amount,
        currency=CURRENCIES[gateway],
        email="g@example.com",
        reference=None,
    )


async def get(sandbox: SandboxHandle, gateway: str, path: str, **query: Any) -> dict[str, Any]:
    reply = await sandbox.client.get(path, params=query or None, headers=HEADERS[gateway])
    assert reply.status_code == 200, reply.text
    return reply.json()


async def refusal(sandbox: SandboxHandle, query: str) -> tuple[int, dict[str, Any]]:
    reply = await sandbox.client.get(f"/v1/charges?{query}", headers=HEADERS["stripe"])
    return reply.status_code, reply.json()["error"]


def ids(page: dict[str, Any]) -> list[Any]:
    return [row["id"] for row in page["data"]]


async def test_stripe_lists_ten_rows_at_a_time_newest_first(sandbox: SandboxHandle):
    newest_first = [f"ch_{take(sandbox, 'stripe').id}" for _ in range(12)][::-1]
    first = await get(sandbox, "stripe", "/v1/charges")
    assert (ids(first), first["has_more"]) == (newest_first[:10], True)
    take(sandbox, "stripe")  # comes meanwhile, and shifts nothing
    second = await get(sandbox, "stripe", "/v1/charges", starting_after=newest_first[9])
    assert (ids(second), second["has_more"]) == (newest_first[10:], False)
    back = await get(sandbox, "stripe", "/v1/charges", ending_before=newest_first[11], limit=3)
    assert (ids(back), back["has_more"]) == (newest_first[8:11], True)


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=abc", "limit", "parameter_invalid_integer"),
        ("limit=0", "limit", "parameter_invalid_integer"),
        ("limit=101", "limit", "parameter_invalid_integer"),
        ("created[gte]=monday", "created[gte]", "parameter_invalid_integer"),
        ("starting_after=ch_1", "starting_after", "resource_missing"),
        ("ending_before=ch_1", "ending_before", "resource_missing"),
        ("colour=red", "colour", "parameter_unknown"),
    ],
)
async def test_stripe_refuses_a_filter_that_makes_no_sense(
    sandbox: SandboxHandle, query: str, param: str, code: str
):
    status, error = await refusal(sandbox, query)
    assert (status, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request_error"


async def test_stripe_shows_in_full_only_what_is_asked_for(sandbox: SandboxHandle):
    take(sandbox, "stripe")
    for name in ("expand[]", "expand[0]"):
        path = f"/v1/charges?{name}=data.balance_transaction"
        (whole,) = (await get(sandbox, "stripe", path))["data"]
        assert whole["balance_transaction"]["fee"] == 150
    (bare,) = (await get(sandbox, "stripe", "/v1/charges"))["data"]
    assert bare["balance_transaction"] == whole["balance_transaction"]["id"]
    status, error = await refusal(sandbox, "expand[]=data.colour")
    assert (status, error["message"]) == (400, "This property cannot be expanded (data.colour).")


async def test_everything_at_stripe_can_be_read_alone(sandbox: SandboxHandle):
    charge = take(sandbox, "stripe")
    refund = await sandbox.act("refunds", charge=str(charge.id), amount=1_000)
    transfer = await sandbox.act("transfers", gateway="stripe", amount=2_000, currency="EUR")
    await sandbox.act("reversals", transfer=transfer["transfer_code"], amount=500)
    payout = await sandbox.act("payouts", gateway="stripe", currency="EUR", status="paid")
    dispute = await sandbox.charge_back(charge.reference, amount=3_000)
    event = (await get(sandbox, "stripe", "/v1/events"))["data"][-1]
    for kind, key in (
        ("charges", f"ch_{charge.id}"),
        ("payment_intents", f"pi_{charge.id}"),
        ("refunds", f"re_{refund['id']}"),
        ("transfers", transfer["transfer_code"]),
        ("payouts", f"po_{payout['id']}"),
        ("disputes", f"dp_{dispute['id']}"),
        ("events", event["id"]),
        ("balance_transactions", f"txn_{charge.id}"),
    ):
        assert (await get(sandbox, "stripe", f"/v1/{kind}/{key}"))["id"] == key
        reply = await sandbox.client.get(f"/v1/{kind}/none", headers=HEADERS["stripe"])
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "resource_missing")
    shown = await get(sandbox, "stripe", f"/v1/transfers/{transfer['transfer_code']}")
    assert (shown["amount_reversed"], shown["reversed"]) == (500, False)
    assert [each["amount"] for each in shown["reversals"]["data"]] == [500]


async def test_stripes_balance_is_the_sum_of_what_changed_it(sandbox: SandboxHandle):
    charge = take(sandbox, "stripe", 50_000)
    await sandbox.act("refunds", charge=str(charge.id), amount=1_000)
    transfer = await sandbox.act("transfers", gateway="stripe", amount=2_000, currency="EUR")
    await sandbox.act("reversals", transfer=transfer["transfer_code"])
    await sandbox.act("adjustments", gateway="stripe", amount=-300, currency="EUR")
    await sandbox.charge_back(charge.reference, amount=3_000)
    await sandbox.top_up(700, "EUR", "stripe")
    for status, amount in (("paid", 4_000), ("failed", 5_000)):
        await sandbox.act(
            "payouts", gateway="stripe", currency="EUR", amount=amount, fee=25, status=status
        )
    rows = (await get(sandbox, "stripe", "/v1/balance_transactions", limit=100))["data"]
    balance = (await get(sandbox, "stripe", "/v1/balance"))["available"][0]["amount"]
    assert sum(row["net"] for row in rows) == balance
    assert sorted(row["type"] for row in rows) == [
        "adjustment", "adjustment", "charge", "payout", "payout", "payout_failure", "refund",
        "stripe_fee", "stripe_fee", "topup", "transfer", "transfer_refund",
    ]  # fmt: skip
    only = await get(sandbox, "stripe", "/v1/balance_transactions", type="adjustment")
    assert sorted(row["net"] for row in only["data"]) == [-4_500, -300]


async def test_paystacks_pages_shift_when_a_row_comes_and_its_cursors_do_not(
    sandbox: SandboxHandle,
):
    rows = [take(sandbox, "paystack").id for _ in range(5)][::-1]
    page = await get(sandbox, "paystack", "/transaction", perPage=2)
    cursor = await get(sandbox, "paystack", "/transaction", perPage=2, use_cursor="true")
    assert ids(page) == ids(cursor) == rows[:2]
    assert page["meta"]["pageCount"] == 3
    take(sandbox, "paystack")
    shifted = await get(sandbox, "paystack", "/transaction", perPage=2, page=2)
    assert ids(shifted) == rows[1:3]  # the second row again
    following = await get(
        sandbox,
        "paystack",
        f"/transaction?perPage=2&use_cursor=true&next={cursor['meta']['next']}",
    )
    assert ids(following) == rows[2:4]
    last = await get(
        sandbox,
        "paystack",
        f"/transaction?perPage=2&use_cursor=true&next={following['meta']['next']}",
    )
    assert (ids(last), last["meta"]["next"]) == (rows[4:], None)


async def test_flutterwave_lists_days_in_pages_of_ten_and_settlements_in_pages_of_twenty(
    sandbox: SandboxHandle,
):
    rows = [take(sandbox, "flutterwave").id for _ in range(22)][::-1]
    day = (await sandbox.charges())[0]["created_at"][:10]
    page = await get(sandbox, "flutterwave", "/v3/transactions", page=3, to=day)
    assert ids(page) == rows[20:]
    assert page["meta"]["page_info"]["total_pages"] == 3
    assert ids(await get(sandbox, "flutterwave", "/v3/transactions", to="2020-01-01")) == []
    for _ in range(21):
        await sandbox.act(
            "payouts", gateway="flutterwave", currency="NGN", amount=1_000, status="paid"
        )
    settled = await get(sandbox, "flutterwave", "/v3/settlements")
    assert len(settled["data"]) == settled["meta"]["page_info"]["page_size"] == 20
    reply = await sandbox.client.get("/v3/transactions?page=two", headers=HEADERS["flutterwave"])
    assert reply.status_code == 400


@pytest.mark.parametrize("gateway", LISTS)
async def test_a_row_that_is_hidden_appears_later_among_older_and_newer_ones(
    sandbox: SandboxHandle, gateway: str
):
    _, late, _ = [take(sandbox, gateway) for _ in range(3)]
    everything = ids(await get(sandbox, gateway, LISTS[gateway]))
    await sandbox.hide("charges", late.reference)
    assert ids(await get(sandbox, gateway, LISTS[gateway])) == [everything[0], everything[2]]
    await sandbox.hide("charges", late.reference, hidden=False)
    assert ids(await get(sandbox, gateway, LISTS[gateway])) == everything


@pytest.mark.parametrize("gateway", LISTS)
async def test_a_list_can_miss_its_newest_row_and_repeat_a_row_of_the_page_before(
    sandbox: SandboxHandle, gateway: str
):
    for _ in range(12):
        take(sandbox, gateway)
    size = {"stripe": {}, "flutterwave": {}, "paystack": {"perPage": 10}}[gateway]
    whole = ids(await get(sandbox, gateway, LISTS[gateway], **size))
    await sandbox.fault("charges", "late_row")
    late = ids(await get(sandbox, gateway, LISTS[gateway], **size))
    assert late[:9] == whole[1:]
    await sandbox.fault("charges", "repeated_row")
    place = {"starting_after": whole[-1]} if gateway == "stripe" else {"page": 2}
    second = ids(await get(sandbox, gateway, LISTS[gateway], **size, **place))
    assert second[0] == whole[-1]


async def test_payouts_to_our_bank_are_listed_in_each_gateways_words(sandbox: SandboxHandle):
    for gateway, currency in CURRENCIES.items():
        take(sandbox, gateway)
        for status, amount in (("failed", 3_000), ("paid", 2_000), (None, 1_000)):
            await sandbox.act(
                "payouts", gateway=gateway, currency=currency, amount=amount, fee=10, status=status
            )
    stripe = await get(sandbox, "stripe", "/v1/payouts")
    assert [(row["amount"], row["status"]) for row in stripe["data"]] == [
        (1_000, "pending"), (2_000, "paid"), (3_000, "failed"),
    ]  # fmt: skip
    paystack = await get(sandbox, "paystack", "/settlement")
    assert [(row["effective_amount"], row["deductions"], row["status"])
            for row in paystack["data"]] == [
        (1_000, 10, "processing"), (2_000, 10, "success"), (3_000, 10, "failed"),
    ]  # fmt: skip
    flutterwave = await get(sandbox, "flutterwave", "/v3/settlements")
    assert [(row["net_amount"], row["gross_amount"], row["status"])
            for row in flutterwave["data"]] == [
        (10, 10.1, "pending"), (20, 20.1, "completed"), (30, 30.1, "failed"),
    ]  # fmt: skip
    told = {each["event"] for each in await sandbox.deliveries()}
    assert {"payout.created", "payout.paid", "payout.failed"} <= told
    balances = {gateway: (await sandbox.books(gateway))[c] for gateway, c in CURRENCIES.items()}
    assert {each["paid_out"] for each in balances.values()} == {3_000}  # what failed came back
    paid = stripe["data"][1]["id"]
    await sandbox.end_payout(paid, "failed")
    assert (await sandbox.books("stripe"))["EUR"]["paid_out"] == 1_000


async def test_a_session_is_read_and_closed_and_then_nobody_can_pay_it(sandbox: SandboxHandle):
    form = {
        "mode": "payment",
        "success_url": "https://berthold.test/back",
        "client_reference_id": "bk-1",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "5000",
        "line_items[0][price_data][product_data][name]": "Booking",
    }

    async def post(path: str, data: dict[str, str]) -> tuple[int, dict[str, Any]]:
        reply = await sandbox.client.post(path, data=data, headers=STRIPE_FORM)
        return reply.status_code, reply.json()

    _, opened = await post("/v1/checkout/sessions", form)
    path = f"/v1/checkout/sessions/{opened['id']}"
    assert (await get(sandbox, "stripe", path))["status"] == "open"
    await sandbox.decline("bk-1")
    _, closed = await post(f"{path}/expire", {})
    assert (closed["status"], closed["url"], closed["payment_status"]) == (
        "expired", None, "unpaid",
    )  # fmt: skip
    await sandbox.pay("bk-1")
    assert [each["status"] for each in await sandbox.charges()] == ["failed"]
    assert "closed" in (await sandbox.client.get(opened["url"])).text
    status, refused = await post(f"{path}/expire", {})
    assert (status, "`expired`" in refused["error"]["message"]) == (400, True)
    assert "checkout.session.expired" in {each["event"] for each in await sandbox.deliveries()}


async def test_a_link_of_flutterwave_is_disabled_once_and_whoever_has_it_open_may_still_pay(
    sandbox: SandboxHandle,
):
    new = {"tx_ref": "bk-1", "amount": 50, "currency": "NGN", "redirect_url": "https://b.test/",
           "customer": {"email": "g@example.com"}}  # fmt: skip
    headers = HEADERS["flutterwave"]
    made = await sandbox.client.post("/v3/payments", json=new, headers=headers)
    link = {"link": made.json()["data"]["link"]}
    path = "/v3/payments/link/disable"
    statuses = [
        (await sandbox.client.post(path, json=each, headers=headers)).status_code
        for each in (link, link, {"link": "http://sandbox.test/checkout/none"})
    ]
    assert statuses == [200, 400, 400]
    await sandbox.pay("bk-1")
    assert (await sandbox.charges())[0]["status"] == "abandoned"
    await sandbox.pay("bk-1", isLate=True)
    assert (await sandbox.charges())[0]["status"] == "success"


STRIPE_FORM: Final = HEADERS["stripe"] | {"content-type": "application/x-www-form-urlencoded"}


def test_the_simulators_stripe_knows_how_many_digits_each_currency_has():
    digits = Stripe("whsec_x").digits
    assert [digits(currency) for currency in ("EUR", "JPY", "KWD", "UGX")] == [2, 0, 3, 2]
