"""HTTP of listings, units, prices and blocked dates."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, PathParameter

from app.foundation import limits, web
from app.foundation.asgi import public_read
from app.foundation.db import reading, transaction
from app.foundation.limited import by_address
from app.foundation.limits import LISTINGS, SEARCH
from app.foundation.web import LARGE_BODY_BYTES_MAX, PageCursor, PageSize
from app.market.inventory import actions
from app.market.inventory.model import (
    BlockList,
    BlockReply,
    ListingChanges,
    ListingPage,
    ListingReply,
    NewBlock,
    NewListing,
    NewOverride,
    NewUnits,
    OverrideList,
    OverrideReply,
    UnitChanges,
    UnitList,
    UnitReply,
)
from app.people.accounts.guards import AuthenticatedRequest, require_host, require_proved_email

RowId = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]

_A_STAY: Final = {
    "kind": "stay",
    "title": "Guest house by the lagoon",
    "place": "Lagos",
    "zone": "Africa/Lagos",
    "price": {"amount": 2_000_000, "currency": "NGN"},
    "weekendPrice": {"amount": 2_500_000, "currency": "NGN"},
    "fee": {"amount": 150_000, "currency": "NGN"},
    "deposit": {"amount": 500_000, "currency": "NGN"},
    "policy": "moderate",
    "checkInTime": "15:00:00",
    "checkOutTime": "11:00:00",
    "rules": {
        "nightsMin": 2,
        "nightsMax": 14,
        "noticeDays": 1,
        "nightsBetween": 1,
        "seasons": [
            {
                "name": "Christmas",
                "firstDay": "2027-12-20",
                "lastDay": "2028-01-05",
                "nightsMin": 5,
                "arrivalDays": ["friday", "saturday"],
            }
        ],
    },
}
_A_TRIP: Final = {
    "kind": "trip",
    "title": "Night bus to Douala",
    "place": "Yaoundé",
    "destination": "Douala",
    "zone": "Africa/Douala",
    "price": {"amount": 6_000, "currency": "XAF"},
    "policy": "flexible",
    "departureDate": "2027-07-01",
    "departureTime": "22:00:00",
    "arrivalDate": "2027-07-02",
    "arrivalTime": "03:30:00",
}


@post(
    "/api/listings",
    guards=[require_host, require_proved_email],
    tags=["listings"],
    summary="Offer a stay or a trip; it can be booked once it has units",
    examples={"a stay": _A_STAY, "a trip": _A_TRIP},
)
async def create_listing(
    request: AuthenticatedRequest, data: JSONBody[NewListing]
) -> Response[ListingReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key,
        lambda tx: actions.create_listing(tx, host_id=request.user.id, new=data),
        bucket=limits.bucket(LISTINGS, request.user.id),
    )


@patch(
    "/api/listings/{listing_id:uuid}",
    guards=[require_host],
    tags=["listings"],
    summary="Change a listing; bookings keep their terms",
)
async def change_listing(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], data: JSONBody[ListingChanges]
) -> ListingReply:
    """Fields that are given change, others stay; `"state": "closed"` takes the listing off sale.

    `rules` replace those that were set before. They are for new bookings.
    """
    async with transaction() as tx:
        return await actions.change_listing(tx, listing_id, host_id=request.user.id, changes=data)


@get(
    "/api/listings/{listing_id:uuid}",
    exclude_from_auth=True,
    guards=[by_address(SEARCH)],
    middleware=[public_read],
    tags=["listings"],
    summary="One listing, a closed one too",
)
async def read_listing(listing_id: FromPath[UUID]) -> ListingReply:
    async with reading() as tx:
        return await actions.read_listing(tx, listing_id)


@get(
    "/api/host/listings",
    guards=[require_host],
    tags=["listings"],
    summary="The asker's own listings, closed ones too, the oldest first",
)
async def list_of_host(
    request: AuthenticatedRequest, limit: PageSize = 20, cursor: PageCursor = None
) -> ListingPage:
    async with transaction() as tx:
        return await actions.list_of_host(tx, host_id=request.user.id, limit=limit, cursor=cursor)


@post(
    "/api/listings/{listing_id:uuid}/units",
    request_max_body_size=LARGE_BODY_BYTES_MAX,
    guards=[require_host],
    tags=["units"],
    summary="Add units: one by one, seats by a plan, or numbered rooms",
)
async def add_units(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], data: JSONBody[NewUnits]
) -> Response[UnitList]:
    """Adds all units or none. Answers with all units of the listing."""
    key = await web.idempotency_key(request)
    return await web.created_once(
        key,
        lambda tx: actions.add_units(tx, listing_id, host_id=request.user.id, new=data),
        bucket=limits.bucket(LISTINGS, request.user.id),
    )


@get(
    "/api/listings/{listing_id:uuid}/units",
    exclude_from_auth=True,
    guards=[by_address(SEARCH)],
    middleware=[public_read],
    tags=["units"],
    summary="All units of a listing",
)
async def list_units(listing_id: FromPath[UUID]) -> UnitList:
    async with reading() as tx:
        return await actions.list_units(tx, listing_id)


@patch(
    "/api/listings/{listing_id:uuid}/units/{label:str}",
    guards=[require_host],
    tags=["units"],
    summary="Change a unit, or take it off sale",
)
async def change_unit(
    request: AuthenticatedRequest,
    listing_id: FromPath[UUID],
    label: FromPath[str],
    data: JSONBody[UnitChanges],
) -> UnitReply:
    """Fields that are given change: class, price, or `"active": false` to take it off sale."""
    async with transaction() as tx:
        return await actions.change_unit(
            tx, listing_id, label, host_id=request.user.id, changes=data
        )


@post(
    "/api/listings/{listing_id:uuid}/price-overrides",
    guards=[require_host],
    tags=["prices"],
    summary="Set the price of every unit for a range of slots",
)
async def add_override(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], data: JSONBody[NewOverride]
) -> Response[OverrideReply]:
    """Of two overrides for one slot the newer one counts."""
    key = await web.idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.add_override(tx, listing_id, host_id=request.user.id, new=data)
    )


@get(
    "/api/listings/{listing_id:uuid}/price-overrides",
    guards=[require_host],
    tags=["prices"],
    summary="The price overrides of a listing, the oldest first",
)
async def list_overrides(request: AuthenticatedRequest, listing_id: FromPath[UUID]) -> OverrideList:
    async with transaction() as tx:
        return await actions.list_overrides(tx, listing_id, host_id=request.user.id)


@delete(
    "/api/listings/{listing_id:uuid}/price-overrides/{override_id:int}",
    guards=[require_host],
    tags=["prices"],
    summary="Delete a price override",
)
async def delete_override(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], override_id: RowId
) -> None:
    async with transaction() as tx:
        await actions.delete_override(tx, listing_id, override_id, host_id=request.user.id)


@post(
    "/api/listings/{listing_id:uuid}/blocked-dates",
    guards=[require_host],
    tags=["prices"],
    summary="Take slots off sale, of one unit or of the whole listing",
)
async def add_block(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], data: JSONBody[NewBlock]
) -> Response[BlockReply]:
    key = await web.idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.add_block(tx, listing_id, host_id=request.user.id, new=data)
    )


@get(
    "/api/listings/{listing_id:uuid}/blocked-dates",
    guards=[require_host],
    tags=["prices"],
    summary="The blocked dates of a listing, the oldest first",
)
async def list_blocks(request: AuthenticatedRequest, listing_id: FromPath[UUID]) -> BlockList:
    async with transaction() as tx:
        return await actions.list_blocks(tx, listing_id, host_id=request.user.id)


@delete(
    "/api/listings/{listing_id:uuid}/blocked-dates/{block_id:int}",
    guards=[require_host],
    tags=["prices"],
    summary="Put blocked dates on sale again",
)
async def delete_block(
    request: AuthenticatedRequest, listing_id: FromPath[UUID], block_id: RowId
) -> None:
    async with transaction() as tx:
        await actions.delete_block(tx, listing_id, block_id, host_id=request.user.id)


routes: Final = [
    create_listing, change_listing, read_listing, list_of_host,
    add_units, list_units, change_unit,
    add_override, list_overrides, delete_override,
    add_block, list_blocks, delete_block,
]  # fmt: skip
