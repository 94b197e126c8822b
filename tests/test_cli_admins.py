"""`berthold admins`: made, listed, disabled."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import Result

from app.foundation.db import fetch_new_value, only_connection, transaction
from app.people.second_factors import actions as second_factors
from tests.command import run

Say = Callable[..., Result]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Say:
    def say(*arguments: str, typed: str = "") -> Result:
        return run(monkeypatch, "admins", *arguments, typed=typed, DATABASE_URL=database_url)

    return say


PASSWORD = "correct horse battery"


def test_an_admin_is_made_listed_and_disabled(say: Say) -> None:
    made = say("add", "boss@example.com", "--name", "The boss", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert (made.exit_code, "boss@example.com was made" in made.output) == (0, True)
    assert PASSWORD not in made.output
    assert say("list").output == "active              boss@example.com  The boss\n"
    again = say("add", "BOSS@example.com")
    assert (again.exit_code, "is an admin" in again.output) == (1, True)
    assert say("disable", "boss@example.com").output == "boss@example.com is disabled\n"
    assert say("list").output.startswith("disabled ")
    twice = say("disable", "boss@example.com")
    assert (twice.exit_code, "Traceback" in twice.output) == (1, False)
    assert say("disable", "nobody@example.com").exit_code == 1


@pytest.mark.parametrize("password", ["short", "1234567890"])
def test_an_admin_has_no_password_that_is_easily_guessed(say: Say, password: str) -> None:
    refused = say("add", "boss@example.com", typed=f"{password}\n{password}\n")
    assert (refused.exit_code, "password" in refused.output) == (1, True)
    assert say("list").output == ""


def test_a_code_is_printed_in_development_and_a_lost_factor_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, database_url: str, say: Say
) -> None:
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    assert say("add", "boss@example.com", typed=typed).exit_code == 0
    asyncio.run(_begin_factor(database_url))
    refused = say("code", "boss@example.com")
    assert (refused.exit_code, "in development alone" in refused.output) == (1, True)

    monkeypatch.setenv("BERTHOLD_ENV", "development")
    code = say("code", "boss@example.com").output.strip()
    assert (len(code), code.isdigit()) == (6, True)
    assert say("code", "nobody@example.com").exit_code == 1
    forgotten = say("forget", "boss@example.com")
    assert (forgotten.exit_code, "after the next log-in" in forgotten.output) == (0, True)
    assert say("forget", "boss@example.com").exit_code == 1
    assert say("code", "boss@example.com").exit_code == 1, "there is no second factor any more"


async def _begin_factor(url: str) -> None:
    async with only_connection(url), transaction() as tx:
        account_id = await fetch_new_value(tx, UUID, "SELECT id FROM accounts")
        await second_factors.begin(tx, account_id=account_id, email="boss@example.com")
