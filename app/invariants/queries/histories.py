"""Histories: each begins at the beginning, goes on from where it was, and ends where the row is."""

from app.db import Tx
from app.invariants.queries.judging import Verdicts, judge


async def bookings(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "booking",
        ("booking_history_whole",),
        """
        SELECT booking.id,
               CASE WHEN past.last IS DISTINCT FROM state
                    THEN concat(state, ', after a history that ends ', coalesce(last, 'nowhere'))
                    WHEN past.gaps > 0
                    THEN concat(past.gaps, ' moves that do not go on from the one before')
               END AS booking_history_whole
          FROM bookings AS booking
          LEFT JOIN (
               SELECT booking_id, max(state) FILTER (WHERE is_last) AS last,
                      count(*) FILTER (WHERE was IS DISTINCT FROM before) AS gaps
                 FROM (SELECT booking_id, was, state, lag(state) OVER moves AS before,
                              lead(id) OVER moves IS NULL AS is_last
                         FROM booking_history
                       WINDOW moves AS (PARTITION BY booking_id ORDER BY id)) AS move
                GROUP BY booking_id) AS past ON past.booking_id = booking.id""",
    )


async def payments(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "payment",
        ("payment_history_whole",),
        """
        SELECT payment.id,
               CASE WHEN past.last IS DISTINCT FROM state
                    THEN concat(state, ', after a history that ends ', coalesce(last, 'nowhere'))
                    WHEN past.gaps > 0
                    THEN concat(past.gaps, ' moves that do not go on from the one before')
               END AS payment_history_whole
          FROM payments AS payment
          LEFT JOIN (
               SELECT payment_id, max(state) FILTER (WHERE is_last) AS last,
                      count(*) FILTER (WHERE was IS DISTINCT FROM before) AS gaps
                 FROM (SELECT payment_id, was, state, lag(state) OVER moves AS before,
                              lead(id) OVER moves IS NULL AS is_last
                         FROM payment_history
                       WINDOW moves AS (PARTITION BY payment_id ORDER BY id)) AS move
                GROUP BY payment_id) AS past ON past.payment_id = payment.id""",
    )


async def pots(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "pot",
        ("pot_history_whole",),
        """
        SELECT pot.id,
               CASE WHEN past.last IS DISTINCT FROM state
                    THEN concat(state, ', after a history that ends ', coalesce(last, 'nowhere'))
                    WHEN past.gaps > 0
                    THEN concat(past.gaps, ' moves that do not go on from the one before')
               END AS pot_history_whole
          FROM pots AS pot
          LEFT JOIN (
               SELECT pot_id, max(state) FILTER (WHERE is_last) AS last,
                      count(*) FILTER (WHERE was IS DISTINCT FROM before) AS gaps
                 FROM (SELECT pot_id, was, state, lag(state) OVER moves AS before,
                              lead(id) OVER moves IS NULL AS is_last
                         FROM escrow_events
                       WINDOW moves AS (PARTITION BY pot_id ORDER BY id)) AS move
                GROUP BY pot_id) AS past ON past.pot_id = pot.id""",
    )


async def disputes(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "dispute",
        ("dispute_history_whole",),
        """
        SELECT dispute.id,
               CASE WHEN past.last IS DISTINCT FROM state
                    THEN concat(state, ', after a history that ends ', coalesce(last, 'nowhere'))
                    WHEN past.gaps > 0
                    THEN concat(past.gaps, ' moves that do not go on from the one before')
               END AS dispute_history_whole
          FROM disputes AS dispute
          LEFT JOIN (
               SELECT dispute_id, max(state) FILTER (WHERE is_last) AS last,
                      count(*) FILTER (WHERE was IS DISTINCT FROM before) AS gaps
                 FROM (SELECT dispute_id, was, state, lag(state) OVER moves AS before,
                              lead(id) OVER moves IS NULL AS is_last
                         FROM dispute_history
                       WINDOW moves AS (PARTITION BY dispute_id ORDER BY id)) AS move
                GROUP BY dispute_id) AS past ON past.dispute_id = dispute.id""",
    )


async def instructions(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "instruction",
        ("instruction_history_whole",),
        """
        SELECT instruction.id,
               CASE WHEN past.last IS DISTINCT FROM state
                    THEN concat(state, ', after a history that ends ', coalesce(last, 'nowhere'))
                    WHEN past.gaps > 0
                    THEN concat(past.gaps, ' moves that do not go on from the one before')
               END AS instruction_history_whole
          FROM instructions AS instruction
          LEFT JOIN (
               SELECT instruction_id, max(state) FILTER (WHERE is_last) AS last,
                      count(*) FILTER (WHERE was IS DISTINCT FROM before) AS gaps
                 FROM (SELECT instruction_id, was, state, lag(state) OVER moves AS before,
                              lead(id) OVER moves IS NULL AS is_last
                         FROM instruction_history
                       WINDOW moves AS (PARTITION BY instruction_id ORDER BY id)) AS move
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
                     AND instruction.state NOT IN ('queued', 'waiting_for_payee')
                    THEN concat(instruction.state, ' without an attempt')
               END AS intent_before_effect
          FROM instructions AS instruction
          LEFT JOIN instruction_history AS intent
            ON intent.instruction_id = instruction.id AND intent.state = 'sending'
           AND intent.attempt = instruction.attempt AND intent.reference = instruction.reference""",
    )
