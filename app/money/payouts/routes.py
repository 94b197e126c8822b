"""Payouts over HTTP, as hosts see them."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.money.instructions.model import InstructionState
from app.money.payouts import actions
from app.money.payouts.model import (
    BalanceList,
    DebtPage,
    HostTransferPage,
)
from app.people.accounts.guards import AuthenticatedRequest, require_host

StateFilter = Annotated[InstructionState | None, QueryParameter(name="state")]


@get(
    "/api/host/transfers",
    guards=[require_host],
    tags=["payouts"],
    summary="The transfers to you, newest first, and why one has not arrived",
)
async def list_transfers(
    request: AuthenticatedRequest,
    transfer_state: StateFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> HostTransferPage:
    async with transaction() as tx:
        return await actions.read_transfers(
            tx, request.user.id, state=transfer_state, limit=limit, cursor=cursor
        )


@get(
    "/api/host/balance",
    guards=[require_host],
    tags=["payouts"],
    summary="Where your money is, per currency, and what you owe",
)
async def read_balance(request: AuthenticatedRequest) -> BalanceList:
    async with transaction() as tx:
        return await actions.read_balances(tx, request.user.id)


@get(
    "/api/host/debts",
    guards=[require_host],
    tags=["payouts"],
    summary="What you owe for refunds after your payout, and what was kept back for it",
)
async def list_debts(
    request: AuthenticatedRequest, limit: PageSize = 20, cursor: PageCursor = None
) -> DebtPage:
    async with transaction() as tx:
        return await actions.read_debts(tx, request.user.id, limit=limit, cursor=cursor)


routes: list[HTTPRouteHandler] = [
    list_transfers,
    read_balance,
    list_debts,
]
