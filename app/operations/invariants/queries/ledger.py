"""The ledger: it balances, and the other tables explain the balance of each account."""

from typing import Final

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge

# The sum of each account's entries, beside what the other tables explain of it. An adjustment by an
# admin explains itself, except in escrow, which must hold exactly what the pots hold.
_BALANCES: Final = """
    WITH adjusted AS (
        SELECT account_id, sum(amount) AS amount
          FROM ledger_transactions AS transaction
          JOIN ledger_entries ON transaction_id = transaction.id
         WHERE transaction.kind = 'adjustment'
         GROUP BY account_id
    ), posted AS (
        SELECT kind, owner_id, gateway, currency, sums.amount AS balance,
               sums.amount - CASE WHEN starts_with(kind, 'escrow_') THEN 0
                                  ELSE coalesce(adjusted.amount, 0) END AS amount
          FROM (SELECT account_id, sum(amount) AS amount
                  FROM (SELECT account_id, amount FROM ledger_entries ORDER BY account_id) AS entry
                 GROUP BY account_id) AS sums
          JOIN ledger_accounts ON id = account_id
          LEFT JOIN adjusted USING (account_id)
         WHERE sums.amount <> 0 OR adjusted.amount <> 0
    ), owed AS (
        SELECT kind, coalesce(payee_id, payment_id) AS payee_id, currency,
               sum(CASE state WHEN 'confirmed' THEN returned ELSE amount END
                   - CASE WHEN state IN ('reversed', 'confirmed')
                     THEN coalesce((SELECT sum(again.amount) FROM instructions AS again
                                     WHERE again.source_id = instruction.id), 0)
                     ELSE 0 END) AS amount
          FROM instructions AS instruction
         WHERE state NOT IN ('confirmed', 'cancelled') OR (state = 'confirmed' AND returned > 0)
         GROUP BY kind, coalesce(payee_id, payment_id), currency
    ), explained AS (
        SELECT 'escrow_' || kind AS kind, booking_id AS owner_id, NULL AS gateway, currency,
               amount - charged_back - given_back AS amount
          FROM pots WHERE state IN ('held', 'disputed')
         UNION ALL
        SELECT 'guest_refundable', payee_id, NULL, currency, amount
          FROM owed WHERE kind = 'refund'
         UNION ALL
        SELECT 'host_payable', owner_id, NULL, currency, sum(amount)
          FROM (SELECT payee_id AS owner_id, currency, amount FROM owed WHERE kind = 'transfer'
                 UNION ALL
                SELECT host_id, currency, recovered - amount FROM host_debts) AS payable
         GROUP BY owner_id, currency
         UNION ALL
        SELECT 'platform_revenue', NULL, NULL, currency, sum(amount)
          FROM (SELECT currency, commission AS amount FROM pots
                 UNION ALL
                SELECT currency, -amount FROM late_refunds WHERE borne_by = 'platform'
                 UNION ALL
                SELECT currency, -loss FROM taken_in) AS revenue
         GROUP BY currency
         UNION ALL
        SELECT 'gateway_clearing', NULL, gateway, currency, sum(amount)
          FROM (SELECT gateway, coalesce(settled_currency, currency) AS currency,
                       -coalesce(settled_amount, amount) AS amount
                  FROM payments WHERE state = 'succeeded'
                 UNION ALL
                SELECT gateway, coalesce(settled_currency, currency),
                       coalesce(settled_amount - settled_returned, amount - returned)
                  FROM instructions WHERE state = 'confirmed'
                 UNION ALL
                SELECT gateway, coalesce(settled_currency, currency),
                       CASE WHEN is_taken THEN coalesce(settled_amount, amount)
                            ELSE settled_amount - settled_back END
                  FROM chargebacks WHERE is_taken OR settled_back IS NOT NULL
                 UNION ALL
                SELECT gateway, currency, -amount FROM posted WHERE kind = 'gateway_fees'
                 UNION ALL
                SELECT gateway, currency, amount FROM expected_payouts WHERE failed_at IS NULL
               ) AS flow
         GROUP BY gateway, currency
         UNION ALL
        SELECT 'chargeback_losses', NULL, NULL, currency, -sum(coalesce(loss, amount))
          FROM chargebacks WHERE is_taken
         GROUP BY currency
         UNION ALL
        SELECT 'bank', NULL, NULL, currency, -sum(amount)
          FROM expected_payouts WHERE failed_at IS NULL
         GROUP BY currency
         UNION ALL
        SELECT 'vouchers', NULL, NULL, currency, -sum(from_voucher)
          FROM pots WHERE from_voucher > 0
         GROUP BY currency
    )
    SELECT concat_ws(' ', kind, owner_id, gateway, currency) AS id,
           CASE WHEN kind LIKE 'escrow_%' AND balance < 0 THEN concat('is at ', balance)
           END AS escrow_not_negative,
           CASE WHEN kind LIKE 'escrow_%' THEN difference END AS escrow_is_the_pots,
           CASE WHEN kind = 'guest_refundable' THEN difference END AS guests_owed_refunds,
           CASE WHEN kind = 'host_payable' THEN difference END AS hosts_owed_transfers,
           CASE WHEN kind = 'platform_revenue' THEN difference END AS revenue_is_commission,
           CASE WHEN kind = 'gateway_clearing' THEN difference END AS cash_at_gateways,
           CASE WHEN kind = 'chargeback_losses' THEN difference END AS losses_are_chargebacks,
           CASE WHEN kind = 'bank' THEN difference END AS bank_has_payouts,
           CASE WHEN kind = 'vouchers' THEN difference END AS vouchers_cost
      FROM (SELECT coalesce(posted.kind, explained.kind) AS kind,
                   coalesce(posted.owner_id, explained.owner_id) AS owner_id,
                   coalesce(posted.gateway, explained.gateway) AS gateway,
                   coalesce(posted.currency, explained.currency) AS currency,
                   posted.balance,
                   CASE WHEN coalesce(posted.amount, 0) <> coalesce(explained.amount, 0)
                        THEN concat('is at ', coalesce(posted.amount, 0),
                                    ' where ', coalesce(explained.amount, 0), ' is explained')
                   END AS difference
              FROM posted FULL JOIN explained
                ON posted.kind = explained.kind AND posted.currency = explained.currency
               AND coalesce(posted.owner_id::text, posted.gateway, '')
                 = coalesce(explained.owner_id::text, explained.gateway, '')) AS account"""


