"""Payout accounts over HTTP, and the pages to which a gateway sends their hosts back."""

from typing import Annotated
from uuid import UUID

from litestar import MediaType, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.foundation import web
from app.foundation.db import transaction
from app.foundation.idempotency import Stored
from app.foundation.limited import by_account, by_address
from app.foundation.limits import COME_BACK, GATEWAY_CALLS, PAYOUT_ACCOUNT
from app.foundation.web import PageCursor, PageSize
from app.money.payees import actions, stories
from app.money.payees.model import (
    NewOnboarding,
    NewPayoutAccount,
    OnboardingReply,
    PayoutAccountPage,
    PayoutAccountReply,
)
from app.people.accounts.guards import (
    AuthenticatedRequest,
    require_host,
    require_step_up,
)

Account = Annotated[UUID, QueryParameter(description="The id of a payout account")]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{words}</p>
</html>
"""
_THANKS = _PAGE.format(
    title="Thank you",
    words="We are asking the payment gateway whether it can pay you now. You can close this page: "
    "your payout account shows it in a moment.",
)
_EXPIRED = _PAGE.format(
    title="This link has expired",
    words="It works once, and for a few minutes. Go back to your payout account, and begin there "
    "again: nothing that you have entered is lost.",
)


@post(
    "/api/host/payout-accounts",
    guards=[require_step_up, require_host, by_account(PAYOUT_ACCOUNT, GATEWAY_CALLS)],
    tags=["payouts"],
    summary="Say where your money of a currency goes from now on; 202 while the gateway is silent",
    examples={
        "a bank account": {
            "holder": "Hannah Host",
            "kind": "bank_account",
            "accountNumber": "0123456789",
            "bankCode": "058",
            "currency": "NGN",
        },
        "an account at a gateway that asks for the rest itself": {
            "holder": "Hannah Host",
            "kind": "gateway_account",
            "country": "FR",
            "currency": "EUR",
        },
    },
)
async def add_account(
    request: AuthenticatedRequest, data: JSONBody[NewPayoutAccount]
) -> Response[PayoutAccountReply]:
    key = await web.require_idempotency_key(request)
    account = await stories.add_account(request.user.id, data, key)
    if isinstance(account, Stored):
        return web.replayed(account)
    return Response(
        PayoutAccountReply.of(account), status_code=202 if account.is_unregistered else 201
    )


@get(
    "/api/host/payout-accounts",
    guards=[require_host],
    tags=["payouts"],
    summary="Your payout accounts, newest first",
)
async def list_accounts(
    request: AuthenticatedRequest, limit: PageSize = 20, cursor: PageCursor = None
) -> PayoutAccountPage:
    async with transaction() as tx:
        return await actions.read_accounts(tx, request.user.id, limit=limit, cursor=cursor)


@delete(
    "/api/host/payout-accounts/{account_id:uuid}",
    guards=[require_step_up, require_host],
    tags=["payouts"],
    summary="Remove a payout account: nothing more is paid to it",
)
async def remove_account(request: AuthenticatedRequest, account_id: FromPath[UUID]) -> None:
    async with transaction() as tx:
        await actions.remove_account(tx, account_id, host_id=request.user.id)


@post(
    "/api/host/payout-accounts/{account_id:uuid}/onboarding",
    guards=[require_step_up, require_host, by_account(GATEWAY_CALLS)],
    tags=["payouts"],
    summary="A new link to the gateway's questions about your gateway account",
)
async def start_onboarding(
    request: AuthenticatedRequest, account_id: FromPath[UUID], data: JSONBody[NewOnboarding]
) -> OnboardingReply:
    web.check_return(data.return_url, field="returnUrl")
    web.check_return(data.refresh_url, field="refreshUrl")
    return await stories.start_onboarding(request.user.id, account_id, data)


@get(
    "/api/host/payout-accounts/onboarding",
    media_type=MediaType.HTML,
    exclude_from_auth=True,
    guards=[by_address(COME_BACK)],
    tags=["payouts"],
    summary="Where a gateway sends a host whose link has expired",
)
async def show_expired(account: Account) -> str:  # noqa: ARG001  the gateway sends it along
    """Everybody gets one page. A new link is made by a POST alone, for any site can link here."""
    return _EXPIRED


@get(
    "/api/host/payout-accounts/return",
    media_type=MediaType.HTML,
    exclude_from_auth=True,
    guards=[by_address(COME_BACK)],
    tags=["payouts"],
    summary="Where a gateway sends a host back to. The visit only has the gateway asked",
)
async def come_back(account: Account) -> str:
    async with transaction() as tx:
        await actions.look_soon(tx, account)
    return _THANKS


routes: list[HTTPRouteHandler] = [
    add_account,
    list_accounts,
    remove_account,
    start_onboarding,
    show_expired,
    come_back,
]
