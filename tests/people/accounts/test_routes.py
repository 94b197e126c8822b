"""Accounts as a client meets them."""

import time
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest

from app.foundation.db import execute, transaction
from app.foundation.settings import settings
from tests.people.accounts.client import PASSWORD, access, assert_problem, bearer, register
from tests.production import STRONG

ACCESS, REFRESH, CSRF = "berthold_access", "berthold_refresh", "berthold_csrf"
DEVICE = "berthold_device"
LOGIN = {"email": "ada@example.com", "password": PASSWORD}


def cookies_of(reply: httpx.Response) -> dict[str, Morsel[str]]:
    cookies = SimpleCookie()
    for header in reply.headers.get_list("set-cookie"):
        cookies.load(header)
    return dict(cookies)


def fields(reply: httpx.Response) -> list[str]:
    return sorted(error["field"] for error in reply.json()["errors"])


async def test_registering_logs_in(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/api/auth/register",
        json={**LOGIN, "email": "Ada@Example.com", "name": "Ada", "phone": "+237 612 345 678"},
    )
    assert reply.status_code == 201
    assert reply.headers["cache-control"] == "no-store"
    body = reply.json()
    assert set(body) == {
        *("account", "accessToken", "refreshToken", "expiresIn", "csrfToken", "deviceToken"),
    }
    assert body["expiresIn"] == 900
    account = body["account"]
    assert account.pop("id")
    assert account.pop("createdAt").endswith("Z")
    assert account == {
        "email": "ada@example.com",
        "name": "Ada",
        "phone": "+237612345678",
        "locale": "en",
        "zone": "UTC",
        "roles": ["guest"],
        "emailProvedAt": None,
    }
    me = await client.get("/api/me", headers=bearer(body["accessToken"]))
    assert me.json()["email"] == "ada@example.com"


async def test_a_host_is_a_guest_too_and_nobody_registers_as_admin(
    client: httpx.AsyncClient,
) -> None:
    host = await register(client, role="host")
    assert host["account"]["roles"] == ["guest", "host"]
    body = {**LOGIN, "email": "b@example.com", "name": "B", "role": "admin"}
    reply = await client.post("/api/auth/register", json=body)
    assert reply.status_code == 422
    assert fields(reply) == ["role"]
    body = {**LOGIN, "email": "b@example.com", "name": "B", "roles": ["admin"]}
    assert (await client.post("/api/auth/register", json=body)).status_code == 422


async def test_cookies_keep_scripts_out_and_the_refresh_token_near(
    client: httpx.AsyncClient,
) -> None:
    await register(client)
    cookies = cookies_of(await client.post("/api/auth/login", json=LOGIN))
    assert set(cookies) == {ACCESS, REFRESH, CSRF, DEVICE}
    assert all(cookie["samesite"] == "lax" for cookie in cookies.values())
    assert not any(cookie["secure"] for cookie in cookies.values()), "http in tests"
    assert cookies[ACCESS]["httponly"]
    assert cookies[REFRESH]["httponly"]
    assert not cookies[CSRF]["httponly"], "the page's script reads it"
    assert {name: cookie["path"] for name, cookie in cookies.items()} == {
        ACCESS: "/",
        REFRESH: "/api/auth",
        CSRF: "/",
        DEVICE: "/api/auth",
    }
    assert cookies[ACCESS]["max-age"] == "900"
    assert cookies[REFRESH]["max-age"] == cookies[CSRF]["max-age"] == str(30 * 86_400)


