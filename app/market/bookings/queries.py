"""One statement per function on `bookings`, `booking_history` and `passengers`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.audit import Actor
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_one,
    fetch_value,
    fetch_values,
    json,
)
from app.market.bookings.model import Booking, BookingState, LocalInstant, Move, PassengerRow


async def hold(tx: Tx, booking: Booking) -> list[int]:
    """Claim the units of a new booking; if all were free, insert it with its first history row.

    This is the hot path: one statement with one parameter. It claims as `claims.queries.claim`
    does: in order, taking over holds that have expired, and with the gap of the terms, for which
    the caller has locked the units. Returns the unit of each claim that
    the booking has now. (The foreign key of a claim is checked at the commit, so claims can be
    inserted before their booking, and a refused request has written next to nothing.)
    """
    return await fetch_values(
        tx,
        int,
        """
        WITH wanted AS (
            SELECT *, (terms ->> 'nightsBetween')::integer AS gap
              FROM jsonb_populate_record(NULL::bookings, %(booking)s)
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
         RETURNING unit_id
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
                   = cardinality(unit_ids) * (last_slot - first_slot + 1)
         RETURNING *
        ), history AS (
            INSERT INTO booking_history (booking_id, state, at, actor, actor_id, reason)
            SELECT id, state, created_at, 'guest', guest_id, 'reserved' FROM booking
        )
        SELECT unit_id FROM claimed""",
        booking=json(booking),
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
) -> Booking | None:
    """Move a booking that is still in the state of `booking`, with a history row; else None."""
    return await fetch_one(
        tx,
        Booking,
        """
        WITH moved AS (
            UPDATE bookings
               SET state = %(to)s, expires_at = %(expires_at)s,
                   respond_by = CASE WHEN %(respond_within)s::interval IS NULL THEN respond_by
                        ELSE least(business_now() + %(respond_within)s, CASE
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
    )


async def lock_next_unpaid(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one unpaid booking past its deadline, but none of these and none that is locked."""
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM bookings
         WHERE state IN ('held', 'awaiting_payment') AND expires_at <= (SELECT business_now())
           AND id <> ALL(%(but)s::uuid[])
         ORDER BY expires_at
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
    )


async def lock_next_unanswered(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one request past its `respond_by`, but none of these and none that is locked.

    Requests with a contested pot are left out: their money cannot be refunded now.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM bookings
         WHERE state = 'awaiting_host' AND respond_by <= (SELECT business_now())
           AND id <> ALL(%(but)s::uuid[])
           AND NOT EXISTS (SELECT FROM pots WHERE booking_id = bookings.id AND contested)
         ORDER BY respond_by
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
    )


async def lock_over(tx: Tx, but: Sequence[UUID] = (), *, limit: int) -> list[UUID]:
    """Lock confirmed bookings that are over and have no pot left to divide or to give back.

    But none of these and none that is locked.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM bookings
         WHERE state = 'confirmed' AND check_out_at <= (SELECT business_now())
           AND id <> ALL(%(but)s::uuid[])
           AND NOT EXISTS (
               SELECT FROM pots
                WHERE booking_id = bookings.id
                  AND (pots.state IN ('held', 'disputed')
                       OR (pots.kind = 'deposit' AND pots.state = 'refunding')))
         ORDER BY check_out_at
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
        limit=limit,
    )


async def complete(tx: Tx, booking_ids: Sequence[UUID]) -> list[UUID]:
    """Complete confirmed bookings, each with a history row; returns the ids of those completed."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH completed AS (
            UPDATE bookings SET state = 'completed', updated_at = business_now()
             WHERE id = ANY(%(ids)s) AND state = 'confirmed'
         RETURNING id
        ), history AS (
            INSERT INTO booking_history (booking_id, was, state, actor, reason)
            SELECT id, 'confirmed', 'completed', 'system', 'it is over, and its money settled'
              FROM completed
        )
        SELECT id FROM completed""",
        ids=list(booking_ids),
    )


async def list_of_guest(
    tx: Tx, guest_id: UUID, *, state: BookingState | None, before: UUID | None, limit: int
) -> list[Booking]:
    """A guest's bookings, newest first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        Booking,
        """
        SELECT * FROM bookings
         WHERE guest_id = %(guest_id)s
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        guest_id=guest_id,
        state=state,
        before=before,
        limit=limit,
    )


async def list_of_host(
    tx: Tx, host_id: UUID, *, state: BookingState | None, before: UUID | None, limit: int
) -> list[Booking]:
    """The bookings of a host's listings, newest first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        Booking,
        """
        SELECT * FROM bookings
         WHERE host_id = %(host_id)s
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        state=state,
        before=before,
        limit=limit,
    )


