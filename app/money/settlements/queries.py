"""One statement per function on the tables of settlements."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_value, json
from app.money.settlements.model import Line, Month, Settlement, SettlementFilter


async def open_month(tx: Tx) -> Month | None:
    """The month that was begun and not closed."""
    return await fetch_one(
        tx,
        Month,
        "SELECT * FROM settlement_months WHERE closed_at IS NULL ORDER BY month LIMIT 1",
    )


async def next_entry(tx: Tx) -> tuple[date, int] | None:
    """The last month that was closed, and the entry that the one after it begins with."""

    class Last(msgspec.Struct):
        month: date
        next_entry: int

    last = await fetch_one(
        tx,
        Last,
        """
        SELECT month, next_entry FROM settlement_months
         WHERE closed_at IS NOT NULL ORDER BY month DESC LIMIT 1""",
    )
    return (last.month, last.next_entry) if last else None


async def begin(tx: Tx, month: date, *, first_entry: int, last_entry: int) -> None:
    """Insert a month, unless another process has."""
    await execute(
        tx,
        """
        INSERT INTO settlement_months (month, first_entry, last_entry, done_entry)
        VALUES (%(month)s, %(first_entry)s,
                greatest(%(last_entry)s::bigint, %(first_entry)s::bigint - 1),
                %(first_entry)s::bigint - 1)
            ON CONFLICT DO NOTHING""",
        month=month,
        first_entry=first_entry,
        last_entry=last_entry,
    )


async def insert_lines(tx: Tx, month: date, lines: Sequence[Line]) -> int:
    """Insert those of the lines that are in no settlement yet; returns how many."""
    return await execute(
        tx,
        """
        INSERT INTO settlement_lines (
            transaction_id, host_id, currency, month, kind, source_id, booking_id, memo, at, gross,
            platform_fee, gateway_fees, refunds, chargebacks, debts, other, paid)
        SELECT transaction_id, host_id, currency, %(month)s, kind, source_id, booking_id, memo, at,
               gross, platform_fee, gateway_fees, refunds, chargebacks, debts, other, paid
          FROM jsonb_populate_recordset(NULL::settlement_lines, %(lines)s)
         ORDER BY transaction_id, host_id, currency
            ON CONFLICT DO NOTHING""",
        month=month,
        lines=json(lines),
    )


async def note_done(tx: Tx, month: date, entry_id: int) -> None:
    """Update up to which entry the lines of a month that is not closed are written."""
    await execute(
        tx,
        """
        UPDATE settlement_months SET done_entry = %(entry_id)s
         WHERE month = %(month)s AND closed_at IS NULL AND done_entry < %(entry_id)s""",
        month=month,
        entry_id=entry_id,
    )


async def close(tx: Tx, month: date, *, next_entry: int) -> bool:
    """Close a month for good; False if another process has."""
    return bool(
        await execute(
            tx,
            """
            UPDATE settlement_months SET closed_at = business_now(), next_entry = %(next_entry)s
             WHERE month = %(month)s AND closed_at IS NULL""",
            month=month,
            next_entry=next_entry,
        )
    )


async def sums(tx: Tx, month: date) -> list[Settlement]:
    """The settlements that the lines of a month make, without ids and balances."""
    return await fetch_all(
        tx,
        Settlement,
        """
        SELECT sums.*, '00000000-0000-0000-0000-000000000000'::uuid AS id, 0 AS balance,
               coalesce(last.balance, 0) AS carried_over
          FROM (SELECT month, host_id, currency, count(*) AS lines, sum(gross)::bigint AS gross,
                       sum(platform_fee)::bigint AS platform_fee,
                       sum(gateway_fees)::bigint AS gateway_fees, sum(refunds)::bigint AS refunds,
                       sum(chargebacks)::bigint AS chargebacks, sum(debts)::bigint AS debts,
                       sum(other)::bigint AS other, sum(paid)::bigint AS paid
                  FROM settlement_lines WHERE month = %(month)s
                 GROUP BY month, host_id, currency) AS sums
          LEFT JOIN LATERAL (
                SELECT balance FROM settlements AS before
                 WHERE before.host_id = sums.host_id AND before.currency = sums.currency
                   AND before.month < sums.month
                 ORDER BY before.month DESC
                 LIMIT 1) AS last ON true""",
        month=month,
    )


async def insert(tx: Tx, settlements: Sequence[Settlement]) -> int:
    return await execute(
        tx,
        """
        INSERT INTO settlements (
            id, month, host_id, currency, carried_over, gross, platform_fee, gateway_fees, refunds,
            chargebacks, debts, other, paid, lines)
        SELECT id, month, host_id, currency, carried_over, gross, platform_fee, gateway_fees,
               refunds, chargebacks, debts, other, paid, lines
          FROM jsonb_populate_recordset(NULL::settlements, %(settlements)s)""",
        settlements=json(settlements),
    )


async def settlements(
    tx: Tx, wanted: SettlementFilter, *, before: tuple[date, UUID] | None, limit: int | None
) -> list[Settlement]:
    """The newest month first; those after this month and id of a list, if given."""
    return await fetch_all(
        tx,
        Settlement,
        """
        SELECT * FROM settlements
         WHERE (%(month)s::date IS NULL OR month = %(month)s)
           AND (%(host_id)s::uuid IS NULL OR host_id = %(host_id)s)
           AND (%(currency)s::text IS NULL OR currency = %(currency)s)
           AND (%(before_month)s::date IS NULL
                OR (month, id) < (%(before_month)s, %(before_id)s::uuid))
         ORDER BY month DESC, id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before_month=before[0] if before else None,
        before_id=before[1] if before else None,
        limit=limit,
    )


async def find(tx: Tx, settlement_id: UUID) -> Settlement | None:
    return await fetch_one(
        tx, Settlement, "SELECT * FROM settlements WHERE id = %(id)s", id=settlement_id
    )


async def lines(
    tx: Tx, settlement: Settlement, *, after: int | None, limit: int | None
) -> list[Line]:
    """Oldest first; those after this transaction, if given."""
    return await fetch_all(
        tx,
        Line,
        """
        SELECT * FROM settlement_lines
         WHERE month = %(month)s AND host_id = %(host_id)s AND currency = %(currency)s
           AND (%(after)s::bigint IS NULL OR transaction_id > %(after)s)
         ORDER BY transaction_id
         LIMIT %(limit)s""",
        month=settlement.month,
        host_id=settlement.host_id,
        currency=settlement.currency,
        after=after,
        limit=limit,
    )


async def last_closed(tx: Tx) -> date | None:
    """The last month that was closed."""
    return await fetch_value(
        tx,
        date,
        """
        SELECT month FROM settlement_months
         WHERE closed_at IS NOT NULL ORDER BY month DESC LIMIT 1""",
    )
