"""Operations over HTTP: health for load balancers, and what operators look at and do."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from app.accounts.guards import require_admin
from app.audit import ActorRole
from app.db import fetch_value, transaction
from app.operations import actions
from app.operations.model import AuditFilter, AuditPage, Health
from app.web import PageCursor, PageSize

_TEXT_MAX = 100
Action = Annotated[str | None, QueryParameter(min_length=1, max_length=_TEXT_MAX)]
SubjectKind = Annotated[
    str | None, QueryParameter(name="subjectKind", min_length=1, max_length=_TEXT_MAX)
]
SubjectId = Annotated[
    str | None, QueryParameter(name="subjectId", min_length=1, max_length=_TEXT_MAX)
]


@get("/health/live", exclude_from_auth=True, tags=["health"], security=[])
async def live() -> Health:
    """200 as long as the process runs."""
    return Health(status="alive")


@get("/health/ready", exclude_from_auth=True, tags=["health"], security=[])
async def ready() -> Health:
    """200 if the database answers, else 503 with Retry-After."""
    async with transaction() as tx:
        await fetch_value(tx, int, "SELECT 1")
    return Health(status="ready")


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
        return await actions.read_audit(tx, wanted, limit=limit, cursor=cursor)


routes: list[HTTPRouteHandler] = [live, ready, read_audit]
