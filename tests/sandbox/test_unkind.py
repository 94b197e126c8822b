"""The gateways' less kind sides: facts that come late, other currencies, least amounts, replays."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.sandbox.books.books import Books
from tests.sandbox.server import SandboxHandle, sandbox_in_process
from tests.sandbox.stripe_calls import get, payee, post, session
from tests.sandbox.test_lists import HEADERS, take
from tests.sandbox.test_lists import get as listed
from tests.sandbox.webhooks import eventually


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with sandbox_in_process(step_seconds=None) as (handle, _):
        yield handle


# ---- late facts ----------------------------------------------------------------------------------


async def test_what_a_charge_brings_stripes_balance_is_reported_later_with_a_webhook(
    sandbox: SandboxHandle,
):
    await sandbox.set_terms("stripe", lateSeconds=None)
    charge = take(sandbox, "stripe")
    assert (await get(sandbox, f"charges/ch_{charge.id}"))["balance_transaction"] is None
    assert (await get(sandbox, "balance_transactions"))["data"] == []
    await sandbox.settle(charge.reference)
    told = (await get(sandbox, f"charges/ch_{charge.id}"))["balance_transaction"]
    assert (await get(sandbox, f"balance_transactions/{told}"))["fee"] == 150
    assert (await sandbox.deliveries())[-1]["event"] == "charge.updated"
    reply = await sandbox.client.post(f"/sandbox/charges/{charge.reference}/settle")
    assert reply.status_code == 400


async def test_a_late_fact_comes_by_itself(sandbox: SandboxHandle):
    await sandbox.fault("payment", "late", delay_ms=60)
    charge = take(sandbox, "stripe")
    on_time = take(sandbox, "stripe")

    async def told(charge_id: int) -> bool:
        return (await get(sandbox, f"charges/ch_{charge_id}"))["balance_transaction"] is not None

    assert (await told(charge.id), await told(on_time.id)) == (False, True)
    await eventually(lambda: told(charge.id))
    await sandbox.set_terms("stripe", lateSeconds=0.05)
    later = take(sandbox, "stripe")
    assert not await told(later.id)
    await eventually(lambda: told(later.id))


async def test_flutterwaves_fee_and_settled_amount_are_null_until_they_are_told(
    sandbox: SandboxHandle,
):
    await sandbox.set_terms("flutterwave", lateSeconds=None)
    charge = take(sandbox, "flutterwave")
    path = f"/v3/transactions/{charge.id}/verify"

    async def facts() -> tuple[Any, Any]:
        data = (await listed(sandbox, "flutterwave", path))["data"]
        assert data["status"] == "successful"
        return data["app_fee"], data["amount_settled"]

    assert await facts() == (None, None)
    await sandbox.settle(charge.reference)
    assert await facts() == (1.5, 98.5)


async def test_the_fee_of_a_transfer_is_reported_later(sandbox: SandboxHandle):
    async with sandbox_in_process(step_seconds=0.02) as (quick, _):
        await quick.top_up(100_000, "NGN", "flutterwave")
        bank = {"account_bank": "044", "account_number": "1", "currency": "NGN"}
        made = await quick.client.post(
            "/v3/beneficiaries", json=bank | {"beneficiary_name": "H"},
            headers=HEADERS["flutterwave"],
        )  # fmt: skip
        await quick.fault("transfer", "late")
        new = {"beneficiary": made.json()["data"]["id"], "amount": 200, "currency": "NGN",
               "reference": "po-1"}  # fmt: skip
        reply = await quick.client.post("/v3/transfers", json=new, headers=HEADERS["flutterwave"])
        assert reply.json()["data"]["fee"] == 0

        async def told() -> bool:
            (row,) = (await listed(quick, "flutterwave", "/v3/transfers"))["data"]
            return (row["status"], row["fee"]) == ("SUCCESSFUL", 10.005)

        await eventually(told)


# ---- the currency of the balance -----------------------------------------------------------------


async def test_a_charge_in_pounds_comes_into_a_balance_in_euros(sandbox: SandboxHandle):
    await sandbox.set_terms("stripe", settlesIn={"GBP": {"currency": "EUR", "rate": "1.17"}})
    await session(sandbox, "bk-1", 10_000, "gbp")
    await sandbox.pay("bk-1")
    path = "charges?expand[]=data.balance_transaction"
    (charge,) = (await get(sandbox, path))["data"]
    change = charge["balance_transaction"]
    assert (charge["amount"], charge["currency"]) == (10_000, "gbp")
    assert (change["amount"], change["currency"], change["fee"]) == (11_700, "eur", 175)
    assert change["exchange_rate"] == 1.17
    assert list(await sandbox.books("stripe")) == ["EUR"]

    code = await payee(sandbox)
    new: dict[str, Any] = {
        "amount": 5_000,
        "destination": code,
        "source_transaction": charge["id"],
    }
    wrong = await post(sandbox, "transfers", currency="gbp", **new)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "currency")
    assert (await post(sandbox, "transfers", currency="eur", **new)).status_code == 200
    new["amount"] = 6_701
    too_much = await post(sandbox, "transfers", currency="eur", **new)
    assert too_much.json()["error"]["code"] == "balance_insufficient"

    await post(sandbox, "refunds", charge=charge["id"], amount=10_000)
    books = (await sandbox.books("stripe"))["EUR"]
    assert books["refunded"] == 11_700  # the part that was not given yet is 100 %
    assert books["balance"] == 11_700 - 175 - 11_700 - 5_000


async def test_a_rate_between_currencies_with_other_digits_is_of_major_units(
    sandbox: SandboxHandle,
):
    await sandbox.set_terms("stripe", settlesIn={"JPY": {"currency": "USD", "rate": "0.0065"}})
    await session(sandbox, "bk-1", 10_000, "jpy")
    await sandbox.pay("bk-1")
    assert (await sandbox.books("stripe"))["USD"]["money_in"] == 6_500  # 65.00


# ---- least amounts and steps ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "eur", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (1_234_567, "kwd", "parameter_invalid_integer"),
        (150_050, "ugx", "parameter_invalid_integer"),
        (100_000_000, "eur", "amount_too_large"),
    ],
)
async def test_stripe_refuses_amounts_that_it_cannot_charge(
    sandbox: SandboxHandle, amount: int, currency: str, code: str
):
    reply = await session(sandbox, "bk-1", amount, currency)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)


async def test_stripe_refunds_and_transfers_three_decimals_only_if_the_last_is_0(
    sandbox: SandboxHandle,
):
    await session(sandbox, "bk-1", 10_050, "kwd")
    await sandbox.pay("bk-1")
    (charge,) = (await get(sandbox, "charges"))["data"]
    code = await payee(sandbox)
    for amount, status in ((5_025, 400), (5_020, 200)):
        refund = await post(sandbox, "refunds", charge=charge["id"], amount=amount)
        transfer = await post(
            sandbox, "transfers", amount=amount, currency="kwd", destination=code,
            source_transaction=charge["id"],
        )  # fmt: skip
        assert (refund.status_code, transfer.status_code) == (status, status)


@pytest.mark.parametrize(
    ("amount", "currency", "status"),
    [(4_999, "NGN", 400), (5_000, "NGN", 200), (9, "GHS", 400), (199, "USD", 400)],
)
async def test_paystack_has_a_least_charge(
    sandbox: SandboxHandle, amount: int, currency: str, status: int
):
    new = {"email": "g@example.com", "amount": amount, "currency": currency}
    reply = await sandbox.client.post(
        "/transaction/initialize", json=new, headers=HEADERS["paystack"]
    )
    assert reply.status_code == status


async def test_paystack_and_flutterwave_have_a_least_transfer(sandbox: SandboxHandle):
    for gateway in ("paystack", "flutterwave"):
        await sandbox.top_up(1_000_000, "NGN", gateway)
    bank = {"account_number": "0001234567", "currency": "NGN"}
    paystack = await sandbox.client.post(
        "/transferrecipient", json=bank | {"type": "nuban", "name": "H", "bank_code": "058"},
        headers=HEADERS["paystack"],
    )  # fmt: skip
    flutterwave = await sandbox.client.post(
        "/v3/beneficiaries", json=bank | {"beneficiary_name": "H", "account_bank": "044"},
        headers=HEADERS["flutterwave"],
    )  # fmt: skip
    for amount, status in ((9_999, 400), (10_000, 200)):
        reply = await sandbox.client.post(
            "/transfer", headers=HEADERS["paystack"],
            json={"source": "balance", "amount": amount, "reference": f"po-0000000000{amount:05d}",
                  "recipient": paystack.json()["data"]["recipient_code"]},
        )  # fmt: skip
        assert reply.status_code == status, reply.text
        reply = await sandbox.client.post(
            "/v3/transfers", headers=HEADERS["flutterwave"],
            json={"beneficiary": flutterwave.json()["data"]["id"], "currency": "NGN",
                  "amount": amount / 100, "reference": f"po-{amount}"},
        )  # fmt: skip
        assert reply.status_code == status, reply.text


# ---- idempotency ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "refunds"), [("error_500", 0), ("error_500_after_effect", 1)])
async def test_stripe_repeats_a_500_for_its_key_for_a_day(
    sandbox: SandboxHandle, kind: str, refunds: int
):
    charge = take(sandbox, "stripe")
    await sandbox.fault("refund", kind)
    new: dict[str, Any] = {"charge": f"ch_{charge.id}", "amount": 1_000}
    first = await post(sandbox, "refunds", key="rf-1", **new)
    again = await post(sandbox, "refunds", key="rf-1", **new)
    assert (first.status_code, again.status_code) == (500, 500)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await sandbox.refunds()) == refunds
    assert (await post(sandbox, "refunds", key="rf-2", **new)).status_code == 200
    await sandbox.forget_replies()
    assert (await post(sandbox, "refunds", key="rf-1", **new)).status_code == 200
    assert len(await sandbox.refunds()) == refunds + 2


async def test_a_key_with_other_parameters_or_of_a_call_that_is_under_way_is_an_error(
    sandbox: SandboxHandle,
):
    charge = take(sandbox, "stripe")
    new: dict[str, Any] = {"charge": f"ch_{charge.id}", "amount": 1_000}
    await sandbox.fault("refund", "delay", delay_ms=200)
    first = asyncio.create_task(post(sandbox, "refunds", key="rf-1", **new))
    await asyncio.sleep(0.05)
    meanwhile = await post(sandbox, "refunds", key="rf-1", **new)
    assert (meanwhile.status_code, meanwhile.json()["error"]["code"]) == (
        409, "idempotency_key_in_use",
    )  # fmt: skip
    assert (await first).status_code == 200
    other = await post(sandbox, "refunds", key="rf-1", **(new | {"amount": 2_000}))
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(await sandbox.refunds()) == 1


async def test_stripe_pays_a_second_transfer_with_the_same_metadata_and_another_key(
    sandbox: SandboxHandle,
):
    await sandbox.top_up(10_000, "EUR", "stripe")
    new: dict[str, Any] = {
        "amount": 4_000, "currency": "eur", "destination": await payee(sandbox),
        "metadata__reference": "tr-1",
    }  # fmt: skip
    for key in ("tr-1", "tr-1", "tr-1b"):
        assert (await post(sandbox, "transfers", key=key, **new)).status_code == 200
    assert (await sandbox.books("stripe"))["EUR"]["transferred"] == 8_000


@pytest.mark.parametrize("gateway", ["paystack", "flutterwave"])
async def test_a_refund_can_be_made_and_still_be_answered_with_an_error(
    sandbox: SandboxHandle, gateway: str
):
    charge = take(sandbox, gateway)
    await sandbox.fault("refund", "error_500_after_effect")
    path = {"paystack": "/refund", "flutterwave": f"/v3/transactions/{charge.id}/refund"}[gateway]
    reply = await sandbox.client.post(
        path, json={"transaction": charge.id}, headers=HEADERS[gateway]
    )
    assert reply.status_code in (500, 503)
    assert len(await sandbox.refunds()) == 1


# ---- what official clients send, and old books ---------------------------------------------------


async def test_a_call_that_stripe_does_not_have_is_stripes_own_error(sandbox: SandboxHandle):
    for method, path in (("GET", "/v1/colours"), ("DELETE", "/v1/charges")):
        reply = await sandbox.client.request(method, path, headers=HEADERS["stripe"])
        error = reply.json()["error"]
        assert (reply.status_code, error["type"]) == (404, "invalid_request_error")
        assert error["message"].startswith(f"Unrecognized request URL ({method}: {path})")
    reply = await sandbox.client.get("/v3/colours", headers=HEADERS["flutterwave"])
    assert (reply.status_code, reply.json()["status"]) == (404, "error")
    reply = await sandbox.client.get("/sandbox/colours")
    assert (reply.status_code, reply.json()["detail"]) == (404, "Not Found")


async def test_an_account_is_made_with_a_controller_or_a_type_and_not_with_both(
    sandbox: SandboxHandle,
):
    controller = {"controller__stripe_dashboard__type": "express", "country": "FR"}
    assert (await post(sandbox, "accounts", **controller)).status_code == 200
    assert (await post(sandbox, "accounts", type="express", **controller)).status_code == 400
    assert (await post(sandbox, "accounts", country="FR")).status_code == 400


async def test_each_attempt_at_stripe_is_a_charge_of_its_own(sandbox: SandboxHandle):
    opened = (await session(sandbox, "bk-1", 5_000, "eur")).json()
    for _ in range(2):
        await sandbox.decline("bk-1")
    await sandbox.pay("bk-1")
    await sandbox.pay("bk-1")
    rows = (await get(sandbox, "charges?transfer_group=bk-1"))["data"]
    assert [row["status"] for row in rows] == ["succeeded", "failed", "failed"]
    (intent,) = {row["payment_intent"] for row in rows}
    found = await get(sandbox, f"payment_intents/{intent}")
    assert (found["status"], found["latest_charge"]) == ("succeeded", rows[0]["id"])
    shown = await get(sandbox, f"checkout/sessions/{opened['id']}")
    assert (shown["payment_status"], shown["payment_intent"]) == ("paid", intent)
    assert "Paid." in (await sandbox.client.get(opened["url"])).text
    await post(sandbox, "refunds", payment_intent=intent)
    (refund,) = (await get(sandbox, f"refunds?payment_intent={intent}"))["data"]
    assert (refund["charge"], refund["payment_intent"]) == (rows[0]["id"], intent)


def test_books_of_an_older_simulator_are_read(tmp_path: Any):
    path = str(tmp_path / "books.sqlite3")
    books = Books(path)
    store = books._store
    store.do("DROP TABLE transactions")
    store.do(
        """
        CREATE TABLE transactions (
            id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, reference TEXT NOT NULL,
            access_code TEXT NOT NULL UNIQUE, email TEXT NOT NULL, amount INTEGER NOT NULL,
            currency TEXT NOT NULL, callback_url TEXT NOT NULL, metadata TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'abandoned', gateway_response TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL, paid_at TEXT
        )"""
    )
    store.do(
        """
        INSERT INTO transactions VALUES (1, 'stripe', 'bk-1', 'cs_1', 'g@example.com', 10000, 'EUR',
            '', '{}', 'success', '', '2026-01-05T10:00:00.000Z', '2026-01-05T10:01:00.000Z')"""
    )
    books.close()
    for _ in range(2):
        books = Books(path)
        (account,) = books.sum_up()
        assert (account.money_in, account.fees, account.balance) == (10_000, 150, 9_850)
        (kept,) = books.transactions.all()
        assert (kept.at, kept.fees) == ("2026-01-05T10:01:00.000Z", 150)
        books.close()
