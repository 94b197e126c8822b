"""Bookings over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.foundation import limits, web
from app.foundation.db import Tx, transaction
from app.foundation.limits import RESERVE
from app.foundation.web import PageCursor, PageSize
from app.market.bookings import actions
from app.market.bookings.model import (
    BookingPage,
    BookingReply,
    BookingState,
    Decision,
    History,
    PassengerList,
    Passengers,
    Reserve,
)
from app.people.accounts.guards import AuthenticatedRequest, require_host

StateFilter = Annotated[BookingState | None, QueryParameter(name="state")]


_TRIP_ID: Final = "0198c0de-0000-7000-8000-000000000001"
_STAY_ID: Final = "0198c0de-0000-7000-8000-000000000002"
_A_SEAT_EACH: Final = {
    "tripId": _TRIP_ID,
    "seatNumbers": ["1A", "1B"],
    "holdDurationMinutes": 15,
    "passengers": [{"seat": "1A", "name": "Ada"}, {"seat": "1B", "name": "Ben"}],
}
_ANY_SEATS: Final = {"tripId": _TRIP_ID, "seatCount": 2}
_THREE_NIGHTS: Final = {
    "listingId": _STAY_ID,
    "units": ["Room 1"],
    "checkIn": "2027-07-01",
    "checkOut": "2027-07-04",
}

_A_STAY_AND_A_TRIP: Final = {
    "parts": [
        {"listingId": _STAY_ID, "unitCount": 1, "checkIn": "2027-07-01", "checkOut": "2027-07-04"},
        {"tripId": _TRIP_ID, "seatCount": 2},
    ],
    "partsStandAlone": False,
}


@post(
    "/api/bookings/reserve",
    tags=["bookings"],
    summary="Hold seats or nights: all or nothing",
    examples={
        "a trip: these seats": _A_SEAT_EACH,
        "a trip: any seats": _ANY_SEATS,
        "a stay: this room": _THREE_NIGHTS,
        "a stay and a trip": _A_STAY_AND_A_TRIP,
    },
)
async def reserve(request: AuthenticatedRequest, data: JSONBody[Reserve]) -> Response[BookingReply]:
    """What breaks a rule of the stay's host is answered with 422, and its `code` says which rule:
    `stay_too_short`, `stay_too_long`, `no_arrival_on_this_day`, `no_departure_on_this_day`,
    `notice_too_short`, `too_far_ahead`, `nights_between_guests`.
    """
    key = await web.idempotency_key(request)

    async def hold(tx: Tx) -> BookingReply:
        parts = await actions.reserve(tx, guest_id=request.user.id, request=data)
        return BookingReply.of_whole(parts)

    return await web.created_once(key, hold, bucket=limits.bucket(RESERVE, request.user.id))


@get("/api/bookings", tags=["bookings"], summary="The asker's bookings as a guest, newest first")
async def list_bookings(
    request: AuthenticatedRequest,
    booking_state: StateFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> BookingPage:
    async with transaction() as tx:
        return await actions.read_as_guest(
            tx, request.user.id, state=booking_state, limit=limit, cursor=cursor
        )


@get(
    "/api/host/bookings",
    guards=[require_host],
    tags=["bookings"],
    summary="Bookings of the asker's listings, newest first",
)
async def list_host_bookings(
    request: AuthenticatedRequest,
    booking_state: StateFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> BookingPage:
    async with transaction() as tx:
        return await actions.read_as_host(
            tx, request.user.id, state=booking_state, limit=limit, cursor=cursor
        )


@get("/api/bookings/{booking_id:uuid}", tags=["bookings"], summary="One booking")
async def get_booking(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> BookingReply:
    """The id of a booking of several parts is that of its first part: to its guest and to admins it
    means all parts, to a host the host's own part. The id of a later part means that part.
    """
    async with transaction() as tx:
        parts = await actions.get_whole(tx, booking_id=booking_id, asker=request.user)
    return BookingReply.of_whole(parts)


@get(
    "/api/bookings/{booking_id:uuid}/history",
    tags=["bookings"],
    summary="Every move of a booking: when, from, to, who, why",
)
async def get_history(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> History:
    async with transaction() as tx:
        return await actions.read_history(tx, booking_id=booking_id, asker=request.user)


@get("/api/bookings/{booking_id:uuid}/passengers", tags=["bookings"], summary="Who travels")
async def get_passengers(
    request: AuthenticatedRequest, booking_id: FromPath[UUID]
) -> PassengerList:
    async with transaction() as tx:
        passengers = await actions.read_passengers(tx, booking_id=booking_id, asker=request.user)
    return PassengerList(passengers=passengers)


@put(
    "/api/bookings/{booking_id:uuid}/passengers",
    tags=["bookings"],
    summary="Say who travels, until the departure",
)
async def put_passengers(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[Passengers]
) -> PassengerList:
    async with transaction() as tx:
        passengers = await actions.put_passengers(
            tx, booking_id=booking_id, asker=request.user, passengers=data.passengers
        )
    return PassengerList(passengers=passengers)


@post(
    "/api/bookings/{booking_id:uuid}/accept",
    status_code=200,
    guards=[require_host],
    tags=["bookings"],
    summary="The host accepts a request",
)
async def accept(request: AuthenticatedRequest, booking_id: FromPath[UUID]) -> BookingReply:
    async with transaction() as tx:
        booking = await actions.accept(tx, booking_id=booking_id, host_id=request.user.id)
    return BookingReply.of(booking)


@post(
    "/api/bookings/{booking_id:uuid}/decline",
    status_code=200,
    guards=[require_host],
    tags=["bookings"],
    summary="The host declines a request; the guest's money is refunded",
)
async def decline(
    request: AuthenticatedRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Decision | None] = None,
) -> BookingReply:
    async with transaction() as tx:
        booking = await actions.decline(
            tx, booking_id=booking_id, host_id=request.user.id, reason=data.reason if data else ""
        )
    return BookingReply.of(booking)


routes: list[HTTPRouteHandler] = [
    reserve,
    list_bookings,
    list_host_bookings,
    get_booking,
    get_history,
    get_passengers,
    put_passengers,
    accept,
    decline,
]
