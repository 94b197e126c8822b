"""Histories: each begins with the first state, has no gaps, and ends with the state of its row."""

from functools import partial
from typing import LiteralString

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Judge, Verdicts, judge


async def _is_whole(
    tx: Tx, *, subject: LiteralString, table: LiteralString, history: LiteralString
) -> Verdicts:
    """Judge the rows of a table by the history of their moves, which another table keeps."""
    law: LiteralString = f"{subject}_history_whole"
    return await judge(
        tx,
        subject,
        (law,),
        f"""
        SELECT moved.id,
               CASE WHEN concat(past.was, ' ', state) <> concat(' ', past.became)
                    THEN concat(state, ', after moves from', past.was, ' to ', past.became)
               END AS {law}
          FROM {table} AS moved
          LEFT JOIN (
               SELECT {subject}_id, string_agg(coalesce(was, ''), ' ' ORDER BY id) AS was,
                      string_agg(state, ' ' ORDER BY id) AS became
                 FROM {history}
                GROUP BY {subject}_id) AS past ON past.{subject}_id = moved.id""",  # noqa: S608
    )


# Each is a judge of its own, so that they can work at the same time.
bookings: Judge = partial(_is_whole, subject="booking", table="bookings", history="booking_history")
payments: Judge = partial(_is_whole, subject="payment", table="payments", history="payment_history")
pots: Judge = partial(_is_whole, subject="pot", table="pots", history="escrow_events")
disputes: Judge = partial(_is_whole, subject="dispute", table="disputes", history="dispute_history")
chargebacks: Judge = partial(
    _is_whole, subject="chargeback", table="chargebacks", history="chargeback_history"
)
instructions: Judge = partial(
    _is_whole, subject="instruction", table="instructions", history="instruction_history"
)


async def intents(tx: Tx) -> Verdicts:
    """The reference of each instruction is one that the history has, of this attempt or another."""
    return await judge(
        tx,
        "instruction",
        ("intent_before_effect",),
        """
        SELECT instruction.id,
               CASE WHEN instruction.attempt > 0 AND intent.instruction_id IS NULL
                    THEN concat('attempt ', instruction.attempt, ' as ', instruction.reference,
                                ' was never written down')
                    WHEN instruction.attempt = 0 AND instruction.origin = 'berthold'
                     AND instruction.state NOT IN ('queued', 'waiting_for_payee', 'cancelled')
                    THEN concat(instruction.state, ' without an attempt')
               END AS intent_before_effect
          FROM instructions AS instruction
          LEFT JOIN (SELECT DISTINCT instruction_id, reference FROM instruction_history
                      WHERE state = 'sending') AS intent
            ON intent.instruction_id = instruction.id
           AND intent.reference = coalesce(instruction.sent_as, instruction.reference)""",
    )
