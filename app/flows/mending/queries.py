"""Chargebacks three ways: at the gateway, here, and in the ledger.

They are compared here, and not in the room of reconciliation, which must not know their table.
"""

from typing import Final

import msgspec

from app.foundation.db import Tx, fetch_new_value
from app.money.reconciliation.model import Compared, Scope

_COMPARE: Final = """
    WITH listed AS (
        SELECT * FROM gateway_movements
         WHERE gateway = %(gateway)s AND kind = 'chargeback' AND live = %(live)s
           AND at >= %(since)s AND at < %(until)s
           AND (last_seen >= %(listed_since)s OR at < %(run_since)s OR at >= %(run_until)s)
    ), matched AS (
        SELECT listed.gateway_id AS subject, listed.charge_reference, listed.at,
               listed.last_seen, listed.state AS gateway_state, listed.amount,
               listed.is_taken, listed.currency, listed.fee, listed.settled_currency,
               own.id AS chargeback_id,
               coalesce(own.payment_id, charge.id) AS payment_id,
               own.id IS NOT NULL OR charge.id IS NOT NULL
                   OR listed.charge_reference ~ '^pay-[0-9a-f]{32}([.]|$)' AS is_ours
          FROM listed
          LEFT JOIN chargebacks AS own
            ON own.gateway = listed.gateway AND own.gateway_id = listed.gateway_id
          LEFT JOIN payments AS charge
            ON charge.reference = listed.charge_reference AND charge.gateway = listed.gateway
    ), both_sides AS (
        SELECT subject, charge_reference, at, last_seen, gateway_state, amount, is_taken,
               currency, fee, settled_currency, chargeback_id, payment_id
          FROM matched WHERE is_ours
         UNION ALL
        SELECT own.gateway_id, charge.reference, own.opened_at, NULL, NULL, NULL, NULL,
               own.currency, NULL, own.settled_currency, own.id, own.payment_id
          FROM chargebacks AS own
          JOIN payments AS charge ON charge.id = own.payment_id
         WHERE own.gateway = %(gateway)s AND own.recorded_by IS NULL
           AND (own.is_taken OR own.state = 'lost')
           AND own.opened_at >= %(since)s AND own.opened_at < %(until)s
           AND NOT EXISTS (
               SELECT FROM gateway_movements AS known
                WHERE known.gateway = own.gateway AND known.kind = 'chargeback'
                  AND known.gateway_id = own.gateway_id
                  AND (known.last_seen >= %(listed_since)s
                       OR known.at < %(run_since)s OR known.at >= %(run_until)s))
    ), moved AS (
        SELECT both_sides.*, own.state, own.updated_at, own.currency AS own_currency,
               own.fee AS own_fee,
               coalesce(booked.fee, 0) + coalesce(adjusted.fee, 0) AS fee_in_ledger,
               CASE WHEN both_sides.is_taken THEN both_sides.amount
                    WHEN gateway_state IS NOT NULL THEN 0 END AS moved_there,
               CASE WHEN own.is_taken THEN own.amount WHEN own.id IS NOT NULL THEN 0
               END AS moved_here,
               coalesce(booked.amount, 0) + coalesce(adjusted.amount, 0) AS moved_in_ledger
          FROM both_sides
          LEFT JOIN chargebacks AS own ON own.id = both_sides.chargeback_id
          LEFT JOIN LATERAL (
               SELECT sum(entry.amount) FILTER (
                          WHERE done.kind <> 'gateway_fee')::bigint AS amount,
                      sum(entry.amount) FILTER (WHERE done.kind = 'gateway_fee')::bigint AS fee
                 FROM ledger_transactions AS done
                 JOIN ledger_entries AS entry ON entry.transaction_id = done.id
                 JOIN ledger_accounts AS account ON account.id = entry.account_id
                WHERE done.source_id = own.id
                  AND done.kind IN ('chargeback', 'chargeback_reversal', 'gateway_fee')
                  AND CASE WHEN done.kind = 'gateway_fee'
                      THEN account.kind = 'gateway_clearing'
                           AND account.currency = coalesce(own.settled_currency, own.currency)
                      ELSE account.kind = CASE WHEN own.settled_currency IS NULL
                                          THEN 'gateway_clearing' ELSE 'exchange' END
                           AND account.currency = own.currency END
               ) AS booked ON true
          LEFT JOIN movement_adjustments AS adjusted
            ON adjusted.gateway = %(gateway)s AND adjusted.what = 'chargeback'
           AND adjusted.subject = both_sides.subject AND adjusted.currency = both_sides.currency
    ), judged AS (
        SELECT moved.*, judgement.*
          FROM moved
         CROSS JOIN LATERAL (VALUES
               ('missing_here', gateway_state IS NOT NULL AND chargeback_id IS NULL
                    AND (gateway_state = 'open' OR moved_there <> moved_in_ledger),
                moved_there, moved_here, moved_in_ledger),
               ('missing_there', gateway_state IS NULL AND moved_in_ledger <> 0,
                moved_there, moved_here, moved_in_ledger),
               ('currency', currency <> own_currency AND is_taken IS TRUE,
                moved_there, NULL, NULL),
               ('amount', chargeback_id IS NOT NULL AND gateway_state IS NOT NULL
                    AND currency = own_currency AND moved_there <> moved_in_ledger,
                moved_there, moved_here, moved_in_ledger),
               ('state', gateway_state IN ('won', 'lost') AND state IN ('won', 'lost')
                    AND gateway_state <> state,
                moved_there, moved_here, moved_in_ledger),
               ('fee', chargeback_id IS NOT NULL AND currency = own_currency
                    AND fee <> fee_in_ledger,
                fee, own_fee, fee_in_ledger)
               ) AS judgement (kind, holds, at_gateway, here, of_ledger)
    ), totals AS (
        SELECT 'chargeback' AS what, date_trunc('hour', at, 'UTC') AS hour, currency,
               count(*) FILTER (WHERE is_ours) AS count,
               count(*) FILTER (WHERE NOT is_ours) AS others,
               sum(at_gateway) AS at_gateway, sum(here) AS here, sum(in_ledger) AS in_ledger
          FROM (SELECT at, currency, true AS is_ours, moved_there AS at_gateway,
                       moved_here AS here, moved_in_ledger AS in_ledger
                  FROM moved
                 UNION ALL
                SELECT at, currency, false, 0, 0, 0 FROM matched WHERE NOT is_ours
               ) AS movement
         GROUP BY hour, currency
         UNION ALL
        SELECT 'fee', date_trunc('hour', at, 'UTC') AS hour,
               coalesce(settled_currency, currency), count(*), 0, sum(fee), sum(own_fee),
               sum(fee_in_ledger)
          FROM moved
         WHERE chargeback_id IS NOT NULL AND fee IS NOT NULL
         GROUP BY hour, coalesce(settled_currency, currency)
    )
    SELECT jsonb_build_object(
           'findings', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'subject', subject,
                      'kind', CASE WHEN updated_at > last_seen THEN NULL ELSE kind END,
                      'at', at, 'at_gateway', at_gateway,
                      'currency', CASE kind WHEN 'fee' THEN coalesce(settled_currency, currency)
                                  ELSE currency END,
                      'here', here, 'in_ledger', of_ledger, 'gateway_state', gateway_state,
                      'state', state, 'reference', '', 'charge_reference', charge_reference,
                      'charge_id', '', 'payment_id', payment_id, 'instruction_id', NULL))
                 FROM judged WHERE holds), '[]'),
           'totals', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'what', what, 'hour', hour, 'currency', currency, 'count', count,
                      'others', others, 'at_gateway', coalesce(at_gateway, 0),
                      'here', coalesce(here, 0), 'in_ledger', coalesce(in_ledger, 0)))
                 FROM totals), '[]'))"""


async def compare_chargebacks(tx: Tx, scope: Scope) -> Compared:
    """The chargebacks that a gateway lists of our charges, beside ours, beside the ledger.

    What has moved is the money that is taken out of our balance now. Chargebacks that an admin
    recorded are left out: their gateway lists none.
    """
    return await fetch_new_value(
        tx,
        Compared,
        _COMPARE,
        **msgspec.structs.asdict(scope),
    )
