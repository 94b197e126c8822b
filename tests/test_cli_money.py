"""`berthold statements`: what an operator sees, and how a bad file is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.command import run
from tests.money.bank_statements.files import Line, camt, mt940

TODAY = datetime.now(UTC).date()
PAYOUT = Line(amount=Decimal("1500.00"), on=TODAY, reference="po_1MtLoLB7")


class Terminal:
    """A command line on a database of the test's own."""

    def __init__(self, patch: pytest.MonkeyPatch, database: Any, url: str) -> None:
        self._patch = patch
        self._database = database
        self._url = url

    def say(self, *arguments: str) -> Result:
        return run(self._patch, "statements", *arguments, DATABASE_URL=self._url)

    def expect(self, gateway_id: str, days_ago: int) -> None:
        self._database.execute(
            """
            INSERT INTO expected_payouts (id, gateway, gateway_id, amount, currency, fee,
                                          arrives_on, reference)
            VALUES (gen_random_uuid(), 'stripe', %s, 150000, 'EUR', 0, %s, '')""",
            (gateway_id, TODAY - timedelta(days=days_ago)),
        )
        self._database.commit()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, fresh_database: Any, database_url: str) -> Terminal:
    return Terminal(monkeypatch, fresh_database, database_url)


def test_files_are_imported_once_and_the_payouts_in_them_named(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.expect("po_1MtLoLB7", days_ago=1)
    (tmp_path / "day.xml").write_bytes(camt(PAYOUT))
    (tmp_path / "day.sta").write_bytes(mt940(PAYOUT, style="german"))
    paths = [str(tmp_path / name) for name in ("day.xml", "day.sta", "day.xml")]
    result = terminal.say("import", *paths)
    assert result.exit_code == 0, result.output
    assert [line.split(": ")[-1] for line in result.output.splitlines()] == [
        "1 of 1 entries are new",
        "1,500.00 EUR from stripe (po_1MtLoLB7)",
        "0 of 1 entries are new",
        "known already",
    ]


def test_a_file_that_does_not_add_up_is_refused_in_one_line(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "bad.sta"
    path.write_bytes(mt940(PAYOUT, style="german", closing=Decimal(7)))
    result = terminal.say("import", str(path))
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: file: bad.sta:7: statement STARTUMS/00017/001: the opening")


def test_what_is_no_file_is_said(terminal: Terminal, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        result = terminal.say("import", str(path))
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_what_did_not_arrive_is_printed(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.say("missing").output == "no payout is missing\n"
    terminal.expect("po_old", days_ago=9)
    terminal.expect("po_new", days_ago=1)
    result = terminal.say("missing")
    assert result.exit_code == 1
    assert "po_old" in result.output
    assert "1,500.00 EUR  from stripe" in result.output
    assert "po_new" not in result.output
