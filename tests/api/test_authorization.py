"""Who may do what: every route of the application, asked by people who may not."""

from typing import Any, Final
from uuid import UUID

import httpx
import msgspec
import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.alerts import Severity, raise_alert
from app.foundation.db import execute, fetch_value, transaction
from app.market.vouchers import actions as vouchers
from app.market.vouchers.model import NewVoucher
from app.money.payees import actions as payees
from app.money.payees.model import NewPayoutAccount
from app.people.accounts.model import Principal, Role
from tests import make
from tests.api.routes import (
    A_VOUCHER,
    AN_ACCOUNT,
    GUEST,
    NOBODY,
    NOT_FOR_ADMINS,
    NOT_FOR_ITS_HOST,
    OTHER_HOST,
    PROTECTED,
    PUBLIC,
    STRANGER,
    Rule,
)
from tests.api.walk import served
from tests.shop import Shop


async def test_each_route_is_listed_as_public_or_as_protected() -> None:
    assert await served() == PUBLIC | PROTECTED.keys()
    assert not PUBLIC & PROTECTED.keys()


ADMINS: Final = "/api/admin/"
# In paths, what a scene has none of.
OF_NOTHING: Final = (
    *("{dispute_id}", "{chargeback_id}", "{settlement_id}", "{bank_statement_id}"),
    *("{ledger_account_id}", "{instruction_id}", "{event_id}", "{difference_id}", "{lease_id}"),
    *("{user_id}", "/ledger/bookings/"),
)


class Scene:
    """A booking with a payment begun, and the ids that the routes want."""

    def __init__(self, shop: Shop, other_host: Principal, ids: dict[str, str]) -> None:
        self.shop = shop
        self.ids = ids
        self.people: dict[str, Principal | None] = {
            NOBODY: None,
            STRANGER: shop.other,
            OTHER_HOST: other_host,
            GUEST: shop.guest,
        }

    async def ask(
        self, who: str, method: str, path: str, rule: Rule, **more: Any
    ) -> httpx.Response:
        principal = self.people[who]
        headers = {"idempotency-key": "k"} | (make.bearer(principal) if principal else {})
        return await self.shop.api.request(
            method,
            path.format(**self.ids),
            json=_filled(rule.body, self.ids),
            params={name: value.format(**self.ids) for name, value in rule.query.items()},
            headers=headers,
            **more,
        )


