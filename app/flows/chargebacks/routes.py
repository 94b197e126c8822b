"""Chargebacks over HTTP, for actions."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.flows.chargebacks import actions
from app.flows.chargebacks.model import (
    ChargebackPage,
    ChargebackReply,
    ChargebackState,
    ChargebackStory,
    Close,
    NewChargeback,
)
from app.foundation import web
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up

StateFilter = Annotated[ChargebackState | None, QueryParameter(name="state")]


@get(
    "/api/admin/chargebacks",
    guards=[require_admin],
    tags=["chargebacks"],
    summary="Chargebacks, newest first",
)
async def list_chargebacks(
    *, chargeback_state: StateFilter = None, limit: PageSize = 20, cursor: PageCursor = None
) -> ChargebackPage:
    async with transaction() as tx:
        return await actions.read_page(tx, state=chargeback_state, limit=limit, cursor=cursor)


@get(
    "/api/admin/chargebacks/{chargeback_id:uuid}",
    guards=[require_admin],
    tags=["chargebacks"],
    summary="One chargeback: its moves, and where it was recovered from",
)
async def get_chargeback(chargeback_id: FromPath[UUID]) -> ChargebackStory:
    async with transaction() as tx:
        return await actions.read_story(tx, chargeback_id)


@post(
    "/api/admin/chargebacks",
    guards=[require_admin, require_step_up],
    tags=["chargebacks"],
    summary="Record a chargeback that its gateway does not report: the money is frozen",
)
async def record(
    request: AuthenticatedRequest, data: JSONBody[NewChargeback]
) -> Response[ChargebackReply]:
    key = await web.require_idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.record(tx, data, admin_id=request.user.id)
    )


@post(
    "/api/admin/chargebacks/{chargeback_id:uuid}/close",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["chargebacks"],
    summary="Record how a chargeback has ended that its gateway does not report",
)
async def close(
    request: AuthenticatedRequest, chargeback_id: FromPath[UUID], data: JSONBody[Close]
) -> ChargebackStory:
    async with transaction() as tx:
        await actions.close(tx, chargeback_id, data, admin_id=request.user.id)
        return await actions.read_story(tx, chargeback_id)


routes: list[HTTPRouteHandler] = [list_chargebacks, get_chargeback, record, close]
