"""What has happened to a booking's money, from all its trails."""

from uuid import UUID

from app.db import Tx, fetch_all
from app.tracking.model import EscrowEvent


async def trail(tx: Tx, booking_id: UUID) -> list[EscrowEvent]:
    """Every move of the booking's pots, refunds and transfers, and what became of disputes.

    Within one instant causes come first: a dispute, what it does to its pot, what is sent because
    of that, and a pot's closing when it has arrived.
    """
    return await fetch_all(
        tx,
        EscrowEvent,
        """
        SELECT at, what, id, was, state, actor, reason FROM (
            SELECT at, pot || ' pot' AS what, pot_id AS id, was, state, actor, reason,
                   CASE WHEN state IN ('released', 'refunded') THEN 3 ELSE 1 END AS rank,
                   escrow_events.id AS step
              FROM escrow_events WHERE booking_id = %(id)s
             UNION ALL
            SELECT at, kind, instructions.id, was, instruction_history.state, 'system',
                   instruction_history.reason, 2, instruction_history.id
              FROM instructions
              JOIN instruction_history ON instruction_id = instructions.id
             WHERE booking_id = %(id)s
             UNION ALL
            SELECT opened_at, 'dispute', id, NULL, 'open', side, reason, 0, 0
              FROM disputes WHERE booking_id = %(id)s
             UNION ALL
            SELECT ended_at, 'dispute', id, 'open', state,
                   CASE state WHEN 'resolved' THEN 'admin' ELSE side END,
                   coalesce(decision, 'withdrawn'), 0, 1
              FROM disputes WHERE booking_id = %(id)s AND ended_at IS NOT NULL
        ) AS trail
         ORDER BY at, rank, step""",
        id=booking_id,
    )
