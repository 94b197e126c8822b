"""Settlements: hosts' months say what the ledger says, each entry of it once."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def transactions(tx: Tx) -> Verdicts:
    """What each transaction of a month that is closed does to its hosts, beside its lines.

    A division is judged by the amounts of its accounts: what left the escrow of a rental is gross,
    with what a voucher added to it.
    """
    return await judge(
        tx,
        "ledger transaction",
        ("hosts_settled",),
        """
        WITH closed AS (
            SELECT month, last_entry, (month + interval '1 month') AT TIME ZONE 'UTC' AS ended_at
              FROM settlement_months WHERE closed_at IS NOT NULL
             ORDER BY month DESC LIMIT 1
        ), moved AS (
            SELECT entry.transaction_id,
                   coalesce(sum(amount) FILTER (WHERE kind = 'host_payable'), 0) AS host,
                   coalesce(sum(amount) FILTER (WHERE kind = 'platform_revenue'), 0) AS platform,
                   coalesce(sum(-amount) FILTER (WHERE kind IN ('escrow_rental', 'vouchers')), 0)
                        AS rental,
                   bool_or(kind = 'host_payable') AS is_of_host
              FROM (SELECT entry.id, transaction_id, account_id, amount, last_entry
                      FROM ledger_entries AS entry, closed
                     WHERE entry.at < ended_at
                     ORDER BY account_id) AS entry
              JOIN ledger_accounts AS account ON account.id = account_id
             GROUP BY entry.transaction_id
            -- Ids of two transactions that write at once are mixed: the first one decides.
            HAVING min(entry.id) <= min(last_entry)
        ), expected AS (
            SELECT transaction_id, host, is_of_host, transaction.kind = 'division' AS is_division,
                   rental, CASE WHEN transaction.kind = 'division' THEN platform END AS platform
              FROM moved
              JOIN ledger_transactions AS transaction ON transaction.id = transaction_id
             WHERE is_of_host
                OR (transaction.kind = 'division' AND (rental <> 0 OR platform <> 0))
        ), written AS (
            SELECT transaction_id, sum(net - paid) AS host, sum(platform_fee) AS platform,
                   sum(gross) AS gross
              FROM settlement_lines JOIN closed ON settlement_lines.month <= closed.month
             GROUP BY transaction_id
        )
        SELECT transaction_id AS id,
               CASE WHEN written.host IS NULL THEN 'is in no settlement'
                    WHEN expected.host IS NULL THEN 'is in a settlement, but moves nothing'
                    WHEN written.host <> expected.host
                    THEN concat('moves ', expected.host, ' of hosts, and ', written.host,
                                ' in settlements')
                    WHEN is_division AND written.platform <> expected.platform
                    THEN concat('leaves ', expected.platform, ' to the platform, and ',
                                written.platform, ' in settlements')
                    WHEN is_division AND rental <> 0 AND written.gross <> rental
                    THEN concat('divides ', rental, ', and ', written.gross, ' in settlements')
               END AS hosts_settled
          FROM expected FULL JOIN written USING (transaction_id)""",
    )


async def settlements(tx: Tx) -> Verdicts:
    """Each settlement with its lines, and with the one before it."""
    return await judge(
        tx,
        "settlement",
        ("settlements_sum_up",),
        """
        SELECT coalesce(settlement.id::text, concat_ws(' ', month, host_id, currency)) AS id,
               CASE WHEN settlement.id IS NULL THEN 'has lines, but is not there'
                    WHEN sums.lines IS NULL THEN 'has no lines'
                    WHEN (settlement.lines, settlement.gross, settlement.platform_fee,
                          settlement.gateway_fees, settlement.refunds, settlement.chargebacks,
                          settlement.debts, settlement.other, settlement.paid)
                      <> (sums.lines, sums.gross, sums.platform_fee, sums.gateway_fees,
                          sums.refunds, sums.chargebacks, sums.debts, sums.other, sums.paid)
                    THEN 'is not the sum of its lines'
                    WHEN carried_over <> before
                    THEN concat('carries over ', carried_over, ' of ', before)
               END AS settlements_sum_up
          FROM (SELECT *, lag(balance, 1, 0::bigint) OVER (
                       PARTITION BY host_id, currency ORDER BY month) AS before
                  FROM settlements) AS settlement
          FULL JOIN (
               SELECT month, host_id, currency, count(*) AS lines, sum(gross) AS gross,
                      sum(platform_fee) AS platform_fee, sum(gateway_fees) AS gateway_fees,
                      sum(refunds) AS refunds, sum(chargebacks) AS chargebacks,
                      sum(debts) AS debts, sum(other) AS other, sum(paid) AS paid
                 FROM settlement_lines
                 JOIN settlement_months USING (month) WHERE closed_at IS NOT NULL
                GROUP BY month, host_id, currency) AS sums USING (month, host_id, currency)""",
    )
