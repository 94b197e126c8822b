"""Payouts over HTTP, as hosts see them."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app import web
from app.accounts.guards import require_host
from app.accounts.model import Principal
from app.db import transaction
from app.idempotency import Stored
from app.instructions.model import InstructionState
from app.payouts import actions, stories
from app.payouts.model import (
    BalanceList,
    DebtPage,
    HostTransferPage,
    NewPayoutAccount,
    PayoutAccountPage,
    PayoutAccountReply,
    PayoutAccountState,
)
from app.web import PageCursor, PageSize

Asking = Request[Principal, Any, State]
StateFilter = Annotated[InstructionState | None, QueryParameter(name="state")]


@post(
    "/api/host/payout-accounts",
    guards=[require_host],
    tags=["payouts"],
    summary="Say where your money of a currency goes from now on; 202 while the gateway is silent",
)
async def add_account(
    request: Asking, data: JSONBody[NewPayoutAccount]
) -> Response[PayoutAccountReply]:
    key = await web.require_idempotency_key(request)
    account = await stories.add_account(request.user.id, data, key)
    if isinstance(account, Stored):
        return web.replayed(account)
    is_pending = account.state is PayoutAccountState.PENDING
    return Response(PayoutAccountReply.of(account), status_code=202 if is_pending else 201)


@get(
    "/api/host/payout-accounts",
    guards=[require_host],
    tags=["payouts"],
    summary="Your payout accounts, newest first",
)
async def list_accounts(
    request: Asking, limit: PageSize = 20, cursor: PageCursor = None
) -> PayoutAccountPage:
    async with transaction() as tx:
        return await actions.read_accounts(tx, request.user.id, limit=limit, cursor=cursor)


@delete(
    "/api/host/payout-accounts/{account_id:uuid}",
    guards=[require_host],
    tags=["payouts"],
    summary="Be paid no more to this account",
)
async def remove_account(request: Asking, account_id: FromPath[UUID]) -> None:
    async with transaction() as tx:
        await actions.remove_account(tx, account_id, host_id=request.user.id)


@get(
    "/api/host/transfers",
    guards=[require_host],
    tags=["payouts"],
    summary="What is paid to you, how far it is, and what keeps it; newest first",
)
async def list_transfers(
    request: Asking,
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
async def read_balance(request: Asking) -> BalanceList:
    async with transaction() as tx:
        return await actions.read_balances(tx, request.user.id)


@get(
    "/api/host/debts",
    guards=[require_host],
    tags=["payouts"],
    summary="What you owe after refunds past your payout, and what was kept back for it",
)
async def list_debts(request: Asking, limit: PageSize = 20, cursor: PageCursor = None) -> DebtPage:
    async with transaction() as tx:
        return await actions.read_debts(tx, request.user.id, limit=limit, cursor=cursor)


routes: list[HTTPRouteHandler] = [
    add_account,
    list_accounts,
    remove_account,
    list_transfers,
    read_balance,
    list_debts,
]
