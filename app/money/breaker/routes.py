"""The breaker over HTTP: for admins."""

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from app.foundation.db import transaction
from app.money.breaker import actions
from app.money.breaker.model import BreakerReply, Override
from app.people.accounts.guards import AuthenticatedRequest, require_admin


@get(
    "/api/admin/breaker",
    guards=[require_admin],
    tags=["money out"],
    summary="Which automatic refunds wait because there are so many, or because they are so large",
)
async def read_breaker() -> BreakerReply:
    async with transaction() as tx:
        return await actions.read(tx)


@post(
    "/api/admin/breaker/override",
    status_code=200,
    guards=[require_admin],
    tags=["money out"],
    summary="Send automatic refunds that wait, all or some, at once",
)
async def override_breaker(request: AuthenticatedRequest, data: JSONBody[Override]) -> BreakerReply:
    async with transaction() as tx:
        return await actions.override(tx, data, admin_id=request.user.id)


routes: list[HTTPRouteHandler] = [read_breaker, override_breaker]
