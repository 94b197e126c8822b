"""Accounts, sessions and refresh tokens against a real database."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from app.foundation.db import execute, fetch_value, fetch_values, transaction
from app.foundation.errors import Unauthenticated, Unavailable
from app.foundation.settings import settings
from app.people.accounts import actions, rules, stories
from app.people.accounts.model import (
    Account,
    Client,
    EmailTaken,
    Grant,
    LogIn,
    LogInRefused,
    NewAccount,
    Role,
    SessionOver,
    TokenExpired,
    TokenInvalid,
    TokenReused,
)
from tests.people.accounts.client import PASSWORD

ADA = NewAccount(email="ada@example.com", password=PASSWORD, name="Ada")


async def ada(*roles: Role, password_hash: str = "none") -> Account:
    async with transaction() as tx:
        return await actions.create_account(
            tx, new=ADA, roles=roles or (Role.GUEST,), password_hash=password_hash
        )


async def open_session(account: Account) -> Grant:
    async with transaction() as tx:
        return await actions.open_session(
            tx, account=account, client=Client(user_agent="a browser")
        )


async def refresh(token: str) -> Grant | Unauthenticated:
    async with transaction() as tx:
        return await actions.refresh(tx, token=token)


async def refreshed(token: str) -> Grant:
    outcome = await refresh(token)
    assert isinstance(outcome, Grant), outcome
    return outcome


async def count(table: str) -> int:
    queries: dict[str, Any] = {
        "sessions": "SELECT count(*) FROM sessions",
        "tokens": "SELECT count(*) FROM refresh_tokens",
    }
    async with transaction() as tx:
        return await fetch_value(tx, int, queries[table]) or 0


async def age(**interval: int) -> None:
    """Let all sessions and tokens be this much older."""
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE refresh_tokens SET issued_at = issued_at - %(by)s, used_at = used_at - %(by)s,
                   expires_at = expires_at - %(by)s""",
            by=timedelta(**interval),
        )
        await execute(
            tx,
            """
            UPDATE sessions SET created_at = created_at - %(by)s,
                   revoked_at = revoked_at - %(by)s""",
            by=timedelta(**interval),
        )


async def test_seeding_makes_an_admin_who_can_log_in(pool: None) -> None:
    admin = await ada(Role.ADMIN, Role.GUEST, password_hash=await actions.hash_password(PASSWORD))
    assert admin.roles == (Role.ADMIN, Role.GUEST)
    signed_in = await stories.log_in(LogIn(email="ADA@example.com", password=PASSWORD))
    assert signed_in.account == admin


async def test_of_two_who_register_an_address_at_once_one_gets_it(pool: None) -> None:
    outcomes = await asyncio.gather(ada(), ada(), ada(), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Account",
        "EmailTaken",
        "EmailTaken",
    ]
    assert any(isinstance(outcome, EmailTaken) for outcome in outcomes)


async def test_only_the_hash_of_a_refresh_token_is_stored(pool: None) -> None:
    grant = await open_session(await ada())
    async with transaction() as tx:
        stored = await fetch_value(tx, bytes, "SELECT token_hash FROM refresh_tokens")
    assert stored == rules.token_hash(grant.refresh_token)
    secret = grant.refresh_token.partition(".")[2]
    assert len(secret) == 43, "256 bits in base64url"


async def test_refreshing_goes_on_and_on(pool: None) -> None:
    grant = await open_session(await ada())
    seen = {grant.refresh_token}
    for _ in range(3):
        grant = await refreshed(grant.refresh_token)
        assert grant.refresh_token not in seen
        seen.add(grant.refresh_token)


async def test_an_old_token_that_comes_again_ends_the_session_and_its_owner_reads_of_it(
    pool: None,
) -> None:
    account = await ada()
    first, bystander = await open_session(account), await open_session(account)
    second = await refreshed(first.refresh_token)
    await age(seconds=31)
    with pytest.raises(TokenReused):
        await stories.refresh(first.refresh_token)
    assert isinstance(await refresh(second.refresh_token), SessionOver)
    await refreshed(bystander.refresh_token)
    async with transaction() as tx:
        jobs = await fetch_values(
            tx,
            str,
            "SELECT args ->> 'kind' FROM procrastinate_jobs WHERE task_name = 'notify-account'",
        )
        audited = await fetch_values(
            tx, str, "SELECT subject_id FROM audit_log WHERE action = 'end_session'"
        )
    assert jobs == ["session_ended"]
    assert audited == [str(first.session_id)]


async def test_a_token_that_was_replaced_just_now_is_answered_with_the_same_next_one(
    pool: None,
) -> None:
    """Five tabs that a browser restores, or a phone that lost the reply."""
    grant = await open_session(await ada())
    second = await refreshed(grant.refresh_token)
    await age(seconds=29)
    assert (await refreshed(grant.refresh_token)).refresh_token == second.refresh_token
    third = await refreshed(second.refresh_token)
    assert third.refresh_token != second.refresh_token
    assert isinstance(await refresh(grant.refresh_token), TokenReused), "it is two steps old"
    assert isinstance(await refresh(third.refresh_token), SessionOver)


