"""One statement per function on refunds and transfers as admins look for them, and late ones."""

from uuid import UUID

import msgspec

from app.flows.sending.model import InstructionFilter, LateRefund, NewLateRefund
from app.foundation.db import Tx, fetch_all, fetch_new
from app.money.instructions.model import Instruction


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


async def insert_late_refund(
    tx: Tx,
    new: NewLateRefund,
    *,
    refund_id: UUID,
    booking_id: UUID,
    payment_id: UUID,
    admin_id: UUID,
) -> LateRefund:
    return await fetch_new(
        tx,
        LateRefund,
        """
        INSERT INTO late_refunds
               (id, booking_id, payment_id, borne_by, amount, currency, reason, admin_id)
        VALUES (%(id)s, %(booking_id)s, %(payment_id)s, %(borne_by)s, %(amount)s, %(currency)s,
                %(reason)s, %(admin_id)s)
        RETURNING *""",
        id=refund_id,
        booking_id=booking_id,
        payment_id=payment_id,
        borne_by=new.at_whose_cost,
        amount=new.amount.amount,
        currency=new.amount.currency,
        reason=new.reason,
        admin_id=admin_id,
    )
