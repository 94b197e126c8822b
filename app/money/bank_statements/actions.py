"""The verbs of the bank: import statements, expect payouts of gateways, see what did not arrive."""

from datetime import date, timedelta
from pathlib import PurePath
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.port import GatewayName
from app.foundation import audit, paging
from app.foundation.alerts import Severity, Sighting, raise_alerts, resolve_alerts_but
from app.foundation.audit import SYSTEM, Actor, Subject
from app.foundation.db import Tx, now, plan_for_values
from app.foundation.settings import settings
from app.money.bank_statements.model import (
    FileStatement,
    Imported,
    ImportResult,
    NewPayout,
    NoSuchPayout,
    NoSuchStatement,
    Payout,
    PayoutChanged,
    PayoutPage,
    StatementPage,
    StatementWithEntries,
)
from app.money.bank_statements.queries import payouts as payout_queries
from app.money.bank_statements.queries import statements as queries
from app.money.bank_statements.rules import matching, reading, replies, sameness
from app.money.ledger import actions as ledger

LATE: Final = "payout_late"  # kinds of alert; the subject is the gateway and its id of the payout
DIFFERS: Final = "payout_differs"


# ---- statements ----------------------------------------------------------------------------------


async def import_file(tx: Tx, data: bytes, file_name: str, *, by: Actor = SYSTEM) -> ImportResult:
    """Store the statements of a file, each entry once, and see which payouts arrived by them.

    A statement that is stored already changes nothing; neither does an entry that another
    statement had. Raises StatementRefused, and then the caller's transaction must end.
    """
    name = PurePath(file_name).name
    statements = reading.read(data, name)
    imported = [await _import_statement(tx, statement, name) for statement in statements]
    if any(each.is_new for each in imported):
        await audit.record(
            tx,
            by=by,
            action="import_bank_statements",
            subject=Subject("file", name),
            after={"statements": len(imported), "new": sum(each.new_entries for each in imported)},
        )
    return ImportResult(statements=imported, arrived=await match(tx))


async def _import_statement(tx: Tx, new: FileStatement, file_name: str) -> Imported:
    account_id = await queries.lock_account(tx, new.account, new.currency)
    content = sameness.content(new)
    if await queries.has(tx, account_id, content):
        return replies.imported(new, is_new=False, new_entries=0)
    known = await _paired(tx, account_id, new)
    missing = [entry for entry, same in zip(new.entries, known, strict=True) if same is None]
    new_ids = await queries.new_entry_ids(tx, len(missing))
    numbered = list(zip(new_ids, missing, strict=True))
    if numbered:
        await queries.insert_entries(tx, account_id, new.format, numbered)
    statement_id = uuid_utils.compat.uuid7()
    await queries.insert_statement(
        tx, statement_id, account_id, new, content=content, file_name=file_name
    )
    unused = iter(new_ids)
    entry_ids = [next(unused) if same is None else same for same in known]
    await queries.link(tx, statement_id, entry_ids, [entry.line for entry in new.entries])
    return replies.imported(new, is_new=True, new_entries=len(missing))


async def _paired(tx: Tx, account_id: int, new: FileStatement) -> list[int | None]:
    """For each entry of a statement its id, if another one of the same days had it; else None."""
    days = {"from_on": new.from_on, "to_on": new.to_on}
    others = await queries.overlapping(tx, account_id, **days)
    apart = [other.id for other in others if sameness.follows(new, other)]
    return sameness.pair(new, await queries.entries_of_days(tx, account_id, **days, but=apart))


async def read_statements(tx: Tx, *, limit: int, cursor: str | None) -> StatementPage:
    """A page of statements, the last imported first. Raises Invalid for a bad cursor."""
    found = await queries.statements(tx, before=paging.read_id(cursor), limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda each: each.id)
    return StatementPage(
        statements=[replies.statement(each) for each in page], next_cursor=next_cursor
    )


async def read_statement(
    tx: Tx, statement_id: UUID, *, limit: int, cursor: str | None
) -> StatementWithEntries:
    """A statement with a page of its entries. Raises NoSuchStatement, Invalid for a bad cursor."""
    after = paging.read_row_id(cursor)
    statement = await queries.find_statement(tx, statement_id)
    if statement is None:
        raise NoSuchStatement(f"There is no statement {statement_id}.")
    found = await queries.entries_of_statement(tx, statement_id, after=after, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda placed: placed[0])
    return StatementWithEntries(
        statement=replies.statement(statement),
        entries=[replies.entry(each, statement.currency) for _, each in page],
        next_cursor=next_cursor,
    )


# ---- payouts -------------------------------------------------------------------------------------


