"""Runs: begun, taken up again, moved on with each page that is stored; and what is forgotten."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import uuid_utils.compat

from app.edge.gateways.lists import Page, Span
from app.edge.gateways.port import Gateway, GatewayName
from app.foundation.alerts import Severity, Sighting, raise_alerts
from app.foundation.clipping import clip
from app.foundation.db import Tx
from app.foundation.retention import Batch
from app.money.reconciliation import rules
from app.money.reconciliation.model import NEXT, Movement, Run, RunLost, What
from app.money.reconciliation.queries import differences, hours, movements, runs
from app.money.reconciliation.rules import Found

# Longer than the calls for one page can last, with all that are made again.
_WORKING_FOR: Final = timedelta(minutes=5)
_TAKEN_UP_FOR: Final = timedelta(days=1)
# A list that cannot be gone on with (a gateway may forget where a page was) is not tried for ever.
_TRIES_MAX: Final = 5
_SUBJECT_LENGTH_MAX: Final = 200


async def begin(tx: Tx, gateway: GatewayName, span: Span) -> Run:
    """Begin a run. Its span is widened to whole hours."""
    whole = rules.whole_hours(span.since, span.until)
    return await runs.insert(
        tx, uuid_utils.compat.uuid7(), gateway, whole, working_for=_WORKING_FOR
    )


async def take_unfinished(tx: Tx, gateway: GatewayName) -> Run | None:
    """Take up a run of a gateway that stopped in the last day; None if there is none."""
    return await runs.take_unfinished(
        tx,
        gateway,
        working_for=_WORKING_FOR,
        younger_than=_TAKEN_UP_FOR,
        tries_max=_TRIES_MAX,
    )


async def store_page(tx: Tx, gateway: Gateway, run: Run, what: What, page: Page[Found]) -> Run:
    """Store a page of a list, and where the list goes on. Raises RunLost."""
    rows = rules.movements(what, page.rows, live=gateway.live)
    await movements.store(tx, run.gateway, rows, or_at=run.since)
    if page.unreadable:
        await _alert_unreadable(tx, run.gateway, what, page.unreadable)
    moved = await runs.move_on(
        tx,
        run,
        run.stage if page.next_cursor else NEXT[run.stage],
        page.next_cursor,
        rows=len(page.rows),
        unreadable=len(page.unreadable),
        working_for=_WORKING_FOR,
    )
    if moved is None:
        raise RunLost(f"somebody else goes on with the run {run.id}")
    return moved


async def store_asked(tx: Tx, run: Run, found: Sequence[Movement]) -> None:
    """Store what a gateway answered about single movements."""
    await movements.store(tx, run.gateway, found, or_at=run.since)


async def keep(tx: Tx, run: Run) -> None:
    """Note that this process still works on a run. Raises RunLost."""
    if not await runs.keep(tx, run, working_for=_WORKING_FOR):
        raise RunLost(f"somebody else goes on with the run {run.id}")


async def fail(tx: Tx, run: Run, error: str) -> None:
    """Note why a run stopped; it is taken up again from where it was."""
    await runs.fail(tx, run, clip(error))


async def finish(tx: Tx, run: Run) -> None:
    await runs.finish(tx, run)


async def forget_movements(tx: Tx, *, limit: int) -> Batch:
    """Delete movements that were kept long enough."""
    return Batch.of(await movements.forget(tx, kept=rules.KEPT, limit=limit), limit=limit)


async def forget_runs(tx: Tx, *, limit: int) -> Batch:
    """Delete runs that were kept long enough."""
    return Batch.of(await runs.forget(tx, kept=rules.KEPT, limit=limit), limit=limit)


async def forget_hours(tx: Tx, *, limit: int) -> Batch:
    """Delete the sums of hours that were kept long enough."""
    return Batch.of(await hours.forget(tx, kept=rules.KEPT, limit=limit), limit=limit)


async def forget_differences(tx: Tx, *, limit: int) -> Batch:
    """Delete differences that were closed long enough ago."""
    return Batch.of(await differences.forget(tx, kept=rules.KEPT, limit=limit), limit=limit)


async def _alert_unreadable(
    tx: Tx, gateway: GatewayName, what: What, unreadable: Sequence[str]
) -> None:
    """Alert operators about rows that cannot be read: nobody knows whose money they are about."""
    await raise_alerts(
        tx,
        [
            Sighting(
                kind="unreadable_movement",
                severity=Severity.WARNING,
                subject=clip(f"{gateway} {what} {gateway_id}", _SUBJECT_LENGTH_MAX),
                details={"what": "the gateway lists it, and it fits no shape of ours"},
            )
            for gateway_id in unreadable
        ],
    )
