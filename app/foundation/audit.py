"""The audit log: who did what to which thing, why, and in which request.

Every privileged action and every action that concerns money is recorded in the transaction that
does it: an action that was rolled back leaves no record, and none is committed without one. All
statements on the table `audit_log` are here; admins read it through `app.operations.audit_log`.

The command `berthold audit` is something else: it checks the accounts and every other law, see
`app.operations.invariants`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from app.foundation.addresses import asker_range
from app.foundation.clipping import clip
from app.foundation.db import Tx, execute, fetch_all, json
from app.foundation.wire import Output

_REASON_LENGTH_MAX: Final = 2_000


class ActorRole(StrEnum):
    """The role in which somebody acts; an admin who is the guest of a booking acts as its guest."""

    GUEST = "guest"
    HOST = "host"
    ADMIN = "admin"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """The one that does something: a person, or the system itself, which has no id."""

    role: ActorRole
    id: UUID | None = None


SYSTEM: Final = Actor(role=ActorRole.SYSTEM)


class Subject(msgspec.Struct, frozen=True):
    """What something is done to: `Subject("booking", booking.id)`."""

    kind: str
    id: UUID | int | str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an action changed about one thing: the changed facts, before and after."""

    subject: Subject
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class AuditRecord(Output, frozen=True):
    """One action: what it changed (`before`, `after`), and in which request or job it was done.

    `address`: where the request came from, an IPv4 address or the /64 of an IPv6 address.
    """

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
    address: str | None


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records of the audit log to show; None asks for any."""

    action: str | None
    subject_kind: str | None
    subject_id: str | None
    actor_role: ActorRole | None
    actor_id: UUID | None
    since: datetime | None
    until: datetime | None  # not included


async def record(
    tx: Tx,
    *,
    by: Actor,
    action: str,
    subject: Subject,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Record an action. Its name begins with a verb: `cancel_booking`. Facts hold no secrets."""
    change = Change(subject=subject, before=before, after=after)
    await record_all(tx, by=by, action=action, changes=[change], reason=reason)


async def record_all(
    tx: Tx, *, by: Actor, action: str, changes: Sequence[Change], reason: str = ""
) -> None:
    """Record one action that was done to many things, in one statement."""
    await execute(
        tx,
        """
        INSERT INTO audit_log (actor_role, actor_id, action, subject_kind, subject_id,
                               before, after, reason, request_id, address)
        SELECT %(role)s, %(actor_id)s, %(action)s, subject ->> 'kind', subject ->> 'id',
               before, after, %(reason)s, %(request_id)s, %(address)s
          FROM ROWS FROM (
               jsonb_to_recordset(%(changes)s) AS (subject jsonb, before jsonb, after jsonb)
               ) WITH ORDINALITY AS change
         ORDER BY ordinality""",
        role=by.role,
        actor_id=by.id,
        action=action,
        changes=json(changes),
        reason=clip(reason, _REASON_LENGTH_MAX),
        request_id=_request_id(),
        address=asker_range(),
    )


async def list_records(
    tx: Tx, wanted: AuditFilter, *, before: tuple[datetime, int] | None, limit: int
) -> list[AuditRecord]:
    """Records, newest first; `before` is the instant and id of a newer one."""
    before_at, before_id = before or (None, None)
    return await fetch_all(
        tx,
        AuditRecord,
        """
        SELECT * FROM audit_log
         WHERE (%(action)s::text IS NULL OR action = %(action)s)
           AND (%(subject_kind)s::text IS NULL OR subject_kind = %(subject_kind)s)
           AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
           AND (%(actor_role)s::text IS NULL OR actor_role = %(actor_role)s)
           AND (%(actor_id)s::uuid IS NULL OR actor_id = %(actor_id)s)
           AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
           AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
           AND (%(before_at)s::timestamptz IS NULL
                OR (at, id) < (%(before_at)s, %(before_id)s::bigint))
         ORDER BY at DESC, id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


def _request_id() -> str | None:
    """The id of this request, or `job:` and the id of this job; None outside both.

    A client that chooses its own request id cannot use a colon, and so cannot pass for a job.
    """
    known = structlog.contextvars.get_contextvars()
    if "request_id" in known:
        return str(known["request_id"])
    return f"job:{known['job_id']}" if "job_id" in known else None
