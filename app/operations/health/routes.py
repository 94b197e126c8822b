"""Whether a process is alive and ready, for load balancers."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from app.foundation.clock import ZONE_DATA
from app.foundation.db import execute, transaction
from app.operations.health.model import Health, Readiness


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
    summary="200 if the database answers and takes changes, else 503 with Retry-After",
)
async def ready() -> Readiness:
    async with transaction() as tx:
        # A lock is what a database that only reads refuses. It waits for nobody: it is on no row.
        await execute(tx, "SELECT FROM business_clock WHERE false FOR UPDATE")
    return Readiness(status="ready", zone_data=ZONE_DATA)


routes: list[HTTPRouteHandler] = [live, ready]
