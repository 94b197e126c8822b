"""The command line: refusals are one clear line, production's clock does not move."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from litestar import Litestar

from app.foundation.business_clock import (
    ClockFixed,
    ClockMoved,
    make_movable,
    move_clock,
    read_clock,
    refuse_moved_clock,
    reset_clock,
)
from app.foundation.db import transaction
from app.foundation.settings import settings
from app.main import _lifespan
from tests.command import run
from tests.production import production_at
from tests.sandbox.server import running_sandbox


def test_migrating_twice_says_that_nothing_was_missing(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    result = run(monkeypatch, "migrate", DATABASE_URL=database_url)
    assert result.output == "the schema is up to date\n"


def test_the_demo_of_a_folder_where_nothing_runs_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = run(monkeypatch, "demo", "--folder", str(tmp_path))
    assert result.exit_code == 1
    assert f"No `berthold dev` runs in {tmp_path}" in result.output


def test_moving_a_clock_that_is_fixed_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    fixed = run(monkeypatch, "clock", "forward", "3d", DATABASE_URL=database_url)
    assert fixed.exit_code == 1
    assert "not movable" in fixed.output


async def test_a_movable_clock_moves_and_returns(pool: None) -> None:
    async with transaction() as tx:
        await make_movable(tx)
        before = await read_clock(tx)
        moved = await move_clock(tx, by=timedelta(days=3))
        assert moved.now - before.now == timedelta(days=3)
        assert (await reset_clock(tx)).now == before.now


async def test_a_fixed_clock_does_not_move(pool: None) -> None:
    with pytest.raises(ClockFixed):
        async with transaction() as tx:
            await move_clock(tx, by=timedelta(seconds=1))


async def test_a_movable_clock_is_refused_even_when_it_shows_the_right_time(pool: None) -> None:
    async with transaction() as tx:
        await refuse_moved_clock(tx)
        await make_movable(tx)
        with pytest.raises(ClockMoved):
            await refuse_moved_clock(tx)


@pytest.mark.parametrize("span", ["", "3", "3x", "-1d", "1h1d", "400d", "99999999d"])
def test_a_clock_is_not_moved_by_a_span_that_means_nothing(
    monkeypatch: pytest.MonkeyPatch, span: str
) -> None:
    result = run(monkeypatch, "clock", "forward", "--", span)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_the_clock_of_production_is_not_moved(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    result = run(monkeypatch, "clock", "forward", "1d", **production_at(database_url))
    assert result.exit_code == 1
    assert "does not move in production" in result.output


async def test_the_api_refuses_to_start_in_production_on_a_movable_clock(
    monkeypatch: pytest.MonkeyPatch, fresh_database, database_url: str
) -> None:
    fresh_database.execute("UPDATE business_clock SET movable = true")
    fresh_database.commit()
    for name, value in production_at(database_url).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(ClockMoved):
        async with _lifespan(Litestar()):
            raise AssertionError("it started")
    settings.cache_clear()


def test_the_worker_refuses_to_start_in_production_on_a_movable_clock(
    monkeypatch: pytest.MonkeyPatch, fresh_database, database_url: str
) -> None:
    fresh_database.execute("UPDATE business_clock SET movable = true")
    fresh_database.commit()
    result = run(monkeypatch, "worker", **production_at(database_url))
    assert result.exit_code not in (0, None)
    assert "business clock is movable" in result.output


def test_all_wrong_settings_are_printed_in_one_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = run(monkeypatch, "web", BERTHOLD_ENV="production", DATABASE_URL="")
    assert result.exit_code == 1
    assert "SECRET_KEYS is missing" in result.output


async def test_each_gateway_is_checked_and_its_result_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running_sandbox() as sandbox:
        urls = {f"{name}_BASE_URL": sandbox.base_url for name in ("PAYSTACK", "STRIPE")}
        result = await asyncio.to_thread(
            run,
            monkeypatch,
            *("gateways", "check", "--folder", str(tmp_path)),
            **urls,
            FLUTTERWAVE_BASE_URL="http://127.0.0.1:9",
            STRIPE_SECRET_KEY="sk_test_of_another_account",
            DATABASE_URL="postgresql:///x",
            BERTHOLD_ENV="test",
        )
    printed = {line.split()[0]: line for line in result.output.splitlines() if line[0] != " "}
    assert "ok (test key)" in printed["paystack"]
    assert "cannot be reached" in printed["flutterwave"]
    assert "does not take the key" in printed["stripe"]
    assert "charges UGX, XAF" in result.output
    assert "pays out in the currency of the charge" in result.output
    assert "pays out what it has settled" in result.output
    assert result.exit_code == 1
