"""Each law, broken by hand: the audit names that law and no other, with the row that breaks it."""

from typing import Any

import pytest

from app.foundation.alerts import Severity
from app.foundation.db import execute, fetch_values, transaction
from app.operations.invariants.actions import audit
from app.operations.invariants.model import Audit
from app.operations.invariants.rules import LAWS
from tests.laws import audit_is_clean, take_audit
from tests.operations.invariants.breaches import BREACHES, Breach

# A house in which all went well has nothing that these laws are about.
NEEDS_TROUBLE = {
    "checkpoints_sum_up",
    "differences_explained",
    "late_refunds_borne",
    "recoveries_counted",
    "sent_together_once",
    "taken_in_borne",
    "voucher_uses_fit",
    "vouchers_not_oversold",
}


async def _audit_after(breach: Breach) -> tuple[set[str], Audit]:
    """Who is guilty, and what the audit says; then nothing has happened."""
    sql: Any = breach.sql  # made of parts, and so not literal
    async with transaction() as tx:
        await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Neither triggers nor foreign keys look.
        await execute(tx, "SET LOCAL session_replication_role = replica")
        guilty = {str(id_) for id_ in await fetch_values(tx, object, sql)}
        taken = await audit(tx)
        await execute(tx, "ROLLBACK")
    return guilty, taken


async def test_a_database_with_all_kinds_of_finished_bookings_breaks_no_law(lived: None) -> None:
    await audit_is_clean(nothing_late=True)
    taken = await take_audit()
    looked_at = {f.law.name for f in taken.findings if f.verdict.checked}
    critical = {law.name for law in LAWS if law.severity is Severity.CRITICAL}
    assert critical - looked_at == NEEDS_TROUBLE


def test_every_law_is_broken_here_at_least_once() -> None:
    assert {breach.law for breach in BREACHES} == {law.name for law in LAWS}


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: f"{breach.law}: {breach.how}")
async def test_an_alert_of_a_broken_law_names_its_row(lived: None, breach: Breach) -> None:
    guilty, taken = await _audit_after(breach)
    assert guilty, "nothing to break it with"
    found = {f.law.name: f.verdict for f in taken.findings if f.is_breach}
    assert found.keys() == {breach.law, *breach.also}
    assert {row.id for row in found[breach.law].shown} == guilty
    assert found[breach.law].broken == len(guilty)
