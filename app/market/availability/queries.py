"""One statement per function on listings, units, blocked dates and claims together.

A claim counts if it is paid for (`expires_at` is null) or its hold has not expired.
"""

from datetime import date
from uuid import UUID

import msgspec

from app.foundation.db import Tx, fetch_all
from app.market.availability.model import FreeNight, Search, UnitNow
from app.market.inventory.model import Listing


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a listing in the order of a search: stays by id, trips by departure and id."""

    departure_date: date | None
    id: UUID


async def read_units_now(
    tx: Tx, listing_id: UUID, first: date, last: date, *, gap: int
) -> list[UnitNow]:
    """The active units, with their least free state in the slots from `first` to before `last`.

    A unit is not free either if it is taken or held in one of `gap` slots before or after these.
    """
    sql = """
        SELECT u.id, u.label, u.class AS unit_class, u.price, u.active, u.seat_row, u.seat_column,
               CASE WHEN claim.paid THEN 'taken'
                    WHEN claim.paid IS NOT NULL THEN 'held'
                    WHEN EXISTS (SELECT FROM blocked_dates b
                                  WHERE b.listing_id = u.listing_id
                                    AND b.first_slot < %(last)s AND b.last_slot >= %(first)s
                                    AND (b.unit_id IS NULL OR b.unit_id = u.id)) THEN 'blocked'
                    ELSE 'free' END AS state
          FROM units u CROSS JOIN LATERAL (
                   SELECT bool_or(c.expires_at IS NULL) AS paid
                     FROM claims c
                    WHERE c.unit_id = u.id AND c.slot >= %(first)s::date - %(gap)s
                      AND c.slot < %(last)s::date + %(gap)s
                      AND (c.expires_at IS NULL OR c.expires_at > (SELECT business_now()))) claim
         WHERE u.listing_id = %(listing_id)s AND u.active
         ORDER BY u.id"""
    return await fetch_all(tx, UnitNow, sql, listing_id=listing_id, first=first, last=last, gap=gap)


async def count_free_by_night(
    tx: Tx, listing_id: UUID, first: date, last: date, *, gap: int
) -> list[FreeNight]:
    """How many units are free in each night from `first` to the one before `last`.

    The `gap` nights before and after a claim are not free either.
    """
    return await fetch_all(
        tx,
        FreeNight,
        """
        WITH mine AS MATERIALIZED (
            SELECT id FROM units WHERE listing_id = %(listing_id)s AND active
        ), blocked AS MATERIALIZED (
            SELECT DISTINCT b.unit_id, b.slot::date AS slot
              FROM (SELECT unit_id, generate_series(greatest(first_slot, %(first)s),
                                                    least(last_slot, %(last)s::date - 1),
                                                    interval '1 day') AS slot
                      FROM blocked_dates
                     WHERE listing_id = %(listing_id)s
                       AND first_slot < %(last)s AND last_slot >= %(first)s) b
        ), away AS (
            SELECT mine.id, c.slot + beside AS slot
              FROM mine JOIN claims c ON c.unit_id = mine.id,
                   generate_series(-%(gap)s::integer, %(gap)s::integer) AS beside
             WHERE c.slot >= %(first)s::date - %(gap)s::integer
               AND c.slot < %(last)s::date + %(gap)s::integer
               AND (c.expires_at IS NULL OR c.expires_at > (SELECT business_now()))
             UNION
            SELECT mine.id, blocked.slot FROM mine JOIN blocked ON blocked.unit_id = mine.id
        ), away_by_night AS (
            SELECT slot, count(*) AS units FROM away GROUP BY slot
        )
        SELECT night.slot AS date,
               CASE WHEN night.slot IN (SELECT slot FROM blocked WHERE unit_id IS NULL) THEN 0
                    ELSE (SELECT count(*) FROM mine) - coalesce(away_by_night.units, 0)
               END AS free_units
          FROM (SELECT %(first)s::date + n AS slot
                  FROM generate_series(0, %(last)s::date - %(first)s::date - 1) AS n) night
               LEFT JOIN away_by_night USING (slot)
         ORDER BY night.slot""",
        listing_id=listing_id,
        first=first,
        last=last,
        gap=gap,
    )


async def read_stays(tx: Tx, wanted: Search, *, after: Place | None, limit: int) -> list[Place]:
    """The next open stays by id, filtered by what has an index: place and words.

    Call `plan_for_values` before: then the planner drops each filter whose value is null.
    """
    return await fetch_all(
        tx,
        Place,
        """
        SELECT l.departure_date, l.id
          FROM listings l
         WHERE l.state = 'open' AND l.kind = 'stay' AND l.id > %(after_id)s
           AND (%(place)s::text IS NULL OR lower(l.place) = lower(%(place)s))
           AND (%(words)s::text IS NULL OR l.words @@ plainto_tsquery('simple', %(words)s))
         ORDER BY l.id
         LIMIT %(limit)s""",
        place=wanted.place,
        words=wanted.words,
        after_id=after.id if after else UUID(int=0),
        limit=limit,
    )


async def read_trips(tx: Tx, wanted: Search, *, after: Place | None, limit: int) -> list[Place]:
    """The next open trips by departure and id, filtered by what has an index: date, place, words.

    Call `plan_for_values` before: then the planner drops each filter whose value is null.
    """
    return await fetch_all(
        tx,
        Place,
        """
        SELECT l.departure_date, l.id
          FROM listings l
         WHERE l.state = 'open' AND l.kind = 'trip'
           AND (l.departure_date, l.id) > (
               coalesce(%(after_date)s::date, (SELECT business_now() AT TIME ZONE 'UTC')::date - 1),
               %(after_id)s)
           AND (%(departure_date)s::date IS NULL OR l.departure_date = %(departure_date)s)
           AND (%(place)s::text IS NULL OR lower(l.place) = lower(%(place)s))
           AND (%(words)s::text IS NULL OR l.words @@ plainto_tsquery('simple', %(words)s))
         ORDER BY l.departure_date, l.id
         LIMIT %(limit)s""",
        departure_date=wanted.departure_date,
        place=wanted.place,
        words=wanted.words,
        after_date=after and after.departure_date,
        after_id=after.id if after else UUID(int=0),
        limit=limit,
    )


async def read_ruled(tx: Tx, ids: list[UUID]) -> list[Listing]:
    """Those of these listings whose hosts have set rules."""
    sql = "SELECT * FROM listings WHERE id = ANY(%(ids)s) AND rules IS NOT NULL"
    return await fetch_all(tx, Listing, sql, ids=ids)


async def read_fitting(tx: Tx, wanted: Search, ids: list[UUID], *, limit: int) -> list[Listing]:
    """Those of these listings, in this order, that fit the price and have enough free units."""
    return await fetch_all(
        tx,
        Listing,
        """
        SELECT l.*
          FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS place (id, nth)
               JOIN listings l ON l.id = place.id
               CROSS JOIN LATERAL (
                   SELECT coalesce((l.rules ->> 'nightsBetween')::integer, 0) AS gap) AS kept
         WHERE (%(currency)s::text IS NULL OR l.currency = %(currency)s)
           AND (%(price_min)s::bigint IS NULL OR l.price >= %(price_min)s)
           AND (%(price_max)s::bigint IS NULL OR l.price <= %(price_max)s)
           AND (%(units)s::integer IS NULL OR %(units)s = (SELECT count(*) FROM (
                   SELECT FROM units u
                    WHERE u.listing_id = l.id AND u.active
                      AND NOT EXISTS (
                          SELECT FROM claims c
                           WHERE c.unit_id = u.id
                             AND c.slot >= coalesce(l.departure_date, %(first)s::date) - gap
                             AND c.slot < coalesce(l.departure_date + 1, %(last)s::date) + gap
                             AND (c.expires_at IS NULL OR c.expires_at > (SELECT business_now())))
                      AND NOT EXISTS (
                          SELECT FROM blocked_dates b
                           WHERE b.listing_id = l.id AND (b.unit_id IS NULL OR b.unit_id = u.id)
                             AND b.last_slot >= coalesce(l.departure_date, %(first)s::date)
                             AND b.first_slot < coalesce(l.departure_date + 1, %(last)s::date))
                    LIMIT %(units)s) AS free))
         ORDER BY place.nth
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        ids=ids,
        limit=limit,
    )
