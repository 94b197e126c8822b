"""A small application with the routes of listings and of what is free, and people logged in."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware

from app.foundation import web
from app.foundation.db import transaction
from app.foundation.errors import Problem
from app.market.availability.routes import routes as availability_routes
from app.market.inventory.routes import routes as inventory_routes
from app.people.accounts.guards import Authentication
from app.people.accounts.model import Principal, Role
from tests import make
from tests.application import transport_to

Login = Callable[[Principal], httpx.AsyncClient]


@pytest.fixture
async def login(pool: None) -> Login:
    """Makes clients that send somebody's access token."""
    application = Litestar(
        route_handlers=[*inventory_routes, *availability_routes],
        dto=web.StrictBody,
        return_dto=None,
        middleware=[DefineMiddleware(Authentication)],
        exception_handlers={
            Problem: web.problem_reply,
            HTTPException: web.framework_refusal,
            Exception: web.unexpected_failure,
        },
    )

    def client(principal: Principal) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=transport_to(application),
            base_url="http://berthold.test",
            headers=make.bearer(principal),
        )

    return client


@pytest.fixture
async def host(pool: None) -> Principal:
    async with transaction() as tx:
        return await make.account(tx, Role.HOST)


@pytest.fixture
async def as_host(login: Login, host: Principal) -> AsyncIterator[httpx.AsyncClient]:
    async with login(host) as client:
        yield client


@pytest.fixture
async def as_other_host(login: Login) -> AsyncIterator[httpx.AsyncClient]:
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
    async with login(other) as client:
        yield client


@pytest.fixture
async def as_guest(login: Login) -> AsyncIterator[httpx.AsyncClient]:
    async with transaction() as tx:
        guest = await make.account(tx)
    async with login(guest) as client:
        yield client


@pytest.fixture
async def anybody(as_guest: httpx.AsyncClient) -> httpx.AsyncClient:
    """Somebody who is not logged in."""
    del as_guest.headers["Authorization"]
    return as_guest
