"""One statement per function on automatic refunds, which are `instructions`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from app.foundation.db import Tx, execute, fetch_all, fetch_values
from app.money.breaker.model import Line, Total, Waiting


async def lock(tx: Tx) -> None:
    """One at a time decides what goes out, until its transaction ends."""
    await execute(tx, "SELECT pg_advisory_xact_lock(hashtextextended('breaker', 0))")


async def let_out_in_run(tx: Tx, run: timedelta) -> list[Total]:
    """What has been let out since this run began, per currency; overrides do not count."""
    return await fetch_all(
        tx,
        Total,
        """
        SELECT currency, count(*) AS refunds, sum(amount)::bigint AS amount
          FROM instructions
         WHERE let_out_at >= date_bin(%(run)s, (SELECT business_now()), 'epoch')
           AND let_out_by IS NULL
         GROUP BY currency""",
        run=run,
    )


async def first_waiting(
    tx: Tx, amounts_max: Mapping[str, int], but: Sequence[UUID], *, limit: int
) -> list[Waiting]:
    """What waits and may ever go out by itself: the oldest, so many of each currency.

    Other than these.
    """
    return await fetch_all(
        tx,
        Waiting,
        """
        SELECT waiting.id, waiting.currency, waiting.amount
          FROM unnest(%(currencies)s::char(3)[], %(amounts)s::bigint[]) AS most (currency, amount)
         CROSS JOIN LATERAL (
               SELECT id, currency, amount FROM instructions
                WHERE automatic AND let_out_at IS NULL AND state = 'queued'
                  AND currency = most.currency AND amount <= most.amount
                  AND id <> ALL(%(but)s::uuid[])
                  AND NOT EXISTS (SELECT FROM payments WHERE id = payment_id AND contested)
                ORDER BY id
                LIMIT %(limit)s) AS waiting
         ORDER BY waiting.id""",
        currencies=list(amounts_max),
        amounts=list(amounts_max.values()),
        but=list(but),
        limit=limit,
    )


async def lines(tx: Tx, amounts_max: Mapping[str, int]) -> list[Line]:
    """What waits, per currency."""
    return await fetch_all(
        tx,
        Line,
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
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE automatic AND let_out_at IS NULL AND state = 'queued'
         ORDER BY id""",
    )


async def let_out(
    tx: Tx, ids: Sequence[UUID], *, by: UUID | None, queued_for: timedelta
) -> list[Waiting]:
    """Let these out, each once; returns those that had waited."""
    return await fetch_all(
        tx,
        Waiting,
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
