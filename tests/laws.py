"""The laws, for any test to close with."""

from app.foundation.alerts import Severity
from app.foundation.db import transaction
from app.operations.invariants.actions import audit
from app.operations.invariants.model import Audit


async def take_audit() -> Audit:
    """All laws over the test's database, whose pool is open."""
    async with transaction() as tx:
        return await audit(tx)


async def audit_is_clean(*, nothing_late: bool = False) -> None:
    """Assert that no law is broken; with `nothing_late`, neither is any work left lying."""
    taken = await take_audit()
    found = taken.breaches(Severity.CRITICAL)
    if nothing_late:
        found += taken.breaches(Severity.WARNING)
    assert not found, "\n".join(
        f"{finding.law.name}: {row.id} {row.what}"
        for finding in found
        for row in finding.verdict.shown
    )
