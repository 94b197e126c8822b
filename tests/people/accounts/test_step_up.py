"""Proving who is asking, over HTTP: by password, or by a code where a second factor is set."""

import asyncio
import time

import httpx
import pytest
from pyotp.totp import TOTP

from app.foundation.db import execute, fetch_values, transaction

ADA = {"email": "ada@example.com", "password": "correct horse battery"}
_AGED = "UPDATE sessions SET proved_at = now() - interval '10 minutes'"


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada as an app, registered; her proof has just become too old."""
    reply = await client.post("/api/auth/register", json={**ADA, "name": "Ada"})
    client.headers["authorization"] = f"Bearer {reply.json()['accessToken']}"
    await _age()
    return client


async def _age() -> None:
    async with transaction() as tx:
        await execute(tx, _AGED)


async def _step_up(client: httpx.AsyncClient, **proof: str) -> tuple[int, str]:
    reply = await client.post("/api/auth/step-up", json=proof)
    return reply.status_code, reply.json().get("code", "")


async def _may(client: httpx.AsyncClient) -> bool:
    """Whether the session may begin a second factor."""
    reply = await client.post("/api/me/2fa")
    assert reply.status_code in (200, 403, 409), reply.text
    return reply.status_code != 403


async def _set_factor(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Her secret and recovery codes; the code of the 30 seconds before is used."""
    await _step_up(client, password=ADA["password"])
    secret = (await client.post("/api/me/2fa")).json()["secret"]
    code = TOTP(secret).at(time.time() - 30)
    confirmed = await client.post("/api/me/2fa/confirm", json={"code": code})
    return secret, confirmed.json()["recoveryCodes"]


async def _audited(action: str) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(
            tx,
            str,
            """
            SELECT reason FROM audit_log WHERE action = %(action)s ORDER BY id""",
            action=action,
        )


async def test_the_password_proves_it_for_ten_minutes(ada: httpx.AsyncClient) -> None:
    assert not await _may(ada)
    assert await _step_up(ada, password="wrong horse battery") == (403, "password_wrong")
    assert not await _may(ada)
    assert await _step_up(ada, password=ADA["password"]) == (200, "")
    assert await _may(ada)
    await _age()
    assert not await _may(ada)
    assert await _audited("refuse_step_up") == ["the password was wrong"]


async def test_a_proof_counts_for_its_own_session(ada: httpx.AsyncClient) -> None:
    other = (await ada.post("/api/auth/login", json=ADA)).json()["accessToken"]
    await _age()
    await _step_up(ada, password=ADA["password"])
    reply = await ada.post("/api/me/2fa", headers={"authorization": f"Bearer {other}"})
    assert (reply.status_code, reply.json()["code"]) == (403, "step_up_required")


async def test_what_is_missing_is_named(ada: httpx.AsyncClient) -> None:
    reply = await ada.post("/api/auth/step-up", json={})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "password")
    await _set_factor(ada)
    reply = await ada.post("/api/auth/step-up", json={"password": ADA["password"]})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "code")


async def test_where_a_factor_is_set_a_code_proves_it_and_once(ada: httpx.AsyncClient) -> None:
    secret, recovery = await _set_factor(ada)
    assert await _may(ada), "the code that confirmed it is a proof"
    await _age()
    assert not await _may(ada)
    code = TOTP(secret).now()
    replies = await asyncio.gather(*(_step_up(ada, code=code) for _ in range(3)))
    assert sorted(status for status, _ in replies) == [200, 403, 403]
    assert await _may(ada)
    await _age()
    assert await _step_up(ada, code=recovery[0]) == (200, "")
    assert await _step_up(ada, code=recovery[0]) == (403, "code_wrong")


async def test_a_password_proves_nothing_any_more_once_a_factor_is_set(
    ada: httpx.AsyncClient,
) -> None:
    thief = (await ada.post("/api/auth/login", json=ADA)).json()["accessToken"]
    await _set_factor(ada)
    for path in ("/api/me/2fa/end", "/api/me/2fa/recovery-codes"):
        reply = await ada.post(path, headers={"authorization": f"Bearer {thief}"})
        assert (reply.status_code, reply.json()["code"]) == (403, "step_up_required")


async def test_guessing_codes_ends_after_five(ada: httpx.AsyncClient) -> None:
    _, recovery = await _set_factor(ada)
    await _age()
    for _ in range(5):
        assert await _step_up(ada, code="wrong-code") == (403, "code_wrong")
    assert await _step_up(ada, code=recovery[0]) == (429, "limited")
    assert not await _may(ada)
    assert await _audited("refuse_step_up") == ["the code was wrong"] * 5


async def test_an_ended_session_proves_nothing(ada: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE sessions SET revoked_at = now(), revoked_because = 'a thief'")
    assert await _step_up(ada, password=ADA["password"]) == (401, "session_over")


async def test_log_ins_and_refusals_are_audited(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/api/auth/register", json={**ADA, "name": "Ada"})
    for email, password in (("ada@example.com", "wrong"), ("eve@example.com", "wrong")):
        await client.post("/api/auth/login", json={"email": email, "password": password})
    signed_in = (await client.post("/api/auth/login", json=ADA)).json()
    headers = {"authorization": f"Bearer {signed_in['accessToken']}"}
    client.cookies.clear()
    await client.post("/api/auth/logout", json={"everywhere": True}, headers=headers)
    assert await _audited("refuse_log_in") == [
        "the password was wrong",
        "no account in use has the address",
    ]
    assert await _audited("log_in") == [""]
    assert await _audited("log_out_everywhere") == [""]


async def test_a_session_shows_the_network_of_its_log_in(ada: httpx.AsyncClient) -> None:
    sessions = (await ada.get("/api/me/sessions")).json()["sessions"]
    assert [session["addressRange"] for session in sessions] == ["127.0.0.0/24"]
