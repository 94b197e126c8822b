"""Units: sold once, held while they should be, and free otherwise."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def claims(tx: Tx) -> Verdicts:
    """Each booking with its claims. (The primary key keeps a slot of a unit from having two.)"""
    return await judge(
        tx,
        "booking",
        (
            "sold_once",
            "held_until_deadline",
            "unpaid_holds_end",
            "ended_claims_nothing",
            "claims_as_booked",
        ),
        """
        SELECT id,
               CASE WHEN state IN ('awaiting_host', 'confirmed', 'completed') AND sold <> size
                    THEN concat(state, ', with ', sold, ' of ', size, ' claims for good')
               END AS sold_once,
               CASE WHEN state IN ('held', 'awaiting_payment') AND held <> size
                     AND expires_at > (SELECT business_now())
                    THEN concat(state, ' until ', expires_at, ', with ', held, ' of ', size,
                                ' claims until then')
               END AS held_until_deadline,
               CASE WHEN state IN ('held', 'awaiting_payment') AND sold > 0
                    THEN concat(state, ', with ', sold, ' claims for good')
               END AS unpaid_holds_end,
               CASE WHEN state IN ('expired', 'declined', 'cancelled') AND claimed > 0
                    THEN concat(state, ', with ', claimed, ' claims')
               END AS ended_claims_nothing,
               CASE WHEN strange > 0
                    THEN concat(strange, ' claims that are not of its units and slots')
               END AS claims_as_booked
          FROM (SELECT booking.id, booking.state, booking.expires_at,
                       cardinality(unit_ids) * (last_slot - first_slot + 1) AS size,
                       count(claim.unit_id) AS claimed,
                       count(*) FILTER (WHERE own AND claim.expires_at IS NULL) AS sold,
                       count(*) FILTER (
                           WHERE own AND claim.expires_at = booking.expires_at) AS held,
                       count(*) FILTER (WHERE NOT own) AS strange
                  FROM bookings AS booking
                  LEFT JOIN claims AS claim ON claim.booking_id = booking.id
                 CROSS JOIN LATERAL (
                       SELECT claim.unit_id = ANY(unit_ids)
                              AND claim.slot BETWEEN first_slot AND last_slot AS own) AS is_its
                 GROUP BY booking.id) AS claimed""",
    )
