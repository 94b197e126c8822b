"""The audit as a command and as a job: what they say, and what they leave behind."""

from typing import Any

import msgspec
import pytest
from click.testing import Result

from app.foundation.db import execute, fetch_all, transaction
from app.operations.invariants.queries.judging import take_snapshot
from app.operations.invariants.rules import LAWS
from tasks.operations import check_invariants
from tests import command
from tests.laws import take_audit
from tests.make import new_id
from tests.money.ledger.books import CLEARING, commit, escrow, posting

# Money that no payment and no pot explains.
OUT_OF_NOWHERE = {"charges_posted_once", "escrow_is_the_pots", "cash_at_gateways"}


def run(monkeypatch: pytest.MonkeyPatch, url: str, *arguments: str) -> Result:
    return command.run(monkeypatch, "audit", *arguments, DATABASE_URL=url)


async def break_the_law(amount: int = 500) -> None:
    await commit(posting((CLEARING, -amount), (escrow(new_id()), amount)))


class Alert(msgspec.Struct, frozen=True):
    subject: str
    state: str
    severity: str
    count: int
    details: dict[str, Any]


async def alerts() -> list[Alert]:
    async with transaction() as tx:
        return await fetch_all(
            tx,
            Alert,
            """
            SELECT subject, state, severity, count, details
              FROM alerts WHERE kind = 'law_broken' ORDER BY id""",
        )


async def test_every_law_is_judged_once_and_in_order(pool: None) -> None:
    taken = await take_audit()
    assert [finding.law for finding in taken.findings] == list(LAWS)
    assert len({law.name for law in LAWS}) == len(LAWS)


def test_an_audit_without_breaches_prints_one_line_per_law(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    result = run(monkeypatch, database_url)
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.output.splitlines()] == [
        ["ok", law.name] for law in LAWS
    ]


async def test_a_breach_is_printed_with_its_rows(
    monkeypatch: pytest.MonkeyPatch, pool: None, database_url: str
) -> None:
    for _ in range(22):
        await break_the_law()
    result = await _in_thread(run, monkeypatch, database_url)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    broken = [line.split() for line in lines if line.startswith("BREACH")]
    assert {words[1] for words in broken} == OUT_OF_NOWHERE
    assert {words[1]: words[2] for words in broken}["escrow_is_the_pots"] == "22:"
    assert sum("is at 500 where 0 is explained" in line for line in lines) == 20
    assert "          and 2 more" in lines


@pytest.mark.parametrize("connections", [1, 2, 8])
async def test_the_json_of_an_audit_is_the_same_over_one_or_more_connections(
    monkeypatch: pytest.MonkeyPatch, pool: None, database_url: str, connections: int
) -> None:
    await break_the_law()
    result = await _in_thread(
        run, monkeypatch, database_url, "--json", "--connections", str(connections)
    )
    assert result.exit_code == 1
    findings = msgspec.json.decode(result.output)["findings"]
    assert [finding["law"]["name"] for finding in findings] == [law.name for law in LAWS]
    broken = {f["law"]["name"] for f in findings if f["verdict"]["broken"]}
    assert broken == OUT_OF_NOWHERE


def test_work_that_was_not_done_is_no_breach_of_a_critical_law(
    monkeypatch: pytest.MonkeyPatch, database_url: str, fresh_database: Any
) -> None:
    fresh_database.execute(
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, status)
        VALUES ('money', 'send-instruction', 'failed'), ('periodic', 'cleanup', 'failed')"""
    )
    fresh_database.commit()
    result = run(monkeypatch, database_url)
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if not line.startswith("ok")] == [
        "late    jobs_end                    1: No job gave up.",
        "          job 1: send-instruction {} gave up after attempt 0",
    ]


@pytest.mark.parametrize("url", ["postgresql:///none?host=/nowhere", ""])
def test_an_audit_that_cannot_be_made_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    result = run(monkeypatch, url)
    assert result.exit_code == 2
    assert "could not be made" in result.output


def test_a_database_that_is_not_ours_cannot_be_audited(
    monkeypatch: pytest.MonkeyPatch, database_url: str, fresh_database: Any
) -> None:
    fresh_database.execute("DROP TABLE debt_recoveries")
    fresh_database.commit()
    result = run(monkeypatch, database_url)
    assert result.exit_code == 2
    assert 'relation "debt_recoveries" does not exist' in result.output


async def test_the_job_raises_one_alert_per_broken_law_and_resolves_it(pool: None) -> None:
    assert await check_invariants(20) == 0
    await break_the_law()
    assert await check_invariants(20) == 3
    assert await check_invariants(20) == 3
    raised = await alerts()
    assert {alert.subject for alert in raised} == OUT_OF_NOWHERE
    assert {(alert.state, alert.severity, alert.count) for alert in raised} == {
        ("open", "critical", 2)
    }
    async with transaction() as tx:
        await execute(tx, "SET LOCAL session_replication_role = replica")
        await execute(tx, "DELETE FROM ledger_entries")
    assert await check_invariants(20) == 2
    assert {alert.subject for alert in await alerts() if alert.state != "resolved"} == {
        "charges_posted_once",
        "ledger_balances",
    }


async def test_an_alert_names_no_more_rows_than_asked_for(pool: None) -> None:
    for _ in range(5):
        await break_the_law()
    await check_invariants(2)
    [details] = [a.details for a in await alerts() if a.subject == "escrow_is_the_pots"]
    assert details["broken"] == 5
    assert len(details["ledger account"]) == 2


async def test_an_audit_sees_one_instant_and_writes_nothing(pool: None) -> None:
    async with transaction() as tx:
        await take_snapshot(tx)
        before = await fetch_all(
            tx, Alert, "SELECT subject, state, severity, count, details FROM alerts"
        )
        await check_invariants(20)
        await break_the_law()
        await check_invariants(20)
        assert (
            await fetch_all(
                tx, Alert, "SELECT subject, state, severity, count, details FROM alerts"
            )
            == before
        )
        with pytest.raises(Exception, match="takes no changes"):
            await execute(tx, "DELETE FROM alerts")


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """The command has an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(function, *arguments)
