"""The web application: routes, plugins, lifespan, error mapping."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from app import db, web
from app.errors import Problem
from app.logs import configure_logs
from app.settings import settings

_BODY_BYTES_MAX = 262_144


def create_app() -> ASGIApp:
    """The ASGI application, its settings read from the environment."""
    configure_logs(settings().log_level, json=not settings().is_development)
    litestar = Litestar(
        route_handlers=[],
        dto=web.StrictBody,
        return_dto=None,
        lifespan=[_lifespan],
        request_max_body_size=_BODY_BYTES_MAX,
        exception_handlers={
            Problem: web.problem_reply,
            HTTPException: web.framework_refusal,
            Exception: web.unexpected_failure,
        },
    )
    return web.with_request_id(litestar)


@asynccontextmanager
async def _lifespan(_: Litestar) -> AsyncIterator[None]:
    await db.open_pool(settings().database_url, size_max=settings().database_pool_size_max)
    try:
        yield
    finally:
        await db.close_pool()