def _filled(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {
            name: value.format(**ids) if isinstance(value, str) else value
            for name, value in body.items()
        }
    return body


@pytest.fixture
async def scene(shop: Shop) -> Scene:
    async with transaction() as tx:
        other_host = await make.account(tx, Role.GUEST, Role.HOST)
        await execute(
            tx,
            """
            INSERT INTO price_overrides (listing_id, first_slot, last_slot, price)
            VALUES (%(id)s, '2030-01-01', '2030-01-02', 5)""",
            id=shop.stay_id,
        )
        await execute(
            tx,
            """
            INSERT INTO blocked_dates (listing_id, first_slot, last_slot)
            VALUES (%(id)s, '2030-01-01', '2030-01-02')""",
            id=shop.stay_id,
        )
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    ids = {
        "trip_id": str(shop.trip_id),
        "booking_id": booking["id"],
        "payment_id": payment["id"],
        "reference": payment["reference"],
        "listing_id": str(shop.stay_id),
        "label": "Room 1",
        "dispute_id": str(make.new_id()),
        "chargeback_id": str(make.new_id()),
        "override_id": "1",
        "voucher_id": await _voucher(shop.host),
        "block_id": "1",
        "alert_id": await _alert(),
        "settlement_id": str(make.new_id()),
        "bank_statement_id": str(make.new_id()),
        "account_id": await _payout_account(shop.host),
        "ledger_account_id": "1",
        "instruction_id": str(make.new_id()),
        "event_id": str(make.new_id()),
        "difference_id": str(make.new_id()),
        "job_id": "1",
        "name": "money",
        "lease_id": str(make.new_id()),
        "user_id": str(make.new_id()),
        "session_id": str(make.session_of(shop.host.id)),
    }
    return Scene(shop, other_host, ids)


async def _payout_account(host: Principal) -> str:
    async with transaction() as tx:
        new = msgspec.convert(AN_ACCOUNT, NewPayoutAccount)
        gateway = GatewayName.PAYSTACK
        account = await payees.add_account(tx, new, host_id=host.id, gateway=gateway)
        return str(account.id)


async def _voucher(host: Principal) -> str:
    async with transaction() as tx:
        new = msgspec.convert(A_VOUCHER | {"code": "OF-THE-HOST"}, NewVoucher)
        return str((await vouchers.make_as_host(tx, host_id=host.id, new=new)).id)


async def _alert() -> str:
    async with transaction() as tx:
        await raise_alert(tx, kind="try_it", severity=Severity.INFO, subject="a thing", details={})
        return str(await fetch_value(tx, UUID, "SELECT id FROM alerts"))


async def test_without_a_token_every_protected_route_answers_401(scene: Scene) -> None:
    for (method, path), rule in PROTECTED.items():
        reply = await scene.ask(NOBODY, method, path, rule)
        assert reply.status_code == 401, f"{method} {path}: {reply.text}"
        assert reply.headers["content-type"] == "application/problem+json"
        assert "www-authenticate" in reply.headers


async def test_with_a_forged_token_every_protected_route_answers_401(scene: Scene) -> None:
    token = make.bearer(scene.shop.admin)["authorization"]
    forged = {"authorization": token[:-6] + "AAAAAA"}
    for method, path in PROTECTED:
        reply = await scene.shop.api.request(method, path.format(**scene.ids), headers=forged)
        assert reply.status_code == 401, f"{method} {path}: {reply.text}"


ENDED = {
    "logged out everywhere": """
        UPDATE sessions SET revoked_at = now(), revoked_because = 'logged out everywhere'
         WHERE account_id = ANY(%(ids)s) RETURNING id::text""",
    "disabled": """
        UPDATE accounts SET disabled_at = now() WHERE id = ANY(%(ids)s) RETURNING id::text""",
    "too old": """
        UPDATE sessions SET created_at = now() - interval '91 days'
         WHERE account_id = ANY(%(ids)s) RETURNING id::text""",
}
# Where payouts go, and who one is: there no token is trusted by itself.
LOOKED_UP = {
    ("PATCH", "/api/me"),
    ("DELETE", "/api/me/sessions/{session_id}"),
    ("POST", "/api/auth/step-up"),
    ("POST", "/api/me/email"),
    ("POST", "/api/me/email/verification"),
    ("POST", "/api/me/password"),
    ("POST", "/api/me/2fa"),
    ("POST", "/api/me/2fa/confirm"),
    ("POST", "/api/me/2fa/recovery-codes"),
    ("POST", "/api/me/2fa/end"),
    ("POST", "/api/host/payout-accounts"),
    ("DELETE", "/api/host/payout-accounts/{account_id}"),
    ("POST", "/api/host/payout-accounts/{account_id}/onboarding"),
}


@pytest.mark.parametrize("how", ENDED)
async def test_a_token_of_an_admin_opens_nothing_once_its_session_has_ended(
    scene: Scene, how: str
) -> None:
    scene.people["the admin"] = scene.shop.admin
    assert (await scene.ask("the admin", "GET", "/api/admin/alerts", Rule())).status_code == 200
    await scene.shop.values(ENDED[how], ids=[scene.shop.admin.id])
    for (method, path), rule in PROTECTED.items():
        reply = await scene.ask("the admin", method, path, rule)
        assert (reply.status_code, reply.json()["code"]) == (401, "session_over"), (
            f"{method} {path}"
        )


async def test_a_token_of_an_admin_who_is_none_any_more_opens_nothing_of_admins(
    scene: Scene,
) -> None:
    scene.people["the admin"] = scene.shop.admin
    await scene.shop.values(
        """
        WITH gone AS (DELETE FROM second_factors WHERE account_id = %(id)s)
        UPDATE accounts SET roles = '{guest}' WHERE id = %(id)s RETURNING id::text""",
        id=scene.shop.admin.id,
    )
    for (method, path), rule in PROTECTED.items():
        reply = await scene.ask("the admin", method, path, rule)
        _judge(reply, rule.stranger, f"{method} {path}")


async def test_a_token_of_a_host_who_is_none_any_more_directs_no_payout(scene: Scene) -> None:
    scene.people["the host"] = scene.shop.host
    await scene.shop.values(
        "UPDATE accounts SET roles = '{guest}' WHERE id = %(id)s RETURNING id::text",
        id=scene.shop.host.id,
    )
    for method, path in LOOKED_UP:
        if path.startswith("/api/host/"):
            reply = await scene.ask("the host", method, path, PROTECTED[method, path])
            assert (reply.status_code, reply.json()["code"]) == (403, "role_missing"), path


@pytest.mark.parametrize("how", ENDED)
async def test_a_stolen_token_moves_no_payout_and_no_profile_once_its_session_has_ended(
    scene: Scene, how: str
) -> None:
    scene.people["the host"] = scene.shop.host
    accounts = "SELECT t::text FROM payout_accounts AS t ORDER BY 1"
    before = await scene.shop.values(accounts)
    await scene.shop.values(ENDED[how], ids=[scene.shop.host.id, scene.shop.guest.id])
    assert PROTECTED.keys() >= LOOKED_UP
    for method, path in LOOKED_UP:
        for who in ("the host", GUEST):
            reply = await scene.ask(who, method, path, PROTECTED[method, path])
            assert reply.status_code in (401, 403), f"{method} {path}: {reply.text}"
            if who == "the host":
                assert reply.json()["code"] == "session_over"
    assert await scene.shop.values(accounts) == before


async def test_another_guest_reaches_nothing_of_the_booking_or_the_listing(scene: Scene) -> None:
    for (method, path), rule in PROTECTED.items():
        reply = await scene.ask(STRANGER, method, path, rule)
        _judge(reply, rule.stranger, f"{method} {path}")


async def test_another_host_reaches_nothing_of_the_booking_or_the_listing(scene: Scene) -> None:
    for (method, path), rule in PROTECTED.items():
        reply = await scene.ask(OTHER_HOST, method, path, rule)
        _judge(reply, rule.other_host, f"{method} {path}")


async def test_the_guest_cannot_act_as_the_host(scene: Scene) -> None:
    for (method, path), rule in PROTECTED.items():
        if rule.guest:
            reply = await scene.ask(GUEST, method, path, rule)
            _judge(reply, rule.guest, f"{method} {path}")


async def test_the_host_of_the_booking_does_what_is_its_own_and_nothing_else(scene: Scene) -> None:
    of_admins = {route: "role_missing" for route in PROTECTED if route[1].startswith(ADMINS)}
    scene.people["the host"] = scene.shop.host
    await _is_refused_only(scene, "the host", NOT_FOR_ITS_HOST | of_admins)


async def test_an_admin_does_what_is_of_admins_and_nothing_of_guests_and_hosts(
    scene: Scene,
) -> None:
    scene.people["the admin"] = scene.shop.admin
    await _is_refused_only(scene, "the admin", NOT_FOR_ADMINS)


async def _is_refused_only(scene: Scene, who: str, refusals: dict[tuple[str, str], str]) -> None:
    """Each route refuses `who` as that says; the others do what they are for, as far as they can.

    Not: what is asked of ids that name nothing, and what the state of a thing does not allow.
    """
    last = [route for route in PROTECTED if route[1].startswith("/api/me/")]  # may end the session
    for route in [*(route for route in PROTECTED if route not in last), *last]:
        reply = await scene.ask(who, *route, PROTECTED[route])
        if route in refusals:
            assert reply.status_code in (403, 404), f"{route}: {reply.text}"
            assert reply.json()["code"] == refusals[route], f"{route}: {reply.text}"
            continue
        names_nothing = any(part in route[1] for part in OF_NOTHING)
        passes = reply.is_success or reply.status_code in (409, 422)
        assert passes or (names_nothing and reply.status_code == 404), f"{route}: {reply.text}"


async def test_refused_requests_change_nothing(scene: Scene) -> None:
    tables = (
        "bookings", "claims", "payments", "listings", "units", "price_overrides", "alerts",
        "payout_accounts", "job_pauses", "vouchers",
    )  # fmt: skip
    before = [await _rows(scene.shop, table) for table in tables]
    for (method, path), rule in PROTECTED.items():
        await scene.ask(NOBODY, method, path, rule)
        if rule.stranger:
            await scene.ask(STRANGER, method, path, rule)
        if rule.other_host:
            await scene.ask(OTHER_HOST, method, path, rule)
    assert [await _rows(scene.shop, table) for table in tables] == before


async def _rows(shop: Shop, table: str) -> list[str]:
    return await shop.values(f"SELECT t::text FROM {table} AS t ORDER BY 1")


def _judge(reply: httpx.Response, expected: int | None, route: str) -> None:
    if expected is None:
        assert reply.status_code < 400, f"{route}: {reply.text}"
        return
    assert reply.status_code == expected, f"{route}: {reply.text}"
    assert reply.headers["content-type"] == "application/problem+json"


async def test_lists_show_each_account_only_its_own_rows(scene: Scene) -> None:
    for path, key in (("/api/bookings", "bookings"), ("/api/host/listings", "listings")):
        reply = await scene.ask(OTHER_HOST, "GET", path, Rule())
        assert reply.json()[key] == []


async def test_a_post_with_a_cookie_but_no_csrf_token_is_refused(scene: Scene) -> None:
    account = {"email": "eve@example.com", "password": "correct horse battery", "name": "Eve"}
    signed_in = (await scene.shop.api.post("/api/auth/register", json=account)).json()
    scene.shop.api.cookies.clear()
    cookies = f"berthold_access={signed_in['accessToken']}"
    proof = f"; berthold_csrf={signed_in['csrfToken']}"
    body = {"tripId": str(scene.shop.trip_id), "seatNumbers": ["2A"]}

    async def reserve(**headers: str) -> httpx.Response:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return await scene.shop.api.post("/api/bookings/reserve", json=body, headers=headers)

    from_elsewhere = await reserve(cookie=cookies + proof)
    assert (from_elsewhere.status_code, from_elsewhere.json()["code"]) == (403, "csrf_refused")
    guessed = await reserve(cookie=cookies + "; berthold_csrf=x", x_csrf_token="x")
    assert guessed.status_code == 403
    own = await reserve(cookie=cookies + proof, x_csrf_token=signed_in["csrfToken"])
    assert own.status_code == 201, own.text
