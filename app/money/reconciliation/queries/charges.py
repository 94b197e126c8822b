"""Charges three ways: at the gateway, here, and in the ledger."""

from typing import Final

import msgspec

from app.foundation.db import Tx, fetch_new_value
from app.money.reconciliation.model import Compared, Scope

_COMPARE: Final = """
    WITH listed AS (
        SELECT * FROM gateway_movements
         WHERE gateway = %(gateway)s AND kind = 'charge' AND live = %(live)s
           AND at >= %(since)s AND at < %(until)s
           AND (last_seen >= %(listed_since)s OR at < %(run_since)s OR at >= %(run_until)s)
    ), matched AS (
        SELECT listed.gateway_id AS subject, listed.gateway_id, listed.reference, listed.at,
               listed.last_seen, listed.state AS gateway_state, listed.amount, listed.currency,
               listed.fee, listed.settled_amount, listed.settled_currency, own.id AS payment_id
          FROM listed
          LEFT JOIN LATERAL (
               SELECT id FROM payments
                WHERE payments.gateway = listed.gateway
                  AND payments.reference IN (
                      listed.reference, listed.reference || '.' || listed.gateway_id)
                ORDER BY length(payments.reference) DESC LIMIT 1
               ) AS own ON listed.reference <> ''
    ), both_sides AS (
        SELECT * FROM matched
         WHERE payment_id IS NOT NULL OR reference ~ '^pay-[0-9a-f]{32}([.]|$)'
         UNION ALL
        SELECT reference, gateway_id, reference, settled_at, NULL, NULL, NULL, currency,
               NULL, NULL, NULL, id
          FROM payments
          LEFT JOIN LATERAL (
               SELECT true AS is_there FROM gateway_movements AS known
                WHERE known.gateway = payments.gateway AND known.kind = 'charge'
                  AND known.gateway_id = payments.gateway_id
                  AND (known.last_seen >= %(listed_since)s
                       OR known.at < %(run_since)s OR known.at >= %(run_until)s)
                LIMIT 1
               ) AS by_id ON true
          LEFT JOIN LATERAL (
               SELECT true AS is_there FROM gateway_movements AS known
                WHERE known.gateway = payments.gateway AND known.kind = 'charge'
                  AND known.reference = payments.reference AND payments.gateway_id IS NULL
                  AND (known.last_seen >= %(listed_since)s
                       OR known.at < %(run_since)s OR known.at >= %(run_until)s)
                LIMIT 1
               ) AS by_reference ON true
         WHERE gateway = %(gateway)s AND state = 'succeeded'
           AND settled_at >= %(since)s AND settled_at < %(until)s
           AND by_id.is_there IS NULL AND by_reference.is_there IS NULL
    ), ours AS (
        SELECT both_sides.*, own.state, own.amount AS own_amount,
               own.currency AS own_currency, own.updated_at,
               own.settled_amount AS own_settled_amount,
               both_sides.gateway_state = 'succeeded' AS is_paid_there,
               coalesce(own.state = 'succeeded' AND own.gateway_id <> both_sides.gateway_id,
                        false) AS is_another,
               coalesce(own.state = 'succeeded', false) AS is_paid_here,
               coalesce(booked.amount, 0) - coalesce(adjusted.amount, 0) AS in_ledger,
               CASE WHEN own.fee_corrections > 0 THEN own.fee
                    ELSE coalesce(booked.fee, 0) END
                   + coalesce(adjusted.fee, 0) AS fee_in_ledger,
               coalesce(own.fee, booked.fee) AS own_fee,
               CASE WHEN own.fee_corrections > 0 THEN own.settled_amount
                    ELSE booked.exchanged END AS exchanged, -adjusted.amount AS adjusted
          FROM both_sides
          LEFT JOIN payments AS own ON own.id = both_sides.payment_id
          LEFT JOIN LATERAL (
               SELECT (-sum(entry.amount) FILTER (
                          WHERE done.kind IN ('charge', 'unapplied_charge')))::bigint AS amount,
                      sum(entry.amount) FILTER (WHERE done.kind = 'gateway_fee')::bigint AS fee,
                      (-sum(entry.amount) FILTER (
                          WHERE done.kind = 'exchange'
                            AND account.currency = both_sides.settled_currency))::bigint
                          AS exchanged
                 FROM ledger_transactions AS done
                 JOIN ledger_entries AS entry ON entry.transaction_id = done.id
                 JOIN ledger_accounts AS account ON account.id = entry.account_id
                WHERE done.source_id = own.id
                  AND done.kind IN ('charge', 'unapplied_charge', 'gateway_fee', 'exchange')
                  AND account.kind = 'gateway_clearing'
               ) AS booked ON true
          LEFT JOIN movement_adjustments AS adjusted
            ON adjusted.gateway = %(gateway)s AND adjusted.what = 'charge'
           AND adjusted.subject = both_sides.subject AND adjusted.currency = both_sides.currency
    ), moved AS (
        SELECT ours.*, NOT is_another AND is_paid_here AND is_paid_there IS TRUE AS is_paid,
               CASE WHEN is_paid_there THEN amount WHEN gateway_state IS NOT NULL THEN 0
               END AS moved_there,
               CASE WHEN is_another OR payment_id IS NULL THEN NULL
                    WHEN is_paid_here THEN own_amount ELSE 0 END AS moved_here,
               CASE WHEN is_another OR payment_id IS NULL THEN adjusted
                    ELSE in_ledger END AS moved_in_ledger
          FROM ours
    ), judged AS (
        SELECT moved.*, judgement.*
          FROM moved
         CROSS JOIN LATERAL (VALUES
               ('missing_here', is_paid_there AND payment_id IS NULL
                    AND adjusted IS DISTINCT FROM amount,
                currency, moved_there, moved_here, moved_in_ledger),
               ('missing_there', gateway_state IS NULL AND in_ledger <> 0,
                own_currency, moved_there, moved_here, moved_in_ledger),
               ('twice', is_paid_there AND is_another AND adjusted IS DISTINCT FROM amount,
                currency, moved_there, moved_here, moved_in_ledger),
               ('state', NOT is_another AND payment_id IS NOT NULL
                    AND is_paid_there <> is_paid_here,
                currency, moved_there, moved_here, moved_in_ledger),
               ('currency', is_paid AND currency <> own_currency,
                currency, moved_there, NULL, NULL),
               ('amount', is_paid AND currency = own_currency
                    AND (amount <> own_amount + coalesce(adjusted, 0) OR amount <> in_ledger),
                currency, moved_there, moved_here, moved_in_ledger),
               ('amount', is_paid AND currency = own_currency AND amount = in_ledger
                    AND settled_amount IS DISTINCT FROM exchanged
                    AND settled_currency IS NOT NULL,
                settled_currency, settled_amount, own_settled_amount, exchanged),
               ('fee', is_paid AND currency = own_currency AND fee <> fee_in_ledger,
                coalesce(settled_currency, currency), fee, own_fee, fee_in_ledger)
               ) AS judgement (kind, holds, in_currency, at_gateway, here, of_ledger)
    ), totals AS (
        SELECT 'charge' AS what, date_trunc('hour', at, 'UTC') AS hour, currency,
               count(*) FILTER (WHERE is_ours) AS count,
               count(*) FILTER (WHERE NOT is_ours) AS others,
               sum(at_gateway) AS at_gateway, sum(here) AS here, sum(in_ledger) AS in_ledger
          FROM (SELECT at, coalesce(currency, own_currency) AS currency, true AS is_ours,
                       moved_there AS at_gateway, moved_here AS here,
                       moved_in_ledger AS in_ledger
                  FROM moved
                 UNION ALL
                SELECT at, currency, false, 0, 0, 0 FROM matched
                 WHERE payment_id IS NULL AND reference !~ '^pay-[0-9a-f]{32}([.]|$)'
               ) AS movement
         GROUP BY hour, currency
         UNION ALL
        SELECT 'fee', date_trunc('hour', at, 'UTC') AS hour,
               coalesce(settled_currency, currency), count(*), 0, sum(fee), sum(own_fee),
               sum(fee_in_ledger)
          FROM moved
         WHERE is_paid AND fee IS NOT NULL
         GROUP BY hour, coalesce(settled_currency, currency)
    )
    SELECT jsonb_build_object(
           'findings', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'subject', subject,
                      'kind', CASE WHEN updated_at > last_seen THEN NULL ELSE kind END,
                      'at', at, 'currency', in_currency, 'at_gateway', at_gateway,
                      'here', here, 'in_ledger', of_ledger, 'gateway_state', gateway_state,
                      'state', state, 'reference', reference, 'charge_reference', reference,
                      'charge_id', coalesce(gateway_id, ''), 'payment_id', payment_id,
                      'instruction_id', NULL))
                 FROM judged WHERE holds), '[]'),
           'totals', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'what', what, 'hour', hour, 'currency', currency, 'count', count,
                      'others', others, 'at_gateway', coalesce(at_gateway, 0),
                      'here', coalesce(here, 0), 'in_ledger', coalesce(in_ledger, 0)))
                 FROM totals), '[]'))"""


async def compare(tx: Tx, scope: Scope) -> Compared:
    """The charges that a gateway lists, beside ours, beside what the ledger has of them.

    Ours are those whose reference we know, or could have made. What a gateway added to our balance
    is compared as well, where it exchanged the money; the fee, once the gateway says it.
    """
    return await fetch_new_value(
        tx,
        Compared,
        _COMPARE,
        **msgspec.structs.asdict(scope),
    )
