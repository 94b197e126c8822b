"""What changes our balance beside charges and instructions: payouts to our bank, and changes.

A change (see `What`) has no row of ours but its posting in the ledger.
"""

from typing import Final

import msgspec

from app.foundation.db import Tx, fetch_new_value
from app.money.reconciliation.model import Compared, Scope, What

_COMPARE: Final = """
    WITH listed AS (
        SELECT * FROM gateway_movements
         WHERE gateway = %(gateway)s AND kind = %(what)s AND live = %(live)s
           AND at >= %(since)s AND at < %(until)s
           AND (last_seen >= %(listed_since)s OR at < %(run_since)s OR at >= %(run_until)s)
    ), ours AS (
        SELECT listed.gateway_id, listed.reference, listed.at, listed.state, listed.currency,
               CASE WHEN listed.kind = 'change' OR listed.state = 'succeeded'
                    THEN listed.amount ELSE 0 END AS moved_there,
               own.failed_at,
               CASE WHEN listed.kind = 'change'
                    THEN coalesce(booked.amount - adjusted.amount, booked.amount, -adjusted.amount)
                    WHEN own.failed_at IS NULL THEN own.amount ELSE 0 END AS moved_here,
               coalesce(booked.amount, 0) + CASE listed.kind WHEN 'change' THEN -1 ELSE 1 END
                   * coalesce(adjusted.amount, 0) AS moved_in_ledger,
               CASE WHEN listed.kind = 'payout' AND listed.state = 'succeeded'
                    THEN listed.fee END AS fee,
               coalesce(booked.fee, 0) + coalesce(adjusted.fee, 0) AS fee_in_ledger
          FROM listed
          LEFT JOIN expected_payouts AS own
            ON listed.kind = 'payout'
           AND own.gateway = listed.gateway AND own.gateway_id = listed.gateway_id
          LEFT JOIN LATERAL (
               SELECT (CASE listed.kind
                       WHEN 'change' THEN -sum(entry.amount)
                       ELSE sum(entry.amount) FILTER (WHERE done.kind <> 'gateway_fee')
                       END)::bigint AS amount,
                      sum(entry.amount) FILTER (
                          WHERE done.kind = 'gateway_fee')::bigint AS fee
                 FROM ledger_transactions AS done
                 JOIN ledger_entries AS entry ON entry.transaction_id = done.id
                 JOIN ledger_accounts AS account ON account.id = entry.account_id
                WHERE done.kind IN ('payout', 'payout_reversal', 'gateway_fee', 'gateway_charge')
                  AND done.source_id IN (own.id, md5(concat_ws(
                      ' ', %(gateway)s, %(what)s::text, listed.gateway_id))::uuid)
                  AND account.kind = 'gateway_clearing'
                  AND account.currency = listed.currency
               ) AS booked ON true
          LEFT JOIN movement_adjustments AS adjusted
            ON adjusted.gateway = %(gateway)s AND adjusted.what = %(what)s
           AND adjusted.subject = listed.gateway_id AND adjusted.currency = listed.currency
    ), judged AS (
        SELECT ours.*, judgement.*
          FROM ours
         CROSS JOIN LATERAL (VALUES
               ('missing_here', moved_there <> 0 AND moved_in_ledger = 0, moved_there,
                moved_in_ledger),
               ('state', moved_there = 0 AND moved_in_ledger <> 0, moved_there,
                moved_in_ledger),
               ('amount', moved_there <> 0 AND moved_in_ledger <> 0
                    AND moved_there <> moved_in_ledger, moved_there, moved_in_ledger),
               ('fee', moved_there <> 0 AND moved_in_ledger <> 0 AND fee <> fee_in_ledger,
                fee, fee_in_ledger)
               ) AS judgement (kind, holds, at_gateway, of_ledger)
    ), totals AS (
        SELECT %(what)s::text AS what, date_trunc('hour', at, 'UTC') AS hour, currency,
               count(*) AS count, sum(moved_there) AS at_gateway,
               sum(moved_here) AS here, sum(moved_in_ledger) AS in_ledger
          FROM ours
         GROUP BY hour, currency
         UNION ALL
        SELECT 'fee', date_trunc('hour', at, 'UTC') AS hour, currency, count(*), sum(fee),
               sum(fee_in_ledger), sum(fee_in_ledger)
          FROM ours
         WHERE fee IS NOT NULL
         GROUP BY hour, currency
    )
    SELECT jsonb_build_object(
           'findings', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'subject', gateway_id, 'kind', kind, 'at', at, 'currency', currency,
                      'at_gateway', at_gateway, 'here', moved_here,
                      'in_ledger', nullif(of_ledger, 0), 'gateway_state', state,
                      'state', NULL, 'reference', reference, 'charge_reference', '',
                      'charge_id', '', 'payment_id', NULL, 'instruction_id', NULL))
                 FROM judged WHERE holds), '[]'),
           'totals', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'what', what, 'hour', hour, 'currency', currency, 'count', count,
                      'others', 0, 'at_gateway', coalesce(at_gateway, 0),
                      'here', coalesce(here, 0), 'in_ledger', coalesce(in_ledger, 0)))
                 FROM totals), '[]'))"""


async def compare(tx: Tx, what: What, scope: Scope) -> Compared:
    """The payouts or changes that a gateway lists, beside the postings of each."""
    return await fetch_new_value(
        tx,
        Compared,
        _COMPARE,
        what=what,
        **msgspec.structs.asdict(scope),
    )
