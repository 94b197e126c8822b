"""Payees of a gateway that asks them itself: asked, paid, stopped; and the money that waits."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from app.edge.gateways.port import GatewayName, Refused, Unknown
from app.edge.gateways.recipients import OnboardingNeeded, RecipientReady
from app.edge.gateways.registry import gateway_named
from app.foundation.db import transaction
from app.money.payees import actions as payees
from app.money.payees.model import NewPayoutAccount
from app.people.accounts.model import Role
from app.sandbox.app import STRIPE_WEBHOOK_SECRET
from app.sandbox.books.accounts import Standing
from app.sandbox.stripe.api.accounts import NOWHERE
from app.sandbox.stripe.dialect import Stripe
from tests import make
from tests.money.instructions.progress import transfers
from tests.money.payees.payout_accounts import (
    AT_STRIPE,
    PATH,
    add_account,
    list_accounts,
    remove_account,
)
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.trips import trip_in_euros

SWEEP = "resolve-payout-accounts"


async def opened(shop: Shop) -> tuple[dict[str, Any], str]:
    """A payout account at Stripe that is not payable yet, and Stripe's code of it."""
    reply = await add_account(shop, **AT_STRIPE)
    assert reply.status_code == 201, reply.text
    (known,) = await shop.sandbox.accounts()
    return reply.json(), str(known["code"])


async def link(shop: Shop, account: dict[str, Any], **body: str) -> str:
    reply = await shop.post(shop.host, f"{PATH}/{account['id']}/onboarding", body)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["url"])


async def told(shop: Shop) -> None:
    """All webhooks have come, and were acted on."""
    await all_delivered(shop.sandbox)
    await shop.run_jobs()


def onboard_unheard(shop: Shop, code: str) -> None:
    """The payee answers every question, and no webhook reports it."""
    assert shop.sandbox.simulator.books.accounts.become(code, Standing.READY)


def own_path(redirect: httpx.Response) -> str:
    """Where of ours a redirect leads, without the host and port that only the settings know."""
    to = urlsplit(redirect.headers["location"])
    return f"{to.path}?{to.query}"


async def state(shop: Shop) -> str:
    return str((await list_accounts(shop))[0]["state"])


async def released_in_euros(shop: Shop) -> None:
    booking = await trip_in_euros(shop)
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == 1


async def open_alerts(shop: Shop) -> list[str]:
    return await shop.values("SELECT kind FROM alerts WHERE state <> 'resolved' ORDER BY kind")


async def test_money_that_waited_is_sent_once_its_host_has_answered_stripe(shop: Shop) -> None:
    await released_in_euros(shop)
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    account, code = await opened(shop)
    assert (account["state"], account["gateway"], account["country"], account["accountNumber"]) == (
        "pending", "stripe", "FR", None,
    )  # fmt: skip
    assert account["missing"] == [
        "external account",
        "individual first name",
        "tos acceptance date",
    ]
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    url = await link(shop, account)
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert "Hannah Host" in (await browser.get(url)).text
        back = await browser.post(f"{url}/finish")
        thanks = await shop.api.get(own_path(back))
    assert (thanks.status_code, "Thank you" in thanks.text) == (200, True)
    await told(shop)
    (active,) = await list_accounts(shop)
    assert (active["state"], active["missing"], active["failure"]) == ("active", [], None)
    for _ in range(2):  # sent, and looked up
        await shop.run_jobs()
    assert await transfers(shop) == [f"confirmed {code}"]
    assert (await shop.sandbox.books("stripe"))["EUR"]["transferred"] == 4_050
    assert set(await shop.values("SELECT state FROM webhook_events")) == {"processed"}
    verbs = await shop.values(
        "SELECT action FROM audit_log WHERE subject_id = %(id)s ORDER BY id", id=account["id"]
    )
    assert verbs == ["add_payout_account", "activate_payout_account"]


async def test_a_lost_webhook_is_found_by_the_sweep(shop: Shop) -> None:
    _, code = await opened(shop)
    onboard_unheard(shop, code)
    assert await shop.sweep(SWEEP) == 0, "not at once"
    await shop.forward(timedelta(minutes=1, seconds=1))
    assert await shop.sweep(SWEEP) == 1
    assert await state(shop) == "active"
    assert await shop.sweep(SWEEP) == 0


async def test_a_host_who_comes_back_is_asked_about_by_the_next_sweep(shop: Shop) -> None:
    account, code = await opened(shop)
    onboard_unheard(shop, code)
    assert (await shop.api.get(f"{PATH}/return?account={account['id']}")).status_code == 200
    assert await shop.sweep(SWEEP) == 1
    assert await state(shop) == "active"


