"""Webhooks of other products on the same accounts: kept, ignored, and heard by nobody."""

from typing import Final

import pytest

from app.edge.gateways.port import GatewayName, NewCharge
from app.edge.gateways.registry import gateway_named
from app.foundation.money import Money
from tests.edge.webhooks.arriving import arrive, stripe
from tests.shop import Shop
from tests.stories.trips import trip_in_euros

THIN: Final = {
    "id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
    "livemode": False, "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/x"},
}  # fmt: skip
STRANGERS: Final = [
    ("stripe", stripe("checkout.session.completed", {"metadata": {"reference": "r" * 300}})),
    ("stripe", stripe("charge.refunded", {"object": "charge", "transfer_group": "g" * 201})),
    ("stripe", stripe("charge.refunded", {"object": "charge", "id": "ch_shop", "metadata": {}})),
    ("stripe", stripe("payment_intent.succeeded", {"metadata": {"reference": {"a": 1}}})),
    ("stripe", stripe("payment_intent.succeeded", {"metadata": {"reference": "order 81"}})),
    ("stripe", stripe("refund.created", {"object": "refund", "id": "re_1", "charge": "ch_shop"})),
    ("stripe", stripe("transfer.created", {"object": "transfer", "id": "tr_shop"})),
    ("stripe", stripe("account.updated", {"object": "account"}, account="acct_shop")),
    ("stripe", stripe("invoice.paid", {"object": "invoice", "metadata": {"reference": "x"}})),
    ("stripe", stripe("a.kind.of.tomorrow", ["not", "an", "object"])),
    ("stripe", stripe("charge.failed", {"object": "charge", "id": "ch_s"}, id="e" * 900)),
    ("stripe", THIN),
    ("stripe", [1, 2, 3]),
    ("paystack", {"event": "charge.success", "data": {"id": 1, "reference": "r" * 120}}),
    ("paystack", {"event": "charge.success", "data": {"id": 2, "reference": "wc_order_81_1764"}}),
    ("paystack", {"event": "charge.failed", "data": {"id": 2, "reference": "wc_order_81_1764"}}),
    ("paystack", {"event": "transfer.success", "data": {
        "id": 3, "reference": "payroll-november", "transfer_code": "TRF_payroll"}}),
    ("paystack", {"event": "refund.processed", "data": {"transaction_reference": "wc_order_81"}}),
    ("paystack", {"event": "charge.dispute.create", "data": {
        "id": 4, "transaction": {"id": 5, "reference": "wc_order_81_1764"}}}),
    ("paystack", {"event": "subscription.create", "data": {"id": 6}}),
    ("paystack", {"event": "charge.success", "data": {"id": 7, "reference": "pay-0123456789"}}),
    ("paystack", {"event": "charge.success", "data": None}),
    ("flutterwave", {"event": "charge.completed", "data": {
        "id": 1, "tx_ref": "t" * 300, "status": "successful"}}),
    ("flutterwave", {"event": "charge.completed", "data": {"id": 2, "tx_ref": "shop-81"}}),
    ("flutterwave", {"event": "transfer.completed", "data": {"id": 3, "reference": "payroll"}}),
    ("flutterwave", {"id": 4, "status": "completed", "TransactionId": 8, "comments": "by hand"}),
    ("flutterwave", {"event": "singlebillpayment.status", "data": {"customer": "x"}}),
    ("flutterwave", "a text"),
]  # fmt: skip


async def test_events_of_other_products_are_kept_ignored_and_quiet(shop: Shop) -> None:
    for gateway, body in STRANGERS:
        await arrive(shop, gateway, body)
    for _ in range(2):
        await shop.run_jobs()
        await shop.sweep("retry-webhooks")
    states = await shop.values("SELECT state || ' ' || gateway FROM webhook_events ORDER BY id")
    assert states == [f"ignored {gateway}" for gateway, _ in STRANGERS]
    assert await shop.values("SELECT kind FROM alerts") == []
    assert await shop.count("SELECT count(*) FROM gateway_calls") == 0, "nobody was asked"
    assert (
        await shop.count("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'") == 0
    )


async def test_a_strangers_event_is_known_by_its_form_before_any_job_is_queued(shop: Shop) -> None:
    charge = {"event": "charge.success", "data": {"id": 2, "reference": "wc_order_81_1764"}}
    await arrive(shop, "paystack", charge)
    assert await shop.values("SELECT state FROM webhook_events") == ["ignored"]
    assert await shop.count("SELECT count(*) FROM procrastinate_jobs") == 0


async def test_a_strangers_chargeback_at_stripe_is_quiet_once_stripe_has_named_its_charge(
    shop: Shop,
) -> None:
    strangers = await _strangers_charge(shop)
    await shop.sandbox.charge_back("shop-81")
    dispute = {"object": "dispute", "id": "dp_1", "charge": f"ch_{strangers}"}
    await arrive(shop, "stripe", stripe("charge.dispute.created", dispute))
    await shop.run_jobs()
    assert set(await shop.values("SELECT state FROM webhook_events")) == {"processed"}
    assert await shop.values("SELECT kind FROM alerts") == []


@pytest.mark.parametrize("named", ["by our reference", "by its id"])
async def test_a_dashboard_refund_of_our_charge_is_ours_although_it_has_no_reference_of_ours(
    shop: Shop, named: str
) -> None:
    payment = await shop.paid(await trip_in_euros(shop))
    await shop.run_jobs()
    (charge_id,) = await shop.values("SELECT gateway_id FROM payments")
    refund = {"object": "refund", "id": "re_dashboard", "charge": charge_id}
    charge = {"object": "charge", "id": "ch_x", "transfer_group": payment["reference"]}
    about = {
        "by our reference": ("charge.refunded", charge),
        "by its id": ("refund.created", refund),
    }
    event_of_it = stripe(*about[named])
    await arrive(shop, "stripe", event_of_it)
    event = "SELECT kind || ' ' || state FROM webhook_events WHERE event_key = %(key)s"
    key = f"platform:{event_of_it['id']}"
    assert await shop.values(event, key=key) == ["refund_changed received"]
    await shop.run_jobs()
    assert await shop.values(event, key=key) == ["refund_changed processed"]


async def _strangers_charge(shop: Shop) -> str:
    """A charge of another product at Stripe, that was paid; its id without `ch_`."""
    await gateway_named(GatewayName.STRIPE).start_charge(
        NewCharge(
            reference="shop-81",
            money=Money(4_500, "EUR"),
            email="guest@example.com",
            return_url="https://shop.test/",
            metadata={},
        )
    )
    await shop.sandbox.fault("webhook", "drop", times=99)
    await shop.sandbox.pay("shop-81")
    (paid,) = [each for each in await shop.sandbox.charges() if each["reference"] == "shop-81"]
    return str(paid["id"])
