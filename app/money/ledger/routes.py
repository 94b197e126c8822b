"""The ledger over HTTP, for admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from app.foundation import web
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.money.ledger import actions
from app.money.ledger.model import (
    AccountFilter,
    AccountKind,
    Adjustment,
    LedgerAccount,
    LedgerAccountPage,
    LedgerEntryPage,
    NewAdjustment,
    Statement,
)
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up

AccountId = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


@get(
    "/api/admin/ledger/accounts",
    guards=[require_admin],
    tags=["ledger"],
    summary="Accounts with their balances, oldest first",
)
async def list_accounts(
    kind: Annotated[AccountKind | None, QueryParameter()] = None,
    owner_id: Annotated[UUID | None, QueryParameter(name="ownerId")] = None,
    currency: Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$")] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> LedgerAccountPage:
    wanted = AccountFilter(kind=kind, owner_id=owner_id, currency=currency)
    async with transaction() as tx:
        return await actions.list_accounts(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/ledger/accounts/{ledger_account_id:int}",
    guards=[require_admin],
    tags=["ledger"],
    summary="One account with its balance, now or at an instant",
)
async def get_account(
    ledger_account_id: AccountId, at: Annotated[datetime | None, QueryParameter()] = None
) -> LedgerAccount:
    async with transaction() as tx:
        return await actions.get_account(tx, ledger_account_id, at=at)


@get(
    "/api/admin/ledger/accounts/{ledger_account_id:int}/entries",
    guards=[require_admin],
    tags=["ledger"],
    summary="The entries of an account, newest first",
)
async def list_entries(
    ledger_account_id: AccountId, limit: PageSize = 20, cursor: PageCursor = None
) -> LedgerEntryPage:
    async with transaction() as tx:
        return await actions.list_entries(tx, ledger_account_id, limit=limit, cursor=cursor)


@get(
    "/api/admin/ledger/bookings/{booking_id:uuid}",
    guards=[require_admin],
    tags=["ledger"],
    summary="The statement of a booking: every move of its money, and that it sums to zero",
)
async def get_statement(booking_id: FromPath[UUID]) -> Statement:
    async with transaction() as tx:
        return await actions.get_statement(tx, booking_id)


@post(
    "/api/admin/ledger/adjustments",
    guards=[require_admin, require_step_up],
    tags=["ledger"],
    summary="Correct the ledger by a posting, with a reason that the audit log keeps",
)
async def adjust(
    request: AuthenticatedRequest, data: JSONBody[NewAdjustment]
) -> Response[Adjustment]:
    key = await web.require_idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.adjust(tx, admin_id=request.user.id, request=data)
    )


routes: list[HTTPRouteHandler] = [list_accounts, get_account, list_entries, get_statement, adjust]