async def test_who_does_not_answer_is_asked_about_less_and_less(shop: Shop) -> None:
    await opened(shop)
    asked = 0
    for _ in range(60):
        await shop.forward(timedelta(minutes=1, seconds=1))
        asked += await shop.sweep(SWEEP)
    assert 5 <= asked <= 8  # after 1, 2, 4, 8, 16, 32 minutes
    await link(shop, (await list_accounts(shop))[0])
    await shop.forward(timedelta(minutes=1, seconds=1))
    assert await shop.sweep(SWEEP) == 1, "who begins again is looked at at once"
    assert await open_alerts(shop) == []


async def test_an_account_that_stripe_stops_is_paid_no_more_until_it_is_ready_again(
    shop: Shop,
) -> None:
    _, code = await opened(shop)
    await shop.sandbox.onboard(code)
    await told(shop)
    await shop.sandbox.restrict(code)
    await told(shop)
    (stopped,) = await list_accounts(shop)
    assert (stopped["state"], stopped["missing"], stopped["failure"]) == (
        "stopped", ["individual verification document"], "The document could not be read.",
    )  # fmt: skip
    assert await open_alerts(shop) == [], "no money waits"
    mails = await shop.values("SELECT kind FROM notifications WHERE kind LIKE 'payout_account%%'")
    assert mails == ["payout_account_stopped"]
    await released_in_euros(shop)
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    await shop.sweep(SWEEP)
    assert await open_alerts(shop) == ["payout_account_stopped"]
    await shop.sandbox.onboard(code)
    await told(shop)
    for _ in range(2):  # sent, and looked up
        await shop.run_jobs()
    assert await transfers(shop) == [f"confirmed {code}"]
    assert await open_alerts(shop) == []


async def test_what_is_queued_for_an_account_that_stops_waits(shop: Shop) -> None:
    _, code = await opened(shop)
    await shop.sandbox.onboard(code)
    await told(shop)
    await released_in_euros(shop)
    assert await transfers(shop) == [f"queued {code}"]
    async with transaction() as tx:
        account = await payees.find_by_reported_recipient(tx, GatewayName.STRIPE, code)
        assert account
        asked = await payees.begin_asking(tx, account.id)
        assert asked
        await payees.record(tx, asked, Refused(reason="Access was revoked."))
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    assert await state(shop) == "stopped"
    assert await open_alerts(shop) == ["payout_account_stopped"]
    await shop.run_jobs()
    assert await shop.sandbox.transfers() == []


async def test_who_shuts_us_out_is_not_paid_and_can_come_back(shop: Shop) -> None:
    _, code = await opened(shop)
    await shop.sandbox.onboard(code)
    await told(shop)
    await shop.sandbox.revoke(code)
    await told(shop)
    (stopped,) = await list_accounts(shop)
    assert (stopped["state"], "does not have access" in stopped["failure"]) == ("stopped", True)
    await shop.sandbox.onboard(code)
    await told(shop)
    assert await state(shop) == "active"


async def test_a_webhook_ten_times_in_any_order_changes_one_thing(shop: Shop) -> None:
    _, code = await opened(shop)
    await shop.sandbox.onboard(code)
    await told(shop)
    letters = [each["body"].encode() for each in await shop.sandbox.deliveries()]
    sign = Stripe(STRIPE_WEBHOOK_SECRET).signed
    for body in [*letters, *reversed(letters)] * 5:
        reply = await shop.api.post("/api/webhooks/stripe", content=body, headers=sign(body))
        assert reply.json()["deduplicated"] is True
    await shop.run_jobs()
    assert await state(shop) == "active"
    activated = "SELECT count(*) FROM audit_log WHERE action = 'activate_payout_account'"
    assert await shop.count(activated) == 1


async def test_a_webhook_without_an_answer_is_acted_on_again(shop: Shop) -> None:
    _, code = await opened(shop)
    await shop.sandbox.fault("verify_recipient", "error_500", times=8)
    await shop.sandbox.onboard(code)
    await told(shop)
    assert await state(shop) == "pending"
    assert "processed" not in await shop.values("SELECT state FROM webhook_events")
    await shop.sandbox.clear_faults()
    await shop.forward(timedelta(minutes=10))
    assert await shop.sweep("retry-webhooks") == 2
    await shop.run_jobs()
    assert await state(shop) == "active"
    assert set(await shop.values("SELECT state FROM webhook_events")) == {"processed"}


async def test_webhooks_of_payees_that_are_none_of_ours_are_ignored(shop: Shop) -> None:
    simulator = shop.sandbox.simulator
    simulator.books.accounts.open(
        code="acct_stranger", name="", email="", country="FR", metadata="{}"
    )
    await shop.sandbox.onboard("acct_stranger")
    await told(shop)
    assert set(await shop.values("SELECT state FROM webhook_events")) == {"ignored"}


