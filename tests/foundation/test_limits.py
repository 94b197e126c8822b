"""Limits: what a bucket admits, with many at once and with any clock."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation import limits
from app.foundation.db import execute, fetch_value, transaction
from app.foundation.limits import Bucket, Limited, Policy, Used
from app.foundation.settings import Settings, SettingsRefused, read_settings, settings

FIVE = Policy("five", 5, 300)
TWO = Policy("two", 2, 300)


@pytest.fixture(autouse=True)
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _count(bucket: Bucket, times: int) -> int:
    """How many of so many takes, one after the other, are admitted."""
    admitted = 0
    for _ in range(times):
        try:
            await limits.take_now(bucket)
        except Limited:
            continue
        admitted += 1
    return admitted


async def _pass(bucket: Bucket, seconds: float) -> None:
    """Let time pass for one bucket."""
    sql = "UPDATE limit_buckets SET full_at = full_at - %(by)s WHERE key = %(key)s"
    async with transaction() as tx:
        await execute(tx, sql, by=timedelta(seconds=seconds), key=bucket.key)


async def test_a_bucket_admits_its_quota_and_then_says_when_there_is_more(pool: None) -> None:
    bucket = limits.bucket(FIVE, uuid4())
    assert await _count(bucket, 9) == 5
    with pytest.raises(Limited) as refusal:
        await limits.take_now(bucket)
    assert 58 <= (refusal.value.retry_after_s or 0) <= 60
    await _pass(bucket, 60)
    assert await _count(bucket, 3) == 1
    await _pass(bucket, 10_000)
    assert await _count(bucket, 9) == 5


async def test_waiting_as_long_as_said_is_enough(pool: None) -> None:
    bucket = limits.bucket(FIVE, uuid4())
    await _count(bucket, 5)
    with pytest.raises(Limited) as refusal:
        await limits.take_now(bucket)
    await _pass(bucket, refusal.value.retry_after_s or 0)
    await limits.take_now(bucket)


async def test_all_buckets_give_a_token_or_none_does(pool: None) -> None:
    who = uuid4()
    five, two = limits.bucket(FIVE, who), limits.bucket(TWO, who)
    for _ in range(2):
        await limits.take_now(five, two)
    for _ in range(4):
        with pytest.raises(Limited, match="`two`"):
            await limits.take_now(five, two)
    assert await _count(five, 9) == 3


async def test_what_is_rolled_back_takes_no_token_and_what_is_charged_does(pool: None) -> None:
    bucket = limits.bucket(TWO, uuid4())
    for _ in range(5):
        with suppress(LookupError):
            async with transaction() as tx:
                await limits.take(tx, bucket)
                raise LookupError
    await limits.charge(bucket)
    assert await _count(bucket, 5) == 1


async def test_a_bucket_never_owes_more_than_it_holds(pool: None) -> None:
    bucket = limits.bucket(TWO, uuid4())
    for number in range(9):
        if number < 2:
            await limits.charge(bucket)
        else:
            with pytest.raises(Limited):
                await limits.charge(bucket)
    await _pass(bucket, 2 * TWO.window_s - 1)
    assert await _count(bucket, 9) == 1


async def test_a_hundred_at_once_get_exactly_the_quota_and_never_wait_for_each_other(
    pool: None,
) -> None:
    """Half of them name their buckets in the other order: a deadlock would be an error."""
    who = uuid4()
    wide = Policy("wide", 1_000, 3_600)
    buckets = limits.bucket(Policy("ten", 10, 3_600), who), limits.bucket(wide, who)

    async def one(number: int) -> bool:
        try:
            await limits.take_now(*(buckets if number % 2 else buckets[::-1]))
        except Limited:
            return False
        return True

    assert sum(await asyncio.gather(*map(one, range(100)))) == 10


async def test_a_time_that_a_wrong_clock_wrote_says_nothing(pool: None) -> None:
    bucket = limits.bucket(FIVE, uuid4())
    await limits.take_now(bucket)
    await _pass(bucket, -86_400)
    assert await _count(bucket, 9) == 5


async def test_the_business_clock_lifts_no_limit(pool: None) -> None:
    bucket = limits.bucket(FIVE, uuid4())
    await _count(bucket, 5)
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = interval '9 days'")
    assert await _count(bucket, 2) == 0


async def test_full_buckets_are_swept_and_others_are_kept(pool: None) -> None:
    full, used = limits.bucket(FIVE, uuid4()), limits.bucket(FIVE, uuid4())
    await _count(full, 3)
    await _count(used, 3)
    await _pass(full, 3_600)
    async with transaction() as tx:
        assert (await limits.forget_full(tx, limit=10)).deleted == 1
        assert await fetch_value(tx, bytes, "SELECT key FROM limit_buckets") == used.key
    assert await _count(used, 9) == 2


def test_a_key_tells_nobody_whose_it_is_and_policies_do_not_share_buckets() -> None:
    subjects = ["203.0.113.9", "203.0.113.1"]
    keys = {limits.bucket(policy, who).key for policy in (FIVE, TWO) for who in subjects}
    assert len(keys) == 4
    assert all(len(key) == 16 for key in keys)


def test_policies_have_names_of_their_own() -> None:
    assert len({policy.name for policy in limits.POLICIES}) == len(limits.POLICIES)


def test_a_reply_shows_quota_window_what_remains_and_when_all_is_back() -> None:
    used = Used(bucket=limits.bucket(FIVE, "x"), ahead_s=119.5)
    assert limits.headers([used]) == [
        (b"ratelimit-policy", b'"five";q=5;w=300'),
        (b"ratelimit", b'"five";r=3;t=120'),
    ]
    assert limits.headers([used, Used(bucket=limits.bucket(TWO, "x"), ahead_s=900.0)]) == [
        (b"ratelimit-policy", b'"five";q=5;w=300, "two";q=2;w=300'),
        (b"ratelimit", b'"five";r=3;t=120, "two";r=0;t=900'),
    ]
    assert limits.headers([]) == []


@given(
    quota=st.integers(1, 1_000),
    window_s=st.integers(1, 86_400),
    ahead_s=st.floats(0, 200_000, allow_nan=False),
)
def test_a_bucket_has_tokens_left_or_time_missing_and_never_both(
    quota: int, window_s: int, ahead_s: float
) -> None:
    used = Used(bucket=limits.bucket(Policy("any", quota, window_s), "x"), ahead_s=ahead_s)
    assert 0 <= used.left <= used.bucket.policy.scaled
    assert not (used.left and used.missing_s)
    assert (used.missing_s > 0) == (ahead_s > window_s)


def test_production_refuses_limits_that_are_none() -> None:
    environ = {"DATABASE_URL": "postgresql://x", "LIMITS_SCALE": "11"}
    with pytest.raises(SettingsRefused, match="LIMITS_SCALE must be at most 10"):
        read_settings(environ)
    for nothing in ("0", "-1", "inf", "nan"):
        with pytest.raises(SettingsRefused, match="limits_scale"):
            read_settings(environ | {"LIMITS_SCALE": nothing})
    assert Settings().limits_scale == 1.0
