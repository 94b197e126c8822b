"""Reconciliation over HTTP, for admins."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import open_names
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.money.reconciliation import actions
from app.money.reconciliation.model import (
    DifferenceFilter,
    DifferenceKind,
    DifferencePage,
    DifferenceReply,
    DifferenceState,
    Explanation,
    Queued,
    Reconciliation,
    RunRequest,
    What,
)
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up


@get(
    "/api/admin/reconciliation",
    guards=[require_admin],
    tags=["reconciliation"],
    summary="Days: what gateways say, what is here, what the ledger says, and what is unexplained",
)
async def list_days(
    gateway: FromQuery[GatewayName | None] = None,
    since: Annotated[date | None, QueryParameter(name="from")] = None,
    until: Annotated[date | None, QueryParameter(name="to", description="Included")] = None,
) -> Reconciliation:
    async with transaction() as tx:
        return await actions.read_days(tx, gateway, since=since, until=until)


@get(
    "/api/admin/reconciliation/differences",
    guards=[require_admin],
    tags=["reconciliation"],
    summary="Differences between gateways, instructions and the ledger, newest first",
)
async def list_differences(
    *,
    difference_state: Annotated[DifferenceState | None, QueryParameter(name="state")] = None,
    gateway: FromQuery[GatewayName | None] = None,
    what: FromQuery[What | None] = None,
    kind: FromQuery[DifferenceKind | None] = None,
    day: FromQuery[date | None] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> DifferencePage:
    wanted = DifferenceFilter(
        state=difference_state, gateway=gateway, what=what, kind=kind, day=day
    )
    async with transaction() as tx:
        return await actions.read_page(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/reconciliation/{difference_id:uuid}",
    guards=[require_admin],
    tags=["reconciliation"],
    summary="One difference",
)
async def get_difference(difference_id: FromPath[UUID]) -> DifferenceReply:
    async with transaction() as tx:
        return DifferenceReply.of(await actions.read_difference(tx, difference_id))


@post(
    "/api/admin/reconciliation/{difference_id:uuid}/explain",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["reconciliation"],
    summary="Say why a difference is there, and post what the ledger lacks, if it is to",
)
async def explain(
    request: AuthenticatedRequest, difference_id: FromPath[UUID], data: JSONBody[Explanation]
) -> DifferenceReply:
    async with transaction() as tx:
        explained = await actions.explain(tx, difference_id, data, admin_id=request.user.id)
    return DifferenceReply.of(explained)


@post(
    "/api/admin/reconciliation/run",
    status_code=202,
    guards=[require_admin],
    tags=["reconciliation"],
    summary="Reconcile a day now, at one gateway or all of them",
)
async def run(request: AuthenticatedRequest, data: JSONBody[RunRequest]) -> Queued:
    async with transaction() as tx:
        return await actions.queue_run(tx, data, open_names(), admin_id=request.user.id)


routes: list[HTTPRouteHandler] = [
    list_days,
    list_differences,
    get_difference,
    explain,
    run,
]
