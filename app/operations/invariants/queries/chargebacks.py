"""Chargebacks: what was taken, what is frozen, and who pays for what was lost."""

from typing import Final

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge

_CHARGES: Final = """
    WITH reported AS (
        SELECT payment_id, bool_or(state = 'open') AS is_open,
               coalesce(sum(amount) FILTER (WHERE state = 'lost'), 0) AS lost,
               coalesce(sum(from_deposit), 0) AS from_deposit,
               coalesce(sum(from_rental), 0) AS from_rental,
               coalesce(sum(from_refunds), 0) AS from_refunds,
               coalesce(sum(from_returns), 0) AS from_returns,
               coalesce(sum(from_transfers), 0) AS from_transfers
          FROM chargebacks GROUP BY payment_id
    ), held AS (
        SELECT payment_id, bool_or(contested) AS is_frozen,
               bool_or(state IN ('held', 'disputed') AND NOT contested) AS is_free,
               coalesce(sum(charged_back) FILTER (WHERE kind = 'deposit'), 0) AS deposit,
               coalesce(sum(charged_back) FILTER (WHERE kind = 'rental'), 0) AS rental
          FROM pots
         WHERE contested OR charged_back > 0 OR payment_id IN (SELECT payment_id FROM reported)
         GROUP BY payment_id
    ), gone AS (
        SELECT was.payment_id, was.kind, was.amount - coalesce(rest.amount, 0) AS amount
          FROM instructions AS was LEFT JOIN instructions AS rest ON rest.source_id = was.id
         WHERE was.state = 'cancelled'
         UNION ALL
        SELECT payment_id, kind, -from_unsent FROM taken_in
         UNION ALL
        SELECT payment_id, 'transfer', -from_transfers FROM taken_in
    ), cut AS (
        SELECT payment_id,
               coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunds,
               coalesce(sum(amount) FILTER (WHERE kind = 'transfer'), 0) AS transfers
          FROM gone
         GROUP BY payment_id
    ), kept AS (
        SELECT payment_id, sum(entry.amount) AS kept
          FROM ledger_transactions AS transaction
          JOIN ledger_entries AS entry ON transaction_id = transaction.id
          LEFT JOIN instructions ON instructions.id = transaction.source_id
         WHERE transaction.kind = 'refund_kept' AND entry.amount > 0
         GROUP BY payment_id
    ), charge AS (
        SELECT id AS payment_id, amount, refunded, charged_back, contested FROM payments
         WHERE contested OR charged_back > 0 OR id IN (SELECT payment_id FROM reported)
    )
    SELECT payment_id AS id,
           CASE WHEN coalesce(contested, false) <> coalesce(is_open, false)
                THEN concat('contested: ', contested, ', with an open chargeback: ', is_open)
                WHEN is_open AND is_free THEN 'an open chargeback, and a pot that is not frozen'
                WHEN is_open IS NOT TRUE AND is_frozen
                THEN 'a frozen pot without an open chargeback'
           END AS chargebacks_freeze,
           CASE WHEN coalesce(from_deposit, 0) <> coalesce(deposit, 0)
                  OR coalesce(from_rental, 0) <> coalesce(rental, 0)
                THEN concat(from_deposit, ' and ', from_rental, ' of pots that gave ', deposit,
                            ' and ', rental)
                WHEN coalesce(from_returns, 0) <> coalesce(kept, 0)
                THEN concat(from_returns, ' of refunds that came back, of which ', kept,
                            ' were kept')
                WHEN coalesce(from_refunds + from_returns, 0) <> coalesce(refunds, 0)
                  OR coalesce(from_transfers, 0) <> coalesce(transfers, 0)
                THEN concat(from_refunds + from_returns, ' and ', from_transfers,
                            ' of refunds and transfers of which ', refunds,
                            ' and ', transfers, ' were cancelled')
                WHEN coalesce(charged_back, 0) > coalesce(lost, 0)
                  OR (charged_back < lost AND charged_back + refunded <> amount)
                THEN concat('counts ', charged_back, ' as charged back, of ', lost)
           END AS chargebacks_recovered
      FROM charge FULL JOIN reported USING (payment_id) FULL JOIN held USING (payment_id)
      FULL JOIN cut USING (payment_id) FULL JOIN kept USING (payment_id)"""


