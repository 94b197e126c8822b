"""Who gets in: tokens in headers and cookies, roles, CSRF. For admins the database is asked."""

from uuid import uuid4

import httpx
import pytest

from app.foundation.db import execute, transaction
from app.foundation.settings import settings
from app.people.accounts import rules
from app.people.accounts.guards import ACCESS, CSRF, REFRESH
from app.people.accounts.model import Role
from tests import make
from tests.people.accounts.client import access, assert_problem, bearer


async def test_only_routes_that_say_so_are_open(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/probe/public")).text == "hello"
    for path in ("/probe/signed-in", "/probe/host", "/admin/probe/public"):
        reply = await stranger.get(path)
        assert_problem(reply, 401, "unauthenticated")
        assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_token_opens_routes_without_asking_the_database(
    stranger: httpx.AsyncClient,
) -> None:
    assert (await stranger.get("/probe/signed-in", headers=bearer(access()))).is_success
    stranger.cookies.set(ACCESS, access())
    assert (await stranger.get("/probe/signed-in")).is_success


@pytest.mark.parametrize(
    ("path", "roles", "status"),
    [
        ("/probe/host", [Role.GUEST], 403),
        ("/probe/host", [Role.GUEST, Role.HOST], 200),
        ("/probe/admin", [Role.GUEST, Role.HOST], 403),
    ],
)
async def test_roles_open_their_routes_only(
    stranger: httpx.AsyncClient, path: str, roles: list[Role], status: int
) -> None:
    reply = await stranger.get(path, headers=bearer(access(*roles)))
    assert reply.status_code == status
    if status == 403:
        assert_problem(reply, 403, "role_missing")


async def test_an_admin_is_one_as_the_database_says_now(client: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
    token = make.bearer(admin)
    assert (await client.get("/probe/admin", headers=token)).is_success
    assert_problem(await client.get("/probe/host", headers=token), 403, "role_missing")
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET roles = '{host}' WHERE id = %(id)s", id=admin.id)
    assert_problem(await client.get("/probe/admin", headers=token), 403, "role_missing")
    assert (await client.get("/probe/host", headers=token)).is_success
    nobodys = bearer(access(Role.ADMIN))
    assert_problem(await client.get("/probe/admin", headers=nobodys), 401, "session_over")


async def test_an_expired_token_is_told_apart_so_that_clients_refresh(
    stranger: httpx.AsyncClient,
) -> None:
    reply = await stranger.get("/probe/signed-in", headers=bearer(access(lives_for_s=-1)))
    assert_problem(reply, 401, "token_expired")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer x.y.z",
        b"Bearer \xff\xfe",
        b"Basic YTpi",
        b"Bearer " + b"a" * 9_000,
        b"\xf0\x9f\x98\x80",
    ],
)
async def test_garbage_for_a_token_is_401(
    stranger: httpx.AsyncClient, authorization: bytes
) -> None:
    reply = await stranger.get("/probe/signed-in", headers={b"authorization": authorization})
    assert reply.status_code == 401, reply.text
    stranger.cookies.set(ACCESS, access())
    reply = await stranger.get("/probe/signed-in", headers={b"authorization": authorization})
    assert reply.status_code == 401, "the cookie does not step in for a bad header"


@pytest.mark.parametrize(
    "cookie",
    [
        b"",
        b";;;",
        b"=",
        b"berthold_access",
        b"berthold_access=",
        b"berthold_access=%ff%00",
        b"berthold_access=\xff",
        b'berthold_access="',
        b"a" * 9_000,
    ],
)
async def test_garbage_for_a_cookie_is_401(stranger: httpx.AsyncClient, cookie: bytes) -> None:
    reply = await stranger.get("/probe/signed-in", headers={b"cookie": cookie})
    assert reply.status_code == 401, reply.text


async def test_a_token_of_a_key_that_rotates_out_is_good_until_it_is_gone(
    stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "old-key-0123456789-0123456789-01234", "new-key-0123456789-0123456789-01234"
    headers = bearer(access(key=old))
    for keys, status in [(old, 200), (f"{new},{old}", 200), (new, 401)]:
        monkeypatch.setenv("SECRET_KEYS", keys)
        settings.cache_clear()
        assert (await stranger.get("/probe/signed-in", headers=headers)).status_code == status
    monkeypatch.undo()
    settings.cache_clear()


async def test_a_cookie_changes_things_only_with_its_sessions_csrf_token(
    stranger: httpx.AsyncClient,
) -> None:
    session_id, key = uuid4(), settings().secret_keys[0]
    mine, foreign = rules.write_csrf(session_id, key=key), rules.write_csrf(uuid4(), key=key)
    signed_in = {ACCESS: access(session_id=session_id)}
    cases: list[tuple[str | None, str | None, int]] = [  # cookie, header, status
        (mine, mine, 200),
        (mine, None, 403),
        (None, mine, 403),
        (None, None, 403),
        ("", "", 403),
        (mine, foreign, 403),
        (foreign, mine, 403),
        (foreign, foreign, 403),  # planted by a sibling domain
        ("made-up", "made-up", 403),
        (mine, mine.upper(), 403),
    ]
    for cookie, header, status in cases:
        stranger.cookies = httpx.Cookies(signed_in)
        if cookie is not None:
            stranger.cookies.set(CSRF, cookie)
        headers = {} if header is None else {"x-csrf-token": header}
        reply = await stranger.post("/probe/change", headers=headers)
        assert reply.status_code == status, (cookie, header)
        if status == 403:
            assert_problem(reply, 403, "csrf_refused")
    stranger.cookies = httpx.Cookies(signed_in)
    assert (await stranger.get("/probe/signed-in")).is_success, "reading needs none"


async def test_a_csrf_token_of_garbage_is_403(stranger: httpx.AsyncClient) -> None:
    stranger.cookies.set(ACCESS, access())
    for garbage in (b"\xff\xfe", b"\xf0\x9f\x98\x80", b"a" * 5_000):
        reply = await stranger.post("/probe/change", headers={b"x-csrf-token": garbage})
        assert_problem(reply, 403, "csrf_refused")


async def test_bearer_clients_need_no_csrf_token_even_when_cookies_come_along(
    stranger: httpx.AsyncClient,
) -> None:
    stranger.cookies.set(ACCESS, access())
    stranger.cookies.set(REFRESH, "whatever")
    assert (await stranger.post("/probe/change", headers=bearer(access()))).is_success