async def test_cookies_are_secure_where_the_site_is(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(client)
    monkeypatch.setenv("BASE_URL", "https://berthold.example")
    monkeypatch.setenv("SECRET_KEYS", STRONG)
    settings.cache_clear()
    cookies = cookies_of(await client.post("/api/auth/login", json=LOGIN))
    monkeypatch.undo()
    settings.cache_clear()
    assert set(cookies) == {f"__Host-{name}" for name in (ACCESS, REFRESH, CSRF, DEVICE)}
    assert all(cookie["secure"] for cookie in cookies.values())
    assert {cookie["path"] for cookie in cookies.values()} == {"/"}
    assert not any(cookie["domain"] for cookie in cookies.values())
    assert cookies[f"__Host-{ACCESS}"]["httponly"]


async def test_an_address_registers_once_in_any_case(client: httpx.AsyncClient) -> None:
    await register(client)
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET email_proved_at = business_now()")
    body = {**LOGIN, "email": "ADA@example.COM", "name": "Eve"}
    assert_problem(await client.post("/api/auth/register", json=body), 409, "email_taken")


EMOJI = "\U0001f600"
GARBAGE: list[Any] = [
    None,
    0,
    1.5,
    True,
    [],
    {},
    "",
    " ",
    "\x00",
    "a\x00b",
    "\U0001f600",
    "a" * 9_000,
]


@pytest.mark.parametrize("field", ["email", "password", "name", "role", "phone", "locale", "zone"])
async def test_garbage_in_a_field_of_a_registration_is_named(
    client: httpx.AsyncClient, field: str
) -> None:
    for garbage in GARBAGE:
        body = {**LOGIN, "name": "Ada", field: garbage}
        reply = await client.post("/api/auth/register", json=body)
        harmless = (field, garbage) in [("phone", None), ("name", EMOJI)]
        assert reply.status_code == (201 if harmless else 422), (garbage, reply.text)
        if not harmless:
            assert fields(reply) == [field]


async def test_all_wrong_fields_are_named_at_once(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/auth/register", json={"password": "short", "extra": 1})
    assert fields(reply) == ["email", "extra", "name", "password"]
    body = {**LOGIN, "email": "nobody", "name": "Ada", "zone": "Mars", "phone": "1"}
    reply = await client.post("/api/auth/register", json=body)
    assert fields(reply) == ["email", "phone", "zone"]
    assert PASSWORD not in reply.text


@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b"\xff", b"{" * 5_000])
async def test_a_body_that_is_no_object_is_refused(
    client: httpx.AsyncClient, path: str, body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    reply = await client.post(f"/api/auth/{path}", content=body, headers=headers)
    assert reply.status_code in (400, 422), reply.text
    reply = await client.post(
        f"/api/auth/{path}", content=b"{}", headers={"content-type": "text/plain"}
    )
    assert reply.status_code == 400


async def test_logging_in_needs_no_csrf_token_even_with_old_cookies(
    client: httpx.AsyncClient,
) -> None:
    await register(client)
    assert client.cookies
    reply = await client.post("/api/auth/login", json=LOGIN)
    assert reply.status_code == 200, reply.text


async def test_a_stranger_is_not_told_what_was_wrong(client: httpx.AsyncClient) -> None:
    await register(client)
    wrong = await client.post("/api/auth/login", json={**LOGIN, "password": "not the password"})
    unknown = await client.post("/api/auth/login", json={**LOGIN, "email": "eve@example.com"})
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET disabled_at = business_now()")
    disabled = await client.post("/api/auth/login", json=LOGIN)
    for reply in (wrong, unknown, disabled):
        assert_problem(reply, 401, "log_in_refused")
        assert reply.json() == wrong.json()
        assert reply.headers["www-authenticate"] == "Bearer"
        assert not cookies_of(reply)


async def test_an_unknown_address_costs_as_much_as_a_wrong_password(
    client: httpx.AsyncClient,
) -> None:
    """Processor time of all threads, which other processes do not disturb as they do the clock."""
    await register(client)

    async def cost(email: str) -> float:
        started = time.process_time()
        body = {"email": email, "password": "not the password"}
        assert (await client.post("/api/auth/login", json=body)).status_code == 401
        return time.process_time() - started

    wrong = sorted([await cost("ada@example.com") for _ in range(5)])[2]
    unknown = sorted([await cost("eve@example.com") for _ in range(5)])[2]
    assert 0.6 < unknown / wrong < 1.6


async def test_a_mobile_client_refreshes_with_the_body(client: httpx.AsyncClient) -> None:
    first = await register(client)
    client.cookies.clear()
    reply = await client.post("/api/auth/refresh", json={"refreshToken": first["refreshToken"]})
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert set(cookies_of(reply)) == {ACCESS, REFRESH, CSRF, DEVICE}
    assert reply.json()["account"] == first["account"]
    assert reply.json()["refreshToken"] != first["refreshToken"]
    assert reply.json()["csrfToken"] == first["csrfToken"], "the session is the same"


async def test_a_browser_refreshes_with_its_cookie_and_csrf_token(
    client: httpx.AsyncClient,
) -> None:
    token = (await register(client))["csrfToken"]
    for _ in range(2):
        reply = await client.post("/api/auth/refresh", headers={"x-csrf-token": token})
        assert reply.status_code == 200, reply.text
        token = reply.json()["csrfToken"]
    assert_problem(await client.post("/api/auth/refresh"), 403, "csrf_refused")
    reply = await client.post("/api/auth/refresh", json={}, headers={"x-csrf-token": token})
    assert reply.status_code == 200, "an empty body stands for none"


async def test_an_old_token_is_401_and_ends_the_session(client: httpx.AsyncClient) -> None:
    first = await register(client)
    client.cookies.clear()
    body = {"refreshToken": first["refreshToken"]}
    second = (await client.post("/api/auth/refresh", json=body)).json()
    again = (await client.post("/api/auth/refresh", json=body)).json()
    assert again["refreshToken"] == second["refreshToken"]
    body_of_second = {"refreshToken": second["refreshToken"]}
    third = (await client.post("/api/auth/refresh", json=body_of_second)).json()
    client.cookies.clear()
    assert_problem(await client.post("/api/auth/refresh", json=body), 401, "token_reused")
    body = {"refreshToken": third["refreshToken"]}
    assert_problem(await client.post("/api/auth/refresh", json=body), 401, "session_over")


async def test_refreshing_without_a_token_is_401(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/auth/refresh")
    assert_problem(reply, 401, "unauthenticated")
    for garbage in ("x", "", "\U0001f600"):
        reply = await client.post("/api/auth/refresh", json={"refreshToken": garbage})
        assert_problem(reply, 401, "token_invalid")
    for garbage in ("a\x00", 1, "a" * 999):
        reply = await client.post("/api/auth/refresh", json={"refreshToken": garbage})
        assert fields(reply) == ["refreshToken"]
    reply = await client.post("/api/auth/refresh", headers={b"cookie": b"berthold_refresh=\xff%00"})
    assert_problem(reply, 401, "token_invalid")


async def test_an_access_token_refreshes_nothing(client: httpx.AsyncClient) -> None:
    """Nor does a cookie, for a client that says it is not a browser."""
    tokens = await register(client)
    reply = await client.post("/api/auth/refresh", headers=bearer(tokens["accessToken"]))
    assert_problem(reply, 401, "unauthenticated")


async def test_a_browser_logs_out_with_its_csrf_token(client: httpx.AsyncClient) -> None:
    tokens = await register(client)
    assert_problem(await client.post("/api/auth/logout"), 403, "csrf_refused")
    reply = await client.post("/api/auth/logout", headers={"x-csrf-token": tokens["csrfToken"]})
    assert reply.status_code == 204, reply.text
    assert set(client.cookies) == {DEVICE}, "the browser forgets all but that it has been here"
    body = {"refreshToken": tokens["refreshToken"]}
    assert_problem(await client.post("/api/auth/refresh", json=body), 401, "session_over")


async def test_a_mobile_client_logs_out_with_either_token(client: httpx.AsyncClient) -> None:
    await register(client)
    for how in ("access", "refresh"):
        tokens = (await client.post("/api/auth/login", json=LOGIN)).json()
        client.cookies.clear()
        sent: dict[str, Any] = (
            {"headers": bearer(tokens["accessToken"])}
            if how == "access"
            else {"json": {"refreshToken": tokens["refreshToken"]}}
        )
        assert (await client.post("/api/auth/logout", **sent)).status_code == 204
        assert_problem(await client.post("/api/auth/logout", **sent), 401, "session_over")
        body = {"refreshToken": tokens["refreshToken"]}
        assert_problem(await client.post("/api/auth/refresh", json=body), 401, "session_over")


async def test_logging_out_everywhere_ends_the_sessions_of_this_account_only(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    eve = await register(other_client, email="eve@example.com")
    phone, laptop = (
        await register(client),
        (await client.post("/api/auth/login", json=LOGIN)).json(),
    )
    client.cookies.clear()
    reply = await client.post(
        "/api/auth/logout", json={"everywhere": True}, headers=bearer(laptop["accessToken"])
    )
    assert reply.status_code == 204, reply.text
    for tokens, status in ((phone, 401), (laptop, 401), (eve, 200)):
        body = {"refreshToken": tokens["refreshToken"]}
        reply = await client.post("/api/auth/refresh", json=body)
        assert reply.status_code == status


async def test_one_sees_where_one_is_logged_in_and_logs_a_device_out(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    phone = await register(client)
    await register(other_client, email="eve@example.com")
    client.cookies.clear()
    agent = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"}
    laptop = (await client.post("/api/auth/login", json=LOGIN, headers=agent)).json()
    client.cookies.clear()
    asks = bearer(laptop["accessToken"])
    listed = (await client.get("/api/me/sessions", headers=asks)).json()["sessions"]
    assert [(each["device"], each["isCurrent"]) for each in listed] == [
        ("Firefox on Linux", True),
        (other_client.headers["user-agent"], False),
    ]
    others = f"/api/me/sessions/{listed[1]['id']}"
    eve = await other_client.delete(others, headers={"x-csrf-token": other_client.cookies[CSRF]})
    assert_problem(eve, 404, "no_such_session")
    assert (await client.delete(others, headers=asks)).status_code == 204
    assert_problem(await client.delete(others, headers=asks), 404, "no_such_session")
    body = {"refreshToken": phone["refreshToken"]}
    assert_problem(await client.post("/api/auth/refresh", json=body), 401, "session_over")
    (left,) = (await client.get("/api/me/sessions", headers=asks)).json()["sessions"]
    assert left["isCurrent"]
    stale = await client.patch("/api/me", json={"name": "X"}, headers=bearer(phone["accessToken"]))
    assert_problem(stale, 401, "session_over")


async def test_a_stranger_cannot_log_out(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/api/auth/logout"), 401, "unauthenticated")
    body = {"refreshToken": "x", "everywhere": True}
    assert_problem(await client.post("/api/auth/logout", json=body), 401, "token_invalid")


async def test_changing_one_field_leaves_the_others(client: httpx.AsyncClient) -> None:
    tokens = await register(client, phone="+237612345678", locale="fr-CM", zone="Africa/Douala")
    me = tokens["account"]
    changes: list[dict[str, Any]] = [
        {},
        {"name": "\u0639\u0645\u0631 \U0001f600"},
        {"locale": "de"},
        {"zone": "Europe/Berlin"},
        {"phone": "+4915112345678"},
        {"phone": None},
        {"name": "Ada", "locale": "en", "zone": "UTC", "phone": "+237612345678"},
    ]
    for change in changes:
        reply = await client.patch("/api/me", json=change, headers=bearer(tokens["accessToken"]))
        me = me | change
        assert reply.status_code == 200, reply.text
        assert reply.json() == me
        read = await client.get("/api/me", headers=bearer(tokens["accessToken"]))
        assert read.json() == me


@pytest.mark.parametrize("field", ["name", "phone", "locale", "zone"])
async def test_garbage_in_a_change_is_named_and_changes_nothing(
    client: httpx.AsyncClient, field: str
) -> None:
    tokens = await register(client, phone="+237612345678")
    headers = bearer(tokens["accessToken"])
    for garbage in GARBAGE:
        if (field, garbage) in [("phone", None), ("name", EMOJI)]:
            continue
        body = {"name": "Eve", "zone": "Europe/Berlin", field: garbage}
        reply = await client.patch("/api/me", json=body, headers=headers)
        assert reply.status_code == 422, (garbage, reply.text)
        assert fields(reply) == [field]
    assert (await client.get("/api/me", headers=headers)).json() == tokens["account"]


@pytest.mark.parametrize("field", ["email", "roles", "id", "password", "createdAt"])
async def test_what_may_not_be_changed_is_refused(client: httpx.AsyncClient, field: str) -> None:
    tokens = await register(client)
    headers = bearer(tokens["accessToken"])
    reply = await client.patch("/api/me", json={field: ["admin"]}, headers=headers)
    assert reply.status_code == 422
    assert fields(reply) == [field]


async def test_a_browser_changes_itself_only_with_its_csrf_token(client: httpx.AsyncClient) -> None:
    tokens = await register(client)
    assert_problem(await client.patch("/api/me", json={"name": "Eve"}), 403, "csrf_refused")
    headers = {"x-csrf-token": tokens["csrfToken"]}
    reply = await client.patch("/api/me", json={"name": "Eve"}, headers=headers)
    assert reply.json()["name"] == "Eve"


async def test_a_csrf_token_of_a_session_before_is_refused(client: httpx.AsyncClient) -> None:
    before = (await register(client))["csrfToken"]
    now = (await client.post("/api/auth/login", json=LOGIN)).json()["csrfToken"]
    reply = await client.patch("/api/me", json={}, headers={"x-csrf-token": before})
    assert_problem(reply, 403, "csrf_refused")
    assert (await client.patch("/api/me", json={}, headers={"x-csrf-token": now})).is_success


async def test_me_of_nobody_is_401(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/me"), 401, "unauthenticated")
    assert_problem(await client.get("/api/me", headers=bearer(access())), 401, "session_over")
