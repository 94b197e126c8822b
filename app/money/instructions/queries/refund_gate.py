"""One statement per function on automatic refunds, which wait at the refund gate.

`let_out_at` and `let_out_by` say when, and by which admin, a refund was admitted.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_all, fetch_values
from app.money.instructions.model import AdmittedTotal, WaitingRefund, WaitingTotal


async def lock(tx: Tx) -> None:
    """Lock the gate until the transaction ends: only one transaction at a time admits refunds."""
    # The key is what workers of every release lock: changed, two could admit at once.
    await execute(tx, "SELECT pg_advisory_xact_lock(hashtextextended('breaker', 0))")


async def admitted_in_run(tx: Tx, run: timedelta) -> list[AdmittedTotal]:
    """What was admitted since this run began, per currency; what admins sent does not count.

    Nor does what was admitted in the future, by a clock that was wrong: it would close the gate
    until then.
    """
    return await fetch_all(
        tx,
        AdmittedTotal,
        """
        SELECT currency, count(*) AS refunds, sum(amount)::bigint AS amount
          FROM instructions
         WHERE let_out_at >= date_bin(%(run)s, (SELECT business_now()), 'epoch')
           AND let_out_at < date_bin(%(run)s, (SELECT business_now()), 'epoch') + %(run)s
           AND let_out_by IS NULL
         GROUP BY currency""",
        run=run,
    )


async def first_waiting(
    tx: Tx,
    amounts_max: Mapping[str, int],
    but: Sequence[UUID],
    *,
    contested: Sequence[UUID],
    limit: int,
) -> list[WaitingRefund]:
    """The oldest refunds that wait and that a run may send: up to `limit` of each currency.

    Skips the refunds `but`, those of the charges in `contested`, and each that is more than the
    `amounts_max` of its currency (minor units).
    """
    return await fetch_all(
        tx,
        WaitingRefund,
        """
        SELECT waiting.id, waiting.currency, waiting.amount
          FROM unnest(%(currencies)s::char(3)[], %(amounts)s::bigint[]) AS most (currency, amount)
         CROSS JOIN LATERAL (
               SELECT id, currency, amount FROM instructions
                WHERE automatic AND let_out_at IS NULL AND state = 'queued'
                  AND currency = most.currency AND amount <= most.amount
                  AND id <> ALL(%(but)s::uuid[])
                  AND payment_id <> ALL(%(contested)s::uuid[])
                ORDER BY id
                LIMIT %(limit)s) AS waiting
         ORDER BY waiting.id""",
        currencies=list(amounts_max),
        amounts=list(amounts_max.values()),
        but=list(but),
        contested=list(contested),
        limit=limit,
    )


async def waiting_totals(tx: Tx, amounts_max: Mapping[str, int]) -> list[WaitingTotal]:
    """What waits, per currency."""
    return await fetch_all(
        tx,
        WaitingTotal,
        """
        SELECT currency, count(*) AS refunds, sum(instructions.amount)::bigint AS amount,
               count(*) FILTER (WHERE instructions.amount > most.amount) AS too_large,
               min(created_at) AS since
          FROM instructions
          JOIN unnest(%(currencies)s::char(3)[], %(amounts)s::bigint[]) AS most (currency, amount)
               USING (currency)
         WHERE automatic AND let_out_at IS NULL AND state = 'queued'
         GROUP BY currency
         ORDER BY currency""",
        currencies=list(amounts_max),
        amounts=list(amounts_max.values()),
    )


async def all_waiting(tx: Tx) -> list[UUID]:
    """Every refund that waits, the oldest first."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE automatic AND let_out_at IS NULL AND state = 'queued'
         ORDER BY id""",
    )


async def admit(
    tx: Tx, ids: Sequence[UUID], *, by: UUID | None, queued_for: timedelta
) -> list[WaitingRefund]:
    """Admit these refunds, each once; returns the refunds that had waited."""
    return await fetch_all(
        tx,
        WaitingRefund,
        """
        UPDATE instructions
           SET let_out_at = business_now(), let_out_by = %(by)s, updated_at = business_now(),
               next_try_at = business_now() + %(queued_for)s
         WHERE id = ANY(%(ids)s) AND automatic AND let_out_at IS NULL AND state = 'queued'
     RETURNING id, currency, amount""",
        ids=list(ids),
        by=by,
        queued_for=queued_for,
    )
