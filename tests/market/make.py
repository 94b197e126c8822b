"""Factories of listings, through the actions of `inventory`; and of claims."""

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat

from app.foundation.db import Tx, execute
from app.foundation.money import Money
from app.market.inventory import actions
from app.market.inventory.model import (
    Kind,
    ListingReply,
    NewListing,
    NewUnits,
    Policy,
    RoomPlan,
    SeatPlan,
)
from app.people.accounts.model import Principal
from tests.make import today


async def stay(
    tx: Tx, host: Principal, *, rooms: int = 3, amount: int = 10_000, **fields: Any
) -> ListingReply:
    """A stay in Lagos with rooms `Room 1`, `Room 2`, …; `fields` are those of NewListing."""
    new = NewListing(**{
        "kind": Kind.STAY,
        "title": "Lagoon House",
        "place": "Lagos",
        "zone": "Africa/Lagos",
        "price": Money(amount, "NGN"),
        "policy": Policy.MODERATE,
        "check_in_time": time(15),
        "check_out_time": time(11),
        **fields,
    })  # fmt: skip
    listing = await actions.create_listing(tx, host_id=host.id, new=new)
    if rooms:
        plan = NewUnits(rooms=RoomPlan(count=rooms))
        await actions.add_units(tx, listing.id, host_id=host.id, new=plan)
    return listing


async def trip(
    tx: Tx,
    host: Principal,
    *,
    seats: int = 60,
    amount: int = 5_000,
    departs_in_days: int = 10,
    **fields: Any,
) -> ListingReply:
    """A bus from Douala to Yaoundé, four seats to a row: `1A` … `15D`; all rows are full.

    It departs at 08:00 in `departs_in_days` days. `seats` is a multiple of four.
    """
    day = await today(tx) + timedelta(days=departs_in_days)
    new = NewListing(**{
        "kind": Kind.TRIP,
        "title": "Morning bus",
        "place": "Douala",
        "destination": "Yaoundé",
        "zone": "Africa/Douala",
        "price": Money(amount, "XAF"),
        "policy": Policy.STRICT,
        "departure_date": day,
        "departure_time": time(8),
        "arrival_date": day,
        "arrival_time": time(12, 30),
        **fields,
    })  # fmt: skip
    listing = await actions.create_listing(tx, host_id=host.id, new=new)
    if seats:
        assert seats % 4 == 0
        plan = NewUnits(seats=SeatPlan(rows=seats // 4, columns="AB_CD"))
        await actions.add_units(tx, listing.id, host_id=host.id, new=plan)
    return listing


async def claim(
    tx: Tx,
    listing: ListingReply,
    label: str,
    slot: date,
    *,
    nights: int = 1,
    held_for_s: int | None = None,
) -> UUID:
    """A unit taken for some slots: paid for, or held for so long (negative: the hold ran out)."""
    booking_id: UUID = uuid_utils.compat.uuid7()
    await execute(
        tx,
        """
        INSERT INTO bookings (
            id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
            check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
            expires_at, created_at, updated_at)
        SELECT %(booking_id)s, l.host_id, l.host_id, l.id, l.kind,
               CASE WHEN %(held_for_s)s::int IS NULL THEN 'confirmed' ELSE 'held' END,
               ARRAY[u.id], %(slot)s, %(slot)s, %(slot)s, %(slot)s::date + 1, l.currency,
               1, 0, 0, 1, '[]', '{}', business_now() + %(held_for_s)s::int * interval '1 s',
               business_now(), business_now()
          FROM listings l JOIN units u ON u.listing_id = l.id AND u.label = %(label)s
         WHERE l.id = %(listing_id)s""",
        booking_id=booking_id,
        listing_id=listing.id,
        label=label,
        slot=slot,
        held_for_s=held_for_s,
    )
    touched = await execute(
        tx,
        """
        INSERT INTO claims (unit_id, slot, booking_id, expires_at)
        SELECT unit_ids[1], first_slot + n, id, expires_at
          FROM bookings, generate_series(0, %(nights)s - 1) AS n
         WHERE id = %(booking_id)s""",
        booking_id=booking_id,
        nights=nights,
    )
    assert touched == nights
    return booking_id
