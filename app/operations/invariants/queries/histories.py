"""Histories: each begins at the beginning, goes on from where it was, and ends where the row is."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def bookings(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "booking",
        ("booking_history_whole",),
        """
        SELECT booking.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS booking_history_whole
          FROM bookings AS booking
          LEFT JOIN (
               SELECT booking_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM booking_history
                GROUP BY booking_id) AS past ON past.booking_id = booking.id""",
    )


async def payments(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "payment",
        ("payment_history_whole",),
        """
        SELECT payment.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS payment_history_whole
          FROM payments AS payment
          LEFT JOIN (
               SELECT payment_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM payment_history
                GROUP BY payment_id) AS past ON past.payment_id = payment.id""",
    )


async def pots(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "pot",
        ("pot_history_whole",),
        """
        SELECT pot.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS pot_history_whole
          FROM pots AS pot
          LEFT JOIN (
               SELECT pot_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM escrow_events
                GROUP BY pot_id) AS past ON past.pot_id = pot.id""",
    )


async def disputes(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "dispute",
        ("dispute_history_whole",),
        """
        SELECT dispute.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS dispute_history_whole
          FROM disputes AS dispute
          LEFT JOIN (
               SELECT dispute_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM dispute_history
                GROUP BY dispute_id) AS past ON past.dispute_id = dispute.id""",
    )


async def chargebacks(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "chargeback",
        ("chargeback_history_whole",),
        """
        SELECT chargeback.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS chargeback_history_whole
          FROM chargebacks AS chargeback
          LEFT JOIN (
               SELECT chargeback_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM chargeback_history
                GROUP BY chargeback_id) AS past ON past.chargeback_id = chargeback.id""",
    )


async def instructions(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "instruction",
        ("instruction_history_whole",),
        """
        SELECT instruction.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS instruction_history_whole
          FROM instructions AS instruction
          LEFT JOIN (
               SELECT instruction_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM instruction_history
                GROUP BY instruction_id) AS past ON past.instruction_id = instruction.id""",
    )


async def intents(tx: Tx) -> Verdicts:
    """Each attempt under its own reference, as the history has it."""
    return await judge(
        tx,
        "instruction",
        ("intent_before_effect",),
        """
        SELECT instruction.id,
               CASE WHEN instruction.attempt > 0 AND intent.id IS NULL
                    THEN concat('attempt ', instruction.attempt, ' as ', instruction.reference,
                                ' was never written down')
                    WHEN instruction.attempt = 0
                     AND instruction.state NOT IN ('queued', 'waiting_for_payee', 'cancelled')
                    THEN concat(instruction.state, ' without an attempt')
               END AS intent_before_effect
          FROM instructions AS instruction
          LEFT JOIN instruction_history AS intent
            ON intent.instruction_id = instruction.id AND intent.state = 'sending'
           AND intent.attempt = instruction.attempt AND intent.reference = instruction.reference""",
    )
