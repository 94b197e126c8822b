"""Statements that find, and often lock, the instructions of which something is to be done."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_all, fetch_new_value, fetch_value, fetch_values
from app.money.instructions.model import Instruction, InstructionKind


async def to_send(
    tx: Tx, kind: InstructionKind, *, contested: Sequence[UUID], limit: int
) -> list[UUID]:
    """Queued refunds or transfers that should have been sent by now, the longest overdue first.

    Skips those of the charges in `contested`.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE state = 'queued' AND kind = %(kind)s
           AND next_try_at <= (SELECT business_now())
           AND waits_for IS DISTINCT FROM 'name' AND waits_for IS DISTINCT FROM 'approval'
           AND payment_id <> ALL(%(contested)s::uuid[])
         ORDER BY next_try_at
         LIMIT %(limit)s""",
        kind=kind,
        contested=list(contested),
        limit=limit,
    )


async def to_look_up(tx: Tx, *, limit: int) -> list[UUID]:
    """Instructions with an open outcome whose look-up is due, the longest overdue first.

    Of transfers that went together it is the one whose reference the gateway knows.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE state IN ('sending', 'unknown', 'sent')
           AND kind IN ('refund', 'transfer') -- all there are: the index is by state and kind
           AND next_try_at <= (SELECT business_now())
           AND (sent_as IS NULL OR sent_as = reference)
         ORDER BY next_try_at
         LIMIT %(limit)s""",
        limit=limit,
    )


async def lock_next_failed(
    tx: Tx, kind: InstructionKind, but: Sequence[UUID], *, contested: Sequence[UUID]
) -> UUID | None:
    """Lock a failed instruction whose next attempt is due, unless another transaction has it.

    Only of those that we began, but not `but`, nor those of the charges in `contested`.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE state = 'failed' AND kind = %(kind)s AND origin = 'berthold'
           AND next_try_at <= (SELECT business_now()) AND id <> ALL(%(but)s::uuid[])
           AND payment_id <> ALL(%(contested)s::uuid[])
         ORDER BY next_try_at
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        kind=kind,
        but=list(but),
        contested=list(contested),
    )


async def began_within(tx: Tx, instruction: Instruction, period: timedelta) -> bool:
    """Whether the current attempt was begun less than this long ago."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM instruction_history
             WHERE instruction_id = %(id)s AND attempt = %(attempt)s AND state = 'sending'
               AND at > business_now() - %(period)s)""",
        id=instruction.id,
        attempt=instruction.attempt,
        period=period,
    )


async def miss(tx: Tx, instruction: Instruction, again_after: timedelta) -> bool:
    """Note that a look did not find an attempt; whether one had missed it so long ago before."""
    return await fetch_new_value(
        tx,
        bool,
        """
        UPDATE instructions SET missed_at = coalesce(missed_at, business_now())
         WHERE id = %(id)s
     RETURNING missed_at <= business_now() - %(again_after)s""",
        id=instruction.id,
        again_after=again_after,
    )


async def lock_waiting(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str
) -> list[Instruction]:
    """Lock the transfers that wait for this payee's account."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE state = 'waiting_for_payee' AND payee_id = %(payee_id)s
           AND gateway = %(gateway)s AND currency = %(currency)s
         ORDER BY id
           FOR NO KEY UPDATE""",
        payee_id=payee_id,
        gateway=gateway,
        currency=currency,
    )


async def lock_queued(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str
) -> list[Instruction]:
    """Lock the transfers to this payee's account that have not been sent."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE state = 'queued' AND kind = 'transfer' AND payee_id = %(payee_id)s
           AND gateway = %(gateway)s AND currency = %(currency)s
         ORDER BY id
           FOR NO KEY UPDATE""",
        payee_id=payee_id,
        gateway=gateway,
        currency=currency,
    )


async def lock_unsent(
    tx: Tx, payment_id: UUID, kinds: Sequence[InstructionKind]
) -> list[Instruction]:
    """Lock the instructions of a charge that have not left, or came back: the oldest first.

    Until the transaction ends no other sends them or moves them.
    """
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE payment_id = %(payment_id)s AND kind = ANY(%(kinds)s)
           AND (state IN ('queued', 'waiting_for_payee', 'failed')
                OR (state = 'reversed' AND NOT EXISTS (
                    SELECT FROM instructions AS again WHERE again.source_id = instructions.id)))
         ORDER BY id
           FOR NO KEY UPDATE""",
        payment_id=payment_id,
        kinds=list(kinds),
    )


async def unsent_of_payee(tx: Tx, payee_id: UUID, gateway: GatewayName) -> list[Instruction]:
    """The transfers to a payee that have not left, or came back: the oldest first."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE payee_id = %(payee_id)s AND gateway = %(gateway)s AND kind = 'transfer'
           AND (state IN ('queued', 'waiting_for_payee', 'failed')
                OR (state = 'reversed' AND NOT EXISTS (
                    SELECT FROM instructions AS again WHERE again.source_id = instructions.id)))
         ORDER BY id""",
        payee_id=payee_id,
        gateway=gateway,
    )
