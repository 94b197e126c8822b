"""SQL on statements of the bank, their entries, and the parts of entries."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new_value,
    fetch_one,
    fetch_value,
    fetch_values,
    json,
)
from app.money.bank_statements.model import Entry, FileEntry, FileStatement, Statement


async def lock_account(tx: Tx, account: str, currency: str) -> int:
    """The id of an account, which is inserted if it is new. Locked: one import at a time."""
    return await fetch_new_value(
        tx,
        int,
        """
        INSERT INTO bank_accounts (account, currency) VALUES (%(account)s, %(currency)s)
            ON CONFLICT ON CONSTRAINT bank_accounts_once DO UPDATE SET account = excluded.account
     RETURNING id""",
        account=account,
        currency=currency,
    )


async def has(tx: Tx, account_id: int, content: str) -> bool:
    """Whether a statement that says the same is stored."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (SELECT FROM bank_statements
                        WHERE account_id = %(account_id)s AND content = %(content)s)""",
        account_id=account_id,
        content=content,
    )


async def overlapping(tx: Tx, account_id: int, *, from_on: date, to_on: date) -> list[Statement]:
    """The statements of an account that share a day with these days."""
    return await fetch_all(
        tx,
        Statement,
        """
        SELECT statement.*, account, currency, 0 AS entries
          FROM bank_statements AS statement
          JOIN bank_accounts ON bank_accounts.id = account_id
         WHERE account_id = %(account_id)s AND from_on <= %(to_on)s AND to_on >= %(from_on)s""",
        account_id=account_id,
        from_on=from_on,
        to_on=to_on,
    )


async def entries_of_days(
    tx: Tx, account_id: int, *, from_on: date, to_on: date, but: Sequence[UUID]
) -> list[Entry]:
    """The entries of an account on these days, except those of the statements `but`."""
    return await fetch_all(
        tx,
        Entry,
        """
        SELECT * FROM bank_entries AS entry
         WHERE account_id = %(account_id)s AND booked_on BETWEEN %(from_on)s AND %(to_on)s
           AND NOT EXISTS (SELECT FROM bank_statement_entries
                            WHERE entry_id = entry.id AND statement_id = ANY(%(but)s))
         ORDER BY id""",
        account_id=account_id,
        from_on=from_on,
        to_on=to_on,
        but=list(but),
    )


async def insert_statement(
    tx: Tx, statement_id: UUID, account_id: int, new: FileStatement, *, content: str, file_name: str
) -> None:
    await execute(
        tx,
        """
        INSERT INTO bank_statements (id, account_id, format, number, opening, closing, from_on,
                                     to_on, content, file_name)
        VALUES (%(id)s, %(account_id)s, %(format)s, %(number)s, %(opening)s, %(closing)s,
                %(from_on)s, %(to_on)s, %(content)s, %(file_name)s)""",
        id=statement_id,
        account_id=account_id,
        format=new.format,
        number=new.number,
        opening=new.opening.amount,
        closing=new.closing.amount,
        from_on=new.from_on,
        to_on=new.to_on,
        content=content,
        file_name=file_name,
    )


async def new_entry_ids(tx: Tx, count: int) -> list[int]:
    """As many ids as `count`, which no entry has."""
    return await fetch_values(
        tx,
        int,
        """
        SELECT nextval(pg_get_serial_sequence('bank_entries', 'id'))
          FROM generate_series(1, %(count)s)""",
        count=count,
    )


async def insert_entries(
    tx: Tx, account_id: int, form: str, entries: Sequence[tuple[int, FileEntry]]
) -> None:
    """Insert entries under these ids, each with its parts."""
    await execute(
        tx,
        """
        WITH given AS (
            SELECT * FROM jsonb_to_recordset(%(entries)s) AS entry (
                   id bigint, booked_on date, value_on date, amount bigint, is_reversal boolean,
                   bank_reference text, text text, parts jsonb)
        ), entry AS (
            INSERT INTO bank_entries (id, account_id, booked_on, value_on, amount, is_reversal,
                                      bank_reference, text, format)
            SELECT id, %(account_id)s, booked_on, value_on, amount, is_reversal, bank_reference,
                   text, %(format)s
              FROM given ORDER BY id
        )
        INSERT INTO bank_entry_parts (entry_id, number, amount, own_references, text, counterparty)
        SELECT given.id, part.number, (said ->> 'amount')::bigint,
               ARRAY(SELECT jsonb_array_elements_text(said -> 'references')), said ->> 'text',
               said ->> 'counterparty'
          FROM given
         CROSS JOIN jsonb_array_elements(parts) WITH ORDINALITY AS part (said, number)
         ORDER BY given.id, part.number""",
        account_id=account_id,
        format=form,
        entries=json(
            [
                msgspec.to_builtins(entry) | {"id": entry_id, "text": entry.text}
                for entry_id, entry in entries
            ]
        ),
    )


async def link(tx: Tx, statement_id: UUID, entry_ids: Sequence[int], lines: Sequence[int]) -> None:
    """Insert which entries a statement has, in its order, and in which lines of its file."""
    await execute(
        tx,
        """
        INSERT INTO bank_statement_entries (statement_id, number, entry_id, line)
        SELECT %(statement_id)s, number, entry_id, line
          FROM unnest(%(entry_ids)s::bigint[], %(lines)s::integer[])
               WITH ORDINALITY AS given (entry_id, line, number)""",
        statement_id=statement_id,
        entry_ids=list(entry_ids),
        lines=list(lines),
    )


async def statements(tx: Tx, *, before: UUID | None, limit: int) -> list[Statement]:
    """The last imported first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        Statement,
        """
        SELECT statement.*, account, currency,
               (SELECT count(*) FROM bank_statement_entries
                 WHERE statement_id = statement.id) AS entries
          FROM bank_statements AS statement
          JOIN bank_accounts ON bank_accounts.id = account_id
         WHERE %(before)s::uuid IS NULL OR statement.id < %(before)s
         ORDER BY statement.id DESC
         LIMIT %(limit)s""",
        before=before,
        limit=limit,
    )


async def find_statement(tx: Tx, statement_id: UUID) -> Statement | None:
    return await fetch_one(
        tx,
        Statement,
        """
        SELECT statement.*, account, currency,
               (SELECT count(*) FROM bank_statement_entries
                 WHERE statement_id = statement.id) AS entries
          FROM bank_statements AS statement
          JOIN bank_accounts ON bank_accounts.id = account_id
         WHERE statement.id = %(id)s""",
        id=statement_id,
    )


async def entries_of_statement(
    tx: Tx, statement_id: UUID, *, after: int | None, limit: int
) -> list[tuple[int, Entry]]:
    """The entries of a statement in its order, each with its place; those after one, if given."""

    class Placed(Entry, frozen=True, kw_only=True):
        number: int

    found = await fetch_all(
        tx,
        Placed,
        """
        SELECT entry.*, link.number
          FROM bank_statement_entries AS link
          JOIN bank_entries AS entry ON entry.id = entry_id
         WHERE statement_id = %(statement_id)s
           AND (%(after)s::bigint IS NULL OR link.number > %(after)s)
         ORDER BY link.number
         LIMIT %(limit)s""",
        statement_id=statement_id,
        after=after,
        limit=limit,
    )
    return [(each.number, each) for each in found]


async def last_day(tx: Tx, currency: str) -> date | None:
    """The last day of which there is a statement of an account in this currency."""
    return await fetch_value(
        tx,
        date,
        """
        SELECT max(to_on) FROM bank_statements
          JOIN bank_accounts ON bank_accounts.id = account_id
         WHERE currency = %(currency)s""",
        currency=currency,
    )
