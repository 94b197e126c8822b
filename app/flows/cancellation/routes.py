"""Cancellation over HTTP: preview the refund, then cancel, or give back some of it."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, GiveBack, GivenBack, Nights, Preview
from app.foundation import web
from app.foundation.db import Tx, transaction
from app.market.bookings.model import BookingReply, Labels
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


FirstNights = Annotated[Nights | None, QueryParameter(name="firstNights")]
LastNights = Annotated[Nights | None, QueryParameter(name="lastNights")]
Everything = Annotated[bool | None, QueryParameter(name="all", description="All of this part")]

_A_SEAT: Final = {"units": ["1B"], "expectedRefund": {"amount": 250000, "currency": "NGN"}}
_TWO_NIGHTS: Final = {"lastNights": 2, "reason": "We leave earlier"}


@get(
    "/api/bookings/{booking_id:uuid}/give-back",
    tags=["bookings"],
    summary="What the guest gets back if the asker gives some of a booking back now",
)
async def preview_give_back(
    request: AuthenticatedRequest,
    booking_id: FromPath[UUID],
    *,
    units: Annotated[Labels | None, QueryParameter()] = None,
    first_nights: FirstNights = None,
    last_nights: LastNights = None,
    everything: Everything = None,
) -> GivenBack:
    """Exactly one of `units` (repeat it for each), `firstNights`, `lastNights` and `all` is given.

    What is not refunded whole goes by the terms that were agreed on: see `rule`.
    """
    wanted = GiveBack(
        units=units,
        first_nights=first_nights,
        last_nights=last_nights,
        everything=True if everything else None,
    )
    async with transaction() as tx:
        return await actions.preview_give_back(
            tx, booking_id=booking_id, asker=request.user, request=wanted
        )


@post(
    "/api/bookings/{booking_id:uuid}/give-back",
    tags=["bookings"],
    summary="Give back seats, rooms, first or last nights, or one part of a booking",
    examples={"a seat": _A_SEAT, "the last two nights": _TWO_NIGHTS, "all of it": {"all": True}},
)
async def give_back(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[GiveBack]
) -> Response[GivenBack]:
    """What is given back is free at once, and becomes a cancelled part of the booking."""
    key = await web.idempotency_key(request)

    async def give(tx: Tx) -> GivenBack:
        return await actions.give_back(tx, booking_id=booking_id, asker=request.user, request=data)

    return await web.created_once(key, give)


routes: list[HTTPRouteHandler] = [preview, cancel, preview_give_back, give_back]
