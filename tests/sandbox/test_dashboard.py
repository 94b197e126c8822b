"""What people do at the gateways' dashboards: money moves without a call of ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.server import SandboxHandle, sandbox_in_process
from tests.sandbox.test_lists import CURRENCIES, LISTS, get, take


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with sandbox_in_process(step_seconds=None) as (handle, _):
        yield handle


async def refused(sandbox: SandboxHandle, what: str, **given: Any) -> None:
    reply = await sandbox.client.post(f"/sandbox/dashboard/{what}", json=given)
    assert reply.status_code == 400, reply.text


async def test_a_refund_by_the_dashboard_has_no_mark_of_ours(sandbox: SandboxHandle):
    for gateway in LISTS:
        charge = take(sandbox, gateway)
        part = await sandbox.act("refunds", charge=charge.reference, amount=4_000)
        rest = await sandbox.act("refunds", charge=str(charge.id))
        assert (part["amount"], rest["amount"]) == (4_000, 6_000)
        await refused(sandbox, "refunds", charge=charge.reference)
    (stripe, _) = (await get(sandbox, "stripe", "/v1/refunds"))["data"]
    assert stripe["metadata"] == {}
    (flutterwave, _) = (await get(sandbox, "flutterwave", "/v3/refunds"))["data"]
    assert flutterwave["comments"] == ""


async def test_a_transfer_by_the_dashboard_goes_to_a_recipient_of_ours_or_to_a_stranger(
    sandbox: SandboxHandle,
):
    for gateway, currency in CURRENCIES.items():
        take(sandbox, gateway, 100_000)
        given = {"gateway": gateway, "amount": 5_000, "currency": currency}
        stranger = await sandbox.act("transfers", **given)
        ours = sandbox.simulator.books.transfers.recipients(gateway)[0].recipient_code
        again = await sandbox.act("transfers", **given, recipient=ours)
        assert stranger["recipient_id"] == again["recipient_id"]
        await refused(sandbox, "transfers", **given, recipient="nobody")
        await refused(sandbox, "transfers", **(given | {"amount": 10**9}))
    (row, _) = (await get(sandbox, "stripe", "/v1/transfers"))["data"]
    assert (row["metadata"], row["transfer_group"], row["source_transaction"]) == ({}, None, None)


async def test_a_part_of_a_transfer_comes_back_at_stripe_alone(sandbox: SandboxHandle):
    for gateway, currency in CURRENCIES.items():
        take(sandbox, gateway, 100_000)
        made = await sandbox.act("transfers", gateway=gateway, amount=5_000, currency=currency)
        await sandbox.end_transfer(made["id"], "succeed")
        if gateway == "stripe":
            back = await sandbox.act("reversals", transfer=str(made["id"]), amount=2_000)
            assert (back["status"], back["amount_reversed"]) == ("success", 2_000)
            assert (await sandbox.books("stripe"))["EUR"]["transferred"] == 3_000
        else:
            await refused(sandbox, "reversals", transfer=str(made["id"]), amount=2_000)
        whole = await sandbox.act("reversals", transfer=str(made["id"]))
        assert (whole["status"], whole["amount_reversed"]) == ("reversed", 5_000)
        assert (await sandbox.books(gateway))[currency]["transferred"] == 0
    told = [each["event"] for each in await sandbox.deliveries()]
    assert told.count("transfer.reversed") == 3  # Stripe tells each part, Paystack the whole


async def test_flutterwave_takes_attempts_after_a_success_under_one_reference_and_others_do_not(
    sandbox: SandboxHandle,
):
    first = take(sandbox, "flutterwave")
    second = await sandbox.act("attempts", charge=first.reference, outcome="paid")
    await sandbox.act("attempts", charge=first.reference, outcome="declined")
    path = f"/v3/transactions/verify_by_reference?tx_ref={first.reference}"
    assert (await get(sandbox, "flutterwave", path))["data"]["status"] == "failed"  # the last one
    rows = await get(sandbox, "flutterwave", f"/v3/transactions?tx_ref={first.reference}")
    assert [row["status"] for row in rows["data"]] == ["failed", "successful", "successful"]
    assert (await sandbox.books("flutterwave"))["NGN"]["money_in"] == 20_000
    refund = await sandbox.act("refunds", charge=str(first.id))
    assert (refund["transaction_id"], second["id"] != first.id) == (first.id, True)
    for gateway in ("paystack", "stripe"):
        once = take(sandbox, gateway)
        for outcome in ("paid", "declined"):
            await refused(sandbox, "attempts", charge=once.reference, outcome=outcome)


async def test_a_charge_that_we_have_forgotten_has_our_reference_at_the_gateway(
    sandbox: SandboxHandle,
):
    for gateway, currency in CURRENCIES.items():
        reference = f"pay-of-{gateway}"
        given = {"gateway": gateway, "amount": 5_000, "currency": currency}
        await sandbox.act("charges", **given, reference=reference)
        await refused(sandbox, "charges", **given, reference=reference)
    (row,) = (await get(sandbox, "stripe", "/v1/charges"))["data"]
    assert row["transfer_group"] == row["metadata"]["reference"] == "pay-of-stripe"
    (row,) = (await get(sandbox, "paystack", "/transaction"))["data"]
    assert row["reference"] == "pay-of-paystack"
    (row,) = (await get(sandbox, "flutterwave", "/v3/transactions"))["data"]
    assert row["tx_ref"] == "pay-of-flutterwave"


async def test_the_same_seed_does_the_same_mischief(sandbox: SandboxHandle):
    async def deeds(seed: int) -> list[dict[str, Any]]:
        async with sandbox_in_process(step_seconds=None) as (other, _):
            for gateway in LISTS:
                take(other, gateway, 1_000_000)
            return await other.misbehave(seed, 12)

    first = await deeds(3)
    assert len(first) == 12
    assert await deeds(3) == first
    assert await deeds(4) != first
    assert await sandbox.misbehave(1, 5) == []  # nothing is there to act on
    assert (await sandbox.client.post("/sandbox/misbehave?seed=x")).status_code == 400


async def test_no_mischief_makes_the_books_disagree_with_stripes_balance_transactions(
    sandbox: SandboxHandle,
):
    for _ in range(3):
        take(sandbox, "stripe", 1_000_000)
    for seed in range(30):
        await sandbox.misbehave(seed)
    changes = await get(sandbox, "stripe", "/v1/balance_transactions", limit=100)
    assert not changes["has_more"]
    balance = (await get(sandbox, "stripe", "/v1/balance"))["available"][0]["amount"]
    assert sum(row["net"] for row in changes["data"]) == balance
