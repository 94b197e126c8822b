-- What admins have posted to explain differences, by what they explain; several of the same are
-- added up. Clearing entries: above zero where money has left the gateway. Explanations from before
-- are posted under the name of what they explain, and not under the id of the difference.
CREATE VIEW movement_adjustments AS
SELECT known.gateway, known.what, known.subject, account.currency,
       (sum(entry.amount) FILTER (WHERE NOT known.is_fee))::bigint AS amount,
       (sum(entry.amount) FILTER (WHERE known.is_fee))::bigint AS fee
  FROM (SELECT DISTINCT gateway, what, subject, kind = 'fee' AS is_fee, source_id
          FROM differences
         CROSS JOIN LATERAL (VALUES
               (id),
               (CASE WHEN kind <> 'fee'
                THEN md5(concat_ws(' ', gateway, what, subject))::uuid END)
               ) AS of (source_id)
         WHERE explained_at IS NOT NULL) AS known
  JOIN ledger_transactions AS done
    ON done.kind = 'adjustment' AND done.source_id = known.source_id
  JOIN ledger_entries AS entry ON entry.transaction_id = done.id
  JOIN ledger_accounts AS account
    ON account.id = entry.account_id AND account.kind = 'gateway_clearing'
 GROUP BY known.gateway, known.what, known.subject, account.currency;

COMMENT ON VIEW movement_adjustments IS
    'what admins have posted to explain differences: clearing entries by gateway, kind and subject';
