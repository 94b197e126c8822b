"""Alerts: what an operator must look at, the same thing never open twice."""

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog
import uuid_utils.compat

from app.foundation.db import Tx, execute, json

_log = structlog.get_logger(__name__)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody is at it
    RESOLVED = "resolved"  # the same thing, seen again, opens a new alert


_S = AlertState
MOVES: Final = MappingProxyType(
    {
        _S.OPEN: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
        _S.ACKNOWLEDGED: frozenset({_S.RESOLVED}),
        _S.RESOLVED: frozenset[AlertState](),
    }
)


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an operator must look at. `kind` and `subject` say what the same thing is."""

    kind: str
    severity: Severity
    subject: str
    details: dict[str, Any]


async def raise_alert(
    tx: Tx, *, kind: str, severity: Severity, subject: str, details: dict[str, Any]
) -> None:
    """Open an alert, or count one more sighting of the same kind and subject while it is open."""
    sighting = Sighting(kind=kind, severity=severity, subject=subject, details=details)
    await raise_alerts(tx, [sighting])


async def raise_alerts(tx: Tx, sightings: Sequence[Sighting]) -> None:
    """The same for many things, in one statement; who repeats a thing in one call says it once.

    Written in the order of kind and subject, so that two who see the same things never deadlock.
    """
    by_thing = {(sighting.kind, sighting.subject): sighting for sighting in sightings}
    seen = [by_thing[thing] for thing in sorted(by_thing)]
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
        details=[json(sighting.details) for sighting in seen],
    )
    for sighting in seen:
        _log.warning("alert raised", **msgspec.structs.asdict(sighting))


async def resolve_alert(tx: Tx, kind: str, subject: str) -> bool:
    """The condition has cleared by itself; False if no alert was open about it."""
    return await resolve_alerts(tx, (kind,), [subject]) == 1


async def resolve_alerts(tx: Tx, kinds: tuple[str, ...], subjects: Sequence[str]) -> int:
    """The same for each of these kinds and subjects; returns how many alerts were open."""
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
    """Of one kind, only these have not cleared; returns how many alerts of others were open."""
    return await execute(
        tx,
        """
        UPDATE alerts
           SET state = 'resolved', resolved_at = business_now(), note = 'cleared by itself'
         WHERE kind = %(kind)s AND subject <> ALL(%(subjects)s) AND state <> 'resolved'""",
        kind=kind,
        subjects=list(subjects),
    )
