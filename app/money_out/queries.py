"""One statement per function on what admins look for among refunds and transfers."""

from uuid import UUID

import msgspec

from app.db import Tx, fetch_all
from app.instructions.model import Instruction
from app.money_out.model import InstructionFilter


async def instructions(
    tx: Tx, wanted: InstructionFilter, *, before: UUID | None, limit: int
) -> list[Instruction]:
    """Newest first (ids are in the order of time), older than the one of this id."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE kind = %(kind)s
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(booking_id)s::uuid IS NULL OR booking_id = %(booking_id)s)
           AND (%(payee_id)s::uuid IS NULL OR payee_id = %(payee_id)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )
