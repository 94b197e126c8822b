"""Accounts as admins see them, over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.foundation.audit import Actor, ActorRole
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.foundation.wire import ReasonBody
from app.people.accounts import actions
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up
from app.people.accounts.model import Role, User, UserPage


@get(
    "/api/admin/users",
    guards=[require_admin],
    tags=["admin"],
    summary="All accounts, newest first, by address or role",
)
async def list_users(
    email: Annotated[str | None, QueryParameter(max_length=254, description="Whole")] = None,
    role: FromQuery[Role | None] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> UserPage:
    async with transaction() as tx:
        return await actions.list_users(tx, email=email, role=role, limit=limit, cursor=cursor)


@post(
    "/api/admin/users/{user_id:uuid}/disable",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["admin"],
    summary="Shut an account out: its sessions end, and it cannot log in",
)
async def disable_user(
    request: AuthenticatedRequest, user_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> User:
    async with transaction() as tx:
        by = Actor(ActorRole.ADMIN, request.user.id)
        return await actions.disable(tx, user_id, by=by, reason=data.reason)


@post(
    "/api/admin/users/{user_id:uuid}/enable",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["admin"],
    summary="Let an account log in again that was disabled",
)
async def enable_user(
    request: AuthenticatedRequest, user_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> User:
    async with transaction() as tx:
        by = Actor(ActorRole.ADMIN, request.user.id)
        return await actions.enable(tx, user_id, by=by, reason=data.reason)


routes: Final[list[HTTPRouteHandler]] = [list_users, disable_user, enable_user]
