"""The audit log: who did what to which thing, why, and in the course of which request.

Every privileged action and every action that concerns money is recorded in its own transaction:
what was rolled back has not been done, and what was done cannot be without its record.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from app.foundation.db import Tx, execute, json


class ActorRole(StrEnum):
    """In what part somebody acts; an admin who is the guest of a booking acts as its guest."""

    GUEST = "guest"
    HOST = "host"
    ADMIN = "admin"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """Who does something; only the system has no id."""

    role: ActorRole
    id: UUID | None = None


SYSTEM: Final = Actor(role=ActorRole.SYSTEM)


class Subject(msgspec.Struct, frozen=True):
    """What something is done to: `Subject("booking", booking.id)`."""

    kind: str
    id: UUID | int | str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an action did to one thing: the facts that it changed, before and after."""

    subject: Subject
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


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
    """Record an action, named verb first: `cancel_booking`. No secrets in the facts."""
    change = Change(subject=subject, before=before, after=after)
    await record_all(tx, by=by, action=action, changes=[change], reason=reason)


async def record_all(
    tx: Tx, *, by: Actor, action: str, changes: Sequence[Change], reason: str = ""
) -> None:
    """Record the same action on many things, in one statement."""
    await execute(
        tx,
        """
        INSERT INTO audit_log (actor_role, actor_id, action, subject_kind, subject_id,
                               before, after, reason, request_id)
        SELECT %(role)s, %(actor_id)s, %(action)s, subject ->> 'kind', subject ->> 'id',
               before, after, %(reason)s, %(request_id)s
          FROM ROWS FROM (
               jsonb_to_recordset(%(changes)s) AS (subject jsonb, before jsonb, after jsonb)
               ) WITH ORDINALITY AS change
         ORDER BY ordinality""",
        role=by.role,
        actor_id=by.id,
        action=action,
        changes=json(changes),
        reason=reason,
        request_id=_request_id(),
    )


def _request_id() -> str | None:
    """The request's id, or `job:` and the job's. (No client can send an id with a colon.)"""
    known = structlog.contextvars.get_contextvars()
    if "request_id" in known:
        return str(known["request_id"])
    return f"job:{known['job_id']}" if "job_id" in known else None
