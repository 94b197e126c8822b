"""Statements on what of a charge was promised back, given back, or wanted back by a bank."""

from collections.abc import Mapping
from uuid import UUID

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
)
from app.money.payments.model import Payment


async def promise_back(tx: Tx, amounts: Mapping[UUID, int]) -> list[Payment]:
    """Add amounts to what is refunded of charges, locked in the order of ids to avoid deadlocks.

    Contested charges are not changed. Returns the charges that were.
    """
    return await fetch_all(
        tx,
        Payment,
        """
        WITH promised AS (
            SELECT payments.id, given.amount
              FROM unnest(%(ids)s::uuid[], %(amounts)s::bigint[]) AS given (id, amount)
              JOIN payments ON payments.id = given.id
             WHERE NOT contested
             ORDER BY payments.id
               FOR NO KEY UPDATE OF payments
        )
        UPDATE payments
           SET refunded = refunded + promised.amount, updated_at = business_now()
          FROM promised
         WHERE payments.id = promised.id
     RETURNING payments.*, false AS calling""",
        ids=list(amounts),
        amounts=list(amounts.values()),
    )


async def contest(tx: Tx, payment_id: UUID, *, contested: bool) -> None:
    """Store whether a chargeback of a charge is open: no refund of it is then sent."""
    await execute(
        tx,
        """
        UPDATE payments SET contested = %(contested)s, updated_at = business_now()
         WHERE id = %(id)s""",
        id=payment_id,
        contested=contested,
    )


async def charge_back(tx: Tx, payment_id: UUID, *, taken: int, promised: int) -> None:
    """Record what the payer's bank has taken of a charge, as far as it is not refunded.

    `promised` is subtracted from what is refunded first: refunds that will not be sent.
    """
    await execute(
        tx,
        """
        UPDATE payments
           SET refunded = refunded - %(promised)s,
               charged_back = least(charged_back + %(taken)s, amount - refunded + %(promised)s),
               updated_at = business_now()
         WHERE id = %(id)s""",
        id=payment_id,
        taken=taken,
        promised=promised,
    )


async def count_refunded(tx: Tx, payment_id: UUID, *, amount: int) -> None:
    await execute(
        tx,
        """
        UPDATE payments SET refunded = refunded + %(amount)s, updated_at = business_now()
         WHERE id = %(id)s""",
        id=payment_id,
        amount=amount,
    )


async def set_aside(tx: Tx, payment_id: UUID, *, because: str) -> None:
    """Store why a charge that was paid buys nothing."""
    await execute(
        tx,
        "UPDATE payments SET set_aside_because = %(because)s WHERE id = %(id)s",
        id=payment_id,
        because=because,
    )
