"""Movements: stored page by page, forgotten after their time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_one, json
from app.money.bank_statements.model import NewPayout
from app.money.reconciliation.model import Movement


async def store(
    tx: Tx, gateway: GatewayName, movements: Sequence[Movement], *, or_at: datetime
) -> None:
    """Store a page; of a row that is there already, what was read last wins.

    The page names each row once. Rows are written in the order of their keys, so that two runs
    that read the same rows never deadlock. `or_at` is the time of those that have none.

    The commit does not wait for the disk: a page that a crash of the server loses is read again,
    since where the list goes on is lost with it. (`lax` holds for this transaction only.)
    """
    await execute(
        tx,
        """
        WITH lax AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
        INSERT INTO gateway_movements AS known
               (gateway, kind, gateway_id, reference, charge_reference, charge_id, state, amount,
                currency, returned, fee, settled_amount, settled_currency, recipient, is_taken,
                live, at, arrives_at)
        SELECT %(gateway)s, kind, gateway_id, reference, charge_reference, charge_id, state, amount,
               currency, returned, fee, settled_amount, settled_currency, recipient, is_taken,
               live, coalesce(at, %(or_at)s), arrives_at
          FROM lax, jsonb_to_recordset(%(movements)s) AS page (
               kind text, gateway_id text, reference text, charge_reference text, charge_id text,
               state text, amount bigint, currency text, returned bigint, fee bigint,
               settled_amount bigint, settled_currency text, recipient text, is_taken boolean,
               live boolean, at timestamptz, arrives_at timestamptz)
         ORDER BY kind, gateway_id
            ON CONFLICT (gateway, kind, gateway_id) DO UPDATE
           SET reference = excluded.reference, charge_reference = excluded.charge_reference,
               charge_id = excluded.charge_id, state = excluded.state, amount = excluded.amount,
               currency = excluded.currency, returned = excluded.returned, fee = excluded.fee,
               settled_amount = excluded.settled_amount,
               settled_currency = excluded.settled_currency, recipient = excluded.recipient,
               is_taken = excluded.is_taken, live = excluded.live,
               arrives_at = excluded.arrives_at,
               last_seen = business_now(),
               changed_at = CASE
                   WHEN (known.state, known.amount, known.currency, known.returned, known.fee,
                         known.settled_amount, known.settled_currency, known.is_taken)
                        IS DISTINCT FROM
                        (excluded.state, excluded.amount, excluded.currency, excluded.returned,
                         excluded.fee, excluded.settled_amount, excluded.settled_currency,
                         excluded.is_taken)
                   THEN business_now() ELSE known.changed_at END""",
        gateway=gateway,
        movements=json(movements),
        or_at=or_at,
    )


async def find_payout(tx: Tx, gateway: GatewayName, gateway_id: str) -> NewPayout | None:
    """A payout to our bank, which arrives when the gateway says; if it does not, at once."""
    return await fetch_one(
        tx,
        NewPayout,
        """
        SELECT gateway, gateway_id, reference, coalesce(fee, 0) AS fee,
               jsonb_build_object('amount', amount, 'currency', currency) AS money,
               (coalesce(arrives_at, at) AT TIME ZONE 'UTC')::date AS arrives_on
          FROM gateway_movements
         WHERE gateway = %(gateway)s AND kind = 'payout' AND gateway_id = %(gateway_id)s""",
        gateway=gateway,
        gateway_id=gateway_id,
    )


async def analyze(tx: Tx) -> None:
    """Let the planner know how many movements there are: it may never have seen those of a run."""
    await execute(tx, "ANALYZE (SKIP_LOCKED) gateway_movements")


async def forget(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete movements older than `kept`; returns how many."""
    return await execute(
        tx,
        """
        DELETE FROM gateway_movements
         WHERE (gateway, kind, gateway_id) IN (
               SELECT gateway, kind, gateway_id FROM gateway_movements
                WHERE gateway IN ('flutterwave', 'paystack', 'stripe')
                  AND kind IN ('charge', 'refund', 'transfer', 'chargeback', 'payout', 'change')
                  AND at < business_now() - %(kept)s
                LIMIT %(limit)s
                  FOR UPDATE SKIP LOCKED)""",
        kept=kept,
        limit=limit,
    )
