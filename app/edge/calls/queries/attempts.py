"""One statement per function on `gateway_calls`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.edge.calls.model import CallFilter, FiguresRow, GatewayCall, NewCall
from app.foundation.db import Tx, execute, fetch_all, json


async def insert(tx: Tx, calls: Sequence[NewCall]) -> None:
    """Insert attempts; the commit does not wait for the disk, so a server crash may lose the last.

    (`lax` is read, and so evaluated, before the commit; it holds for this transaction only.)
    """
    await execute(
        tx,
        """
        WITH lax AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
        INSERT INTO gateway_calls
               (gateway, operation, reference, attempt, outcome, status, latency_ms, error,
                attempts_max, next_attempt_at)
        SELECT gateway, operation, reference, attempt, outcome, status, latency_ms, error,
               attempts_max, business_now() + make_interval(secs => next_in_s)
          FROM lax, jsonb_to_recordset(%(calls)s) AS call (
               gateway text, operation text, reference text, attempt smallint, outcome text,
               status smallint, latency_ms integer, error text, attempts_max smallint,
               next_in_s double precision)""",
        calls=json(calls),
    )


async def page(
    tx: Tx, wanted: CallFilter, *, before: tuple[datetime, int] | None, limit: int
) -> list[GatewayCall]:
    """Attempts, newest first, older than the one of this instant and id."""
    before_at, before_id = before or (None, None)
    return await fetch_all(
        tx,
        GatewayCall,
        """
        SELECT * FROM gateway_calls
         WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s)
           AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
           AND (%(before_at)s::timestamptz IS NULL
                OR (at, id) < (%(before_at)s, %(before_id)s::bigint))
         ORDER BY at DESC, id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


async def figures(tx: Tx) -> list[FiguresRow]:
    """Figures on the last hour of each gateway that was called in it.

    (The hour is not a parameter: the planner must see how few rows it selects.)
    """
    return await fetch_all(
        tx,
        FiguresRow,
        """
        SELECT gateway, count(*) FILTER (WHERE attempt = 1) AS calls,
               count(*) FILTER (WHERE attempt > 1) AS retries,
               count(*) FILTER (WHERE outcome = 'unclear') AS failures,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ms) AS latency_ms_p50,
               percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) AS latency_ms_p95
          FROM gateway_calls
         WHERE at > business_now() - interval '1 hour'
         GROUP BY gateway""",
    )


async def forget(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete attempts older than `kept`, oldest first; returns how many.

    (By `ctid`, the place of a row: no row is ever updated, and the primary key has two columns.)
    """
    return await execute(
        tx,
        """
        DELETE FROM gateway_calls
         WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM gateway_calls WHERE at < business_now() - %(kept)s
                ORDER BY at, id LIMIT %(limit)s))""",
        kept=kept,
        limit=limit,
    )
