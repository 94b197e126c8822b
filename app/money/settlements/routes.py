"""Settlements over HTTP, for their hosts and for admins."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from app.foundation.db import transaction
from app.foundation.errors import Invalid
from app.foundation.web import PageCursor, PageSize
from app.money.settlements import actions
from app.money.settlements.model import SettlementFilter, SettlementPage, SettlementWithLines
from app.money.settlements.rules import files, months
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_host

MonthFilter = Annotated[
    str | None,
    QueryParameter(name="month", pattern=r"^\d{4}-\d{2}$", description="Such as 2026-10, in UTC"),
]
CurrencyFilter = Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$")]


@get(
    "/api/host/settlements",
    guards=[require_host],
    tags=["settlements"],
    summary="Your months, newest first: what you earned, what was taken off it, what was paid",
)
async def list_own(
    request: AuthenticatedRequest,
    month: MonthFilter = None,
    currency: CurrencyFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> SettlementPage:
    wanted = SettlementFilter(
        month=months.read_month(month), host_id=request.user.id, currency=currency
    )
    async with transaction() as tx:
        return await actions.read_list(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/host/settlements/{settlement_id:uuid}",
    guards=[require_host],
    tags=["settlements"],
    summary="One of your months, with what it is made of, oldest first",
)
async def read_own(
    request: AuthenticatedRequest,
    settlement_id: FromPath[UUID],
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> SettlementWithLines:
    async with transaction() as tx:
        return await actions.read_one(
            tx, settlement_id, host_id=request.user.id, limit=limit, cursor=cursor
        )


@get(
    "/api/host/settlements/{settlement_id:uuid}/csv",
    guards=[require_host],
    tags=["settlements"],
    summary="What one of your months is made of, as a CSV file",
    media_type="text/csv",
)
async def read_own_file(
    request: AuthenticatedRequest, settlement_id: FromPath[UUID]
) -> Response[str]:
    async with transaction() as tx:
        text = await actions.read_file(tx, settlement_id, host_id=request.user.id)
    return _file(text, f"settlement-{settlement_id}.csv")


@get(
    "/api/admin/settlements",
    guards=[require_admin],
    tags=["settlements"],
    summary="Settlements of all hosts, the newest month first",
)
async def list_all(
    month: MonthFilter = None,
    host_id: Annotated[UUID | None, QueryParameter(name="hostId")] = None,
    currency: CurrencyFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> SettlementPage:
    wanted = SettlementFilter(month=months.read_month(month), host_id=host_id, currency=currency)
    async with transaction() as tx:
        return await actions.read_list(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/settlements/csv",
    guards=[require_admin],
    tags=["settlements"],
    summary="All settlements of a month, as a CSV file",
    media_type="text/csv",
)
async def read_month_file(
    month: Annotated[str, QueryParameter(pattern=r"^\d{4}-\d{2}$", description="Such as 2026-10")],
) -> Response[str]:
    async with transaction() as tx:
        found = await actions.read_month(tx, _required(month))
    return _file(files.csv_of_settlements(found), f"settlements-{month}.csv")


@get(
    "/api/admin/settlements/{settlement_id:uuid}",
    guards=[require_admin],
    tags=["settlements"],
    summary="A settlement, with what it is made of, oldest first",
)
async def read_any(
    settlement_id: FromPath[UUID], limit: PageSize = 20, cursor: PageCursor = None
) -> SettlementWithLines:
    async with transaction() as tx:
        return await actions.read_one(tx, settlement_id, host_id=None, limit=limit, cursor=cursor)


@get(
    "/api/admin/settlements/{settlement_id:uuid}/csv",
    guards=[require_admin],
    tags=["settlements"],
    summary="What a settlement is made of, as a CSV file",
    media_type="text/csv",
)
async def read_any_file(settlement_id: FromPath[UUID]) -> Response[str]:
    async with transaction() as tx:
        text = await actions.read_file(tx, settlement_id, host_id=None)
    return _file(text, f"settlement-{settlement_id}.csv")


def _required(month: str) -> date:
    if (read := months.read_month(month)) is None:
        raise Invalid.field("month", "is required")
    return read


def _file(text: str, name: str) -> Response[str]:
    """A file to save; RFC 4180 asks for the parameter `header`."""
    return Response(
        text,
        media_type="text/csv; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


routes: list[HTTPRouteHandler] = [
    list_own,
    read_own,
    read_own_file,
    list_all,
    read_month_file,
    read_any,
    read_any_file,
]
