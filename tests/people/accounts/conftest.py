"""An application of the accounts room alone, with a few routes to try its guards on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, get, post
from litestar.exceptions import HTTPException

from app.foundation import web
from app.foundation.errors import Problem, Unauthenticated
from app.people.accounts.guards import (
    Authentication,
    require_admin,
    require_host,
    unauthenticated_reply,
)
from app.people.accounts.model import Access, Principal
from app.people.accounts.routes import routes
from tests.application import transport_to


@get("/probe/public", exclude_from_auth=True)
async def public() -> str:
    return "hello"


@get("/probe/signed-in")
async def signed_in(request: Request[Principal, Access, Any]) -> str:
    return str(request.user.id)


@post("/probe/change", status_code=200)
async def change(request: Request[Principal, Access, Any]) -> str:
    return str(request.user.id)


@get("/probe/host", guards=[require_host])
async def host_only() -> str:
    return "host"


@get("/probe/admin", guards=[require_admin])
async def admin_only() -> str:
    return "admin"


# A path that contains an open one: exclusion must go by route, not by a look at the path.
@get("/admin/probe/public")
async def behind_an_open_path() -> str:
    return "secret"


PROBES = [public, signed_in, change, host_only, admin_only, behind_an_open_path]


def small_app() -> Litestar:
    return Litestar(
        route_handlers=[*routes, *PROBES],
        middleware=[Authentication],
        dto=web.StrictBody,
        return_dto=None,
        exception_handlers={
            Unauthenticated: unauthenticated_reply,
            Problem: web.problem_reply,
            HTTPException: web.framework_refusal,
            Exception: web.unexpected_failure,
        },
    )


@pytest.fixture
async def client(pool: None) -> AsyncIterator[httpx.AsyncClient]:
    async with _client() as browser:
        yield browser


@pytest.fixture
async def other_client(pool: None) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else's browser."""
    async with _client() as browser:
        yield browser


@pytest.fixture
async def stranger() -> AsyncIterator[httpx.AsyncClient]:
    """A client without a database behind the application: what it reaches asks none."""
    async with _client() as browser:
        yield browser


def _client() -> httpx.AsyncClient:
    transport = transport_to(small_app())
    return httpx.AsyncClient(transport=transport, base_url="http://berthold.test")
