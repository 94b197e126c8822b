"""One statement per function on the tables of the bank."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
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
from app.money.bank_statements.model import (
    Arrival,
    Entry,
    FileEntry,
    FileStatement,
    Match,
    NewPayout,
    Payout,
    Statement,
)

# ---- statements ----------------------------------------------------------------------------------


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
    """The statements of an account that have a day of these."""
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
    """The entries of an account on these days, but for those of these statements."""
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
    """So many ids that no entry has."""
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
            OVERRIDING SYSTEM VALUE
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


# ---- reversals -----------------------------------------------------------------------------------


async def open_reversals(tx: Tx) -> list[Arrival]:
    """Money out that takes an entry back, where it is not known which."""
    return await fetch_all(
        tx,
        Arrival,
        """
        SELECT entry.id AS entry_id, 1 AS part, currency, booked_on, entry.amount, is_reversal,
               own_references || bank_reference AS references, part.text
          FROM bank_entries AS entry
          JOIN bank_accounts ON bank_accounts.id = account_id
          JOIN bank_entry_parts AS part ON part.entry_id = entry.id AND part.number = 1
         WHERE is_reversal AND entry.amount < 0
           AND NOT EXISTS (SELECT FROM bank_reversals WHERE entry_id = entry.id)
         ORDER BY entry.id""",
    )


async def not_taken_back(tx: Tx, amounts: Sequence[int]) -> list[Arrival]:
    """Money in, of these amounts, that no entry has taken back."""
    return await fetch_all(
        tx,
        Arrival,
        """
        SELECT entry.id AS entry_id, 1 AS part, currency, booked_on, entry.amount, is_reversal,
               own_references || bank_reference AS references, part.text
          FROM bank_entries AS entry
          JOIN bank_accounts ON bank_accounts.id = account_id
          JOIN bank_entry_parts AS part ON part.entry_id = entry.id AND part.number = 1
         WHERE entry.amount = ANY(%(amounts)s) AND NOT is_reversal
           AND NOT EXISTS (SELECT FROM bank_reversals WHERE taken_back = entry.id)
         ORDER BY entry.id""",
        amounts=list(amounts),
    )


async def take_back(tx: Tx, pairs: Sequence[tuple[int, int]]) -> list[Payout]:
    """Insert which entries take others back; returns the payouts that had arrived with these."""
    return await fetch_all(
        tx,
        Payout,
        """
        WITH pair AS (
            INSERT INTO bank_reversals (entry_id, taken_back)
            SELECT * FROM unnest(%(reversals)s::bigint[], %(taken)s::bigint[])
         RETURNING taken_back
        )
        UPDATE expected_payouts
           SET entry_id = NULL, part = NULL, arrived_on = NULL, arrived_amount = NULL
          FROM pair WHERE entry_id = taken_back
     RETURNING expected_payouts.*""",
        reversals=[reversal for reversal, _ in pairs],
        taken=[taken for _, taken in pairs],
    )


# ---- payouts -------------------------------------------------------------------------------------


async def insert_payout(tx: Tx, payout_id: UUID, new: NewPayout) -> bool:
    """Insert a payout; False if it is known."""
    return bool(
        await execute(
            tx,
            """
            INSERT INTO expected_payouts (id, gateway, gateway_id, amount, currency, fee,
                                          arrives_on, reference)
            VALUES (%(id)s, %(gateway)s, %(gateway_id)s, %(amount)s, %(currency)s, %(fee)s,
                    %(arrives_on)s, %(reference)s)
                ON CONFLICT DO NOTHING""",
            id=payout_id,
            gateway=new.gateway,
            gateway_id=new.gateway_id,
            amount=new.money.amount,
            currency=new.money.currency,
            fee=new.fee,
            arrives_on=new.arrives_on,
            reference=new.reference,
        )
    )


async def lock_payout(tx: Tx, payout_id: UUID) -> Payout | None:
    return await fetch_one(
        tx,
        Payout,
        "SELECT * FROM expected_payouts WHERE id = %(id)s FOR NO KEY UPDATE",
        id=payout_id,
    )


async def expect_again(tx: Tx, payout_id: UUID, *, arrives_on: date, reference: str) -> None:
    """Update what a gateway may say otherwise of a payout that is under way."""
    await execute(
        tx,
        """
        UPDATE expected_payouts SET arrives_on = %(arrives_on)s, reference = %(reference)s
         WHERE id = %(id)s AND (arrives_on, reference) <> (%(arrives_on)s, %(reference)s)""",
        id=payout_id,
        arrives_on=arrives_on,
        reference=reference,
    )


async def fail(tx: Tx, payout_id: UUID, why: str) -> None:
    await execute(
        tx,
        """
        UPDATE expected_payouts SET failed_at = business_now(), failure = %(why)s
         WHERE id = %(id)s""",
        id=payout_id,
        why=why,
    )


async def lock_open(tx: Tx) -> list[Payout]:
    """Lock the payouts that have neither arrived nor failed, in the order of ids."""
    return await fetch_all(
        tx,
        Payout,
        """
        SELECT * FROM expected_payouts WHERE entry_id IS NULL AND failed_at IS NULL
         ORDER BY id FOR NO KEY UPDATE""",
    )


async def arrivals(tx: Tx, currencies: Sequence[str], *, since: date) -> list[Arrival]:
    """Money in since a day, by payment, oldest first: no payout yet, and not taken back."""
    return await fetch_all(
        tx,
        Arrival,
        """
        SELECT part.entry_id, part.number AS part, currency, booked_on, part.amount, is_reversal,
               own_references || bank_reference AS references, part.text
          FROM bank_entries AS entry
          JOIN bank_accounts ON bank_accounts.id = account_id
          JOIN bank_entry_parts AS part ON part.entry_id = entry.id
         WHERE booked_on >= %(since)s AND currency = ANY(%(currencies)s) AND entry.amount > 0
           AND NOT is_reversal  -- that is an own debit which came back
           AND NOT EXISTS (SELECT FROM bank_reversals WHERE taken_back = entry.id)
           AND NOT EXISTS (SELECT FROM expected_payouts AS payout
                            WHERE payout.entry_id = part.entry_id AND payout.part = part.number)
         ORDER BY booked_on, part.entry_id, part.number""",
        currencies=list(currencies),
        since=since,
    )


async def arrive(tx: Tx, matches: Sequence[Match]) -> list[Payout]:
    """Record with which parts of entries payouts arrived."""
    return await fetch_all(
        tx,
        Payout,
        """
        UPDATE expected_payouts
           SET entry_id = given.entry_id, part = given.part, arrived_on = given.arrived_on,
               arrived_amount = coalesce(given.amount, expected_payouts.amount)
          FROM jsonb_to_recordset(%(matches)s) AS given (
               id uuid, entry_id bigint, part integer, arrived_on date, amount bigint)
         WHERE expected_payouts.id = given.id
     RETURNING expected_payouts.*""",
        matches=json(
            [
                {
                    "id": each.payout.id,
                    "entry_id": each.arrival.entry_id,
                    "part": each.arrival.part,
                    "arrived_on": each.arrival.booked_on,
                    "amount": each.arrival.amount,
                }
                for each in matches
            ]
        ),
    )


async def payouts(
    tx: Tx,
    *,
    gateway: GatewayName | None,
    missing_since: date | None,
    before: tuple[date, UUID] | None,
    limit: int | None,
) -> list[Payout]:
    """Payouts, the newest first; only those that should have arrived before a day, if given."""
    return await fetch_all(
        tx,
        Payout,
        """
        SELECT * FROM expected_payouts
         WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
           AND (%(missing_since)s::date IS NULL OR (
                entry_id IS NULL AND failed_at IS NULL AND arrives_on < %(missing_since)s))
           AND (%(before_on)s::date IS NULL
                OR (arrives_on, id) < (%(before_on)s, %(before_id)s::uuid))
         ORDER BY arrives_on DESC, id DESC
         LIMIT %(limit)s""",
        gateway=gateway,
        missing_since=missing_since,
        before_on=before[0] if before else None,
        before_id=before[1] if before else None,
        limit=limit,
    )


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
