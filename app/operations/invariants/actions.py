"""Audit the database: judge all laws over one snapshot, and alert about the broken ones."""

from collections.abc import Iterator
from typing import Any, Final

from app.foundation.alerts import Sighting, raise_alerts, resolve_alerts
from app.foundation.db import Tx
from app.operations.invariants.model import Audit, Finding
from app.operations.invariants.queries import (
    bank,
    chargebacks,
    deadlines,
    histories,
    jobs,
    ledger,
    money_in,
    money_out,
    reconciliation,
    settlements,
    times,
    units,
    vouchers,
)
from app.operations.invariants.queries.judging import Judge, Verdicts, make_room, take_snapshot
from app.operations.invariants.rules import LAWS

BROKEN: Final = "law_broken"  # the kind of alert; its subject is the law

# The longest first: a connection that is done with one takes the next.
JUDGES: Final[tuple[Judge, ...]] = (
    ledger.transactions,
    units.claims,
    vouchers.uses,
    vouchers.vouchers,
    ledger.balances,
    settlements.transactions,
    settlements.settlements,
    bank.statements,
    bank.payouts,
    ledger.checkpoints,
    money_in.bookings,
    money_in.pots,
    money_in.charges,
    money_out.pots,
    money_out.shares,
    money_out.disputes,
    money_out.instructions,
    money_out.amounts,
    money_out.together,
    money_out.debts,
    money_out.late_refunds,
    money_out.taken_in,
    chargebacks.postings,
    chargebacks.charges,
    reconciliation.differences,
    histories.bookings,
    histories.payments,
    histories.pots,
    histories.disputes,
    histories.chargebacks,
    histories.instructions,
    histories.intents,
    deadlines.holds,
    deadlines.requests,
    deadlines.pots,
    deadlines.bookings,
    deadlines.charges,
    deadlines.instructions,
    deadlines.given_up,
    deadlines.webhooks,
    deadlines.mails,
    deadlines.keys,
    times.instants,
    jobs.waiting,
    jobs.dead,
)


async def audit(tx: Tx) -> Audit:
    """The findings of every law at one instant.

    Needs a transaction of its own, which changes nothing and blocks nobody.
    """
    await take_snapshot(tx)
    return in_order(await judge_next(tx, iter(JUDGES)))


async def judge_next(tx: Tx, judges: Iterator[Judge]) -> Verdicts:
    """The verdicts of the judges that this transaction takes; others may share the iterator."""
    await make_room(tx)
    verdicts: Verdicts = {}
    for judge in judges:
        verdicts |= await judge(tx)
    return verdicts


def in_order(verdicts: Verdicts) -> Audit:
    """The verdicts of all judges as findings, in the order of the laws."""
    return Audit([Finding(law=law, verdict=verdicts[law.name]) for law in LAWS])


async def alert(tx: Tx, audit: Audit, *, shown_max: int) -> int:
    """Raise an alert for each broken law, and resolve those of laws that are kept again.

    Returns how many are broken.
    """
    breaches = [finding for finding in audit.findings if finding.is_breach]
    kept = [finding.law.name for finding in audit.findings if not finding.is_breach]
    await raise_alerts(tx, [_sighting(finding, shown_max) for finding in breaches])
    await resolve_alerts(tx, (BROKEN,), kept)
    return len(breaches)


def _sighting(finding: Finding, shown_max: int) -> Sighting:
    details: dict[str, Any] = {
        "law": finding.law.sentence,
        "broken": finding.verdict.broken,
        finding.verdict.subject: {row.id: row.what for row in finding.verdict.shown[:shown_max]},
    }
    return Sighting(
        kind=BROKEN, severity=finding.law.severity, subject=finding.law.name, details=details
    )
