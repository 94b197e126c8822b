"""Vouchers over HTTP: hosts make those that they bear, admins those that the platform bears."""

from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK

from app.foundation import web
from app.foundation.audit import Actor, ActorRole
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.market.vouchers import actions
from app.market.vouchers.model import NewPlatformVoucher, NewVoucher, VoucherPage, VoucherReply
from app.people.accounts.guards import (
    AuthenticatedRequest,
    require_admin,
    require_host,
    require_step_up,
)

_TEN_PERCENT: Final = {
    "code": "SUMMER-10",
    "name": "Ten percent in summer",
    "percentBps": 1_000,
    "discountMax": {"amount": 1_000_000, "currency": "NGN"},
    "endsAt": "2027-09-01T00:00:00Z",
    "usesMax": 100,
    "oncePerGuest": True,
}
_AN_AMOUNT: Final = {
    "code": "WELCOME",
    "name": "Welcome to Berthold",
    "amount": {"amount": 200_000, "currency": "NGN"},
    "least": {"amount": 1_000_000, "currency": "NGN"},
    "kind": "stay",
    "endsAt": "2027-09-01T00:00:00Z",
}


@post(
    "/api/host/vouchers",
    guards=[require_host],
    tags=["vouchers"],
    summary="Make a voucher for the asker's listings, at the asker's cost",
    examples={"a percentage": _TEN_PERCENT, "an amount": _AN_AMOUNT},
)
async def make_as_host(
    request: AuthenticatedRequest, data: JSONBody[NewVoucher]
) -> Response[VoucherReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.make_as_host(tx, host_id=request.user.id, new=data)
    )


@get(
    "/api/host/vouchers",
    guards=[require_host],
    tags=["vouchers"],
    summary="The vouchers that the asker bears, newest first",
)
async def list_of_host(
    request: AuthenticatedRequest, limit: PageSize = 20, cursor: PageCursor = None
) -> VoucherPage:
    async with transaction() as tx:
        return await actions.read_page(tx, host_id=request.user.id, limit=limit, cursor=cursor)


@post(
    "/api/host/vouchers/{voucher_id:uuid}/end",
    guards=[require_host],
    tags=["vouchers"],
    summary="End a voucher: bookings that have it keep it",
    status_code=HTTP_200_OK,
)
async def end_as_host(request: AuthenticatedRequest, voucher_id: FromPath[UUID]) -> VoucherReply:
    async with transaction() as tx:
        return await actions.end(tx, voucher_id, by=Actor(ActorRole.HOST, request.user.id))


@post(
    "/api/admin/vouchers",
    guards=[require_admin, require_step_up],
    tags=["vouchers"],
    summary="Make a voucher at the cost of the platform",
    examples={"a percentage": _TEN_PERCENT, "an amount": _AN_AMOUNT},
)
async def make_as_admin(
    request: AuthenticatedRequest, data: JSONBody[NewPlatformVoucher]
) -> Response[VoucherReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.make_as_admin(tx, admin_id=request.user.id, new=data)
    )


@get(
    "/api/admin/vouchers",
    guards=[require_admin],
    tags=["vouchers"],
    summary="All vouchers, newest first",
)
async def list_all(limit: PageSize = 20, cursor: PageCursor = None) -> VoucherPage:
    async with transaction() as tx:
        return await actions.read_page(tx, host_id=None, limit=limit, cursor=cursor)


@post(
    "/api/admin/vouchers/{voucher_id:uuid}/end",
    guards=[require_admin, require_step_up],
    tags=["vouchers"],
    summary="End any voucher: bookings that have it keep it",
    status_code=HTTP_200_OK,
)
async def end_as_admin(request: AuthenticatedRequest, voucher_id: FromPath[UUID]) -> VoucherReply:
    async with transaction() as tx:
        return await actions.end(tx, voucher_id, by=Actor(ActorRole.ADMIN, request.user.id))


routes: list[HTTPRouteHandler] = [
    make_as_host,
    list_of_host,
    end_as_host,
    make_as_admin,
    list_all,
    end_as_admin,
]