async def test_what_follows_a_token_is_known_while_keys_rotate(
    pool: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await open_session(await ada())
    second = await refreshed(grant.refresh_token)
    old = settings().secret_keys[0].reveal()
    monkeypatch.setenv("SECRET_KEYS", f"{'new-key-' * 5},{old}")
    settings.cache_clear()
    try:
        assert (await refreshed(grant.refresh_token)).refresh_token == second.refresh_token
        await refreshed(second.refresh_token)
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.parametrize("apart_ms", [0, 5, 50, 500])
async def test_refreshes_of_one_token_get_one_successor_however_far_apart(
    pool: None, apart_ms: int
) -> None:
    grant = await open_session(await ada())
    first = asyncio.create_task(refreshed(grant.refresh_token))
    await asyncio.sleep(apart_ms / 1_000)
    second = await refreshed(grant.refresh_token)
    assert (await first).refresh_token == second.refresh_token
    await refreshed(second.refresh_token)


async def test_ten_refreshes_at_once_get_one_successor(pool: None) -> None:
    account = await ada()
    for _ in range(10):
        grant = await open_session(account)
        grants = await asyncio.gather(*(refreshed(grant.refresh_token) for _ in range(10)))
        (successor,) = {each.refresh_token for each in grants}
        await refreshed(successor)


async def test_a_thief_and_an_owner_who_both_refresh_end_the_session(pool: None) -> None:
    """Whoever of the two is second comes with a token that was replaced long ago."""
    stolen = (await open_session(await ada())).refresh_token
    owners = await refreshed(stolen)
    await age(minutes=15)
    assert isinstance(await refresh(stolen), TokenReused)
    assert isinstance(await refresh(owners.refresh_token), SessionOver)


async def test_a_refresh_that_waited_for_another_gets_the_same(pool: None) -> None:
    grant = await open_session(await ada())
    async with transaction() as slow:
        winner = await actions.refresh(slow, token=grant.refresh_token)
        waiting = asyncio.create_task(refreshed(grant.refresh_token))
        await _until_somebody_waits_for_a_lock()
    assert isinstance(winner, Grant)
    assert (await waiting).refresh_token == winner.refresh_token
    await refreshed(winner.refresh_token)


async def test_no_session_lives_longer_than_90_days(pool: None) -> None:
    grant = await open_session(await ada())
    for _ in range(4):
        await age(days=20)
        grant = await refreshed(grant.refresh_token)
    await age(days=9)
    grant = await refreshed(grant.refresh_token)
    await age(days=1)
    assert isinstance(await refresh(grant.refresh_token), TokenExpired)


async def _until_somebody_waits_for_a_lock() -> None:
    async with asyncio.timeout(5):
        while True:
            async with transaction() as tx:
                if await fetch_value(tx, int, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    return


async def test_a_refresh_whose_transaction_fails_can_be_tried_again(pool: None) -> None:
    grant = await open_session(await ada())
    with pytest.raises(RuntimeError):
        await _refresh_and_fail(grant.refresh_token)
    await refreshed(grant.refresh_token)


async def _refresh_and_fail(token: str) -> None:
    async with transaction() as tx:
        await actions.refresh(tx, token=token)
        raise RuntimeError


async def test_an_old_refresh_token_expires(pool: None) -> None:
    grant = await open_session(await ada())
    await age(days=29)
    grant = await refreshed(grant.refresh_token)
    await age(days=30)
    assert isinstance(await refresh(grant.refresh_token), TokenExpired)


async def test_moving_the_business_clock_by_months_logs_nobody_out(pool: None) -> None:
    grant = await open_session(await ada())
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = '6 months'")
    grant = await refreshed(grant.refresh_token)
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET shift = '0'")
    await age(days=30)
    outcome = await refresh(grant.refresh_token)
    assert isinstance(outcome, TokenExpired), "nor does it keep a token alive"


@pytest.mark.parametrize("token", ["", "x", "😀", "\x00", "a" * 10_000, "\udc80"])
async def test_a_refresh_token_nobody_made_is_refused(pool: None, token: str) -> None:
    assert isinstance(await refresh(token), TokenInvalid)


async def test_a_refresh_token_with_another_session_in_front_is_refused(pool: None) -> None:
    account = await ada()
    one, other = await open_session(account), await open_session(account)
    forged = f"{other.session_id.hex}.{one.refresh_token.partition('.')[2]}"
    assert isinstance(await refresh(forged), TokenInvalid)


async def test_a_disabled_account_neither_refreshes_nor_logs_in(pool: None) -> None:
    account = await ada(password_hash=await actions.hash_password(PASSWORD))
    grant = await open_session(account)
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET disabled_at = business_now()")
    assert isinstance(await refresh(grant.refresh_token), SessionOver)
    with pytest.raises(LogInRefused):
        await stories.log_in(LogIn(email=ADA.email, password=PASSWORD))
    with pytest.raises(SessionOver):
        async with transaction() as tx:
            await actions.read_account(tx, account_id=account.id)


async def test_a_role_that_was_added_is_in_the_next_token(pool: None) -> None:
    grant = await open_session(await ada())
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET roles = '{guest,host}'")
    grant = await refreshed(grant.refresh_token)
    assert grant.account.roles == (Role.GUEST, Role.HOST)


async def test_an_outdated_hash_is_replaced_when_its_owner_logs_in(pool: None) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await ada(password_hash=weak)
    right = LogIn(email=ADA.email, password=PASSWORD)
    with pytest.raises(LogInRefused):
        await stories.log_in(LogIn(email=ADA.email, password="wrong"))
    assert await _stored_hash() == weak, "a wrong password changes nothing"
    await asyncio.gather(*(stories.log_in(right) for _ in range(3)))
    assert not rules.is_outdated(await _stored_hash())
    assert rules.password_fits(PASSWORD, await _stored_hash())


async def _stored_hash() -> str:
    async with transaction() as tx:
        return await fetch_value(tx, str, "SELECT password_hash FROM accounts") or ""


async def test_a_password_that_changes_during_the_check_opens_no_session(pool: None) -> None:
    await ada(password_hash=await actions.hash_password(PASSWORD))
    async with transaction() as tx:
        proved = await actions.find_credentials(tx, email=ADA.email)
        await execute(tx, "UPDATE accounts SET password_hash = 'another'")
    assert proved is not None
    async with transaction() as tx:
        assert not await actions.open_session_of(
            tx, credentials=proved, code=None, new_hash=None, client=Client()
        )
    assert await count("sessions") == 0


async def test_logging_out_ends_one_session_and_everywhere_ends_all(pool: None) -> None:
    account = await ada()
    one, two, three = [await open_session(account) for _ in range(3)]
    await _log_out(one.session_id)
    assert isinstance(await refresh(one.refresh_token), SessionOver)
    two = await refreshed(two.refresh_token)
    await _log_out(two.session_id, everywhere=True)
    assert isinstance(await refresh(two.refresh_token), SessionOver)
    assert isinstance(await refresh(three.refresh_token), SessionOver)
    with pytest.raises(SessionOver):
        await _log_out(one.session_id, everywhere=True)


async def _log_out(session_id: UUID, *, everywhere: bool = False) -> None:
    async with transaction() as tx:
        await actions.log_out(tx, session_id=session_id, everywhere=everywhere)


async def test_forgetting_takes_what_ended_a_week_ago_and_nothing_else(pool: None) -> None:
    account = await ada()
    expired, ended = await open_session(account), await open_session(account)
    await _log_out(ended.session_id)
    assert await forget_old() == 0, "just ended"
    await age(days=7)
    assert await forget_old() == 2, "the ended session and its token"
    await age(days=30)
    fresh = await open_session(account)
    assert await forget_old() == 2, "the expired token and its session"
    assert (await count("sessions"), await count("tokens")) == (1, 1)
    assert isinstance(await refresh(expired.refresh_token), TokenInvalid)
    await refreshed(fresh.refresh_token)


async def test_forgetting_keeps_a_session_that_has_a_younger_token(pool: None) -> None:
    grant = await open_session(await ada())
    await age(days=29)
    grant = await refreshed(grant.refresh_token)
    await age(days=9)
    assert await forget_old() == 1
    await refreshed(grant.refresh_token)


async def test_forgetting_goes_in_batches(pool: None) -> None:
    account = await ada()
    for _ in range(5):
        await open_session(account)
    await age(days=40)
    assert [await forget_old(limit=2) for _ in range(4)] == [4, 4, 2, 0]
    assert await count("sessions") == 0


async def forget_old(limit: int = 100) -> int:
    async with transaction() as tx:
        return (await actions.forget_old(tx, limit=limit)).deleted


async def test_a_flood_of_logins_is_told_to_wait_and_passes() -> None:
    """No database: the hashers alone. Of one who asks 20 may wait, and of all 100."""
    hashes = [actions.hash_password("x", asker=str(number % 8)) for number in range(160)]
    hashes += [actions.hash_password("x", asker="one more")]
    outcomes = await asyncio.gather(*hashes, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert 50 <= len(refused) <= 61
    assert isinstance(outcomes[-1], str), "one who asks once is not refused for the others"
    assert all(problem.retry_after_s for problem in refused)
    assert await actions.hash_password("x")
