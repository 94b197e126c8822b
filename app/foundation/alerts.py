"""Alerts: what an operator must look at. All statements on the table `alerts` are here.

Code raises an alert when it sees a problem and resolves it when the problem is gone. Operators
acknowledge and resolve alerts through `app.operations.alerts`. A problem has at most one
open alert.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
import uuid_utils.compat

from app.foundation.clipping import clip_facts
from app.foundation.db import Tx, execute, fetch_all, fetch_one, json
from app.foundation.wire import Output

_log = structlog.get_logger(__name__)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # an operator works on it
    RESOLVED = "resolved"  # if the problem is seen again, a new alert opens


_S = AlertState
MOVES: Final = MappingProxyType(
    {
        _S.OPEN: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
        _S.ACKNOWLEDGED: frozenset({_S.RESOLVED}),
        _S.RESOLVED: frozenset[AlertState](),
    }
)


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A problem that was seen. Two sightings of one `kind` and `subject` are the same problem."""

    kind: str
    severity: Severity
    subject: str
    details: dict[str, Any]


class Alert(Output, frozen=True):
    """A row of `alerts`: `count` sightings of one kind and subject, details as last seen.

    `resolvedBy` is null if no operator resolved it: the problem went away by itself.
    """

    id: UUID
    kind: str
    severity: Severity
    subject: str
    details: dict[str, Any]
    state: AlertState
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    resolved_at: datetime | None
    resolved_by: UUID | None
    note: str


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts to show; None asks for any."""

    state: AlertState | None
    kind: str | None
    severity: Severity | None


# ---- raised and resolved by code -----------------------------------------------------------------


async def raise_alert(
    tx: Tx, *, kind: str, severity: Severity, subject: str, details: dict[str, Any]
) -> None:
    """Open an alert, or count one more sighting of the same kind and subject while it is open."""
    sighting = Sighting(kind=kind, severity=severity, subject=subject, details=details)
    await raise_alerts(tx, [sighting])


async def raise_alerts(tx: Tx, sightings: Sequence[Sighting]) -> None:
    """Raise any number of alerts in one statement; a problem given twice in one call counts once.

    Rows are written in the order of kind and subject, so that two transactions that raise the
    same alerts never deadlock.
    """
    by_problem = {(sighting.kind, sighting.subject): sighting for sighting in sightings}
    seen = [by_problem[problem] for problem in sorted(by_problem)]
    await execute(
        tx,
        """
        INSERT INTO alerts (id, kind, severity, subject, details)
        SELECT * FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(severities)s::text[],
                             %(subjects)s::text[], %(details)s::jsonb[])
            ON CONFLICT (kind, subject) WHERE state <> 'resolved' DO UPDATE
           SET count = alerts.count + 1, last_seen_at = business_now(),
               severity = excluded.severity, details = excluded.details""",
        ids=[uuid_utils.compat.uuid7() for _ in seen],
        kinds=[sighting.kind for sighting in seen],
        severities=[sighting.severity for sighting in seen],
        subjects=[sighting.subject for sighting in seen],
        details=[json(clip_facts(sighting.details)) for sighting in seen],
    )
    for sighting in seen:
        _log.warning("alert raised", **msgspec.structs.asdict(sighting))


async def resolve_alert(tx: Tx, kind: str, subject: str) -> bool:
    """Resolve an alert whose problem is gone; False if none was open."""
    return await resolve_alerts(tx, (kind,), [subject]) == 1


async def resolve_alerts(tx: Tx, kinds: tuple[str, ...], subjects: Sequence[str]) -> int:
    """Resolve all open alerts of these kinds about these subjects; returns how many were open."""
    return await execute(
        tx,
        """
        UPDATE alerts
           SET state = 'resolved', resolved_at = business_now(), note = 'cleared by itself'
         WHERE kind = ANY(%(kinds)s) AND subject = ANY(%(subjects)s) AND state <> 'resolved'""",
        kinds=list(kinds),
        subjects=list(subjects),
    )


async def resolve_alerts_but(tx: Tx, kind: str, subjects: Sequence[str]) -> int:
    """Resolve all open alerts of a kind, except those about these subjects; returns how many."""
    return await execute(
        tx,
        """
        UPDATE alerts
           SET state = 'resolved', resolved_at = business_now(), note = 'cleared by itself'
         WHERE kind = %(kind)s AND subject <> ALL(%(subjects)s) AND state <> 'resolved'""",
        kind=kind,
        subjects=list(subjects),
    )


# ---- read and moved by operators -----------------------------------------------------------------


async def find_alert(tx: Tx, alert_id: UUID) -> Alert | None:
    return await fetch_one(tx, Alert, "SELECT * FROM alerts WHERE id = %(id)s", id=alert_id)


async def list_alerts(
    tx: Tx, wanted: AlertFilter, *, before: UUID | None, limit: int
) -> list[Alert]:
    """Alerts, newest first (ids are in the order of time); `before` is the id of a newer one."""
    return await fetch_all(
        tx,
        Alert,
        """
        SELECT * FROM alerts
         WHERE (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(severity)s::text IS NULL OR severity = %(severity)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )


async def move_alert(
    tx: Tx, alert: Alert, to: AlertState, *, admin_id: UUID, note: str
) -> Alert | None:
    """Move an alert to another state; None if it has left the state in which `alert` was read."""
    return await fetch_one(
        tx,
        Alert,
        """
        UPDATE alerts
           SET state = %(to)s, note = %(note)s,
               acknowledged_at = CASE %(to)s WHEN 'acknowledged' THEN business_now()
                                 ELSE acknowledged_at END,
               acknowledged_by = CASE %(to)s WHEN 'acknowledged' THEN %(admin_id)s
                                 ELSE acknowledged_by END,
               resolved_at = CASE %(to)s WHEN 'resolved' THEN business_now() END,
               resolved_by = CASE %(to)s WHEN 'resolved' THEN %(admin_id)s::uuid END
         WHERE id = %(id)s AND state = %(was)s
     RETURNING *""",
        id=alert.id,
        was=alert.state,
        to=to,
        admin_id=admin_id,
        note=note,
    )
