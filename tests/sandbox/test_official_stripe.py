"""The official Python client of Stripe at the sandbox: it reads replies and errors as they are."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stripe

from app.sandbox.app import STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET
from tests.sandbox.server import SandboxHandle, running_sandbox, serving
from tests.sandbox.test_lists import take
from tests.sandbox.webhooks import Receiver, all_delivered

# Its client of httpx sends forms in a way that httpx wants to end.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

World = tuple[SandboxHandle, stripe.StripeClient]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with (
        running_sandbox(step_seconds=None) as sandbox,
        client_of(sandbox, STRIPE_SECRET_KEY) as client,
    ):
        yield sandbox, client


@asynccontextmanager
async def client_of(sandbox: SandboxHandle, key: str) -> AsyncGenerator[stripe.StripeClient]:
    http = stripe.HTTPXClient()
    yield stripe.StripeClient(
        key,
        base_addresses={"api": sandbox.base_url},
        http_client=http,
        max_network_retries=0,
    )
    await http.close_async()


def session_of(reference: str) -> Any:
    price = {"currency": "eur", "unit_amount": 5_000, "product_data": {"name": "Booking"}}
    return {
        "mode": "payment",
        "client_reference_id": reference,
        "success_url": "https://berthold.test/back",
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {"transfer_group": reference, "metadata": {"reference": reference}},
    }


async def test_a_checkout_from_the_page_to_the_refund(world: World):
    sandbox, client = world
    v1 = client.v1
    opened = await v1.checkout.sessions.create_async(session_of("bk-1"))
    assert (opened.status, opened.payment_status, opened.payment_intent) == ("open", "unpaid", None)
    await sandbox.decline("bk-1")
    await sandbox.pay("bk-1")
    paid = await v1.checkout.sessions.retrieve_async(opened.id)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    intent = await v1.payment_intents.retrieve_async(str(paid.payment_intent))
    charge = await v1.charges.retrieve_async(
        str(intent.latest_charge), {"expand": ["balance_transaction"]}
    )
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert (charge.amount, charge.balance_transaction.fee) == (5_000, 75)
    refund = await v1.refunds.create_async(
        {"charge": charge.id, "amount": 1_000, "metadata": {"reference": "rf-1"}},
        {"idempotency_key": "rf-1"},
    )
    assert (refund.status, (refund.metadata or {})["reference"]) == ("succeeded", "rf-1")
    assert (await v1.refunds.retrieve_async(refund.id)).payment_intent == intent.id
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        await v1.checkout.sessions.expire_async(opened.id)
    other = await v1.checkout.sessions.create_async(session_of("bk-2"))
    assert (await v1.checkout.sessions.expire_async(other.id)).status == "expired"


async def test_lists_are_walked_to_their_end(world: World):
    sandbox, client = world
    charges = [take(sandbox, "stripe").id for _ in range(25)][::-1]
    page = await client.v1.charges.list_async({"limit": 10, "created": {"gte": 1}})
    walked = [each.id async for each in page.auto_paging_iter()]
    assert walked == [f"ch_{each}" for each in charges]
    for each in charges[:12]:
        await sandbox.act("refunds", charge=str(each), amount=100)
    changes = await client.v1.balance_transactions.list_async({"type": "refund"})
    assert len([each async for each in changes.auto_paging_iter()]) == 12
    events = await client.v1.events.list_async({"limit": 100})
    assert (await client.v1.events.retrieve_async(events.data[0].id)).type == "charge.refunded"


async def test_an_account_is_paid_and_the_money_partly_taken_back(world: World):
    sandbox, client = world
    v1 = client.v1
    account = await v1.accounts.create_async(
        {"controller": {"stripe_dashboard": {"type": "express"}}, "country": "FR"}
    )
    link = await v1.account_links.create_async(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://berthold.test/again",
            "return_url": "https://berthold.test/back",
        }
    )
    assert link.url.startswith(sandbox.base_url)
    await sandbox.onboard(account.id)
    assert (await v1.accounts.retrieve_async(account.id)).payouts_enabled
    await sandbox.top_up(10_000, "EUR", "stripe")
    made = await v1.transfers.create_async(
        {"amount": 4_000, "currency": "eur", "destination": account.id}
    )
    back = await v1.transfers.reversals.create_async(made.id, {"amount": 1_500})
    assert (await v1.transfers.reversals.retrieve_async(made.id, back.id)).amount == 1_500
    found = await v1.transfers.retrieve_async(made.id)
    assert (found.amount_reversed, found.reversed) == (1_500, False)
    assert [each.amount for each in found.reversals.data] == [1_500]
    payout = await sandbox.act("payouts", gateway="stripe", currency="EUR", status="failed")
    shown = await v1.payouts.retrieve_async(f"po_{payout['id']}")
    assert (shown.status, shown.failure_code) == ("failed", "account_closed")
    balance = await v1.balance.retrieve_async()
    assert balance.available[0].amount == 10_000 - 4_000 + 1_500


async def test_errors_are_those_that_the_client_knows(world: World):
    sandbox, client = world
    v1 = client.v1
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await v1.charges.retrieve_async("ch_none")
    assert (unknown.value.http_status, unknown.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as cursor:
        await v1.charges.list_async({"starting_after": "ch_none"})
    assert (cursor.value.http_status, cursor.value.param) == (400, "starting_after")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await v1.customers.list_async()
    charge = take(sandbox, "stripe")
    params: Any = {"charge": f"ch_{charge.id}", "amount": 100}
    await v1.refunds.create_async(params, {"idempotency_key": "rf-1"})
    with pytest.raises(stripe.IdempotencyError):
        await v1.refunds.create_async(params | {"amount": 200}, {"idempotency_key": "rf-1"})
    await sandbox.fault("refund", "error_500")
    for _ in range(2):  # the second is the first again
        with pytest.raises(stripe.APIError) as broken:
            await v1.refunds.create_async(params, {"idempotency_key": "rf-2"})
        assert broken.value.http_status == 500
    assert (broken.value.headers or {})["idempotent-replayed"] == "true"
    await sandbox.fault("charges", "too_many_requests")
    with pytest.raises(stripe.RateLimitError):
        await v1.charges.list_async()
    async with client_of(sandbox, "sk_test_of_somebody_else") as stranger:
        with pytest.raises(stripe.AuthenticationError):
            await stranger.v1.charges.list_async()


async def test_every_webhook_is_an_event_that_the_client_believes():
    receiver = Receiver()
    async with serving(receiver) as target, running_sandbox(target, step_seconds=None) as sandbox:
        await sandbox.set_terms("stripe", lateSeconds=None)
        for seed in range(12):
            take(sandbox, "stripe", 100_000)
            await sandbox.misbehave(seed)
        await sandbox.settle((await sandbox.charges())[0]["reference"])
        await all_delivered(sandbox)
    kinds = {
        stripe.Webhook.construct_event(
            body, headers["stripe-signature"], STRIPE_WEBHOOK_SECRET
        ).type
        for headers, body in receiver.received
    }
    assert {"payment_intent.succeeded", "charge.updated"} <= kinds
