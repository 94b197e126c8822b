"""A client of Paystack by others at the sandbox: it has a model of each thing, and all fit."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pypaystack2 import AsyncPaystackClient
from pypaystack2.base_clients import AbstractAPIClient
from pypaystack2.enums import Currency, RecipientType

from tests.sandbox.server import SandboxHandle, running_sandbox

World = tuple[SandboxHandle, AsyncPaystackClient]
REFERENCE = "po-0000000000000001"


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with running_sandbox(step_seconds=None) as sandbox:
        monkeypatch.setattr(AbstractAPIClient, "_BASE_URL", sandbox.base_url)
        yield sandbox, AsyncPaystackClient(sandbox.secret_key)


def read(reply: Any) -> Any:
    """What the client has made of a reply; it makes None of what fits no model."""
    assert reply.status, reply.message
    assert reply.data, reply.raw
    return reply.data


async def paid(world: World) -> Any:
    sandbox, client = world
    started = await client.transactions.initialize(
        500_000,
        "guest@example.com",
        currency=Currency.NGN,
        reference="bk-1",
        metadata={"bookingId": "1"},
    )
    assert read(started).authorization_url.startswith(sandbox.base_url)
    await sandbox.pay("bk-1")
    return read(await client.transactions.verify("bk-1"))


async def test_a_charge_is_paid_refunded_and_contested(world: World):
    sandbox, client = world
    charge = await paid(world)
    assert (charge.status, charge.amount, charge.fees) == ("success", 500_000, 7_500)
    (row,) = read(await client.transactions.get_transactions())
    alone = read(await client.transactions.get_transaction(charge.id))
    assert row.id == alone.id == charge.id
    read(await client.refunds.create("bk-1", amount=1_000))
    (refund,) = read(await client.refunds.get_refunds(transaction=str(charge.id)))
    assert (refund.amount, refund.customer.email) == (1_000, "guest@example.com")
    assert read(await client.refunds.get_refund(refund.id)).id == refund.id
    await sandbox.charge_back("bk-1", amount=2_000)
    (dispute,) = read(await client.disputes.get_disputes("2020-01-01", "2090-01-01"))
    assert (dispute.refund_amount, dispute.transaction.reference) == (2_000, "bk-1")


async def test_a_recipient_is_paid_and_refusals_have_type_and_code(world: World):
    sandbox, client = world
    await paid(world)
    recipient = read(
        await client.transfer_recipients.create(
            RecipientType.NUBAN, "Hannah Host", "0001234567", "058", currency=Currency.NGN
        )
    )
    asked: dict[str, Any] = {"recipient": recipient.recipient_code, "reference": REFERENCE}
    made = read(await client.transfers.initiate(200_000, **asked, reason="Bus to Lagos"))
    await sandbox.end_transfer(REFERENCE)
    verified = read(await client.transfers.verify(REFERENCE))
    assert (verified.id, verified.status, verified.fee_charged) == (made.id, "success", 1_000)
    (row,) = read(await client.transfers.get_transfers())
    assert row.session.provider == "nip"
    again = await client.transfers.initiate(200_000, **asked)
    assert (again.status_code, again.code) == (400, "duplicate_transfer_reference")
    small = await client.transfers.initiate(
        9_999, recipient.recipient_code, reference=f"{REFERENCE}-2"
    )
    assert (small.status, small.type) == (False, "validation_error")
    missing = await client.transactions.verify("bk-2")
    assert (missing.status_code, missing.code) == (404, "transaction_not_found")


async def test_every_model_of_a_settlement_that_is_right_fits(world: World):
    sandbox, client = world
    await paid(world)
    await sandbox.act("payouts", gateway="paystack", currency="NGN", amount=1_000, status="paid")
    reply = await client.settlements.get_settlements()
    assert isinstance(reply.raw, dict)
    (row,) = reply.raw["data"]  # the client's model wants `update_at`, which Paystack does not have
    assert (row["status"], row["effective_amount"]) == ("success", 1_000)
