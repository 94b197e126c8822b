"""The instants of bookings, and the local times that were agreed on."""

from uuid import UUID

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    json,
)
from app.market.bookings.model import Booking, LocalInstant


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
