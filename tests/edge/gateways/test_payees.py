"""Payees: what each gateway needs to know of them, and those whom it asks for the rest itself."""

import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.edge.gateways.port import EventKind, Onboarding, Refused, Unknown
from app.edge.gateways.recipients import (
    Flaw,
    NewRecipient,
    OnboardingLink,
    OnboardingNeeded,
    RecipientKind,
    RecipientReady,
)
from app.edge.gateways.stripe.adapter import Stripe
from app.foundation.money import EXPONENTS
from app.sandbox.app import STRIPE_SECRET_KEY
from app.sandbox.stripe.api.accounts import NOWHERE
from tests.edge.gateways.adapters import ALL, BASE, World, adapter_named, opened

REFERENCE = "pa-00000000000000000000000000000001"
RETURN, REFRESH = "https://berthold.test/return?a=1", "https://berthold.test/again"
ASKED = ["external account", "individual first name", "tos acceptance date"]


@pytest.fixture(params=ALL, ids=lambda adapter: adapter.name)
async def each(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with opened(request.param, World) as world:
        yield world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(adapter_named("stripe"), World) as world:
        yield world


def payee(world: World, **changes: Any) -> NewRecipient:
    given: dict[str, Any] = {
        "reference": REFERENCE, "name": "Hannah Host", "currency": world.adapter.currency,
    }  # fmt: skip
    if world.gateway.onboarding:
        given |= {"kind": RecipientKind.GATEWAY_ACCOUNT, "country": "FR"}
    else:
        given |= {
            "kind": RecipientKind.BANK_ACCOUNT, "account_number": "0001234567", "bank_code": "058",
        }  # fmt: skip
    return NewRecipient(**(given | changes))


def questions(world: World) -> Onboarding:
    assert world.gateway.onboarding
    return world.gateway.onboarding


async def connected(world: World) -> str:
    known = await world.gateway.create_recipient(payee(world))
    assert isinstance(known, OnboardingNeeded), known
    return known.recipient


async def code_of(world: World, **changes: Any) -> str:
    known = await world.gateway.create_recipient(payee(world, **changes))
    assert isinstance(known, RecipientReady | OnboardingNeeded), known
    return known.recipient


# ---- of every gateway -----------------------------------------------------------------------


async def test_creating_the_same_payee_twice_gives_the_same_account(each: World):
    first = await code_of(each)
    assert await code_of(each) == first
    assert await code_of(each, attempt=2) == first


@pytest.mark.parametrize("kind", ["error_500", "drop", "too_many_requests"])
async def test_a_payee_lost_before_the_effect_is_unknown_and_made_by_the_next_attempt(
    each: World, kind: str
):
    await each.sandbox.fault("recipient", kind)
    assert isinstance(await each.gateway.create_recipient(payee(each)), Unknown)
    code = await code_of(each, attempt=2)
    assert await code_of(each, attempt=3) == code


async def test_a_payee_lost_after_the_effect_is_found_by_the_next_attempt(each: World):
    await each.sandbox.fault("recipient", "timeout_after_effect", delay_ms=1)
    assert isinstance(await each.gateway.create_recipient(payee(each)), Unknown)
    code = await code_of(each, attempt=2)
    assert await code_of(each, attempt=2) == code
    books = each.sandbox.simulator.books.transfers
    assert [row.recipient_code for row in books.recipients(each.adapter.name)] == [code]


async def test_an_inconclusive_look_for_an_earlier_account_creates_none(each: World):
    if each.adapter.name == "paystack":
        return  # it knows its payees by their accounts, and needs no look
    await each.sandbox.fault("verify_recipient", "error_500")
    assert isinstance(await each.gateway.create_recipient(payee(each, attempt=2)), Unknown)
    assert each.sandbox.simulator.books.transfers.recipients(each.adapter.name) == []


async def test_a_valid_payee_has_no_flaw(each: World):
    assert each.gateway.find_flaw(payee(each)) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": RecipientKind.MOBILE_MONEY_BUSINESS}, "kind"),
        ({"currency": "CHF"}, "kind"),
        ({"account_number": "12 34"}, "account_number"),
        ({"account_number": "0001234567'--", "bank_code": "058"}, "account_number"),
        ({"bank_code": "058/../x"}, "bank_code"),
        ({"country": "France"}, "country"),
        ({"country": "fr"}, "country"),
        ({"country": "F\x00"}, "country"),
    ],
)
async def test_an_invalid_account_is_refused_by_field_without_a_call(
    each: World, changes: Any, field: str
):
    new = payee(each, **changes)
    flaw = each.gateway.find_flaw(new)
    assert isinstance(flaw, Flaw)
    assert flaw.field == field
    assert await each.gateway.create_recipient(new) == Refused(reason=flaw.reason)
    assert each.transport.seen == []


# ---- of those that ask payees themselves -----------------------------------------------------


