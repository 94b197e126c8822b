"""Statements on what a gateway reports later of a paid charge: its fee, and what it settled."""

from uuid import UUID

from app.foundation.db import (
    Tx,
    execute,
    fetch_new,
    fetch_values,
)
from app.foundation.money import Money
from app.money.payments.model import Payment


async def store_facts(tx: Tx, payment_id: UUID, *, fee: int, settled: Money | None) -> Payment:
    """Store the gateway's fee of a charge and what it settled; counts the corrections."""
    return await fetch_new(
        tx,
        Payment,
        """
        UPDATE payments
           SET fee_corrections = fee_corrections + (fee IS NOT NULL)::int,
               settled_amount = coalesce(%(settled_amount)s, settled_amount),
               settled_currency = coalesce(%(settled_currency)s, settled_currency),
               fee = %(fee)s, facts_due_at = NULL, updated_at = business_now()
         WHERE id = %(id)s
     RETURNING *, false AS calling""",
        id=payment_id,
        fee=fee,
        settled_amount=settled.amount if settled else None,
        settled_currency=settled.currency if settled else None,
    )


async def ask_for_facts(tx: Tx, payment_id: UUID) -> None:
    """Ask for the fee of a charge later: after as long as it has been paid, 6 hours at the most.

    After 30 days it is not asked for any more.
    """
    await execute(
        tx,
        """
        UPDATE payments
           SET facts_due_at = CASE
                   WHEN business_now() < settled_at + interval '30 days'
                   THEN business_now() + least(greatest(interval '1 minute',
                                                        business_now() - settled_at),
                                               interval '6 hours') END
         WHERE id = %(id)s AND fee IS NULL""",
        id=payment_id,
    )


async def facts_due(tx: Tx, *, limit: int) -> list[UUID]:
    """Take the paid charges that the gateway is to be asked about again; returns their ids."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH due AS (
            SELECT id FROM payments
             WHERE facts_due_at <= (SELECT business_now())
             ORDER BY facts_due_at
             LIMIT %(limit)s
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payments SET facts_due_at = business_now() + interval '10 minutes'
         WHERE id = ANY (ARRAY(SELECT id FROM due))
     RETURNING id""",
        limit=limit,
    )
