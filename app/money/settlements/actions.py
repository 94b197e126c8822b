"""The verbs of settlements: settle a month in steps, any of which may be done twice; read them."""

from datetime import date
from uuid import UUID

import msgspec

from app.foundation import audit, paging
from app.foundation.audit import SYSTEM, Subject
from app.foundation.db import Tx, now, plan_for_values
from app.money.escrow import actions as escrow
from app.money.ledger import actions as ledger
from app.money.ledger.model import Mark, PostingKind
from app.money.settlements import queries
from app.money.settlements.model import (
    Month,
    NoSuchSettlement,
    Settlement,
    SettlementFilter,
    SettlementPage,
    SettlementWithLines,
)
from app.money.settlements.rules import files, months, postings, replies


async def next_month(tx: Tx) -> date | None:
    """The month to settle next, which is over by now; None if there is none."""
    if begun := await queries.open_month(tx):
        return begun.month
    if last := await queries.next_entry(tx):
        month = months.month_after(last[0])
    elif first_at := await ledger.first_posted_at(tx):
        month = months.month_of(first_at.date())
    else:
        return None
    return month if months.month_after(month) <= (await now(tx)).date() else None


async def begin(tx: Tx, month: date, mark: Mark) -> Month | None:
    """Fix which entries of the ledger a month is made of; as it was fixed, if it was begun before.

    `mark` is of an earlier transaction: `ledger.mark`. None if it is too early, for a transaction
    that was posting at the mark has not ended.
    """
    if begun := await queries.open_month(tx):
        return begun
    if not await ledger.is_settled(tx, mark):
        return None
    last = await queries.next_entry(tx)
    await queries.begin(tx, month, first_entry=last[1] if last else 0, last_entry=mark.entry_id)
    return await queries.open_month(tx)


async def add_lines(tx: Tx, month: Month, *, first: int, last: int) -> int:
    """Write the lines of the month that are of these entries (ids); returns how many are new.

    Call it for one stretch of entries after the other: up to `last` all are then done.
    """
    await plan_for_values(tx)
    entries = await ledger.entries_of_hosts(
        tx,
        first=max(first, month.first_entry),
        last=min(last, month.last_entry),
        before=months.beginning(months.month_after(month.month)),
    )
    pot_ids = {entry.source_id for entry in entries if entry.kind is PostingKind.DIVISION}
    hosts = await escrow.hosts_of(tx, sorted(pot_ids))
    shared = {each.booking_id for each in entries if each.kind in postings.SHARED}
    parts = await escrow.other_parts(tx, sorted(one for one in shared if one))
    lines = postings.lines(entries, hosts, parts)
    written = await queries.insert_lines(tx, month.month, lines)
    await queries.note_done(tx, month.month, last)
    return written


async def close(tx: Tx, month: Month) -> int:
    """Make the settlements of a month from its lines, for good; returns how many.

    0 if another process has closed it.
    """
    end = months.beginning(months.month_after(month.month))
    await plan_for_values(tx)
    next_entry = await ledger.first_entry_since(
        tx, end, first=month.first_entry, last=month.last_entry
    )
    if not await queries.close(tx, month.month, next_entry=next_entry):
        return 0
    sums = await queries.sums(tx, month.month)
    await queries.insert(
        tx,
        [
            msgspec.structs.replace(
                each, id=months.settlement_id(each.month, each.host_id, each.currency)
            )
            for each in sums
        ],
    )
    await audit.record(
        tx,
        by=SYSTEM,
        action="close_settlements",
        subject=Subject("month", f"{month.month:%Y-%m}"),
        after={"settlements": len(sums), "lastEntry": month.last_entry},
    )
    return len(sums)


# ---- read ----------------------------------------------------------------------------------------


async def last_closed(tx: Tx) -> date | None:
    """The last month of which there are settlements, if any host had money in it."""
    return await queries.last_closed(tx)


async def read_list(
    tx: Tx, wanted: SettlementFilter, *, limit: int, cursor: str | None
) -> SettlementPage:
    """A page of settlements, the newest month first. Raises Invalid for a bad cursor."""
    before = paging.read_cursor(cursor, tuple[date, UUID]) if cursor else None
    await plan_for_values(tx)
    found = await queries.settlements(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda each: (each.month, each.id))
    return SettlementPage(
        settlements=[replies.as_reply(each) for each in page], next_cursor=next_cursor
    )


async def read_month(tx: Tx, month: date) -> list[Settlement]:
    """All settlements of a month."""
    await plan_for_values(tx)
    return await queries.settlements(tx, SettlementFilter(month=month), before=None, limit=None)


async def read_one(
    tx: Tx, settlement_id: UUID, *, host_id: UUID | None, limit: int, cursor: str | None
) -> SettlementWithLines:
    """A settlement with a page of its lines; of this host alone, if one is given.

    Raises NoSuchSettlement, and Invalid for a bad cursor.
    """
    after = paging.read_row_id(cursor)
    settlement = await _find(tx, settlement_id, host_id)
    found = await queries.lines(tx, settlement, after=after, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda line: line.transaction_id)
    return SettlementWithLines(
        settlement=replies.as_reply(settlement),
        lines=[replies.line_as_reply(line) for line in page],
        next_cursor=next_cursor,
    )


async def read_file(tx: Tx, settlement_id: UUID, *, host_id: UUID | None) -> str:
    """The lines of a settlement as CSV; of this host alone, if one is given.

    Raises NoSuchSettlement.
    """
    settlement = await _find(tx, settlement_id, host_id)
    return files.csv_of_lines(await queries.lines(tx, settlement, after=None, limit=None))


async def _find(tx: Tx, settlement_id: UUID, host_id: UUID | None) -> Settlement:
    found = await queries.find(tx, settlement_id)
    if found is None or host_id not in (None, found.host_id):
        raise NoSuchSettlement(f"There is no settlement {settlement_id}.")
    return found
