"""Refunds and transfers three ways: at the gateway, here, and in the ledger."""

from typing import Final

import msgspec

from app.foundation.db import Tx, fetch_new_value
from app.money.instructions.model import InstructionKind
from app.money.reconciliation.model import Compared, Scope

_COMPARE: Final = """
    WITH listed AS (
        SELECT * FROM gateway_movements
         WHERE gateway = %(gateway)s AND kind = %(kind)s AND live = %(live)s
           AND at >= %(since)s AND at < %(until)s
           AND (last_seen >= %(listed_since)s OR at < %(run_since)s OR at >= %(run_until)s)
    ), matched AS (
        SELECT listed.gateway_id AS subject, listed.gateway_id, listed.reference,
               listed.charge_reference, listed.charge_id, listed.at, listed.last_seen,
               listed.state AS gateway_state, listed.amount, listed.returned, listed.currency,
               listed.fee, own.id AS instruction_id,
               coalesce(own.payment_id, charge.id) AS payment_id,
               own.id IS NOT NULL OR charge.id IS NOT NULL
                   OR listed.reference ~ '^(rf|tr)-[0-9a-f]{32}-[0-9]+$'
                   OR listed.charge_reference ~ '^pay-[0-9a-f]{32}([.]|$)'
                   OR (%(kind)s = 'transfer' AND listed.recipient <> '' AND EXISTS (
                       SELECT FROM payout_accounts
                        WHERE payout_accounts.gateway = listed.gateway
                          AND payout_accounts.recipient = listed.recipient
                        UNION ALL
                       SELECT FROM payout_accounts
                        WHERE payout_accounts.gateway = listed.gateway
                          AND account_number = split_part(listed.recipient, ' ', 2)
                          AND bank_code = split_part(listed.recipient, ' ', 1))) AS is_ours
          FROM listed
          LEFT JOIN LATERAL (
               SELECT id, payment_id FROM instructions
                WHERE instructions.gateway = listed.gateway AND instructions.kind = listed.kind
                  AND (instructions.gateway_id = listed.gateway_id
                       OR (listed.reference <> ''
                           AND instructions.reference = listed.reference)
                       OR coalesce(instructions.key, instructions.id) = CASE
                          WHEN listed.reference ~ '^(rf|tr)-[0-9a-f]{32}-[0-9]+$'
                          THEN substr(listed.reference, 4, 32)::uuid END)
                ORDER BY instructions.gateway_id IS NOT DISTINCT FROM listed.gateway_id DESC
                LIMIT 1
               ) AS own ON true
          LEFT JOIN LATERAL (
               SELECT id FROM payments
                WHERE own.id IS NULL AND payments.gateway = listed.gateway
                  AND (payments.gateway_id = nullif(listed.charge_id, '')
                       OR payments.reference = nullif(listed.charge_reference, ''))
                ORDER BY payments.gateway_id IS NOT DISTINCT FROM listed.charge_id DESC
                LIMIT 1
               ) AS charge ON true
    ), both_sides AS (
        SELECT subject, gateway_id, reference, charge_reference, charge_id, at, last_seen,
               gateway_state, amount, returned, currency, fee, instruction_id, payment_id
          FROM matched WHERE is_ours
         UNION ALL
        SELECT coalesce(sent.reference, sent.gateway_id, sent.id::text), sent.gateway_id,
               coalesce(sent.reference, ''), charge.reference, coalesce(charge.gateway_id, ''),
               coalesce(sent.sent_at, sent.confirmed_at), NULL, NULL, NULL, NULL, sent.currency,
               NULL, sent.id, sent.payment_id
          FROM instructions AS sent
          JOIN payments AS charge ON charge.id = sent.payment_id
          LEFT JOIN LATERAL (
               SELECT true AS is_there FROM gateway_movements AS known
                WHERE known.gateway = sent.gateway AND known.kind = sent.kind
                  AND known.gateway_id = sent.gateway_id
                  AND (known.last_seen >= %(listed_since)s
                       OR known.at < %(run_since)s OR known.at >= %(run_until)s)
                LIMIT 1
               ) AS by_id ON true
          LEFT JOIN LATERAL (
               SELECT true AS is_there FROM gateway_movements AS known
                WHERE by_id.is_there IS NULL AND known.gateway = sent.gateway
                  AND known.kind = sent.kind AND known.reference = sent.reference
                  AND (known.last_seen >= %(listed_since)s
                       OR known.at < %(run_since)s OR known.at >= %(run_until)s)
                LIMIT 1
               ) AS by_reference ON true
         WHERE sent.gateway = %(gateway)s AND sent.kind = %(kind)s
           AND sent.state IN ('sent', 'confirmed')
           AND coalesce(sent.sent_at, sent.confirmed_at) >= %(since)s
           AND coalesce(sent.sent_at, sent.confirmed_at) < %(until)s
           AND by_id.is_there IS NULL AND by_reference.is_there IS NULL
    ), own_side AS (
        -- Transfers that went together are one at the gateway. What a gateway has exchanged is
        -- compared in the currency that it was sent in: of a transfer what was settled.
        SELECT both_sides.*, own.state, own.updated_at, own.reference AS own_reference,
               own.gateway_id AS own_gateway_id, party.ids, party.fee AS party_fee,
               party.fee_corrections,
               CASE own.kind WHEN 'transfer' THEN coalesce(own.settled_currency, own.currency)
                         ELSE own.currency END AS own_currency,
               CASE WHEN own.kind = 'refund' AND own.settled_currency IS NOT NULL
                    THEN 'exchange' ELSE 'gateway_clearing' END AS account_kind,
               CASE WHEN own.kind = 'transfer' AND own.settled_amount IS NOT NULL
                    THEN own.settled_amount ELSE party.amount END AS sent_amount,
               CASE WHEN own.kind = 'transfer' AND own.settled_amount IS NOT NULL
                    THEN own.settled_amount - own.settled_returned
                    ELSE party.amount - party.returned END AS own_amount
          FROM both_sides
          LEFT JOIN instructions AS own ON own.id = both_sides.instruction_id
          LEFT JOIN LATERAL (
               SELECT array_agg(id) AS ids, sum(amount)::bigint AS amount,
                      sum(returned)::bigint AS returned, sum(fee)::bigint AS fee,
                      sum(fee_corrections)::bigint AS fee_corrections
                 FROM instructions
                WHERE id = own.id OR sent_as = own.sent_as
               ) AS party ON true
    ), ours AS (
        SELECT both_sides.*,
               coalesce(own_gateway_id IS DISTINCT FROM both_sides.gateway_id
                        AND (own_reference <> both_sides.reference
                             OR (both_sides.state = 'confirmed' AND own_gateway_id IS NOT NULL)),
                        false) AS is_another,
               coalesce(booked.amount, 0)
                   - CASE WHEN both_sides.state IN ('confirmed', 'reversed')
                          THEN sent_amount - own_amount ELSE 0 END
                   + coalesce(adjusted.amount, 0) AS in_ledger,
               CASE WHEN fee_corrections > 0 THEN party_fee ELSE coalesce(booked.fee, 0) END
                   + coalesce(adjusted.fee, 0) AS fee_in_ledger,
               coalesce(party_fee, booked.fee) AS own_fee, adjusted.amount AS adjusted
          FROM own_side AS both_sides
          LEFT JOIN LATERAL (
               SELECT sum(entry.amount) FILTER (
                          WHERE done.kind <> 'gateway_fee')::bigint AS amount,
                      sum(entry.amount) FILTER (WHERE done.kind = 'gateway_fee')::bigint AS fee
                 FROM ledger_transactions AS done
                 JOIN ledger_entries AS entry ON entry.transaction_id = done.id
                 JOIN ledger_accounts AS account ON account.id = entry.account_id
                WHERE done.source_id = ANY (both_sides.ids)
                  AND done.kind IN ('refund', 'refund_reversal', 'transfer',
                                    'transfer_reversal', 'gateway_fee')
                  AND account.kind = CASE done.kind WHEN 'gateway_fee' THEN 'gateway_clearing'
                                     ELSE both_sides.account_kind END
                  AND account.currency = both_sides.own_currency
               ) AS booked ON true
          LEFT JOIN movement_adjustments AS adjusted
            ON adjusted.gateway = %(gateway)s AND adjusted.what = %(kind)s
           AND adjusted.subject = both_sides.subject AND adjusted.currency = both_sides.currency
    ), moved AS (
        -- What is not here has cost its fee as well, which a gateway keeps if the rest comes back.
        SELECT ours.*,
               CASE WHEN gateway_state = 'succeeded' THEN amount - returned
                    WHEN gateway_state IS NOT NULL THEN 0 END
                   + CASE WHEN (is_another OR instruction_id IS NULL)
                           AND (gateway_state IN ('succeeded', 'reversed') OR adjusted <> 0)
                     THEN coalesce(fee, 0) ELSE 0 END AS moved_there,
               CASE WHEN is_another OR instruction_id IS NULL THEN NULL
                    WHEN state = 'confirmed' THEN own_amount ELSE 0 END AS moved_here,
               CASE WHEN is_another OR instruction_id IS NULL THEN adjusted
                    ELSE in_ledger END AS moved_in_ledger,
               NOT is_another AND state = 'confirmed'
                   AND (gateway_state = 'succeeded') IS TRUE AS is_done,
               NOT is_another
                   AND (state = 'confirmed' AND gateway_state = 'succeeded'
                        OR state = 'reversed' AND gateway_state IN ('failed', 'reversed')) IS TRUE
                   AS has_cost
          FROM ours
    ), judged AS (
        SELECT moved.*, judgement.*
          FROM moved
         CROSS JOIN LATERAL (VALUES
               ('missing_here', instruction_id IS NULL
                    AND (gateway_state = 'pending' OR moved_there <> coalesce(adjusted, 0)),
                currency, moved_there, moved_here, moved_in_ledger),
               ('missing_there', gateway_state IS NULL
                    AND (state = 'sent' OR in_ledger <> 0),
                own_currency, moved_there, moved_here, moved_in_ledger),
               ('twice', is_another AND moved_there <> coalesce(adjusted, 0),
                currency, moved_there, moved_here, moved_in_ledger),
               ('state', NOT is_another AND CASE gateway_state
                    WHEN 'succeeded' THEN state <> 'confirmed'
                    WHEN 'pending' THEN state NOT IN ('sending', 'unknown', 'sent')
                    WHEN 'failed' THEN state IN ('sent', 'confirmed')
                    WHEN 'reversed' THEN state NOT IN ('reversed', 'failed') END,
                currency, moved_there, moved_here, moved_in_ledger),
               ('currency', is_done AND currency <> own_currency,
                currency, moved_there, NULL, NULL),
               ('amount', is_done AND currency = own_currency
                    AND (moved_there <> own_amount + coalesce(adjusted, 0)
                         OR moved_there <> in_ledger),
                currency, moved_there, moved_here, moved_in_ledger),
               ('amount', NOT is_another AND state IN ('failed', 'reversed', 'cancelled')
                    AND gateway_state IN ('failed', 'reversed') AND in_ledger <> 0,
                currency, moved_there, moved_here, moved_in_ledger),
               ('fee', has_cost AND currency = own_currency AND fee <> fee_in_ledger,
                currency, fee, own_fee, fee_in_ledger)
               ) AS judgement (kind, holds, in_currency, at_gateway, here, of_ledger)
    ), totals AS (
        SELECT %(kind)s::text AS what, date_trunc('hour', at, 'UTC') AS hour, currency,
               count(*) FILTER (WHERE is_ours) AS count,
               count(*) FILTER (WHERE NOT is_ours) AS others,
               sum(at_gateway) AS at_gateway, sum(here) AS here, sum(in_ledger) AS in_ledger
          FROM (SELECT at, coalesce(currency, own_currency) AS currency, true AS is_ours,
                       moved_there AS at_gateway, moved_here AS here,
                       moved_in_ledger AS in_ledger
                  FROM moved
                 UNION ALL
                SELECT at, currency, false, 0, 0, 0 FROM matched WHERE NOT is_ours
               ) AS movement
         GROUP BY hour, currency
         UNION ALL
        SELECT 'fee', date_trunc('hour', at, 'UTC') AS hour, currency, count(*), 0, sum(fee),
               sum(own_fee), sum(fee_in_ledger)
          FROM moved
         WHERE has_cost AND fee IS NOT NULL
         GROUP BY hour, currency
    )
    SELECT jsonb_build_object(
           'findings', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'subject', subject,
                      'kind', CASE WHEN updated_at > last_seen THEN NULL ELSE kind END,
                      'at', at, 'currency', in_currency, 'at_gateway', at_gateway,
                      'here', here, 'in_ledger', of_ledger, 'gateway_state', gateway_state,
                      'state', state, 'reference', reference,
                      'charge_reference', charge_reference, 'charge_id', charge_id,
                      'payment_id', payment_id, 'instruction_id', instruction_id))
                 FROM judged WHERE holds), '[]'),
           'totals', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                      'what', what, 'hour', hour, 'currency', currency, 'count', count,
                      'others', others, 'at_gateway', coalesce(at_gateway, 0),
                      'here', coalesce(here, 0), 'in_ledger', coalesce(in_ledger, 0)))
                 FROM totals), '[]'))"""


async def compare(tx: Tx, kind: InstructionKind, scope: Scope) -> Compared:
    """The refunds or transfers that a gateway lists, beside ours, beside the ledger.

    Ours are those whose reference has our form, those that are of a charge of ours, and transfers
    to an account of ours. What came back of one, in whole or in part, has not moved.
    """
    return await fetch_new_value(
        tx,
        Compared,
        _COMPARE,
        kind=kind,
        **msgspec.structs.asdict(scope),
    )