async def transactions(tx: Tx) -> Verdicts:
    """Each posting: its sum, and whether it moves the amount of what it is about."""
    return await judge(
        tx,
        "ledger transaction",
        ("ledger_balances", "postings_move_amounts"),
        """
        WITH source AS (
            SELECT id, amount FROM payments
             UNION ALL
            SELECT id, amount - from_unsent - from_owed FROM taken_in
             UNION ALL
            SELECT id, amount - charged_back - given_back FROM pots
             UNION ALL
            SELECT id, amount FROM chargebacks WHERE settled_amount IS NULL
             UNION ALL
            SELECT id, amount FROM instructions WHERE settled_amount IS NULL AND returned = 0
             UNION ALL
            SELECT id, amount FROM late_refunds
             UNION ALL
            SELECT id, amount FROM expected_payouts
        )
        SELECT transaction.id,
               CASE WHEN sums.amount IS NULL THEN 'has no entries'
                    WHEN sums.strays > 0 THEN 'has entries on no account'
                    WHEN sums.amount <> 0 OR sums.one_currency <> sums.other_currency THEN (
                         SELECT 'sums to ' || string_agg(concat(amount, ' ', currency), ', ')
                           FROM (SELECT currency, sum(amount) AS amount
                                   FROM ledger_entries
                                   JOIN ledger_accounts AS account ON account.id = account_id
                                  WHERE transaction_id = transaction.id
                                  GROUP BY currency) AS sums WHERE amount <> 0)
               END AS ledger_balances,
               CASE WHEN sums.moved <> source.amount + coalesce(from_voucher, 0)
                    THEN concat('a ', kind, ' that moves ', sums.moved, ' for ', source_id,
                                ' of ', source.amount + coalesce(from_voucher, 0))
               END AS postings_move_amounts
          FROM ledger_transactions AS transaction
          LEFT JOIN (
               SELECT transaction_id, sum(amount) AS amount,
                      sum(amount) FILTER (WHERE amount > 0) AS moved,
                      min(currency) AS one_currency, max(currency) AS other_currency,
                      count(*) FILTER (WHERE currency IS NULL) AS strays
                 FROM (SELECT transaction_id, amount, currency
                         FROM ledger_entries
                         LEFT JOIN ledger_accounts AS account ON account.id = account_id
                        ORDER BY transaction_id) AS entry
                GROUP BY transaction_id) AS sums ON transaction_id = transaction.id
          LEFT JOIN (SELECT id, from_voucher FROM pots WHERE from_voucher > 0) AS added
            ON added.id = source_id AND kind = 'division'
          LEFT JOIN source ON source.id = source_id
           AND kind NOT IN ('gateway_fee', 'exchange', 'chargeback_recovery', 'refund_kept')""",
    )


async def balances(tx: Tx) -> Verdicts:
    """Each account that has or should have money: the sum of its entries, and what it should be.

    Adjustments by admins explain themselves, and are left out of the sums.
    """
    return await judge(
        tx,
        "ledger account",
        (
            "escrow_not_negative",
            "escrow_is_the_pots",
            "guests_owed_refunds",
            "hosts_owed_transfers",
            "revenue_is_commission",
            "cash_at_gateways",
            "losses_are_chargebacks",
            "bank_has_payouts",
            "vouchers_cost",
        ),
        _BALANCES,
    )


async def checkpoints(tx: Tx) -> Verdicts:
    """Each checkpoint with the entries since the one before it on its account."""
    return await judge(
        tx,
        "ledger checkpoint",
        ("checkpoints_sum_up",),
        """
        SELECT concat(account_id, ' up to ', entry_id) AS id,
               CASE WHEN balance - before <> coalesce(new.amount, 0)
                    THEN concat('goes from ', before, ' to ', balance, ' by entries of ',
                                coalesce(new.amount, 0))
               END AS checkpoints_sum_up
          FROM (SELECT account_id, entry_id, balance, lag(balance, 1, 0) OVER own AS before,
                       lag(entry_id, 1, 0) OVER own AS after_id
                  FROM ledger_checkpoints
                WINDOW own AS (PARTITION BY account_id ORDER BY entry_id)) AS checkpoint
         CROSS JOIN LATERAL (
               SELECT sum(amount) AS amount FROM ledger_entries AS entry
                WHERE entry.account_id = checkpoint.account_id
                  AND id > after_id AND id <= entry_id) AS new""",
    )
