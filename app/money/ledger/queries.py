"""One statement per function on the tables of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_value,
    json,
)
from app.money.ledger.model import (
    OWNED,
    Account,
    AccountFilter,
    FoundAccount,
    FoundEntry,
    Mark,
    Posting,
)


async def open_missing(tx: Tx, accounts: Sequence[Account]) -> None:
    """Insert those of the accounts that do not exist; existing rows are not touched or locked.

    In a fixed order, so that two transactions that insert the same accounts cannot deadlock.
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
    """Insert transactions with their entries, in the order given. All accounts must exist.

    The id of a missing account would be null, which `ledger_entries` refuses.
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
         RETURNING id, kind, source_id, at
        )
        INSERT INTO ledger_entries (transaction_id, account_id, amount, at)
        SELECT written.id, account.id, entry.amount, written.at
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


async def mark(tx: Tx) -> Mark:
    """Read the last visible entry, and then the transactions that are writing entries.

    A writer may hold ids below the last visible one. It locks the table before its first entry
    gets an id, until it ends; so no writer is missed.
    """
    return await fetch_new(
        tx,
        Mark,
        """
        SELECT (SELECT coalesce(max(id), 0) FROM ledger_entries) AS entry_id,
               (SELECT coalesce(array_agg(virtualtransaction), '{}') FROM pg_locks
                 WHERE relation = 'ledger_entries'::regclass AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND mode NOT IN ('AccessShareLock', 'RowShareLock')) AS writers""",
    )


async def is_settled(tx: Tx, mark: Mark) -> bool:
    """Whether all transactions that wrote at the mark have ended: no entry up to it is missing."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT NOT EXISTS (
            SELECT FROM pg_locks WHERE virtualtransaction = ANY(%(writers)s))""",
        writers=mark.writers,
    )


async def insert_checkpoints(tx: Tx, mark: Mark, *, worth: int, limit: int) -> int:
    """Insert checkpoints of accounts without an owner that have `worth` or more new entries.

    At most `limit` entries of each account are summed. Returns how many accounts got a checkpoint.
    """
    return await execute(
        tx,
        """
        INSERT INTO ledger_checkpoints (account_id, entry_id, balance, at)
        SELECT account.id, new.entry_id, coalesce(last.balance, 0) + new.amount,
               greatest(last.at, new.at)
          FROM ledger_accounts AS account
          LEFT JOIN LATERAL (
                SELECT entry_id, balance, at FROM ledger_checkpoints
                 WHERE account_id = account.id
                 ORDER BY entry_id DESC
                 LIMIT 1
               ) AS last ON true
         CROSS JOIN LATERAL (
                SELECT count(*) AS entries, max(id) AS entry_id, sum(amount)::bigint AS amount,
                       max(at) AS at
                  FROM (SELECT id, amount, at FROM ledger_entries
                         WHERE account_id = account.id
                           AND id > coalesce(last.entry_id, 0) AND id <= %(entry_id)s
                         ORDER BY id
                         LIMIT %(limit)s) AS entry
               ) AS new
         WHERE account.owner_id IS NULL AND new.entries >= %(worth)s
            ON CONFLICT DO NOTHING""",
        entry_id=mark.entry_id,
        worth=worth,
        limit=limit,
    )


async def accounts(
    tx: Tx, wanted: AccountFilter, *, after: int | None = None, limit: int = 1
) -> list[FoundAccount]:
    """Oldest first, each with its balance now: its last checkpoint, and the entries after it."""
    return await fetch_all(
        tx,
        FoundAccount,
        """
        SELECT account.*, (coalesce(last.balance, 0) + coalesce((
                SELECT sum(amount) FROM ledger_entries
                 WHERE account_id = account.id AND id > coalesce(last.entry_id, 0)
               ), 0))::bigint AS balance
          FROM (SELECT * FROM ledger_accounts
                 WHERE (%(id)s::bigint IS NULL OR id = %(id)s)
                   AND (%(kind)s::text IS NULL OR kind = %(kind)s)
                   AND (%(owner_id)s::uuid IS NULL OR owner_id = %(owner_id)s)
                   AND (NOT %(of_nobody)s OR owner_id IS NULL)  -- the few that an index finds
                   AND (%(currency)s::text IS NULL OR currency = %(currency)s)
                   AND (%(after)s::bigint IS NULL OR id > %(after)s)
                 ORDER BY id
                 LIMIT %(limit)s) AS account
          LEFT JOIN LATERAL (
                SELECT entry_id, balance FROM ledger_checkpoints
                 WHERE account_id = account.id
                 ORDER BY entry_id DESC
                 LIMIT 1
               ) AS last ON true
         ORDER BY account.id""",
        **msgspec.structs.asdict(wanted),
        of_nobody=wanted.kind is not None and wanted.kind not in OWNED,
        after=after,
        limit=limit,
    )


async def balance_at(tx: Tx, account_id: int, at: datetime) -> int:
    """The balance of an account after all entries up to and at this instant."""
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT coalesce(last.balance, 0) + coalesce((
                SELECT sum(amount) FROM ledger_entries
                 WHERE account_id = %(account_id)s AND id > coalesce(last.entry_id, 0)
                   AND at <= %(at)s
               ), 0)::bigint
          FROM (SELECT) AS always
          LEFT JOIN LATERAL (
                SELECT entry_id, balance FROM ledger_checkpoints
                 WHERE account_id = %(account_id)s AND at <= %(at)s
                 ORDER BY entry_id DESC
                 LIMIT 1
               ) AS last ON true""",
        account_id=account_id,
        at=at,
    )


