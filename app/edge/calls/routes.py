"""Calls to gateways and the gateways' health, for admins."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter

from app.edge.calls import actions
from app.edge.calls.model import CallFilter, CallPage, GatewayList, Outcome
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import open_names
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.people.accounts.guards import require_admin

Reference = Annotated[str | None, QueryParameter(max_length=200)]


@get(
    "/api/admin/gateways",
    guards=[require_admin],
    tags=["operations"],
    summary="Which gateways are up, failing or down, and why; their calls of the last hour",
)
async def list_gateways() -> GatewayList:
    async with transaction() as tx:
        return await actions.list_gateways(tx, open_names())


@get(
    "/api/admin/gateways/calls",
    guards=[require_admin],
    tags=["operations"],
    summary="Each attempt at a call to a gateway and how it ended, newest first; kept for 30 days",
)
async def list_calls(
    *,
    gateway: FromQuery[GatewayName | None] = None,
    reference: Reference = None,
    outcome: FromQuery[Outcome | None] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> CallPage:
    wanted = CallFilter(gateway=gateway, reference=reference, outcome=outcome)
    async with transaction() as tx:
        return await actions.read_page(tx, wanted, limit=limit, cursor=cursor)


routes: list[HTTPRouteHandler] = [list_gateways, list_calls]
