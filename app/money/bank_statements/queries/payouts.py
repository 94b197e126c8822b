"""SQL on the payouts that are expected, and on bank entries that take others back."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_all, fetch_one, json
from app.money.bank_statements.model import Arrival, Match, NewPayout, Payout


async def open_reversals(tx: Tx) -> list[Arrival]:
    """The debits that take some entry back, as long as it is not known which."""
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
    """The credits of these amounts (minor units) that no entry has taken back."""
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
    """Store pairs of an entry and the one that it takes back (ids).

    Returns the payouts that had arrived with an entry that is taken back: they have not any more.
    """
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
    """Update what a gateway may change of a payout that is under way."""
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
    """The payments that came in since a day, the oldest first.

    Without those that a payout has arrived with, and those that were taken back.
    """
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