async def test_two_jobs_that_ask_at_once_agree_and_the_later_answer_counts(shop: Shop) -> None:
    _, code = await opened(shop)
    async with transaction() as tx:
        account = await payees.find_by_reported_recipient(tx, GatewayName.STRIPE, code)
        assert account
        first = await payees.begin_asking(tx, account.id)
        second = await payees.begin_asking(tx, account.id)
    assert first
    assert second
    needed = OnboardingNeeded(recipient=code, missing=["a document"], reason="")
    ready = RecipientReady(recipient=code, account_name="", bank_name="")
    async with transaction() as tx:
        assert (await payees.record(tx, second, needed)).missing == ["a document"]
    for late in (ready, Refused(reason="no"), Unknown(reason="?")):
        async with transaction() as tx:
            assert (await payees.record(tx, first, late)).missing == ["a document"]
    assert await state(shop) == "pending"
    await shop.sandbox.onboard(code)
    await all_delivered(shop.sandbox)
    await shop.forward(timedelta(minutes=10))
    await asyncio.gather(shop.run_jobs(), shop.sweep(SWEEP), shop.run_jobs(), shop.sweep(SWEEP))
    assert await state(shop) == "active"


async def test_a_crash_while_stripe_is_told_leaves_one_account_there(shop: Shop) -> None:
    new = msgspec.convert(AT_STRIPE, NewPayoutAccount)
    async with transaction() as tx:
        begun = await payees.add_account(tx, new, host_id=shop.host.id, gateway=GatewayName.STRIPE)
    await gateway_named(GatewayName.STRIPE).create_recipient(begun.as_recipient)  # and it is gone
    assert await shop.sweep(SWEEP) == 0, "it may be under way"
    await shop.forward(payees.CALLING_FOR + timedelta(seconds=1))
    assert await shop.sweep(SWEEP) == 1
    assert len(await shop.sandbox.accounts()) == 1
    (account,) = await list_accounts(shop)
    assert (account["state"], len(account["missing"])) == ("pending", 3)


async def test_two_tellers_at_once_keep_one_recipient(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "error_500", times=1)
    reply = await add_account(shop, key="k", **AT_STRIPE)
    assert (reply.status_code, reply.json()["state"]) == (202, "pending")
    await shop.forward(timedelta(minutes=5))
    await asyncio.gather(add_account(shop, key="k", **AT_STRIPE), shop.sweep(SWEEP))
    kept = await shop.values("SELECT recipient FROM payout_accounts")
    assert len(kept) == 1
    assert kept[0] in [each["code"] for each in await shop.sandbox.accounts()]
    again = await add_account(shop, key="k", **AT_STRIPE)
    assert again.status_code == 201
    assert len(await list_accounts(shop)) == 1


async def test_an_onboarding_link_makes_up_for_a_silent_gateway(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "drop")
    account = (await add_account(shop, **AT_STRIPE)).json()
    assert account["missing"] == []
    await shop.sandbox.fault("onboarding", "error_500")
    silent = await shop.post(shop.host, f"{PATH}/{account['id']}/onboarding", {})
    assert (silent.status_code, "retry-after" in silent.headers) == (504, True)
    assert (await link(shop, account)).startswith(shop.sandbox.base_url)


async def test_a_link_leads_back_to_where_its_host_wants_and_is_another_each_time(
    shop: Shop,
) -> None:
    account, code = await opened(shop)
    app = {"returnUrl": "https://app.example/back", "refreshUrl": "https://app.example/again"}
    urls = [await link(shop, account, **app) for _ in range(2)]
    assert urls[0] != urls[1]
    async with httpx.AsyncClient(trust_env=False) as browser:
        await browser.get(urls[0])
        used = await browser.get(urls[0])
        left = await browser.post(f"{urls[0]}/leave")
    assert used.headers["location"] == app["refreshUrl"]
    assert left.headers["location"] == app["returnUrl"]
    assert await state(shop) == "pending"
    await shop.sandbox.expire_links(code)
    own = await link(shop, account)
    async with httpx.AsyncClient(trust_env=False) as browser:
        await browser.get(own)
        renewing = own_path(await browser.get(own))
    page = await shop.api.get(renewing)
    assert (page.status_code, "has expired" in page.text) == (200, True)
    onward = await shop.api.get(renewing, headers=make.bearer(shop.host))
    assert onward.text == page.text  # a GET makes no link: any site could have sent it
    elsewhere = {"returnUrl": "https://app.example.evil.test/", "refreshUrl": "https://a@b.test"}
    refused = await shop.post(shop.host, f"{PATH}/{account['id']}/onboarding", elsewhere)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "returnUrl")


