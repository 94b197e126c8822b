"""Operations over HTTP: health for load balancers, and what operators look at and do."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.edge.webhooks.model import EventPage
from app.foundation.alerts import AlertState, Severity
from app.foundation.audit import ActorRole
from app.foundation.db import fetch_value, transaction
from app.foundation.web import PageCursor, PageSize
from app.operations.health import actions
from app.operations.health.model import (
    Alert,
    AlertFilter,
    AlertPage,
    AuditFilter,
    AuditPage,
    Health,
    Resolution,
)
from app.people.accounts.guards import AuthenticatedRequest, require_admin

_TEXT_MAX = 100

Action = Annotated[str | None, QueryParameter(min_length=1, max_length=_TEXT_MAX)]
SubjectKind = Annotated[
    str | None, QueryParameter(name="subjectKind", min_length=1, max_length=_TEXT_MAX)
]
SubjectId = Annotated[
    str | None, QueryParameter(name="subjectId", min_length=1, max_length=_TEXT_MAX)
]
AlertKind = Annotated[str | None, QueryParameter(name="kind", min_length=1, max_length=_TEXT_MAX)]
AlertStateFilter = Annotated[AlertState | None, QueryParameter(name="state")]


@get(
    "/health/live",
    exclude_from_auth=True,
    tags=["health"],
    summary="200 as long as the process runs",
)
async def live() -> Health:
    return Health(status="alive")


@get(
    "/health/ready",
    exclude_from_auth=True,
    tags=["health"],
    summary="200 if the database answers, else 503 with Retry-After",
)
async def ready() -> Health:
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


@get(
    "/api/admin/webhooks/booking/{booking_id:uuid}",
    guards=[require_admin],
    tags=["webhooks"],
    summary="What gateways told us about a booking's charges, refunds and transfers, newest first",
)
async def list_webhooks_of_booking(
    booking_id: FromPath[UUID], *, limit: PageSize = 20, cursor: PageCursor = None
) -> EventPage:
    async with transaction() as tx:
        return await actions.read_webhooks(tx, booking_id, limit=limit, cursor=cursor)


@get(
    "/api/admin/alerts",
    guards=[require_admin],
    tags=["operations"],
    summary="What operators must look at, newest first",
)
async def list_alerts(
    *,
    alert_state: AlertStateFilter = None,
    kind: AlertKind = None,
    severity: FromQuery[Severity | None] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> AlertPage:
    wanted = AlertFilter(state=alert_state, kind=kind, severity=severity)
    async with transaction() as tx:
        return await actions.read_alerts(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/alerts/{alert_id:uuid}",
    guards=[require_admin],
    tags=["operations"],
    summary="One alert",
)
async def get_alert(alert_id: FromPath[UUID]) -> Alert:
    async with transaction() as tx:
        return await actions.read_alert(tx, alert_id)


@post(
    "/api/admin/alerts/{alert_id:uuid}/acknowledge",
    status_code=200,
    guards=[require_admin],
    tags=["operations"],
    summary="Say that somebody is at it",
)
async def acknowledge_alert(request: AuthenticatedRequest, alert_id: FromPath[UUID]) -> Alert:
    async with transaction() as tx:
        return await actions.acknowledge_alert(tx, alert_id, admin_id=request.user.id)


@post(
    "/api/admin/alerts/{alert_id:uuid}/resolve",
    status_code=200,
    guards=[require_admin],
    tags=["operations"],
    summary="Say that it is done with, and how; seen again, it opens anew",
)
async def resolve_alert(
    request: AuthenticatedRequest, alert_id: FromPath[UUID], data: JSONBody[Resolution]
) -> Alert:
    async with transaction() as tx:
        return await actions.resolve_alert(tx, alert_id, admin_id=request.user.id, note=data.note)


routes: list[HTTPRouteHandler] = [
    live,
    ready,
    read_audit,
    list_webhooks_of_booking,
    list_alerts,
    get_alert,
    acknowledge_alert,
    resolve_alert,
]
