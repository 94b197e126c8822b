"""Charges and pots that do not fit each other or their booking."""

from typing import Final

from tests.operations.invariants.breaches.breach import NOTHING, Breach, posting

MONEY_IN: Final = (
    Breach(
        "postings_move_amounts",
        "a cent less",
        """
        UPDATE ledger_entries SET amount = amount - sign(amount) FROM ledger_transactions AS posted
         WHERE posted.id = (SELECT id FROM ledger_transactions WHERE kind = 'transfer' LIMIT 1)
           AND transaction_id = posted.id
        RETURNING posted.id""",
        also=("hosts_owed_transfers", "cash_at_gateways", "hosts_settled"),
    ),
    Breach(
        "paid_has_pots",
        "a higher price",
        """
        UPDATE bookings SET fee = fee + 1, total = total + 1
         WHERE id = (SELECT id FROM bookings WHERE state = 'confirmed' LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "paid_has_pots",
        "a higher price of what was cancelled",
        """
        UPDATE bookings SET deposit = deposit + 1, total = total + 1
         WHERE id = (SELECT booking_id FROM booking_history
                      WHERE state = 'cancelled' AND was = 'confirmed' LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "paid_has_pots",
        "cancelled unpaid, says the history",
        """
        WITH changed AS (
            DELETE FROM booking_history USING bookings
             WHERE bookings.id = (SELECT booking_id FROM booking_history
                                   WHERE state = 'cancelled' AND was = 'confirmed' LIMIT 1)
               AND booking_id = bookings.id AND was IS NOT NULL
            RETURNING booking_id)
        INSERT INTO booking_history (booking_id, was, state, actor, reason)
        SELECT DISTINCT booking_id, 'held', 'cancelled', 'system', 'a breach' FROM changed
        RETURNING booking_id""",
    ),
    Breach(
        "pots_as_agreed",
        "another commission",
        """
        UPDATE bookings SET terms = terms || '{"commissionBps": 5}'
          FROM pots
         WHERE bookings.id = (SELECT id FROM bookings
                               WHERE state = 'confirmed' AND kind = 'trip' LIMIT 1)
           AND booking_id = bookings.id
        RETURNING pots.id""",
    ),
    Breach(
        "windows_as_booked",
        "a microsecond late",
        """
        UPDATE pots SET closes_at = closes_at + interval '1 microsecond'
         WHERE id = (SELECT id FROM pots WHERE state = 'held' AND closes_at IS NOT NULL LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "windows_as_booked",
        "opened late",
        """
        UPDATE pots SET opens_at = opens_at + interval '1 hour',
                        closes_at = closes_at + interval '1 hour'
         WHERE id = (SELECT id FROM pots WHERE state = 'held' AND closes_at IS NOT NULL LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "windows_as_booked",
        "opened before the host has answered",
        """
        UPDATE pots SET opens_at = business_now(), closes_at = business_now() + interval '1 hour'
         WHERE id = (SELECT id FROM pots WHERE state = 'held' AND closes_at IS NULL LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "pots_follow_booking",
        "completed before its pots",
        """
        WITH completed AS (
            UPDATE bookings SET state = 'completed'
             WHERE id = (SELECT id FROM bookings WHERE state = 'confirmed' LIMIT 1)
            RETURNING id)
        INSERT INTO booking_history (booking_id, was, state, actor, reason)
        SELECT id, 'confirmed', 'completed', 'system', 'a breach' FROM completed
        RETURNING booking_id""",
    ),
    Breach(
        "charges_posted_once",
        "posted twice",
        posting(
            "unapplied_charge",
            "(SELECT source_id FROM ledger_transactions WHERE kind = 'charge' LIMIT 1)",
            *NOTHING,
            names="source_id",
        ),
        also=("postings_move_amounts",),
    ),
    Breach(
        "charges_posted_once",
        "posted before it succeeded",
        posting(
            "unapplied_charge",
            "(SELECT id FROM payments WHERE state = 'pending' LIMIT 1)",
            *NOTHING,
            names="source_id",
        ),
        also=("unapplied_given_back", "postings_move_amounts"),
    ),
    Breach(
        "charges_posted_once",
        "posted under another name",
        """
        UPDATE ledger_transactions SET kind = 'chargeback'
         WHERE id = (SELECT id FROM ledger_transactions WHERE kind = 'unapplied_charge' LIMIT 1)
        RETURNING source_id""",
        also=("chargebacks_posted_once",),
    ),
    Breach(
        "charges_fill_pots",
        "another charge's pot",
        """
        WITH pot AS (
            SELECT pots.id, payment_id FROM pots JOIN bookings ON bookings.id = booking_id
             WHERE bookings.kind = 'trip' AND pots.state = 'held' LIMIT 1
        ), other AS (
            SELECT id FROM payments WHERE state = 'abandoned' LIMIT 1
        ), moved AS (
            UPDATE pots SET payment_id = other.id FROM pot, other WHERE pots.id = pot.id
        )
        SELECT payment_id FROM pot UNION SELECT id FROM other""",
    ),
    Breach(
        "unapplied_given_back",
        "a cent short",
        """
        WITH late AS (
            SELECT source_id FROM ledger_transactions WHERE kind = 'unapplied_charge' LIMIT 1
        ), short AS (
            UPDATE instructions SET amount = amount - 1 FROM late
             WHERE instructions.source_id = late.source_id
        )
        UPDATE payments SET refunded = refunded - 1 FROM late WHERE id = source_id RETURNING id""",
        also=("cash_at_gateways", "postings_move_amounts"),
    ),
    Breach(
        "refunds_counted",
        "one too many",
        """
        UPDATE payments SET refunded = refunded + 1
         WHERE id = (SELECT payment_id FROM pots WHERE state = 'held' LIMIT 1)
        RETURNING id""",
    ),
)