async def entries(tx: Tx, account_id: int, *, before: int | None, limit: int) -> list[FoundEntry]:
    """Entries of an account with an id below `before` (if given), newest first."""
    return await fetch_all(
        tx,
        FoundEntry,
        """
        SELECT entry.id, entry.amount, entry.at, transaction_id, transaction.kind, source_id,
               booking_id, memo, account_id, account.kind AS account_kind, currency, owner_id,
               gateway
          FROM ledger_entries AS entry
          JOIN ledger_transactions AS transaction ON transaction.id = transaction_id
          JOIN ledger_accounts AS account ON account.id = account_id
         WHERE account_id = %(account_id)s
           AND (%(before)s::bigint IS NULL OR entry.id < %(before)s)
         ORDER BY entry.id DESC
         LIMIT %(limit)s""",
        account_id=account_id,
        before=before,
        limit=limit,
    )


async def entries_of_booking(tx: Tx, booking_id: UUID) -> list[FoundEntry]:
    """All entries of a booking, or of one part of it, in the order in which they were written.

    That is what was posted for it, and what moved its escrow: the charge of several parts is posted
    for the first of them, and a split for the part that is split off.
    """
    return await fetch_all(
        tx,
        FoundEntry,
        """
        WITH its AS (
            SELECT id FROM ledger_transactions WHERE booking_id = %(booking_id)s
             UNION
            SELECT transaction_id
              FROM ledger_accounts AS escrow
              JOIN ledger_entries ON account_id = escrow.id
             WHERE owner_id = %(booking_id)s AND kind IN ('escrow_rental', 'escrow_deposit')
        )
        SELECT entry.id, entry.amount, entry.at, transaction_id, transaction.kind, source_id,
               booking_id, memo, account_id, account.kind AS account_kind, currency, owner_id,
               gateway
          FROM its
          JOIN ledger_transactions AS transaction USING (id)
          JOIN ledger_entries AS entry ON transaction_id = transaction.id
          JOIN ledger_accounts AS account ON account.id = account_id
         ORDER BY transaction_id, entry.id""",
        booking_id=booking_id,
    )


async def entries_of_hosts(tx: Tx, *, first: int, last: int, before: datetime) -> list[FoundEntry]:
    """All entries of divisions, and of what changes hosts' accounts, by transaction.

    Of transactions before this instant that have an entry with an id from `first` to `last`.
    """
    return await fetch_all(
        tx,
        FoundEntry,
        """
        SELECT entry.id, entry.amount, entry.at, transaction_id, transaction.kind, source_id,
               booking_id, memo, account_id, account.kind AS account_kind, currency, owner_id,
               gateway
          FROM ledger_transactions AS transaction
          JOIN ledger_entries AS entry ON transaction_id = transaction.id
          JOIN ledger_accounts AS account ON account.id = account_id
         WHERE transaction.id IN (
                SELECT transaction_id FROM ledger_entries WHERE id BETWEEN %(first)s AND %(last)s)
           AND entry.at < %(before)s  -- it is that of the transaction
           AND (transaction.kind = 'division' OR EXISTS (
                SELECT FROM ledger_entries AS own
                  JOIN ledger_accounts AS payable ON payable.id = own.account_id
                 WHERE own.transaction_id = transaction.id AND payable.kind = 'host_payable'))
         ORDER BY transaction_id, entry.id""",
        first=first,
        last=last,
        before=before,
    )


async def first_posted_at(tx: Tx) -> datetime | None:
    """When the first entry was posted; None if there is none."""
    return await fetch_value(tx, datetime, "SELECT at FROM ledger_entries ORDER BY id LIMIT 1")


async def first_entry_since(tx: Tx, at: datetime, *, first: int, last: int) -> int:
    """The first id, from `first` to `last`, of an entry not before `at`; else that after `last`."""
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT coalesce(min(id), %(last)s + 1) FROM ledger_entries
         WHERE id BETWEEN %(first)s AND %(last)s AND at >= %(at)s""",
        at=at,
        first=first,
        last=last,
    )
