"""The history of a booking's money, put together from the histories of several rooms."""

from collections.abc import Sequence
from uuid import UUID

from app.flows.tracking.model import EscrowEvent
from app.foundation.db import Tx, fetch_all


async def trail(tx: Tx, booking_ids: Sequence[UUID]) -> list[EscrowEvent]:
    """Every move of the pots of these parts, of refunds and transfers, of disputes and chargebacks.

    Of a part: of its own, and of chargebacks of the charge, which has paid for the other parts too.
    Within one instant causes come before effects: disputes and chargebacks, then moves of pots,
    then refunds and transfers, then pots that close because the money has arrived.
    """
    return await fetch_all(
        tx,
        EscrowEvent,
        """
        SELECT booking_id, at, what, id, was, state, actor, reason FROM (
            SELECT booking_id, at, pot || ' pot' AS what, pot_id AS id, was, state, actor, reason,
                   CASE WHEN state IN ('released', 'refunded') THEN 3 ELSE 1 END AS rank,
                   escrow_events.id AS step
              FROM escrow_events WHERE booking_id = ANY(%(ids)s)
             UNION ALL
            SELECT booking_id, at, kind, instructions.id, was, instruction_history.state, 'system',
                   instruction_history.reason, 2, instruction_history.id
              FROM instructions
              JOIN instruction_history ON instruction_id = instructions.id
             WHERE booking_id = ANY(%(ids)s)
             UNION ALL
            SELECT booking_id, at, 'dispute', disputes.id, was, dispute_history.state, actor,
                   dispute_history.reason, 0, dispute_history.id
              FROM disputes JOIN dispute_history ON dispute_id = disputes.id
             WHERE booking_id = ANY(%(ids)s)
             UNION ALL
            SELECT booking_id, at, 'chargeback', chargebacks.id, was, chargeback_history.state,
                   actor, chargeback_history.reason, 0, chargeback_history.id
              FROM chargebacks JOIN chargeback_history ON chargeback_id = chargebacks.id
             WHERE booking_id IN (
                   SELECT coalesce(part_of, id) FROM bookings WHERE id = ANY(%(ids)s))
        ) AS trail
         ORDER BY at, rank, step""",
        ids=list(booking_ids),
    )
