"""Disputes and damage reports over HTTP."""

from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from app.foundation import web
from app.foundation.db import transaction
from app.foundation.limited import by_account
from app.foundation.limits import DISPUTE
from app.foundation.web import PageCursor, PageSize
from app.market.disputes import actions
from app.market.disputes.model import (
    DamageReport,
    DisputeList,
    DisputePage,
    DisputeReply,
    Evidence,
    NewEvidence,
    OpenDispute,
    Resolve,
)
from app.people.accounts.guards import (
    AuthenticatedRequest,
    require_admin,
    require_host,
    require_step_up,
)


@post(
    "/api/bookings/{booking_id:uuid}/disputes",
    guards=[by_account(DISPUTE)],
    tags=["disputes"],
    summary="The guest disputes the rental, while the guest window is open",
)
async def open_dispute(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[OpenDispute]
) -> Response[DisputeReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key,
        lambda tx: actions.open_dispute(
            tx, booking_id=booking_id, asker=request.user, request=data
        ),
    )


@post(
    "/api/bookings/{booking_id:uuid}/damage-claims",
    guards=[require_host, by_account(DISPUTE)],
    tags=["disputes"],
    summary="The host reports damage to be paid from the deposit, while the host window is open",
)
async def report_damage(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[DamageReport]
) -> Response[DisputeReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key,
        lambda tx: actions.report_damage(
            tx, booking_id=booking_id, asker=request.user, request=data
        ),
    )


@get(
    "/api/bookings/{booking_id:uuid}/disputes",
    tags=["disputes"],
    summary="All disputes of a booking with their evidence, the oldest first",
)
async def list_disputes(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> DisputeList:
    async with transaction() as tx:
        return DisputeList(
            disputes=await actions.of_booking(tx, booking_id=booking_id, asker=request.user)
        )


@post(
    "/api/bookings/{booking_id:uuid}/disputes/{dispute_id:uuid}/evidence",
    guards=[by_account(DISPUTE)],
    tags=["disputes"],
    summary="Guest or host add evidence, while the dispute is open",
)
async def add_evidence(
    request: AuthenticatedRequest,
    booking_id: FromPath[UUID],
    dispute_id: FromPath[UUID],
    data: JSONBody[NewEvidence],
) -> Response[Evidence]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key,
        lambda tx: actions.add_evidence(
            tx, booking_id=booking_id, dispute_id=dispute_id, asker=request.user, evidence=data
        ),
    )


@post(
    "/api/bookings/{booking_id:uuid}/disputes/{dispute_id:uuid}/withdraw",
    status_code=200,
    tags=["disputes"],
    summary="Withdraw a dispute that you opened; its money is released when due",
)
async def withdraw(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], dispute_id: FromPath[UUID]
) -> DisputeReply:
    async with transaction() as tx:
        return await actions.withdraw(
            tx, booking_id=booking_id, dispute_id=dispute_id, asker=request.user
        )


@get(
    "/api/admin/disputes",
    guards=[require_admin],
    tags=["disputes"],
    summary="Open disputes, the oldest first; then those that ended, the newest first",
)
async def list_all(limit: PageSize = 20, cursor: PageCursor = None) -> DisputePage:
    async with transaction() as tx:
        return await actions.page(tx, limit=limit, cursor=cursor)


@post(
    "/api/admin/disputes/{dispute_id:uuid}/resolve",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["disputes"],
    summary="Decide a dispute: the pot is divided at once",
)
async def resolve(
    request: AuthenticatedRequest, dispute_id: FromPath[UUID], data: JSONBody[Resolve]
) -> DisputeReply:
    async with transaction() as tx:
        return await actions.resolve(tx, dispute_id=dispute_id, asker=request.user, request=data)


routes: list[HTTPRouteHandler] = [
    open_dispute,
    report_damage,
    list_disputes,
    add_evidence,
    withdraw,
    list_all,
    resolve,
]
