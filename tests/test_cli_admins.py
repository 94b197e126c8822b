"""`berthold admins`: made, listed, disabled."""

from collections.abc import Callable

import pytest
from click.testing import Result

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
