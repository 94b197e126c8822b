"""Cancellation over HTTP: preview the refund, then cancel."""

from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, Preview
from app.foundation.db import transaction
from app.market.bookings.model import BookingReply
from app.people.accounts.guards import AuthenticatedRequest


@get(
    "/api/bookings/{booking_id:uuid}/cancellation",
    tags=["bookings"],
    summary="What the guest gets back if the asker cancels now, and by which rule",
)
async def preview(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> Preview:
    async with transaction() as tx:
        return await actions.preview(tx, booking_id=booking_id, asker=request.user)


@post(
    "/api/bookings/{booking_id:uuid}/cancel",
    status_code=200,
    tags=["bookings"],
    summary="End a booking, or a part of it, before it begins",
)
async def cancel(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[Cancel | None] = None
) -> BookingReply:
    async with transaction() as tx:
        parts = await actions.cancel(
            tx, booking_id=booking_id, asker=request.user, request=data or Cancel()
        )
    return BookingReply.of_whole(parts)


routes: list[HTTPRouteHandler] = [preview, cancel]
