"""The audit log over HTTP, for admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from app.foundation.audit import ActorRole, AuditFilter
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.operations.audit_log import actions
from app.operations.audit_log.model import AuditPage
from app.people.accounts.guards import require_admin

_TEXT_MAX = 100

Action = Annotated[str | None, QueryParameter(min_length=1, max_length=_TEXT_MAX)]
SubjectKind = Annotated[
    str | None, QueryParameter(name="subjectKind", min_length=1, max_length=_TEXT_MAX)
]
SubjectId = Annotated[
    str | None, QueryParameter(name="subjectId", min_length=1, max_length=_TEXT_MAX)
]


@get(
    "/api/admin/audit",
    guards=[require_admin],
    tags=["operations"],
    summary="Every privileged or money action: who, what, why; newest first",
)
async def read_audit(
    *,
    action: Action = None,
    subject_kind: SubjectKind = None,
    subject_id: SubjectId = None,
    actor_role: Annotated[ActorRole | None, QueryParameter(name="actorRole")] = None,
    actor_id: Annotated[UUID | None, QueryParameter(name="actorId")] = None,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to", description="Not included")] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> AuditPage:
    wanted = AuditFilter(
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        actor_role=actor_role,
        actor_id=actor_id,
        since=since,
        until=until,
    )
    async with transaction() as tx:
        return await actions.read_page(tx, wanted, limit=limit, cursor=cursor)


routes: list[HTTPRouteHandler] = [read_audit]
