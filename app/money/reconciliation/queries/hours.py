"""The sums of hours, as last compared, and of days."""

from collections.abc import Sequence
from datetime import date, timedelta

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_all, json
from app.money.reconciliation.model import DayReply, HourTotal, Scope


async def clear(tx: Tx, scope: Scope) -> None:
    """Delete the sums of a slice, to be written again."""
    await execute(
        tx,
        """
        DELETE FROM reconciliation_hours
         WHERE gateway = %(gateway)s AND hour >= %(since)s AND hour < %(until)s""",
        gateway=scope.gateway,
        since=scope.since,
        until=scope.until,
    )


async def insert(tx: Tx, gateway: GatewayName, totals: Sequence[HourTotal]) -> None:
    """Insert the sums of hours; several of the same thing are added up."""
    await execute(
        tx,
        """
        INSERT INTO reconciliation_hours
               (gateway, hour, what, currency, count, others, at_gateway, here, in_ledger)
        SELECT %(gateway)s, hour, what, currency, sum(count), sum(others), sum(at_gateway),
               sum(here), sum(in_ledger)
          FROM jsonb_to_recordset(%(totals)s) AS total (
               hour timestamptz, what text, currency text, count integer, others integer,
               at_gateway bigint, here bigint, in_ledger bigint)
         GROUP BY hour, what, currency""",
        gateway=gateway,
        totals=json(totals),
    )


async def of_days(
    tx: Tx, gateway: GatewayName | None, *, since: date, until: date
) -> list[DayReply]:
    """The sums of days (UTC), the last one included, with the differences of each; newest first."""
    return await fetch_all(
        tx,
        DayReply,
        """
        WITH summed AS (
            SELECT gateway, (hour AT TIME ZONE 'UTC')::date AS day, what, currency,
                   sum(count) AS count, sum(others) AS others, sum(at_gateway) AS at_gateway,
                   sum(here) AS here, sum(in_ledger) AS in_ledger
              FROM reconciliation_hours
             WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
               AND hour >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
               AND hour < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC'
             GROUP BY 1, 2, 3, 4
        ), differing AS (
            SELECT gateway, day, CASE kind WHEN 'fee' THEN 'fee' ELSE what END AS what, currency,
                   count(*) AS differences,
                   sum(abs(coalesce(at_gateway, 0) - coalesce(in_ledger, 0)))
                       FILTER (WHERE explained_at IS NULL) AS unexplained
              FROM differences
             WHERE closed_at IS NULL
               AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
               AND day BETWEEN %(since)s AND %(until)s
             GROUP BY 1, 2, 3, 4
        )
        SELECT gateway, day, what, coalesce(count, 0)::bigint AS count,
               coalesce(others, 0)::bigint AS others,
               jsonb_build_object('amount', coalesce(at_gateway, 0), 'currency', currency)
                   AS at_gateway,
               jsonb_build_object('amount', coalesce(here, 0), 'currency', currency) AS here,
               jsonb_build_object('amount', coalesce(in_ledger, 0), 'currency', currency)
                   AS in_ledger,
               coalesce(differences, 0) AS differences,
               jsonb_build_object('amount', coalesce(unexplained, 0), 'currency', currency)
                   AS unexplained
          FROM summed
          FULL JOIN differing USING (gateway, day, what, currency)
         ORDER BY day DESC, gateway, what, currency""",
        gateway=gateway,
        since=since,
        until=until,
    )


async def forget(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete the sums of hours older than `kept`; returns how many."""
    return await execute(
        tx,
        """
        DELETE FROM reconciliation_hours
         WHERE (gateway, hour, what, currency) IN (
               SELECT gateway, hour, what, currency FROM reconciliation_hours
                WHERE hour < business_now() - %(kept)s
                LIMIT %(limit)s)""",
        kept=kept,
        limit=limit,
    )
