"""How the gateways are, for admins."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from app.edge.gateways.registry import open_names
from app.edge.outages import actions
from app.edge.outages.model import GatewayList
from app.foundation.db import transaction
from app.people.accounts.guards import require_admin


@get(
    "/api/admin/gateways",
    guards=[require_admin],
    tags=["operations"],
    summary="Which gateways are up, failing or down, and why; their calls of the last hour",
)
async def list_gateways() -> GatewayList:
    async with transaction() as tx:
        return await actions.read(tx, open_names())


routes: list[HTTPRouteHandler] = [list_gateways]