async def postings(tx: Tx) -> Verdicts:
    """Each chargeback, and each posting of one, with the debt that it left the host with."""
    return await judge(
        tx,
        "chargeback",
        ("chargebacks_posted_once", "chargebacks_borne"),
        """
        SELECT coalesce(chargeback.id, posted.source_id) AS id,
               CASE WHEN chargeback.id IS NULL THEN 'posted, and not there'
                    WHEN coalesce(posted.taken - posted.given_back, 0) <> is_taken::int
                    THEN concat(state, ', ', CASE WHEN is_taken THEN 'taken' ELSE 'not taken' END,
                                ', posted as taken ', coalesce(posted.taken, 0),
                                ' and as given back ', coalesce(posted.given_back, 0), ' times')
                    WHEN coalesce(posted.recovered, 0)
                         <> coalesce(chargeback.amount - loss - from_returns, 0)
                    THEN concat(state, ', with ', coalesce(posted.recovered, 0), ' recovered of ',
                                chargeback.amount - loss - from_returns)
                    WHEN coalesce(charged.fee, 0) <> coalesce(chargeback.fee, 0)
                    THEN concat('a fee of ', chargeback.fee, ', posted as ', charged.fee)
               END AS chargebacks_posted_once,
               CASE WHEN coalesce(debt.amount, 0) <> coalesce(from_host, 0)
                    THEN concat(from_host, ' borne by hosts, who owe ', debt.amount)
                    WHEN debt.strange > 0
                    THEN concat('borne by ', debt.strange, ' who are hosts of no part of it')
               END AS chargebacks_borne
          FROM chargebacks AS chargeback
          FULL JOIN (
               SELECT source_id, count(DISTINCT id) FILTER (WHERE kind = 'chargeback') AS taken,
                      count(DISTINCT id) FILTER (WHERE kind = 'chargeback_reversal') AS given_back,
                      sum(amount) FILTER (
                          WHERE kind = 'chargeback_recovery' AND amount > 0) AS recovered
                 FROM (SELECT transaction.id, kind, source_id, amount
                         FROM ledger_transactions AS transaction
                         JOIN ledger_entries ON transaction_id = transaction.id
                        WHERE kind IN ('chargeback', 'chargeback_reversal', 'chargeback_recovery')
                      ) AS entry
                GROUP BY source_id) AS posted ON posted.source_id = chargeback.id
          LEFT JOIN (
               SELECT source_id, sum(amount) AS fee
                 FROM ledger_transactions AS transaction
                 JOIN ledger_entries ON transaction_id = transaction.id
                WHERE kind = 'gateway_fee' AND amount > 0
                  AND source_id IN (SELECT id FROM chargebacks)
                GROUP BY source_id) AS charged ON charged.source_id = chargeback.id
          LEFT JOIN (
               SELECT cause.id, sum(owed.amount) AS amount,
                      count(*) FILTER (WHERE part.host_id <> owed.host_id
                          OR coalesce(part.part_of, part.id) <> cause.booking_id) AS strange
                 FROM chargebacks AS cause
                 JOIN host_debts AS owed ON coalesce(owed.cause_id, owed.id) = cause.id
                 LEFT JOIN bookings AS part ON part.id = owed.booking_id
                GROUP BY cause.id) AS debt ON debt.id = chargeback.id""",
    )


async def charges(tx: Tx) -> Verdicts:
    """Each charge with chargebacks or traces of them, its pots, and what was cancelled for them."""
    return await judge(
        tx,
        "payment",
        ("chargebacks_freeze", "chargebacks_recovered"),
        _CHARGES,
    )