async def test_a_connected_account_goes_through_all_its_standings(world: World):
    find, sandbox = questions(world).find_recipient, world.sandbox
    code = await connected(world)
    asked = OnboardingNeeded(recipient=code, missing=ASKED, reason="requirements past due")
    assert await find(code) == asked
    await sandbox.check(code)
    checked = await find(code)
    assert checked == OnboardingNeeded(
        recipient=code, missing=[], reason="requirements pending verification"
    )
    await sandbox.onboard(code)
    assert await find(code) == RecipientReady(recipient=code, account_name="", bank_name="")
    await sandbox.restrict(code)
    assert await find(code) == OnboardingNeeded(
        recipient=code,
        missing=["individual verification document"],
        reason="The document could not be read.",
    )
    await sandbox.revoke(code)
    lost = await find(code)
    assert isinstance(lost, Refused)
    assert "does not have access" in lost.reason


@pytest.mark.parametrize("code", ["", "acct_", "../balance", "acct_1/x", "RCP_1", "acct_\x00"])
async def test_an_invalid_payee_code_is_refused_without_a_call(world: World, code: str):
    assert isinstance(await questions(world).find_recipient(code), Refused)
    assert world.transport.seen == []


@pytest.mark.parametrize("kind", ["error_500", "drop", "too_many_requests"])
async def test_a_look_up_of_a_payee_that_broke_is_unknown(world: World, kind: str):
    code = await connected(world)
    await world.sandbox.fault("verify_recipient", kind)
    assert isinstance(await questions(world).find_recipient(code), Unknown)


async def test_a_wrong_key_says_nothing_about_a_payee(world: World):
    code = await connected(world)
    wrong = world.open(key="sk_test_wrong_0000000000000")
    assert wrong.onboarding
    assert isinstance(await wrong.onboarding.find_recipient(code), Unknown)
    await wrong.close()


async def test_an_onboarding_link_is_valid_for_one_visit_until_it_expires(world: World):
    code = await connected(world)
    browser = world.sandbox.client
    links: list[OnboardingLink] = []
    for _ in range(2):
        made = await questions(world).start_onboarding(code, return_url=RETURN, refresh_url=REFRESH)
        assert isinstance(made, OnboardingLink)
        assert timedelta(0) < made.expires_at - datetime.now(UTC) <= timedelta(minutes=5)
        links.append(made)
    first, second = (link.url for link in links)
    assert first != second
    page = await browser.get(first)
    assert (page.status_code, "Hannah Host" in page.text) == (200, True)
    again = await browser.get(first)
    assert (again.status_code, again.headers["location"]) == (303, REFRESH)
    await world.sandbox.expire_links(code)
    late = await browser.get(second)
    assert (late.status_code, late.headers["location"]) == (303, REFRESH)
    assert (await browser.post(f"{second}/finish")).status_code == 400, "it was never opened"
    back = await browser.post(f"{first}/finish")
    assert (back.status_code, back.headers["location"]) == (303, RETURN)
    assert isinstance(await questions(world).find_recipient(code), RecipientReady)


async def test_a_link_for_an_unknown_payee_is_refused_and_one_that_broke_is_unknown(world: World):
    async def start(code: str) -> Any:
        return await questions(world).start_onboarding(code, return_url=RETURN, refresh_url=REFRESH)

    assert isinstance(await start("acct_nobody"), Refused)
    code = await connected(world)
    await world.sandbox.fault("onboarding", "error_500")
    assert isinstance(await start(code), Unknown)
    assert isinstance(await start(code), OnboardingLink)


async def test_a_country_in_which_nobody_is_paid_is_refused_in_the_gateways_words(world: World):
    refused = await world.gateway.create_recipient(payee(world, country=NOWHERE))
    assert refused == Refused(reason=f"Country '{NOWHERE}' is unknown. (HTTP 400)")


async def test_webhooks_of_a_payee_are_about_its_code_and_each_is_one_event(world: World):
    code = await connected(world)
    for step in (world.sandbox.onboard, world.sandbox.restrict, world.sandbox.revoke):
        await step(code)
    bodies = [each["body"].encode() for each in await world.sandbox.deliveries()]
    signed = world.adapter.dialect(world.adapter.secrets[1]).signed
    events = [world.gateway.read_webhook(signed(body), body) for body in bodies]
    assert {(event.kind, event.reference) for event in events} == {(EventKind.PAYEE_CHANGED, code)}
    assert {event.name for event in events} == {
        "account.updated", "capability.updated", "account.application.deauthorized",
    }  # fmt: skip
    assert all(event.key.startswith(f"{code}:evt_") for event in events)
    assert len({event.key for event in events}) == len(events) == 5


async def test_an_account_event_without_an_account_is_of_no_payee(world: World):
    event = {"id": "evt_1", "type": "account.updated", "data": {"object": {"id": "acct_platform"}}}
    body = json.dumps(event).encode()
    signed = world.adapter.dialect(world.adapter.secrets[0]).signed(body)
    read = world.gateway.read_webhook(signed, body)
    assert (read.kind, read.reference, read.key) == (EventKind.OTHER, None, "platform:evt_1")


