"""Where a booking's money is, over HTTP."""

from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from app.edge.webhooks.model import EventPage
from app.flows.tracking import actions
from app.flows.tracking.model import EscrowReply, EscrowTrail
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.people.accounts.guards import AuthenticatedRequest, require_admin


@get(
    "/api/bookings/{booking_id:uuid}/escrow",
    tags=["escrow"],
    summary="Where a booking's money is: what it waits for, until when, by which rule",
)
async def get_escrow(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> EscrowReply:
    async with transaction() as tx:
        return await actions.explain(tx, booking_id=booking_id, asker=request.user)


@get(
    "/api/bookings/{booking_id:uuid}/escrow-events",
    tags=["escrow"],
    summary="Everything that happened to a booking's money, in order",
)
async def get_escrow_events(
    request: AuthenticatedRequest, booking_id: FromPath[UUID]
) -> EscrowTrail:
    async with transaction() as tx:
        return await actions.read_trail(tx, booking_id=booking_id, asker=request.user)


@get(
    "/api/admin/webhooks/booking/{booking_id:uuid}",
    guards=[require_admin],
    tags=["webhooks"],
    summary="What gateways reported of a booking's charges, refunds and transfers, newest first",
)
async def list_webhooks_of_booking(
    request: AuthenticatedRequest,
    booking_id: FromPath[UUID],
    *,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> EventPage:
    async with transaction() as tx:
        return await actions.read_webhooks(
            tx, booking_id=booking_id, asker=request.user, limit=limit, cursor=cursor
        )


routes: list[HTTPRouteHandler] = [get_escrow, get_escrow_events, list_webhooks_of_booking]
