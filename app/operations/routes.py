"""Health for load balancers: alive means this process answers, ready means it can also work."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from app.db import fetch_value, transaction
from app.wire import Output


class Health(Output, frozen=True):
    status: str


@get("/health/live", exclude_from_auth=True, tags=["health"], security=[])
async def live() -> Health:
    """200 as long as the process runs."""
    return Health(status="alive")


@get("/health/ready", exclude_from_auth=True, tags=["health"], security=[])
async def ready() -> Health:
    """200 if the database answers, else 503 with Retry-After."""
    async with transaction() as tx:
        await fetch_value(tx, int, "SELECT 1")
    return Health(status="ready")


routes: list[HTTPRouteHandler] = [live, ready]
