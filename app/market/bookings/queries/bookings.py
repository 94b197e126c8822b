"""One statement per function on `bookings` and `booking_history`: hold, find, lock, move."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.audit import Actor
from app.foundation.db import (
    Tx,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_one,
    json,
)
from app.market.bookings.model import Booking, BookingState
from app.market.bookings.model.quotas import Attempt, Standing
from app.market.claims.model import Claimed


class _Held(Standing, frozen=True, kw_only=True):
    unit_ids: list[int]


class _HeldSeveral(Standing, frozen=True, kw_only=True):
    claimed: list[Claimed]


async def hold(tx: Tx, part: Booking, *, since: UUID) -> Attempt:
    """Claim the units of a new booking of one part; if all were free, insert it with its history.

    This is the hot path: one statement. It claims as `claims.queries.claim`
    does: in order, taking over holds that have expired, and with the gap of the terms, for which
    the caller has locked the units. Returns the unit of each claim that the booking has now, and
    what else its guest holds of the bookings with ids above `since`: all that can be unpaid still.
    (The foreign key of a claim is checked at the commit, so claims can be inserted before their
    booking, and a refused request has written next to nothing.)
    """
    row = await fetch_new(
        tx,
        _Held,
        """
        WITH wanted AS (
            SELECT *, (terms ->> 'nightsBetween')::integer AS gap
              FROM jsonb_populate_record(NULL::bookings, %(part)s)
        ), claimed AS (
            INSERT INTO claims (unit_id, slot, booking_id, expires_at)
            SELECT unit_id, slot::date, id, expires_at
              FROM wanted,
                   unnest(unit_ids) AS unit_id,
                   generate_series(first_slot, last_slot, interval '1 day') AS slot
             WHERE gap = 0 OR NOT EXISTS (
                   SELECT FROM claims beside
                    WHERE beside.unit_id = unit_id.unit_id
                      AND beside.slot BETWEEN first_slot - gap AND last_slot + gap
                      AND (beside.expires_at IS NULL
                           OR beside.expires_at > (SELECT business_now())))
             ORDER BY unit_id, slot
                ON CONFLICT (unit_id, slot) DO UPDATE
               SET booking_id = excluded.booking_id, expires_at = excluded.expires_at
             WHERE claims.booking_id = excluded.booking_id OR claims.expires_at <= business_now()
         RETURNING booking_id, unit_id
        ), booking AS (
            INSERT INTO bookings (
                id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
                check_in_at, check_out_at, currency, rental, fee, deposit, discount, total, lines,
                terms, expires_at, created_at, updated_at, part_of, part, parts, stand_alone)
            SELECT
                id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
                check_in_at, check_out_at, currency, rental, fee, deposit, discount, total, lines,
                terms, expires_at, created_at, updated_at, part_of, part, parts, stand_alone
              FROM wanted
             WHERE (SELECT count(*) FROM claimed)
                   = (SELECT sum(cardinality(unit_ids) * (last_slot - first_slot + 1)) FROM wanted)
         RETURNING id, guest_id, state, created_at
        ), history AS (
            INSERT INTO booking_history (booking_id, state, at, actor, actor_id, reason)
            SELECT id, state, created_at, 'guest', guest_id, 'reserved' FROM booking
        )
        SELECT (SELECT coalesce(array_agg(unit_id), '{}') FROM claimed) AS unit_ids,
               mine.*
          FROM wanted, standing_of_guest(guest_id, %(since)s, created_at) AS mine""",
        part=json(part),
        since=since,
    )
    return Attempt(claimed=[Claimed(booking_id=part.id, unit_ids=row.unit_ids)], standing=row)


async def hold_several(tx: Tx, parts: Sequence[Booking], *, since: UUID) -> Attempt:
    """Claim the units of a new booking of several parts as `hold` does, all of them or none.

    In one order over all parts. A statement of its own, since one over a list is planned for many
    rows, and is slower for one. Returns the claims that each part has now, and what else the guest
    holds.
    """
    row = await fetch_new(
        tx,
        _HeldSeveral,
        """
        WITH wanted AS (
            SELECT *, (terms ->> 'nightsBetween')::integer AS gap
              FROM jsonb_populate_recordset(NULL::bookings, %(parts)s)
             LIMIT 8  -- PARTS_MAX: else the plan is for a hundred parts
        ), claimed AS (
            INSERT INTO claims (unit_id, slot, booking_id, expires_at)
            SELECT unit_id, slot::date, id, expires_at
              FROM wanted,
                   unnest(unit_ids) AS unit_id,
                   generate_series(first_slot, last_slot, interval '1 day') AS slot
             WHERE gap = 0 OR NOT EXISTS (
                   SELECT FROM claims beside
                    WHERE beside.unit_id = unit_id.unit_id
                      AND beside.slot BETWEEN first_slot - gap AND last_slot + gap
                      AND (beside.expires_at IS NULL
                           OR beside.expires_at > (SELECT business_now())))
             ORDER BY unit_id, slot
                ON CONFLICT (unit_id, slot) DO UPDATE
               SET booking_id = excluded.booking_id, expires_at = excluded.expires_at
             WHERE claims.booking_id = excluded.booking_id OR claims.expires_at <= business_now()
         RETURNING booking_id, unit_id
        ), booking AS (
            INSERT INTO bookings (
                id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
                check_in_at, check_out_at, currency, rental, fee, deposit, discount, total, lines,
                terms, expires_at, created_at, updated_at, part_of, part, parts, stand_alone)
            SELECT
                id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
                check_in_at, check_out_at, currency, rental, fee, deposit, discount, total, lines,
                terms, expires_at, created_at, updated_at, part_of, part, parts, stand_alone
              FROM wanted
             WHERE (SELECT count(*) FROM claimed)
                   = (SELECT sum(cardinality(unit_ids) * (last_slot - first_slot + 1)) FROM wanted)
         RETURNING id, guest_id, state, created_at
        ), history AS (
            INSERT INTO booking_history (booking_id, state, at, actor, actor_id, reason)
            SELECT id, state, created_at, 'guest', guest_id, 'reserved' FROM booking
        )
        SELECT (SELECT coalesce(jsonb_agg(of_part), '[]') FROM (
                    SELECT booking_id, array_agg(unit_id) AS unit_ids
                      FROM claimed GROUP BY booking_id) of_part) AS claimed,
               mine.*
          FROM (SELECT * FROM wanted LIMIT 1) first,
               standing_of_guest(guest_id, %(since)s, created_at) AS mine""",
        parts=json(list(parts)),
        since=since,
    )
    return Attempt(claimed=row.claimed, standing=row)


async def is_voucher_used(tx: Tx, whole_id: UUID) -> bool:
    """Whether a part that a voucher pays for lives, or was paid for and the guest cancelled it."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM bookings AS part
             WHERE (id = %(whole_id)s OR part_of = %(whole_id)s) AND discount > 0
               AND (state NOT IN ('expired', 'declined', 'cancelled')
                    OR state = 'cancelled' AND EXISTS (
                       SELECT FROM booking_history
                        WHERE booking_id = part.id AND state = 'cancelled' AND actor = 'guest'
                          AND was IN ('awaiting_host', 'confirmed'))))""",
        whole_id=whole_id,
    )


async def find(tx: Tx, booking_id: UUID) -> Booking | None:
    return await fetch_one(tx, Booking, "SELECT * FROM bookings WHERE id = %(id)s", id=booking_id)


async def lock(tx: Tx, booking_id: UUID) -> Booking | None:
    """A booking, locked until the transaction ends."""
    return await fetch_one(
        tx,
        Booking,
        "SELECT * FROM bookings WHERE id = %(id)s FOR NO KEY UPDATE",
        id=booking_id,
    )


async def lock_first_part(tx: Tx, booking_id: UUID) -> Booking | None:
    """The first part of the booking that this is a part of, locked until the transaction ends."""
    return await fetch_one(
        tx,
        Booking,
        """
        SELECT * FROM bookings
         WHERE id = (SELECT coalesce(part_of, id) FROM bookings WHERE id = %(id)s)
           FOR NO KEY UPDATE""",
        id=booking_id,
    )


async def lock_later_parts(tx: Tx, whole_id: UUID) -> list[Booking]:
    """All parts of a booking but the first, locked; the first one has been locked before."""
    return await fetch_all(
        tx,
        Booking,
        """
        SELECT * FROM bookings WHERE part_of = %(id)s
         ORDER BY part
           FOR NO KEY UPDATE""",
        id=whole_id,
    )


async def later_parts(tx: Tx, whole_ids: Sequence[UUID]) -> list[Booking]:
    """The parts of these bookings but the first ones, in their order."""
    return await fetch_all(
        tx,
        Booking,
        "SELECT * FROM bookings WHERE part_of = ANY(%(ids)s) ORDER BY part_of, part",
        ids=list(whole_ids),
    )


async def move(
    tx: Tx,
    booking: Booking,
    to: BookingState,
    *,
    by: Actor,
    reason: str,
    expires_at: datetime | None = None,
    respond_within: timedelta | None = None,
    respond_before: datetime | None = None,
) -> Booking | None:
    """Move a booking that is still in the state of `booking`, with a history row; else None.

    It is to be answered within a time, before it begins, and before `respond_before` if given.
    """
    return await fetch_one(
        tx,
        Booking,
        """
        WITH moved AS (
            UPDATE bookings
               SET state = %(to)s, expires_at = %(expires_at)s,
                   respond_by = CASE WHEN %(respond_within)s::interval IS NULL THEN respond_by
                        ELSE least(business_now() + %(respond_within)s,
                             %(respond_before)s::timestamptz, CASE
                             WHEN check_in_at > business_now() THEN check_in_at
                             ELSE check_out_at  -- a room for tonight, after check-in time
                        END) END,
                   updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s
         RETURNING *
        ), history AS (
            INSERT INTO booking_history (booking_id, was, state, actor, actor_id, reason)
            SELECT id, %(was)s, state, %(actor)s, %(actor_id)s, %(reason)s FROM moved
        )
        SELECT * FROM moved""",
        id=booking.id,
        was=booking.state,
        to=to,
        actor=by.role,
        actor_id=by.id,
        reason=reason,
        expires_at=expires_at,
        respond_within=respond_within,
        respond_before=respond_before,
    )
