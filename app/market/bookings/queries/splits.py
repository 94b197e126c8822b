"""Statements about parts that are split, so that something of them can be given back."""

from uuid import UUID

from app.foundation.db import Tx, execute, json
from app.market.bookings.model import Booking


async def insert(tx: Tx, gone: Booking) -> None:
    """Insert a part that is split from another one: all that is not said here is as there.

    Its history begins as that of the other did: they were one until now.
    """
    await execute(
        tx,
        """
        WITH gone AS (
            INSERT INTO bookings
            SELECT (jsonb_populate_record(was, %(gone)s)).*
              FROM bookings AS was WHERE id = %(split_from)s
         RETURNING id, split_from
        )
        INSERT INTO booking_history (booking_id, was, state, at, actor, actor_id, reason)
        SELECT gone.id, was, state, at, actor, actor_id, reason
          FROM booking_history JOIN gone ON booking_id = split_from
         ORDER BY booking_history.id""",
        gone=json(gone),
        split_from=gone.split_from,
    )


async def shrink(tx: Tx, stays: Booking) -> None:
    """Write what stays of a part: its units and nights, their price, and when it begins and ends.

    A host who was asked has no longer to answer than until its end.
    """
    await execute(
        tx,
        """
        UPDATE bookings
           SET unit_ids = %(unit_ids)s, first_slot = %(first_slot)s, last_slot = %(last_slot)s,
               check_in_at = %(check_in_at)s, check_out_at = %(check_out_at)s,
               respond_by = least(respond_by, %(check_out_at)s),
               rental = %(rental)s, deposit = %(deposit)s, discount = %(discount)s,
               total = %(total)s, lines = %(lines)s, terms = %(terms)s,
               updated_at = business_now()
         WHERE id = %(id)s""",
        id=stays.id,
        unit_ids=stays.unit_ids,
        first_slot=stays.first_slot,
        last_slot=stays.last_slot,
        check_in_at=stays.check_in_at,
        check_out_at=stays.check_out_at,
        rental=stays.rental,
        deposit=stays.deposit,
        discount=stays.discount,
        total=stays.total,
        lines=json(stays.lines),
        terms=json(stays.terms),
    )


async def count_parts(tx: Tx, whole_id: UUID, parts: int) -> None:
    """Write how many parts a booking has now."""
    await execute(
        tx, "UPDATE bookings SET parts = %(parts)s WHERE id = %(id)s", id=whole_id, parts=parts
    )


async def move_passengers(tx: Tx, gone: Booking) -> None:
    """Who sits on units that are given back goes with them."""
    await execute(
        tx,
        """
        UPDATE passengers SET booking_id = %(id)s
         WHERE booking_id = %(split_from)s AND unit_id = ANY(%(unit_ids)s)""",
        id=gone.id,
        split_from=gone.split_from,
        unit_ids=gone.unit_ids,
    )