# ---- what Stripe itself may say ---------------------------------------------------------------


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Stripe:
    return Stripe(
        secret_key=STRIPE_SECRET_KEY,
        webhook_secrets=(),
        base_url=BASE,
        timeout_s=5,
        transport=httpx.MockTransport(answer),
    )


def new_payee(**changes: Any) -> NewRecipient:
    given: dict[str, Any] = {
        "reference": REFERENCE, "name": "Hannah Host", "kind": RecipientKind.GATEWAY_ACCOUNT,
        "country": "FR", "currency": "EUR",
    }  # fmt: skip
    return NewRecipient(**(given | changes))


def account(**changes: Any) -> dict[str, Any]:
    """As in the official fixtures of 2026-07-29, as far as it is used."""
    fields = {
        "id": "acct_1PgafTB7WZ01zgkW", "object": "account", "payouts_enabled": True,
        "capabilities": {"card_payments": "active", "transfers": "active"}, "metadata": {},
        "requirements": {
            "alternatives": [], "current_deadline": None, "currently_due": ["external_account"],
            "disabled_reason": None, "errors": [], "eventually_due": ["external_account"],
            "past_due": [], "pending_verification": [],
        },
    }  # fmt: skip
    return fields | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"payouts_enabled": False},
        {"capabilities": {"transfers": "pending"}},
        {"capabilities": {"transfers": "inactive"}},
        {"capabilities": {"card_payments": "active"}},
        {"capabilities": None},
        {"payouts_enabled": False, "requirements": None},
    ],
)
async def test_only_an_account_with_active_transfers_and_payouts_is_ready(changes: Any):
    reported = account()
    gateway = answering(lambda _: httpx.Response(200, json=reported))
    assert isinstance(await gateway.find_recipient(reported["id"]), RecipientReady)
    reported |= changes
    assert isinstance(await gateway.find_recipient(reported["id"]), OnboardingNeeded)


async def test_a_payee_that_was_deleted_is_refused():
    fields = {"id": "acct_1", "object": "account", "deleted": True}
    gateway = answering(lambda _: httpx.Response(200, json=fields))
    assert isinstance(await gateway.find_recipient("acct_1"), Refused)


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"id": 5}, {"id": "acct_2"}, account(payouts_enabled="yes"),
     account(requirements=["x"]), account(id="../x")],
)  # fmt: skip
async def test_a_reply_about_a_payee_that_makes_no_sense_is_unknown(body: Any):
    gateway = answering(lambda _: httpx.Response(200, json=body))
    assert isinstance(await gateway.find_recipient("acct_1"), Unknown)
    if not isinstance(body, dict) or body.get("id") != "acct_2":
        assert isinstance(await gateway.create_recipient(new_payee()), Unknown)
    linked = await gateway.start_onboarding("acct_1", return_url=RETURN, refresh_url=REFRESH)
    assert isinstance(linked, Unknown)


async def test_a_key_for_which_stripe_repeats_an_error_is_replaced_by_another():
    """For a day the gateway repeats the error of a first attempt to each request with its key."""
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            since = int(request.url.params["created[gte]"])
            assert timedelta(days=6) < timedelta(seconds=time.time() - since) < timedelta(days=8)
            return httpx.Response(200, json={"object": "list", "data": [], "has_more": False})
        keys.append(request.headers["idempotency-key"])
        if keys[-1] == REFERENCE:
            replayed = {"Idempotent-Replayed": "true"} if len(keys) > 1 else {}
            return httpx.Response(500, json={"error": {"type": "api_error"}}, headers=replayed)
        return httpx.Response(200, json=account())

    gateway = answering(answer)
    assert isinstance(await gateway.create_recipient(new_payee()), Unknown)
    assert isinstance(await gateway.create_recipient(new_payee(attempt=2)), RecipientReady)
    assert keys == [REFERENCE, REFERENCE, f"{REFERENCE}-2"]


async def test_of_many_accounts_ours_is_found_by_our_reference():
    others = [account(id=f"acct_{n}", metadata={"reference": f"pa-{n}"}) for n in range(150)]
    pages = [others[:100], [*others[100:], account(metadata={"reference": REFERENCE})]]

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        has_more = "starting_after" not in request.url.params
        data = pages[0 if has_more else 1]
        return httpx.Response(200, json={"object": "list", "data": data, "has_more": has_more})

    found = await answering(answer).create_recipient(new_payee(attempt=2))
    assert isinstance(found, RecipientReady)
    assert found.recipient == "acct_1PgafTB7WZ01zgkW"


async def test_no_gateway_pays_a_bank_account_with_an_iban_or_of_the_cfa_zone(each: World) -> None:
    """If one ever does, its numbers must be checked by modulus and length before it is kept."""
    without_check_digits_to_test = {"GHS", "KES", "NGN", "ZAR"}
    iban = {"kind": RecipientKind.BANK_ACCOUNT, "country": ""}
    for currency in sorted(set(EXPONENTS) - without_check_digits_to_test):
        flaw = each.gateway.find_flaw(
            payee(each, currency=currency, account_number="SN08SN0100152000048500003035", **iban)
        )
        assert flaw, currency
        assert flaw.field == "kind", currency
