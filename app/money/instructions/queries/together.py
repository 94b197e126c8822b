"""Statements on transfers that are too small to go alone, and go together."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.db import Tx, fetch_all, fetch_value, fetch_values
from app.money.instructions.model import Companions, Instruction


async def too_small(tx: Tx, beside: Instruction, *, limit: int) -> list[Instruction]:
    """Transfers that wait to go together to the payee of `beside`, the oldest first."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE waits_for = 'minimum' AND payee_id = %(payee_id)s AND gateway = %(gateway)s
           AND currency = %(currency)s AND state = 'queued' AND kind = 'transfer'
           AND target = %(target)s AND id <> %(id)s
           AND (not_before IS NULL OR not_before <= (SELECT business_now()))
         ORDER BY id
         LIMIT %(limit)s""",
        payee_id=beside.payee_id,
        gateway=beside.gateway,
        currency=beside.currency,
        target=beside.target,
        id=beside.id,
        limit=limit,
    )


async def lock_queued(tx: Tx, instruction_ids: Sequence[UUID]) -> list[Instruction]:
    """Lock those of these instructions that are queued, in the order of ids."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions WHERE id = ANY(%(ids)s) AND state = 'queued'
         ORDER BY id
           FOR NO KEY UPDATE""",
        ids=list(instruction_ids),
    )


async def party(tx: Tx, sent_as: str) -> list[Instruction]:
    """The transfers that went together under this reference, in the order of ids."""
    return await fetch_all(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE sent_as = %(sent_as)s ORDER BY id",
        sent_as=sent_as,
    )


async def lock_party(tx: Tx, instruction_id: UUID, sent_as: str) -> list[Instruction]:
    """Lock an instruction, and those that went together under this reference, in order of ids."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions WHERE id = %(id)s OR sent_as = %(sent_as)s
         ORDER BY id
           FOR NO KEY UPDATE""",
        id=instruction_id,
        sent_as=sent_as,
    )


async def went_by(tx: Tx, beside: Instruction, reference: str) -> list[UUID]:
    """The transfers to the payee of `beside` that have had this reference, in order of ids."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT DISTINCT instructions.id
          FROM instructions JOIN instruction_history AS history ON instruction_id = instructions.id
         WHERE payee_id = %(payee_id)s AND history.reference = %(reference)s
         ORDER BY instructions.id""",
        payee_id=beside.payee_id,
        reference=reference,
    )


async def leader(tx: Tx, sent_as: str) -> UUID | None:
    """The transfer whose reference this is: the gateway knows those that went together by it."""
    return await fetch_value(
        tx, UUID, "SELECT id FROM instructions WHERE reference = %(sent_as)s", sent_as=sent_as
    )


async def companions(tx: Tx, instruction_ids: Sequence[UUID]) -> list[Companions]:
    """With which others each of these goes, and how much waits to go together with it.

    Those that are alone and do not wait are left out.
    """
    return await fetch_all(
        tx,
        Companions,
        """
        SELECT id, gateway, currency,
               ARRAY(SELECT other.id FROM instructions AS other
                      WHERE other.sent_as = one.sent_as AND other.id <> one.id
                      ORDER BY other.id) AS together,
               CASE WHEN waits_for = 'minimum' AND state = 'queued' THEN (
                    SELECT sum(amount)::bigint FROM instructions AS waiting
                     WHERE waits_for = 'minimum' AND state = 'queued'
                       AND payee_id = one.payee_id AND gateway = one.gateway
                       AND currency = one.currency) END AS waiting
          FROM instructions AS one
         WHERE id = ANY(%(ids)s) AND (sent_as IS NOT NULL OR waits_for = 'minimum')""",
        ids=list(instruction_ids),
    )
