"""Whether a process is alive and ready, for load balancers."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from app.foundation.db import fetch_value, transaction
from app.operations.health.model import Health


@get(
    "/health/live",
    exclude_from_auth=True,
    tags=["health"],
    summary="200 as long as the process runs",
)
async def live() -> Health:
    return Health(status="alive")


@get(
    "/health/ready",
    exclude_from_auth=True,
    tags=["health"],
    summary="200 if the database answers, else 503 with Retry-After",
)
async def ready() -> Health:
    async with transaction() as tx:
        await fetch_value(tx, int, "SELECT 1")
    return Health(status="ready")


routes: list[HTTPRouteHandler] = [live, ready]
