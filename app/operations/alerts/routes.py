"""Alerts over HTTP, for admins."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.foundation.alerts import Alert, AlertFilter, AlertState, Severity
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.operations.alerts import actions
from app.operations.alerts.model import AlertPage, Resolution
from app.people.accounts.guards import AuthenticatedRequest, require_admin

AlertKind = Annotated[str | None, QueryParameter(name="kind", min_length=1, max_length=100)]
AlertStateFilter = Annotated[AlertState | None, QueryParameter(name="state")]


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
        return await actions.read_page(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/alerts/{alert_id:uuid}",
    guards=[require_admin],
    tags=["operations"],
    summary="One alert",
)
async def get_alert(alert_id: FromPath[UUID]) -> Alert:
    async with transaction() as tx:
        return await actions.read(tx, alert_id)


@post(
    "/api/admin/alerts/{alert_id:uuid}/acknowledge",
    status_code=200,
    guards=[require_admin],
    tags=["operations"],
    summary="Say that an operator works on it",
)
async def acknowledge_alert(request: AuthenticatedRequest, alert_id: FromPath[UUID]) -> Alert:
    async with transaction() as tx:
        return await actions.acknowledge(tx, alert_id, admin_id=request.user.id)


@post(
    "/api/admin/alerts/{alert_id:uuid}/resolve",
    status_code=200,
    guards=[require_admin],
    tags=["operations"],
    summary="Say that it is dealt with, and how; if its cause is seen again, a new alert opens",
)
async def resolve_alert(
    request: AuthenticatedRequest, alert_id: FromPath[UUID], data: JSONBody[Resolution]
) -> Alert:
    async with transaction() as tx:
        return await actions.resolve(tx, alert_id, admin_id=request.user.id, note=data.note)


routes: list[HTTPRouteHandler] = [list_alerts, get_alert, acknowledge_alert, resolve_alert]
