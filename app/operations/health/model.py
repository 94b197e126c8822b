"""Operations: what operators ask for and see."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.alerts import AlertState, Severity
from app.foundation.audit import ActorRole
from app.foundation.errors import NotFound
from app.foundation.wire import Input, Output

Note = Annotated[
    str, Meta(min_length=1, max_length=1_000, pattern=r"\S", examples=["Refunded by hand"])
]


class Health(Output, frozen=True):
    status: str


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records of the audit log to show; None asks for any."""

    action: str | None
    subject_kind: str | None
    subject_id: str | None
    actor_role: ActorRole | None
    actor_id: UUID | None
    since: datetime | None
    until: datetime | None  # not included


class AuditRecord(Output, frozen=True):
    """One action: what it changed (`before`, `after`), and in which request or job it was done."""

    id: int
    at: datetime
    actor_role: ActorRole
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    request_id: str | None


class AuditPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    records: list[AuditRecord]
    next_cursor: str | None


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts to show; None asks for any."""

    state: AlertState | None
    kind: str | None
    severity: Severity | None


class Alert(Output, frozen=True):
    """Something to look at: `count` sightings of one kind and subject, details as last seen.

    `resolvedBy` is null where the condition cleared by itself.
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


class AlertPage(Output, frozen=True):
    """Newest first, by when they were first seen; `nextCursor` is null on the last page."""

    alerts: list[Alert]
    next_cursor: str | None


class Resolution(Input, frozen=True):
    """What was found, and what was done about it."""

    note: Note


class AlertNotFound(NotFound):
    title = "There is no such alert"
