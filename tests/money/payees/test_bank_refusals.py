"""A gateway's payout to a host's own bank that the bank did not take: seen, notified, ended."""

from tests.edge.webhooks.arriving import arrive, stripe
from tests.money.payees.payout_accounts import account_at_stripe, list_accounts
from tests.shop import Shop

ALERTS = "SELECT kind || ' ' || state FROM alerts ORDER BY id"
MAILS = "SELECT kind FROM notifications WHERE kind = 'bank_refused'"


async def payout(shop: Shop, status: str, code: str, *, events: int = 1) -> str:
    """A payout that Stripe reports `paid` or `failed`, from this account; its id."""
    await shop.sandbox.fault("webhook", "drop", times=99)
    await shop.sandbox.top_up(9_000, "EUR", "stripe")
    made = shop.sandbox.simulator.bank.pay_out(
        "stripe", amount=4_050, fee=0, currency="EUR", status=status
    )
    about = {"object": "payout", "id": f"po_{made.id}", "amount": 4_050, "currency": "eur"}
    for number in range(events):
        event = stripe(f"payout.{status}", about | {"number": number}, account=code)
        await arrive(shop, "stripe", event)
    await shop.run_jobs()
    return f"po_{made.id}"


async def test_a_payout_that_a_hosts_bank_refused_is_shown_notified_and_alerted(shop: Shop) -> None:
    code = await account_at_stripe(shop)
    await payout(shop, "failed", code, events=2)
    (account,) = await list_accounts(shop)
    assert (account["state"], account["bankFailure"]) == (
        "active",
        "The bank account has been closed",
    )
    assert account["bankFailedAt"]
    assert await shop.values(ALERTS) == ["payee_payout_failed open"]
    assert await shop.values(MAILS) == ["bank_refused"], "one per payout, not per event"
    states = "SELECT DISTINCT state FROM webhook_events WHERE name = 'payout.failed'"
    assert await shop.values(states) == ["processed"]
    await payout(shop, "paid", code)
    (account,) = await list_accounts(shop)
    assert (account["bankFailure"], account["bankFailedAt"]) == (None, None)
    assert await shop.values(ALERTS) == ["payee_payout_failed resolved"]


async def test_a_payout_event_that_stripe_does_not_bear_out_changes_nothing(shop: Shop) -> None:
    code = await account_at_stripe(shop)
    for payout_id in ("po_1", "po_../x"):
        event = stripe("payout.failed", {"object": "payout", "id": payout_id}, account=code)
        await arrive(shop, "stripe", event)
    await shop.run_jobs()
    (account,) = await list_accounts(shop)
    assert account["bankFailure"] is None
    assert await shop.values(ALERTS) == []


async def test_a_failed_payout_of_strangers_or_to_our_own_bank_is_not_about_a_host(
    shop: Shop,
) -> None:
    about = {"object": "payout", "id": "po_1"}
    await arrive(shop, "stripe", stripe("payout.failed", about, account="acct_stranger"))
    await arrive(shop, "stripe", stripe("payout.failed", about | {"ours": True}))
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM webhook_events") == ["ignored", "ignored"]
    assert await shop.values(ALERTS) == []
