"""Statements on what causes what: a pot, charge or debt an instruction, and that one the next."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.db import Tx, fetch_all, fetch_new_value, fetch_values
from app.money.instructions.model import Instruction


async def of_source(tx: Tx, source_id: UUID) -> list[Instruction]:
    """The instructions that a pot, charge, debt or other instruction has caused."""
    return await fetch_all(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE source_id = %(id)s ORDER BY id",
        id=source_id,
    )


async def root_source(tx: Tx, instruction_id: UUID) -> UUID:
    """The pot, charge or debt that an instruction goes back to, past those that it replaces."""
    return await fetch_new_value(
        tx,
        UUID,
        """
        WITH RECURSIVE above AS (
            SELECT source_id FROM instructions WHERE id = %(id)s
             UNION ALL
            SELECT instructions.source_id
              FROM instructions JOIN above ON instructions.id = above.source_id
        )
        SELECT source_id FROM above
         WHERE NOT EXISTS (SELECT FROM instructions WHERE id = above.source_id)""",
        id=instruction_id,
    )


async def all_confirmed(tx: Tx, source_id: UUID) -> bool:
    """Whether all that a source has caused has arrived, or was cancelled.

    An instruction that another one has replaced counts by that one.
    """
    return await fetch_new_value(
        tx,
        bool,
        """
        WITH RECURSIVE below AS (
            SELECT id, state FROM instructions WHERE source_id = %(id)s
             UNION ALL
            SELECT instructions.id, instructions.state
              FROM instructions JOIN below ON instructions.source_id = below.id
        )
        SELECT NOT EXISTS (
            SELECT FROM below
             WHERE state NOT IN ('confirmed', 'cancelled')
               AND NOT EXISTS (SELECT FROM instructions WHERE source_id = below.id))""",
        id=source_id,
    )


async def without_any(tx: Tx, source_ids: Sequence[UUID]) -> list[UUID]:
    """Of these sources, those that caused no instruction."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT source FROM unnest(%(ids)s::uuid[]) AS source
         WHERE NOT EXISTS (SELECT FROM instructions WHERE source_id = source)""",
        ids=list(source_ids),
    )
