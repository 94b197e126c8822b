"""Accounts as admins see them: found, shut out, let in again."""

import httpx

from app.foundation.db import fetch_values, transaction
from app.people.accounts.model import Role
from tests import make
from tests.people.accounts.client import assert_problem, bearer, register

REASON = {"reason": "asked for by mail"}
USERS = "/api/admin/users"


async def admin_headers() -> dict[str, str]:
    async with transaction() as tx:
        return make.bearer(await make.account(tx, Role.ADMIN))


async def test_a_disabled_account_is_out_until_it_is_enabled(client: httpx.AsyncClient) -> None:
    ada = await register(client)
    client.cookies.clear()
    desk, path = await admin_headers(), f"{USERS}/{ada['account']['id']}"
    reply = await client.post(f"{path}/disable", json=REASON, headers=desk)
    assert reply.status_code == 200, reply.text
    assert reply.json()["disabledAt"]
    again = await client.post(f"{path}/disable", json=REASON, headers=desk)
    assert_problem(again, 409, "nothing_to_change")
    token = {"refreshToken": ada["refreshToken"]}
    assert_problem(await client.post("/api/auth/refresh", json=token), 401, "session_over")
    log_in = {"email": "ada@example.com", "password": "correct horse battery"}
    assert_problem(await client.post("/api/auth/login", json=log_in), 401, "log_in_refused")
    profile = await client.patch("/api/me", json={"name": "A"}, headers=bearer(ada["accessToken"]))
    assert_problem(profile, 401, "session_over")
    enabled = await client.post(f"{path}/enable", json=REASON, headers=desk)
    assert (enabled.status_code, enabled.json()["disabledAt"]) == (200, None)
    assert (await client.post("/api/auth/login", json=log_in)).status_code == 200
    async with transaction() as tx:
        audited = await fetch_values(
            tx,
            str,
            "SELECT action || ' ' || reason FROM audit_log WHERE action LIKE '%%able_account'",
        )
    assert audited == [f"{verb}_account {REASON['reason']}" for verb in ("disable", "enable")]


async def test_an_admin_does_not_shut_out_himself_or_nobody(client: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
    desk = make.bearer(admin)
    own = await client.post(f"{USERS}/{admin.id}/disable", json=REASON, headers=desk)
    assert_problem(own, 409, "own_account")
    none = await client.post(f"{USERS}/{make.new_id()}/disable", json=REASON, headers=desk)
    assert_problem(none, 404, "no_such_account")
    bare = await client.post(f"{USERS}/{admin.id}/disable", json={}, headers=desk)
    assert bare.status_code == 422


async def test_accounts_are_found_by_address_and_role_page_by_page(
    client: httpx.AsyncClient,
) -> None:
    desk = await admin_headers()
    async with transaction() as tx:
        hosts = [await make.account(tx, Role.GUEST, Role.HOST) for _ in range(3)]
        await make.account(tx, email="ada@example.com")
    found = (await client.get(USERS, params={"email": " ADA@example.com"}, headers=desk)).json()
    assert [each["email"] for each in found["users"]] == ["ada@example.com"]
    first = (await client.get(USERS, params={"role": "host", "limit": 2}, headers=desk)).json()
    more = {"role": "host", "limit": 2, "cursor": first["nextCursor"]}
    rest = (await client.get(USERS, params=more, headers=desk)).json()
    ids = [each["id"] for each in first["users"] + rest["users"]]
    assert ids == [str(host.id) for host in reversed(hosts)]
    assert rest["nextCursor"] is None
