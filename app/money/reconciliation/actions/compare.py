"""Compare a slice of time, and record what differs, and what does not any more."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import uuid_utils.compat

from app.edge.gateways.port import GatewayName
from app.foundation.alerts import Severity, Sighting, raise_alerts, resolve_alerts
from app.foundation.db import Tx, plan_for_values
from app.money.instructions.model import InstructionKind
from app.money.reconciliation import rules
from app.money.reconciliation.model import Compared, Difference, Finding, Scope, What
from app.money.reconciliation.queries import (
    balance,
    charges,
    differences,
    hours,
    money_out,
    movements,
    runs,
)
from app.money.reconciliation.queries.differences import NewDifference

Comparison = Callable[[Tx, Scope], Awaitable[Compared]]

ALERT: Final = "difference"
# Within this time two clocks, or a webhook on its way, may make a difference.
_SEEN_FOR: Final = timedelta(minutes=30)
_HOURS_MAX: Final = 100


async def prepare(tx: Tx) -> None:
    """Get ready to compare what was just stored. In a transaction of its own."""
    await movements.analyze(tx)


async def lock_comparing(tx: Tx, gateway: GatewayName) -> None:
    """Let one run of a gateway at a time compare, mend or alert, until the transaction ends.

    A run that compared earlier must not close what another has found since. The runs are locked
    before any difference, and after any movement.
    """
    await runs.lock_unfinished(tx, gateway)


async def compare_all(
    tx: Tx, scope: Scope, others: Mapping[What, Comparison]
) -> dict[What, Compared]:
    """Compare all kinds of movements; by `others` those whose rows no room of money knows."""
    await plan_for_values(tx)
    return {
        What.CHARGE: await charges.compare(tx, scope),
        What.REFUND: await money_out.compare(tx, InstructionKind.REFUND, scope),
        What.TRANSFER: await money_out.compare(tx, InstructionKind.TRANSFER, scope),
        What.PAYOUT: await balance.compare(tx, What.PAYOUT, scope),
        What.CHANGE: await balance.compare(tx, What.CHANGE, scope),
        **{what: await compare(tx, scope) for what, compare in others.items()},
    }


async def record_all(tx: Tx, scope: Scope, compared: Mapping[What, Compared]) -> None:
    """Record the differences and the sums of a slice; close the differences that are gone."""
    for what, each in compared.items():
        await _record(tx, scope, what, each.findings)
    await hours.clear(tx, scope)
    totals = [total for each in compared.values() for total in each.totals]
    await hours.insert(tx, scope.gateway, totals)


async def open_hours(tx: Tx, gateway: GatewayName) -> list[datetime]:
    """The hours in which a gateway has open differences: they are looked at again."""
    return await differences.open_hours(tx, gateway, limit=_HOURS_MAX)


async def open_differences(
    tx: Tx, gateway: GatewayName, *, since: datetime, until: datetime
) -> list[Difference]:
    """The open differences of a gateway in a span of time, explained ones too."""
    return await differences.open_at(tx, gateway, since=since, until=until)


async def alert(tx: Tx, gateway: GatewayName) -> int:
    """Alert operators, once, about what they must look at; returns about how many."""
    found = await differences.to_alert(tx, gateway, at_once=rules.FOR_A_PERSON, seen_for=_SEEN_FOR)
    await raise_alerts(tx, [_sighting(each) for each in found])
    return len(found)


async def _record(tx: Tx, scope: Scope, what: What, findings: list[Finding]) -> None:
    found = [finding for finding in findings if finding.kind]
    undecided = {finding.subject for finding in findings if not finding.kind}
    await differences.record(
        tx,
        scope.gateway,
        what,
        [NewDifference(id=uuid_utils.compat.uuid7(), finding=finding) for finding in found],
    )
    closed = await differences.close(
        tx,
        what,
        scope,
        but=[(finding.subject, finding.kind) for finding in found if finding.kind],
        undecided=sorted(undecided),
    )
    await resolve_alerts(tx, (ALERT,), [str(difference_id) for difference_id in closed])


def _sighting(difference: Difference) -> Sighting:
    return Sighting(
        kind=ALERT,
        severity=Severity.CRITICAL,
        subject=str(difference.id),
        details={
            "gateway": difference.gateway,
            "what": difference.what,
            "kind": difference.kind,
            "subject": difference.subject,
            "currency": difference.currency,
            "atGateway": difference.at_gateway,
            "here": difference.here,
            "inLedger": difference.in_ledger,
        },
    )
