"""One statement per function on the tables of the ledger."""

from collections.abc import Sequence

from app.db import Tx, execute, json
from app.ledger.model import Account, Posting


async def open_missing(tx: Tx, accounts: Sequence[Account]) -> None:
    """Open the accounts that there are not yet. Those that there are, are not touched.

    In a fixed order, so that two who open the same accounts wait for each other in turn.
    """
    await execute(
        tx,
        """
        INSERT INTO ledger_accounts (kind, owner_id, gateway, currency)
        SELECT DISTINCT kind, owner_id, gateway, currency
          FROM jsonb_populate_recordset(NULL::ledger_accounts, %(accounts)s) AS wanted
         WHERE NOT EXISTS (
                SELECT FROM ledger_accounts AS account
                 WHERE account.owner_id = wanted.owner_id AND account.kind = wanted.kind
                   AND account.currency = wanted.currency)
           AND NOT EXISTS (
                SELECT FROM ledger_accounts AS account
                 WHERE wanted.owner_id IS NULL
                   AND account.owner_id IS NULL AND account.kind = wanted.kind
                   AND account.gateway IS NOT DISTINCT FROM wanted.gateway
                   AND account.currency = wanted.currency)
         ORDER BY kind, owner_id, gateway, currency
            ON CONFLICT DO NOTHING""",
        accounts=json(accounts),
    )


async def insert(tx: Tx, postings: Sequence[Posting]) -> None:
    """Write transactions with their entries, in the order given; their accounts are open.

    (An account that is not would come out as null, which the table refuses.)
    """
    await execute(
        tx,
        """
        WITH posting AS (
            SELECT * FROM ROWS FROM (
                   jsonb_to_recordset(%(postings)s) AS (
                       kind text, source_id uuid, booking_id uuid, memo text, entries jsonb
                   )) WITH ORDINALITY AS given (kind, source_id, booking_id, memo, entries, number)
        ), written AS (
            INSERT INTO ledger_transactions (kind, source_id, booking_id, memo)
            SELECT kind, source_id, booking_id, memo FROM posting ORDER BY number
         RETURNING id, kind, source_id
        )
        INSERT INTO ledger_entries (transaction_id, account_id, amount)
        SELECT written.id, account.id, entry.amount
          FROM posting
          JOIN written USING (kind, source_id)
         CROSS JOIN ROWS FROM (
               jsonb_to_recordset(posting.entries) AS (account ledger_accounts, amount bigint)
               ) WITH ORDINALITY AS entry (wanted, amount, number)
          LEFT JOIN LATERAL (
                SELECT id FROM ledger_accounts
                 WHERE owner_id = (wanted).owner_id AND kind = (wanted).kind
                   AND currency = (wanted).currency
                 UNION ALL
                SELECT id FROM ledger_accounts
                 WHERE (wanted).owner_id IS NULL AND owner_id IS NULL AND kind = (wanted).kind
                   AND gateway IS NOT DISTINCT FROM (wanted).gateway
                   AND currency = (wanted).currency
               ) AS account ON true
         ORDER BY posting.number, entry.number""",
        postings=json(postings),
    )
