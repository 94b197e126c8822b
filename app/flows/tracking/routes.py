"""Where a booking's money is, over HTTP."""

from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from app.flows.tracking import actions
from app.flows.tracking.model import EscrowReply, EscrowTrail
from app.foundation.db import transaction
from app.people.accounts.guards import AuthenticatedRequest


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


routes: list[HTTPRouteHandler] = [get_escrow, get_escrow_events]
