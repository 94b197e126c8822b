"""Guards that limit a route, by the client's address or by account: `guards=[by_address(SEARCH)]`.

They take in a transaction of their own, before the body is read. Routes on the hot path take in
their own transaction instead: see `web.created_once`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.foundation import limits
from app.foundation.addresses import client_range
from app.foundation.limits import Policy

Guard = Callable[[ASGIConnection[Any, Any, Any, State], BaseRouteHandler], Awaitable[None]]


def by_address(policy: Policy) -> Guard:
    """A guard: one token of the client's address range. Raises Limited."""

    async def guard(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
        await limits.take_now(limits.bucket(policy, client_range(connection.scope)))

    return guard


def by_account(*policies: Policy) -> Guard:
    """A guard of a route that needs a log-in: one token of the account, of each policy."""

    async def guard(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
        account_id = connection.user.id
        await limits.take_now(*(limits.bucket(policy, account_id) for policy in policies))

    return guard
