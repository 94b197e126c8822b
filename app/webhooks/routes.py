"""Where gateways tell us things."""

from typing import Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from app.db import transaction
from app.gateways.port import Gateway, GatewayName
from app.gateways.registry import gateway_named
from app.webhooks import actions
from app.webhooks.model import NoSuchGateway, Receipt


@post(
    "/api/webhooks/{name:str}",
    status_code=200,
    exclude_from_auth=True,
    tags=["webhooks"],
    summary="A gateway's webhook: verified on its raw bytes, stored once, acted on by a job",
)
async def receive(request: Request[Any, Any, State], name: FromPath[str]) -> Receipt:
    gateway = _gateway(name)
    body = await request.body()
    event = actions.verify(gateway, dict(request.headers), body)
    async with transaction() as tx:
        return await actions.store(tx, gateway, event, body)


def _gateway(name: str) -> Gateway:
    try:
        return gateway_named(GatewayName(name))
    except (ValueError, LookupError) as error:
        raise NoSuchGateway(f"No gateway called {name[:40]} is in use here.") from error


routes: list[HTTPRouteHandler] = [receive]