async def test_nobody_else_gets_a_link_or_learns_of_the_account(shop: Shop) -> None:
    account, _ = await opened(shop)
    path = f"{PATH}/{account['id']}/onboarding"
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
    assert (await shop.post(other, path, {})).status_code == 404
    assert (await shop.post(shop.guest, path, {})).status_code == 403
    for who in (other, shop.guest):
        renewing = f"{PATH}/onboarding?account={account['id']}"
        page = await shop.api.get(renewing, headers=make.bearer(who))
        assert (page.status_code, "has expired" in page.text) == (200, True)
    nobodys = await shop.api.get(f"{PATH}/onboarding?account={make.new_id()}")
    assert (nobodys.status_code, nobodys.text) == (200, page.text)
    assert (await shop.api.get(f"{PATH}/return?account={make.new_id()}")).status_code == 200


async def test_an_account_without_questions_has_no_link(shop: Shop) -> None:
    bank = (await add_account(shop)).json()
    reply = await shop.post(shop.host, f"{PATH}/{bank['id']}/onboarding", {})
    assert (reply.status_code, reply.json()["code"]) == (409, "nothing_to_tell")
    account, _ = await opened(shop)
    assert await remove_account(shop, account) == 204
    reply = await shop.post(shop.host, f"{PATH}/{account['id']}/onboarding", {})
    assert reply.status_code == 409


async def test_a_country_that_stripe_does_not_pay_in_is_refused_and_told_to_operators(
    shop: Shop,
) -> None:
    reply = await add_account(shop, **{**AT_STRIPE, "country": NOWHERE})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "country")
    assert await state(shop) == "refused"
    assert await open_alerts(shop) == ["payout_account_refused"]


FLAWS: list[tuple[dict[str, Any], str]] = [
    ({"accountNumber": "0123456789"}, "accountNumber"),
    ({"bankCode": "058"}, "bankCode"),
    ({"country": None}, "country"),
    ({"country": "France"}, "country"),
    ({"country": "fr"}, "country"),
    ({"country": 33}, "country"),
    ({"kind": "bank_account", "country": None}, "kind"),
    ({"kind": "piggy_bank"}, "kind"),
    ({"currency": "CHF"}, "currency"),
    ({"gateway": "paystack"}, "gateway"),
    ({"gateway": "paypal"}, "gateway"),
    ({"holder": " "}, "holder"),
    ({"holder": "x" * 201}, "holder"),
    ({"iban": "FR76"}, "iban"),
]


async def test_what_is_wrong_with_an_account_is_told_by_its_field(shop: Shop) -> None:
    for changes, field in FLAWS:
        reply = await add_account(shop, **AT_STRIPE | changes)
        assert reply.status_code == 422, f"{changes}: {reply.text}"
        assert [error["field"] for error in reply.json()["errors"]] == [field]
    assert await list_accounts(shop) == []
    assert await shop.sandbox.accounts() == []


async def test_one_account_per_gateway_and_currency_and_the_transfer_picks_it(shop: Shop) -> None:
    bank = (await add_account(shop)).json()
    phone: dict[str, Any] = {
        "kind": "mobile_money",
        "accountNumber": "256771234567",
        "bankCode": "MPS",
    }
    wallet = (await add_account(shop, currency="UGX", **phone)).json()
    account, code = await opened(shop)
    await shop.sandbox.onboard(code)
    await told(shop)
    assert [each["gateway"] for each in (bank, wallet, account)] == [
        "paystack", "flutterwave", "stripe",
    ]  # fmt: skip
    for currency, price in (("NGN", 500_000), ("UGX", 50_000), ("EUR", 4_500)):
        async with transaction() as tx:
            trip_id = await make.trip(tx, shop.host, currency=currency, price=price)
        booking = await shop.reserve("1A", trip_id=trip_id)
        await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == 3
    rows = await shop.values(
        """
        SELECT sent.gateway || ' ' || sent.currency FROM instructions AS sent
          JOIN payout_accounts AS account ON account.recipient = target
           AND account.gateway = sent.gateway AND account.currency = sent.currency
         WHERE sent.state = 'queued' ORDER BY sent.currency"""
    )
    assert rows == ["stripe EUR", "paystack NGN", "flutterwave UGX"]


async def test_an_account_is_at_the_gateway_that_its_host_names(shop: Shop) -> None:
    here = await add_account(shop, gateway="paystack")
    assert (here.status_code, here.json()["gateway"]) == (201, "paystack")
    at_stripe = await add_account(shop, **{**AT_STRIPE, "currency": "NGN", "gateway": "stripe"})
    assert (at_stripe.status_code, at_stripe.json()["gateway"]) == (201, "stripe")
    assert [each["state"] for each in await list_accounts(shop)] == ["pending", "active"]
    unused = await add_account(shop, gateway="flutterwave")
    assert unused.json()["errors"][0]["field"] == "gateway", "it is used for UGX and XAF alone"
