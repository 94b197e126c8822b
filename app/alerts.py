"""Alerts: what an operator must look at, the same thing never open twice."""

from enum import StrEnum
from typing import Any

import structlog
import uuid_utils.compat

from app.db import Tx, execute, json

_log = structlog.get_logger(__name__)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


async def raise_alert(
    tx: Tx, *, kind: str, severity: Severity, subject: str, details: dict[str, Any]
) -> None:
    """Open an alert, or count one more sighting of the same kind and subject while it is open."""
    await execute(
        tx,
        """
        INSERT INTO alerts (id, kind, severity, subject, details)
        VALUES (%(id)s, %(kind)s, %(severity)s, %(subject)s, %(details)s)
            ON CONFLICT (kind, subject) WHERE state <> 'resolved' DO UPDATE
           SET count = alerts.count + 1, last_seen_at = business_now(),
               details = excluded.details""",
        id=uuid_utils.compat.uuid7(),
        kind=kind,
        severity=severity,
        subject=subject,
        details=json(details),
    )
    _log.warning("alert raised", kind=kind, severity=severity, subject=subject, details=details)
