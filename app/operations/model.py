"""Operations: what operators ask for and see."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit import ActorRole
from app.wire import Output


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