async def expect(tx: Tx, new: NewPayout) -> UUID:
    """Record and post a payout that has left a gateway; returns its id. May be called again.

    The day and the reference may change until it arrives. Raises PayoutChanged if it is known with
    another amount.
    """
    payout_id = matching.payout_id(new.gateway, new.gateway_id)
    if await payout_queries.insert_payout(tx, payout_id, new):
        await ledger.post_all(tx, matching.postings(payout_id, new))
        await audit.record(
            tx,
            by=SYSTEM,
            action="expect_payout",
            subject=Subject("expected_payout", payout_id),
            after={"gateway": new.gateway, "gatewayId": new.gateway_id, "amount": new.money},
        )
        await match(tx)
        return payout_id
    known = await payout_queries.lock_payout(tx, payout_id)
    if known is None or (known.money, known.fee) != (new.money, new.fee):
        raise PayoutChanged(f"{new.gateway_id} of {new.gateway} was {known and known.money}.")
    if known.entry_id is None:
        await payout_queries.expect_again(
            tx, payout_id, arrives_on=new.arrives_on, reference=new.reference
        )
    return payout_id


async def fail(tx: Tx, gateway: GatewayName, gateway_id: str, *, why: str) -> None:
    """Record and post that a payout is back at the gateway. May be called again.

    Raises NoSuchPayout for one that was never expected.
    """
    payout = await payout_queries.lock_payout(tx, matching.payout_id(gateway, gateway_id))
    if payout is None:
        raise NoSuchPayout(f"There is no payout {gateway_id} of {gateway}.")
    if payout.failed_at:
        return
    await payout_queries.fail(tx, payout.id, why)
    await ledger.post(tx, matching.came_back(payout, why))
    await audit.record(
        tx,
        by=SYSTEM,
        action="fail_payout",
        subject=Subject("expected_payout", payout.id),
        after={"amount": payout.money},
        reason=why,
    )


async def match(tx: Tx) -> list[Payout]:
    """Find which payouts have arrived, and which the bank took back; returns those that arrived.

    Operators are alerted about one that arrived with another amount.
    """
    await _take_back(tx)
    payouts = await payout_queries.lock_open(tx)
    days = matching.days(payouts)
    if days is None:
        return []
    currencies = sorted({payout.currency for payout in payouts})
    await plan_for_values(tx)
    arrivals = await payout_queries.arrivals(tx, currencies, since=days[0])
    matches = matching.match(payouts, arrivals)
    arrived = await payout_queries.arrive(tx, matches) if matches else []
    await raise_alerts(
        tx,
        [
            Sighting(
                kind=DIFFERS,
                severity=Severity.WARNING,
                subject=replies.subject(payout),
                details=replies.details(payout),
            )
            for payout in arrived
            if payout.arrived_amount != payout.amount
        ],
    )
    return arrived


async def _take_back(tx: Tx) -> None:
    """Find which entries reversals take back: payouts that arrived with them are awaited again."""
    reversals = await payout_queries.open_reversals(tx)
    if not reversals:
        return
    amounts = [-(reversal.amount or 0) for reversal in reversals]
    pairs = matching.taken_back(reversals, await payout_queries.not_taken_back(tx, amounts))
    if not pairs:
        return
    for payout in await payout_queries.take_back(tx, pairs):
        await audit.record(
            tx,
            by=SYSTEM,
            action="take_back_payout",
            subject=Subject("expected_payout", payout.id),
            after={"amount": payout.money},
            reason="the bank reversed the entry that it arrived with",
        )


async def alert(tx: Tx) -> int:
    """Alert operators about each payout that is late, and resolve the alerts about others.

    Returns how many are late: only those in currencies of which there are statements.
    """
    found = await missing(tx)
    last_days = {
        currency: await queries.last_day(tx, currency)
        for currency in sorted({payout.currency for payout in found})
    }
    late = [payout for payout in found if last_days[payout.currency] is not None]
    await raise_alerts(
        tx,
        [
            Sighting(
                kind=LATE,
                severity=Severity.CRITICAL,
                subject=replies.subject(payout),
                details=replies.details(payout)
                | {"statementsUntil": str(last_days[payout.currency])},
            )
            for payout in late
        ],
    )
    await resolve_alerts_but(tx, LATE, [replies.subject(payout) for payout in late])
    return len(late)


async def missing(tx: Tx) -> list[Payout]:
    """The payouts that should have arrived some days ago (`PAYOUT_LATE_DAYS`), newest first."""
    today = (await now(tx)).date()
    return await payout_queries.payouts(
        tx, gateway=None, missing_since=today - _late_after(), before=None, limit=None
    )


async def read_payouts(
    tx: Tx,
    *,
    gateway: GatewayName | None,
    only_missing: bool,
    limit: int,
    cursor: str | None,
) -> PayoutPage:
    """A page of payouts, the newest first. Raises Invalid for a bad cursor."""
    before = paging.read_cursor(cursor, tuple[date, UUID]) if cursor else None
    today = (await now(tx)).date()
    await plan_for_values(tx)
    found = await payout_queries.payouts(
        tx,
        gateway=gateway,
        missing_since=today - _late_after() if only_missing else None,
        before=before,
        limit=limit + 1,
    )
    page, next_cursor = paging.cut(found, limit, by=lambda each: (each.arrives_on, each.id))
    return PayoutPage(
        payouts=[replies.payout(each, matching.state(each, today, _late_after())) for each in page],
        next_cursor=next_cursor,
    )


def _late_after() -> timedelta:
    return timedelta(days=settings().payout_late_days)
