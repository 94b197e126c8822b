"""What others say is stored whatever it is: with NUL, half a character, and in megabytes."""

import asyncio
from typing import Any, Final
from uuid import UUID

import pytest

from app.edge.calls.stories import CallRecorder
from app.edge.gateways.http import Call, Inconclusive
from app.edge.gateways.port import (
    Accepted,
    FoundInstruction,
    GatewayName,
    MoneyOutStatus,
    Refused,
    Unknown,
)
from app.edge.notifications import actions as notifications
from app.edge.webhooks import actions as webhooks
from app.flows.movements import actions as movements
from app.flows.sending import actions as sending
from app.foundation.alerts import Severity, raise_alert
from app.foundation.db import transaction
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.payees import actions as payees
from app.money.payments import actions as payments
from tests.flows.chargebacks.reports import OPEN, paid_stay, report
from tests.flows.sending.lines import cancelled
from tests.money.payees.payout_accounts import make_payee
from tests.shop import Shop

WORDS: Final = "no\x00 \ud800" + "x" * 3_000_000


async def _sending(shop: Shop) -> Any:
    await cancelled(shop, "paystack")
    (found,) = await shop.values("SELECT id::text FROM instructions")
    async with transaction() as tx:
        begun = await sending.begin(tx, UUID(found))
    assert begun is not None
    return begun.instruction


@pytest.mark.parametrize("outcome", [Refused(reason=WORDS), Unknown(reason=WORDS)])
async def test_a_refusal_or_fault_of_a_gateway_is_stored_with_a_refund(
    shop: Shop, outcome: Refused | Unknown
) -> None:
    attempt = await _sending(shop)
    async with transaction() as tx:
        await instructions.record(tx, attempt, outcome)
    lengths = "SELECT length(failure)::text FROM instructions"
    assert await shop.values(lengths) == ["500"]
    history = "SELECT max(length(reason))::text FROM instruction_history"
    assert await shop.values(history) == ["500"]


async def test_what_a_gateway_says_of_a_refund_is_stored_with_it(shop: Shop) -> None:
    attempt = await _sending(shop)
    accepted = Accepted(gateway_id="1", status=MoneyOutStatus.PENDING, data={"reason": WORDS})
    async with transaction() as tx:
        sent = await instructions.record(tx, attempt, accepted)
        await instructions.settle(tx, sent, Unknown(reason=WORDS), live=False)
    assert await shop.values("SELECT length(failure)::text FROM instructions") == ["500"]
    data = "SELECT length(gateway_data ->> 'reason')::text FROM instructions"
    assert await shop.values(data) == ["2000"]


async def test_what_a_gateway_says_of_a_refund_that_we_did_not_begin_is_stored_with_it(
    shop: Shop,
) -> None:
    payment = await shop.paid(await shop.reserve("1A"))
    found = FoundInstruction(
        reference="",
        gateway_id="1",
        status=MoneyOutStatus.SUCCEEDED,
        money=Money(100, "NGN"),
        failure="",
        live=False,
        fee=0,
        data={"reason": WORDS},
    )
    async with transaction() as tx:
        assert await movements.take_in_refunds(tx, UUID(payment["id"]), [found], live=False) == 1
    data = "SELECT length(gateway_data ->> 'reason')::text FROM instructions"
    assert await shop.values(data) == ["2000"]


async def test_a_refusal_of_a_charge_is_stored_with_it(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    await shop.values("UPDATE payments SET state = 'created' RETURNING state")
    async with transaction() as tx:
        charge = await payments.get(tx, UUID(payment["id"]))
        await payments.record_start(tx, charge, Refused(reason=WORDS))
    assert await shop.values("SELECT length(failure)::text FROM payments") == ["500"]


async def test_why_an_event_failed_is_stored_with_it(shop: Shop) -> None:
    named = "pay-" + "0" * 32
    await shop.webhook(f'{{"event": "charge.success", "data": {{"reference": "{named}"}}}}')
    (event_id,) = await shop.values("SELECT id::text FROM webhook_events")
    async with transaction() as tx:
        await webhooks.failed(tx, UUID(event_id), error=WORDS)
    assert await shop.values("SELECT state || length(error) FROM webhook_events") == ["failed500"]


async def test_what_a_mail_server_says_is_stored_with_the_mail(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    async with transaction() as tx:
        taken = await notifications.take_next(tx)
        assert taken is not None
        await notifications.record_failure(tx, taken, error=WORDS, permanent=True)
    failed = "SELECT length(last_error)::text FROM notifications WHERE last_error IS NOT NULL"
    assert await shop.values(failed) == ["500"]
    assert await shop.values("SELECT length(details ->> 'error')::text FROM alerts") == ["2000"]


async def test_an_alert_about_anything_is_raised(shop: Shop) -> None:
    async with transaction() as tx:
        await raise_alert(
            tx, kind="x", severity=Severity.INFO, subject="y", details={"a": [WORDS], "b": WORDS}
        )
    assert await shop.values("SELECT length(details ->> 'b')::text FROM alerts") == ["2000"]


async def test_a_fault_of_a_gateway_is_recorded_with_its_calls_and_its_outage(shop: Shop) -> None:
    recorder = CallRecorder()
    call = Call(
        gateway=GatewayName.PAYSTACK,
        operation="verify",
        reference="pay-1",
        number=1,
        latency_ms=1,
        attempt=Inconclusive(reason=WORDS, is_outage=True),
    )
    await asyncio.wait([recorder.record(call) for _ in range(5)])
    assert await shop.values("SELECT DISTINCT length(error)::text FROM gateway_calls") == ["200"]
    assert await shop.values("SELECT length(reason)::text FROM gateway_outages") == ["500"]
    assert await shop.values("SELECT kind FROM alerts") == ["gateway_down"]


async def test_the_reason_of_a_chargeback_is_stored_with_it(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN, reason=WORDS)
    assert await shop.values("SELECT length(reason)::text FROM chargebacks") == ["500"]


async def test_a_refusal_of_a_payout_account_is_stored_with_it(shop: Shop) -> None:
    await make_payee(shop)
    (account_id,) = await shop.values("SELECT id::text FROM payout_accounts")
    async with transaction() as tx:
        found = await payees.get_account(tx, UUID(account_id), host_id=shop.host.id)
        await payees.record(tx, found, Refused(reason=WORDS))
    assert await shop.values("SELECT length(failure)::text FROM payout_accounts") == ["500"]
