"""One statement per function on `listings`, `units`, `price_overrides` and `blocked_dates`."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_one,
    fetch_value,
    json,
)
from app.market.inventory.model import (
    RANGES_MAX,
    UNITS_MAX,
    BlockReply,
    Listing,
    NewBlock,
    NewOverride,
    NewUnit,
    Offer,
    OverrideReply,
    UnitChanges,
    UnitReply,
)


async def read_offer(
    tx: Tx, listing_id: UUID, unit_labels: list[str] | None, first: date | None, last: date | None
) -> Offer | None:
    """All that is needed to price and freeze a booking; None if there is no such listing.

    `first` is the check-in date and `last` the check-out date, which is not a night of the stay. A
    trip has one slot, its departure date, whatever is given. This is the hot path: every part is
    found by an index.
    """
    return await fetch_one(
        tx,
        Offer,
        """
        SELECT l.id, l.host_id, l.kind, l.state, l.title, l.description, l.place, l.country,
               l.destination, l.zone, l.currency, l.price, l.weekend_price, l.fee, l.deposit,
               l.policy, l.request_to_book, l.respond_within_h, l.check_in_time, l.check_out_time,
               l.departure_date, l.departure_time, l.arrival_date, l.arrival_time, l.arrival_zone,
               l.rules,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'id', u.id, 'label', u.label, 'unit_class', u.class,
                           'price', u.price, 'active', u.active) ORDER BY u.id), '[]')
                  FROM units u
                 WHERE u.listing_id = l.id AND u.label = ANY(%(labels)s::text[])) AS units,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'id', o.id, 'first_slot', o.first_slot, 'last_slot', o.last_slot,
                           'price', o.price)), '[]')
                  FROM price_overrides o
                 WHERE o.listing_id = l.id
                   AND o.last_slot >= coalesce(l.departure_date, %(first)s::date)
                   AND o.first_slot < coalesce(l.departure_date + 1, %(last)s::date)) AS overrides,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'unit_id', b.unit_id, 'first_slot', b.first_slot,
                           'last_slot', b.last_slot)), '[]')
                  FROM blocked_dates b
                 WHERE b.listing_id = l.id
                   AND b.last_slot >= coalesce(l.departure_date, %(first)s::date)
                   AND b.first_slot < coalesce(l.departure_date + 1, %(last)s::date)) AS blocks,
               business_now() AS now
          FROM listings l
         WHERE l.id = %(listing_id)s""",
        listing_id=listing_id,
        labels=unit_labels,
        first=first,
        last=last,
    )


async def read_listing(tx: Tx, listing_id: UUID) -> Listing | None:
    sql = "SELECT * FROM listings WHERE id = %(listing_id)s"
    return await fetch_one(tx, Listing, sql, listing_id=listing_id)


async def lock_listing(tx: Tx, listing_id: UUID) -> Listing | None:
    """A listing, locked for a change by its host. Reservations do not wait for this lock."""
    sql = "SELECT * FROM listings WHERE id = %(listing_id)s FOR NO KEY UPDATE"
    return await fetch_one(tx, Listing, sql, listing_id=listing_id)


async def read_listings_of_host(tx: Tx, host_id: UUID, *, after: UUID, limit: int) -> list[Listing]:
    sql = """
        SELECT * FROM listings
         WHERE host_id = %(host_id)s AND id > %(after)s
         ORDER BY id
         LIMIT %(limit)s"""
    return await fetch_all(tx, Listing, sql, host_id=host_id, after=after, limit=limit)


async def insert_listing(tx: Tx, listing: Listing) -> None:
    await execute(
        tx,
        """
        INSERT INTO listings (
            id, host_id, kind, state, title, description, place, country, destination, zone,
            currency, price, weekend_price, fee, deposit, policy, request_to_book, respond_within_h,
            check_in_time, check_out_time, departure_date, departure_time, arrival_date,
            arrival_time, arrival_zone, rules
        ) VALUES (
            %(id)s, %(host_id)s, %(kind)s, %(state)s, %(title)s, %(description)s, %(place)s,
            %(country)s, %(destination)s, %(zone)s, %(currency)s, %(price)s,
            %(weekend_price)s, %(fee)s, %(deposit)s, %(policy)s, %(request_to_book)s,
            %(respond_within_h)s,
            %(check_in_time)s, %(check_out_time)s, %(departure_date)s, %(departure_time)s,
            %(arrival_date)s, %(arrival_time)s, %(arrival_zone)s, %(rules)s
        )""",
        **_columns(listing),
    )


async def update_listing(tx: Tx, listing: Listing) -> None:
    await execute(
        tx,
        """
        UPDATE listings
           SET state = %(state)s, title = %(title)s, description = %(description)s,
               place = %(place)s, country = %(country)s, destination = %(destination)s,
               price = %(price)s, weekend_price = %(weekend_price)s, fee = %(fee)s,
               deposit = %(deposit)s,
               policy = %(policy)s, request_to_book = %(request_to_book)s,
               respond_within_h = %(respond_within_h)s, check_in_time = %(check_in_time)s,
               check_out_time = %(check_out_time)s, rules = %(rules)s,
               updated_at = business_now()
         WHERE id = %(id)s""",
        **_columns(listing),
    )


def _columns(listing: Listing) -> dict[str, Any]:
    rules = None if listing.rules is None else json(listing.rules)
    return msgspec.structs.asdict(listing) | {"rules": rules}


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """How much a host offers, and whether a booking of the host was ever completed."""

    listings: int
    units: int
    has_completed: bool


async def count_offers(tx: Tx, host_id: UUID) -> Offers:
    return await fetch_new(
        tx,
        Offers,
        """
        SELECT count(*) AS listings,
               coalesce(sum((SELECT count(*) FROM units WHERE listing_id = listings.id)), 0)::bigint
               AS units,
               EXISTS (SELECT FROM bookings
                        WHERE host_id = %(host_id)s AND state = 'completed') AS has_completed
          FROM listings
         WHERE host_id = %(host_id)s""",
        host_id=host_id,
    )


async def insert_units(tx: Tx, listing_id: UUID, units: Sequence[NewUnit]) -> int:
    """Add units in their order, unless the listing would have too many; returns how many.

    Raises Violated("units_label_taken").
    """
    sql = """
        INSERT INTO units (listing_id, label, class, price, seat_row, seat_column)
        SELECT %(listing_id)s, new.label, new.class, (new.price ->> 'amount')::bigint,
               new."seatRow", new."seatColumn"
          FROM jsonb_to_recordset(%(units)s) AS new (
                   label text, class text, price jsonb, "seatRow" smallint, "seatColumn" smallint)
         WHERE (SELECT count(*) FROM units WHERE listing_id = %(listing_id)s)
               + jsonb_array_length(%(units)s) <= %(units_max)s"""
    return await execute(tx, sql, listing_id=listing_id, units=json(units), units_max=UNITS_MAX)


async def read_units(tx: Tx, listing_id: UUID) -> list[UnitReply]:
    """All units of a listing, inactive ones too, in the order in which they were made."""
    sql = """
        SELECT u.label, u.class AS unit_class, u.seat_row, u.seat_column, u.active,
               CASE WHEN u.price IS NOT NULL
                    THEN jsonb_build_object('amount', u.price, 'currency', l.currency) END AS price
          FROM units u JOIN listings l ON l.id = u.listing_id
         WHERE u.listing_id = %(listing_id)s
         ORDER BY u.id"""
    return await fetch_all(tx, UnitReply, sql, listing_id=listing_id)


async def update_unit(
    tx: Tx, listing_id: UUID, label: str, changes: UnitChanges, *, price: int | None
) -> int:
    """Change what is given, the price to `price`; returns 0 if there is no such unit."""
    return await execute(
        tx,
        """
        UPDATE units
           SET class = coalesce(%(unit_class)s::text, class),
               price = CASE WHEN %(price_given)s THEN %(price)s::bigint ELSE price END,
               active = coalesce(%(active)s::boolean, active)
         WHERE listing_id = %(listing_id)s AND label = %(label)s""",
        listing_id=listing_id,
        label=label,
        unit_class=changes.unit_class or None,
        price_given=changes.price is not UNSET,
        price=price,
        active=None if changes.active is UNSET else changes.active,
    )


async def insert_override(tx: Tx, listing_id: UUID, new: NewOverride) -> int | None:
    """Insert a price override; returns its id, or None if the listing has as many as allowed."""
    return await fetch_value(
        tx,
        int,
        """
        INSERT INTO price_overrides (listing_id, first_slot, last_slot, price)
        SELECT %(listing_id)s, %(first_slot)s, %(last_slot)s, %(amount)s
         WHERE %(max)s > (SELECT count(*) FROM price_overrides WHERE listing_id = %(listing_id)s)
        RETURNING id""",
        listing_id=listing_id,
        first_slot=new.first_slot,
        last_slot=new.last_slot,
        amount=new.price.amount,
        max=RANGES_MAX,
    )


async def read_overrides(tx: Tx, listing_id: UUID) -> list[OverrideReply]:
    """All price overrides of a listing, the oldest first: of two for one slot the later counts."""
    sql = """
        SELECT o.id, o.first_slot, o.last_slot,
               jsonb_build_object('amount', o.price, 'currency', l.currency) AS price
          FROM price_overrides o JOIN listings l ON l.id = o.listing_id
         WHERE o.listing_id = %(listing_id)s
         ORDER BY o.id"""
    return await fetch_all(tx, OverrideReply, sql, listing_id=listing_id)


async def delete_override(tx: Tx, listing_id: UUID, override_id: int) -> int:
    sql = "DELETE FROM price_overrides WHERE id = %(id)s AND listing_id = %(listing_id)s"
    return await execute(tx, sql, id=override_id, listing_id=listing_id)


async def insert_block(tx: Tx, listing_id: UUID, new: NewBlock) -> int | None:
    """Insert blocked dates; returns their id, or None if the listing has as many as allowed.

    A unit that is named must exist.
    """
    return await fetch_value(
        tx,
        int,
        """
        INSERT INTO blocked_dates (listing_id, unit_id, first_slot, last_slot, reason)
        SELECT %(listing_id)s,
               (SELECT id FROM units WHERE listing_id = %(listing_id)s AND label = %(unit)s),
               %(first_slot)s, %(last_slot)s, %(reason)s
         WHERE %(max)s > (SELECT count(*) FROM blocked_dates WHERE listing_id = %(listing_id)s)
        RETURNING id""",
        **msgspec.structs.asdict(new),
        listing_id=listing_id,
        max=RANGES_MAX,
    )


async def read_blocks(tx: Tx, listing_id: UUID) -> list[BlockReply]:
    sql = """
        SELECT b.id, b.first_slot, b.last_slot, u.label AS unit, b.reason
          FROM blocked_dates b LEFT JOIN units u ON u.id = b.unit_id
         WHERE b.listing_id = %(listing_id)s
         ORDER BY b.id"""
    return await fetch_all(tx, BlockReply, sql, listing_id=listing_id)


async def delete_block(tx: Tx, listing_id: UUID, block_id: int) -> int:
    sql = "DELETE FROM blocked_dates WHERE id = %(id)s AND listing_id = %(listing_id)s"
    return await execute(tx, sql, id=block_id, listing_id=listing_id)


async def still_sells(
    tx: Tx, listing_id: UUID, *, unit_ids: Sequence[int], first: date, last: date
) -> bool:
    """Whether the listing is open, and none of the units is inactive or blocked on these dates."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT listings.state = 'open'
           AND NOT EXISTS (
                SELECT FROM units WHERE id = ANY(%(unit_ids)s) AND NOT active)
           AND NOT EXISTS (
                SELECT FROM blocked_dates
                 WHERE listing_id = listings.id
                   AND (unit_id IS NULL OR unit_id = ANY(%(unit_ids)s))
                   AND first_slot <= %(last)s AND last_slot >= %(first)s)
          FROM listings
         WHERE id = %(listing_id)s""",
        unit_ids=list(unit_ids),
        listing_id=listing_id,
        first=first,
        last=last,
    )