async def history(tx: Tx, booking_id: UUID) -> list[Move]:
    return await fetch_all(
        tx,
        Move,
        """
        SELECT at, was, state, actor, reason FROM booking_history
         WHERE booking_id = %(booking_id)s
         ORDER BY id""",
        booking_id=booking_id,
    )


async def replace_passengers(
    tx: Tx,
    booking_id: UUID,
    *,
    unit_ids: list[int],
    names: list[str],
    documents: list[str],
    contacts: list[str],
) -> None:
    """Make these the passengers of a booking, one for each unit; all others are deleted."""
    await execute(
        tx,
        """
        WITH gone AS (
            DELETE FROM passengers
             WHERE booking_id = %(booking_id)s AND unit_id <> ALL(%(unit_ids)s::bigint[])
        )
        INSERT INTO passengers (booking_id, unit_id, name, document, contact)
        SELECT %(booking_id)s, given.* FROM unnest(
               %(unit_ids)s::bigint[], %(names)s::text[], %(documents)s::text[],
               %(contacts)s::text[]) AS given
            ON CONFLICT (booking_id, unit_id) DO UPDATE
           SET name = excluded.name, document = excluded.document, contact = excluded.contact,
               updated_at = business_now()""",
        booking_id=booking_id,
        unit_ids=unit_ids,
        names=names,
        documents=documents,
        contacts=contacts,
    )


async def passengers(tx: Tx, booking_id: UUID) -> list[PassengerRow]:
    """The passengers of a booking that are named, in the order of their units."""
    return await fetch_all(
        tx,
        PassengerRow,
        """
        SELECT unit_id, name, document, contact FROM passengers
         WHERE booking_id = %(booking_id)s
         ORDER BY unit_id""",
        booking_id=booking_id,
    )


async def local_instants(
    tx: Tx, *, booking_id: UUID | None = None, ids_max: int
) -> list[LocalInstant]:
    """Every instant to come for which the local time is known, with how many bookings have it.

    Of one booking or, if `booking_id` is None, of all that are not over. The local times of a stay
    that was booked before they were kept are its listing's, if that was not changed since; those of
    a trip never change.
    """
    return await fetch_all(
        tx,
        LocalInstant,
        """
        WITH known AS (
            SELECT booking.id, check_in_at, check_out_at, terms ->> 'zone' AS zone,
                   coalesce(terms ->> 'checkOutZone', arrival_zone, terms ->> 'zone') AS ends_zone,
                   coalesce((terms ->> 'checkInLocal')::timestamp, CASE
                       WHEN booking.kind = 'trip' THEN departure_date + departure_time
                       WHEN is_as_booked THEN first_slot + check_in_time END) AS begins,
                   coalesce((terms ->> 'checkOutLocal')::timestamp, CASE
                       WHEN booking.kind = 'trip' THEN arrival_date + arrival_time
                       WHEN is_as_booked THEN last_slot + 1 + check_out_time END) AS ends
              FROM bookings AS booking
              JOIN listings AS listing ON listing.id = booking.listing_id
             CROSS JOIN LATERAL (
                   SELECT listing.updated_at <= booking.created_at AS is_as_booked) AS compared
             WHERE booking.state IN ('held', 'awaiting_payment', 'awaiting_host', 'confirmed')
               AND (%(booking_id)s::uuid IS NULL OR booking.id = %(booking_id)s)
        ), instants AS (
            SELECT true AS is_begin, id, zone, begins AS local, check_in_at AS at FROM known
             UNION ALL
            SELECT false, id, ends_zone, ends, check_out_at FROM known
        )
        SELECT is_begin, zone, local, at, count(*) AS bookings,
               (array_agg(id ORDER BY id))[:%(ids_max)s] AS ids
          FROM instants
         WHERE local IS NOT NULL AND at > (SELECT business_now())
         GROUP BY is_begin, zone, local, at
         ORDER BY at, zone, local, is_begin""",
        booking_id=booking_id,
        ids_max=ids_max,
    )


async def put_times(tx: Tx, booking: Booking) -> None:
    """Write the instants of a booking, and those of its terms."""
    await execute(
        tx,
        """
        UPDATE bookings SET check_in_at = %(check_in_at)s, check_out_at = %(check_out_at)s,
               terms = %(terms)s, updated_at = business_now()
         WHERE id = %(id)s""",
        id=booking.id,
        check_in_at=booking.check_in_at,
        check_out_at=booking.check_out_at,
        terms=json(booking.terms),
    )
