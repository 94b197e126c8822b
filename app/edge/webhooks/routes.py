"""Where gateways send webhooks, and where operators look at them."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.edge.gateways.port import Gateway, GatewayName
from app.edge.gateways.registry import gateway_named
from app.edge.webhooks import actions
from app.edge.webhooks.model import (
    EventFilter,
    EventPage,
    EventReply,
    EventState,
    EventWithBody,
    NoSuchGateway,
    Receipt,
)
from app.foundation import limits
from app.foundation.addresses import client_range
from app.foundation.db import transaction
from app.foundation.errors import Problem
from app.foundation.limits import BAD_WEBHOOK
from app.foundation.web import LARGE_BODY_BYTES_MAX, PageCursor, PageSize
from app.foundation.wire import ReasonBody
from app.people.accounts.guards import AuthenticatedRequest, require_admin

Reference = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


@post(
    "/api/webhooks/{name:str}",
    status_code=200,
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    exclude_from_auth=True,
    tags=["webhooks"],
    summary="A gateway's webhook: verified on its raw bytes, stored once, acted on by a job",
)
async def receive(request: Request[Any, Any, State], name: FromPath[str]) -> Receipt:
    gateway = _gateway(name)
    body = await request.body()
    try:
        event = actions.verify(gateway, dict(request.headers), body)
    except Problem:
        await limits.take_now(limits.bucket(BAD_WEBHOOK, client_range(request.scope)))
        raise
    async with transaction() as tx:
        return await actions.store(tx, gateway, event, body)


def _gateway(name: str) -> Gateway:
    try:
        return gateway_named(GatewayName(name))
    except (ValueError, LookupError) as error:
        raise NoSuchGateway(f"No gateway called {name[:40]} is in use here.") from error


@get(
    "/api/admin/webhooks",
    guards=[require_admin],
    tags=["webhooks"],
    summary="Webhooks that gateways have sent, newest first",
)
async def list_events(
    *,
    event_state: Annotated[EventState | None, QueryParameter(name="state")] = None,
    gateway: FromQuery[GatewayName | None] = None,
    reference: Reference = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> EventPage:
    wanted = EventFilter(state=event_state, gateway=gateway, reference=reference)
    async with transaction() as tx:
        return await actions.read_events(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/webhooks/{event_id:uuid}",
    guards=[require_admin],
    tags=["webhooks"],
    summary="One webhook, with what the gateway sent",
)
async def get_event(event_id: FromPath[UUID]) -> EventWithBody:
    async with transaction() as tx:
        return await actions.read_event(tx, event_id)


@post(
    "/api/admin/webhooks/{event_id:uuid}/replay",
    status_code=200,
    guards=[require_admin],
    tags=["webhooks"],
    summary="Act on a webhook again: the gateway is asked for its current state",
)
async def replay(request: AuthenticatedRequest, event_id: FromPath[UUID]) -> EventReply:
    async with transaction() as tx:
        return await actions.replay(tx, event_id, admin_id=request.user.id)


@post(
    "/api/admin/webhooks/{event_id:uuid}/dismiss",
    status_code=200,
    guards=[require_admin],
    tags=["webhooks"],
    summary="Let a webhook be that could not be acted on: its alert ends",
)
async def dismiss(
    request: AuthenticatedRequest, event_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> EventReply:
    async with transaction() as tx:
        return await actions.dismiss(tx, event_id, admin_id=request.user.id, reason=data.reason)


routes: list[HTTPRouteHandler] = [receive, list_events, get_event, replay, dismiss]
