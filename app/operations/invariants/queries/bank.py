"""The bank: statements add up, and a payout arrived with one entry."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def statements(tx: Tx) -> Verdicts:
    """Each statement: from its opening balance by its entries to its closing one."""
    return await judge(
        tx,
        "bank statement",
        ("statements_add_up",),
        """
        SELECT id,
               CASE WHEN opening + coalesce(sums.amount, 0) <> closing
                    THEN concat('goes from ', opening, ' to ', closing, ' by entries of ',
                                coalesce(sums.amount, 0))
                    WHEN sums.strangers > 0 THEN 'has entries of another account'
               END AS statements_add_up
          FROM bank_statements AS statement
          LEFT JOIN (
               SELECT link.statement_id, sum(amount) AS amount,
                      count(*) FILTER (WHERE entry.account_id <> own.account_id) AS strangers
                 FROM bank_statement_entries AS link
                 JOIN bank_entries AS entry ON entry.id = link.entry_id
                 JOIN bank_statements AS own ON own.id = link.statement_id
                GROUP BY link.statement_id) AS sums ON sums.statement_id = statement.id""",
    )


async def payouts(tx: Tx) -> Verdicts:
    """Each payout that arrived, with its entry."""
    return await judge(
        tx,
        "payout",
        ("payouts_arrived_once",),
        """
        SELECT payout.id,
               CASE WHEN payout.entry_id IS NULL THEN NULL
                    WHEN bank_accounts.currency <> payout.currency
                    THEN concat('arrived on an account in ', bank_accounts.currency)
                    WHEN arrived_amount <> coalesce(part.amount, payout.amount)
                    THEN concat('arrived with ', arrived_amount, ' of ', part.amount)
                    WHEN EXISTS (SELECT FROM bank_reversals WHERE taken_back = payout.entry_id)
                    THEN 'arrived with an entry that was taken back'
               END AS payouts_arrived_once
          FROM expected_payouts AS payout
          LEFT JOIN bank_entry_parts AS part
            ON part.entry_id = payout.entry_id AND part.number = payout.part
          LEFT JOIN bank_entries AS entry ON entry.id = payout.entry_id
          LEFT JOIN bank_accounts ON bank_accounts.id = entry.account_id""",
    )
