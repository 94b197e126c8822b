"""A second factor over HTTP: begun, confirmed, asked for at log-in, used once, ended."""

import asyncio
import time

import httpx
from pyotp.totp import TOTP

from app.foundation.db import execute, fetch_values, transaction

ADA = {"email": "ada@example.com", "password": "correct horse battery"}


async def _register(client: httpx.AsyncClient) -> None:
    """Register Ada; she sends her token as an app does."""
    reply = await client.post("/api/auth/register", json={**ADA, "name": "Ada"})
    assert reply.status_code == 201, reply.text
    client.headers["authorization"] = f"Bearer {reply.json()['accessToken']}"


async def _set_factor(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Her secret and recovery codes. The code that confirms is of the 30 seconds before."""
    await _register(client)
    begun = await client.post("/api/me/2fa")
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    code = TOTP(secret).at(time.time() - 30)
    confirmed = await client.post("/api/me/2fa/confirm", json={"code": code})
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.headers["cache-control"] == "no-store"
    return secret, confirmed.json()["recoveryCodes"]


async def _log_in(client: httpx.AsyncClient, **more: str) -> tuple[int, str]:
    reply = await client.post("/api/auth/login", json={**ADA, **more})
    return reply.status_code, reply.json().get("code", "")


async def test_a_log_in_needs_the_code_once_it_is_confirmed(client: httpx.AsyncClient) -> None:
    await _register(client)
    begun = await client.post("/api/me/2fa")
    assert begun.json()["uri"].startswith("otpauth://totp/Berthold:ada%40example.com?")
    assert await _log_in(client) == (200, "")  # begun, not confirmed

    code = TOTP(begun.json()["secret"]).now()
    assert (await client.post("/api/me/2fa/confirm", json={"code": code})).status_code == 200

    assert await _log_in(client) == (401, "code_required")
    assert await _log_in(client, code="000000x") == (401, "log_in_code_wrong")


async def test_a_wrong_password_says_nothing_of_a_code(client: httpx.AsyncClient) -> None:
    await _set_factor(client)
    assert await _log_in(client, password="wrong horse battery") == (401, "log_in_refused")


async def test_a_code_works_once_of_three_at_the_same_time(client: httpx.AsyncClient) -> None:
    secret, _ = await _set_factor(client)
    code = TOTP(secret).now()
    replies = await asyncio.gather(*(_log_in(client, code=code) for _ in range(3)))
    assert sorted(status for status, _ in replies) == [200, 401, 401]


async def test_a_recovery_code_works_once(client: httpx.AsyncClient) -> None:
    _, recovery = await _set_factor(client)
    assert len(recovery) == 10
    assert await _log_in(client, code=recovery[3]) == (200, "")
    assert await _log_in(client, code=recovery[3]) == (401, "log_in_code_wrong")


async def test_guessing_ends_after_five_codes_and_goes_on_later(client: httpx.AsyncClient) -> None:
    _, recovery = await _set_factor(client)
    for _ in range(5):
        assert await _log_in(client, code="wrong-code") == (401, "log_in_code_wrong")
    assert await _log_in(client, code=recovery[0]) == (429, "limited")
    async with transaction() as tx:
        await execute(
            tx, "UPDATE second_factors SET wrong_since = wrong_since - interval '16 minutes'"
        )
        refused = await fetch_values(
            tx, str, "SELECT action FROM audit_log WHERE action = 'refuse_log_in'"
        )
    assert len(refused) == 5
    assert await _log_in(client, code=recovery[0]) == (200, "")


async def test_a_factor_in_use_is_not_replaced_and_is_ended(client: httpx.AsyncClient) -> None:
    await _set_factor(client)
    again = await client.post("/api/me/2fa")
    assert (again.status_code, again.json()["code"]) == (409, "second_factor_set")

    assert (await client.post("/api/me/2fa/end")).status_code == 204
    assert await _log_in(client) == (200, "")
    async with transaction() as tx:
        actions = await fetch_values(
            tx, str, "SELECT action FROM audit_log WHERE action LIKE '%%factor' ORDER BY id"
        )
        mails = await fetch_values(
            tx,
            str,
            "SELECT args ->> 'kind' FROM procrastinate_jobs WHERE task_name = 'notify-account'",
        )
    assert actions == ["set_second_factor", "end_second_factor"]
    assert mails == ["verify_email", *["second_factor_changed"] * 2]


async def test_new_recovery_codes_replace_those_before(client: httpx.AsyncClient) -> None:
    _, recovery = await _set_factor(client)
    renewed = await client.post("/api/me/2fa/recovery-codes")
    assert await _log_in(client, code=recovery[1]) == (401, "log_in_code_wrong")
    assert await _log_in(client, code=renewed.json()["recoveryCodes"][0]) == (200, "")


async def test_an_admin_keeps_the_second_factor(client: httpx.AsyncClient) -> None:
    await _set_factor(client)
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET roles = '{guest,admin}'")
    reply = await client.post("/api/me/2fa/end")
    assert (reply.status_code, reply.json()["code"]) == (403, "second_factor_required")
