"""Bank statements and the gateways' payouts over HTTP, for admins."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from app.edge.gateways.port import GatewayName
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.money.bank_statements import actions
from app.money.bank_statements.model import PayoutPage, StatementPage, StatementWithEntries
from app.people.accounts.guards import require_admin


@get(
    "/api/admin/bank-statements",
    guards=[require_admin],
    tags=["bank"],
    summary="The statements of our bank accounts that were imported, the last one first",
)
async def list_statements(limit: PageSize = 20, cursor: PageCursor = None) -> StatementPage:
    async with transaction() as tx:
        return await actions.read_statements(tx, limit=limit, cursor=cursor)


@get(
    "/api/admin/bank-statements/{bank_statement_id:uuid}",
    guards=[require_admin],
    tags=["bank"],
    summary="A statement with its entries, in its order",
)
async def read_statement(
    bank_statement_id: FromPath[UUID], limit: PageSize = 20, cursor: PageCursor = None
) -> StatementWithEntries:
    async with transaction() as tx:
        return await actions.read_statement(tx, bank_statement_id, limit=limit, cursor=cursor)


@get(
    "/api/admin/bank-statements/payouts",
    guards=[require_admin],
    tags=["bank"],
    summary="The gateways' payouts to our bank accounts, and which did not arrive",
)
async def list_payouts(
    gateway: Annotated[GatewayName | None, QueryParameter()] = None,
    missing: Annotated[
        bool, QueryParameter(description="Only those that should have arrived days ago")
    ] = False,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> PayoutPage:
    async with transaction() as tx:
        return await actions.read_payouts(
            tx, gateway=gateway, only_missing=missing, limit=limit, cursor=cursor
        )


routes: list[HTTPRouteHandler] = [list_statements, read_statement, list_payouts]
