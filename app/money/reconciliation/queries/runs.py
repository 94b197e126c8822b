"""Runs: begun, taken up again, moved on page by page, finished."""

from datetime import timedelta
from uuid import UUID

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_new, fetch_one
from app.money.reconciliation.model import Run, Stage


async def insert(
    tx: Tx, run_id: UUID, gateway: GatewayName, span: Span, *, working_for: timedelta
) -> Run:
    return await fetch_new(
        tx,
        Run,
        """
        INSERT INTO reconciliation_runs (id, gateway, since, until, working_until, stage)
        VALUES (%(id)s, %(gateway)s, %(since)s, %(until)s, business_now() + %(working_for)s,
                'charge')
        RETURNING *""",
        id=run_id,
        gateway=gateway,
        since=span.since,
        until=span.until,
        working_for=working_for,
    )


async def take_unfinished(
    tx: Tx,
    gateway: GatewayName,
    *,
    working_for: timedelta,
    younger_than: timedelta,
    tries_max: int,
) -> Run | None:
    """Take up the oldest run of a gateway that nobody works on; None if there is none."""
    return await fetch_one(
        tx,
        Run,
        """
        UPDATE reconciliation_runs
           SET tries = tries + 1, working_until = business_now() + %(working_for)s
         WHERE id = (
               SELECT id FROM reconciliation_runs
                WHERE gateway = %(gateway)s AND finished_at IS NULL
                  AND working_until <= business_now() AND tries < %(tries_max)s
                  AND started_at > business_now() - %(younger_than)s
                ORDER BY id LIMIT 1
                  FOR UPDATE SKIP LOCKED)
        RETURNING *""",
        gateway=gateway,
        working_for=working_for,
        younger_than=younger_than,
        tries_max=tries_max,
    )


async def move_on(
    tx: Tx,
    run: Run,
    stage: Stage,
    cursor: str | None,
    *,
    rows: int,
    unreadable: int,
    working_for: timedelta,
) -> Run | None:
    """Note a page that was read; None if somebody else has taken the run up meanwhile."""
    return await fetch_one(
        tx,
        Run,
        """
        UPDATE reconciliation_runs
           SET stage = %(stage)s, cursor = %(cursor)s, pages = pages + 1, rows = rows + %(rows)s,
               unreadable = unreadable + %(unreadable)s, error = NULL,
               working_until = business_now() + %(working_for)s
         WHERE id = %(id)s AND tries = %(tries)s AND stage = %(was)s
           AND cursor IS NOT DISTINCT FROM %(was_at)s AND finished_at IS NULL
        RETURNING *""",
        id=run.id,
        tries=run.tries,
        was=run.stage,
        was_at=run.cursor,
        stage=stage,
        cursor=cursor,
        rows=rows,
        unreadable=unreadable,
        working_for=working_for,
    )


async def keep(tx: Tx, run: Run, *, working_for: timedelta) -> bool:
    """Note that somebody still works on a run; False if somebody else has taken it up."""
    count = await execute(
        tx,
        """
        UPDATE reconciliation_runs SET working_until = business_now() + %(working_for)s
         WHERE id = %(id)s AND tries = %(tries)s AND finished_at IS NULL""",
        id=run.id,
        tries=run.tries,
        working_for=working_for,
    )
    return count == 1


async def lock_unfinished(tx: Tx, gateway: GatewayName) -> None:
    """Wait for the other runs of this gateway: one compares, or moves on, at a time."""
    await execute(
        tx,
        """
        SELECT FROM reconciliation_runs
         WHERE gateway = %(gateway)s AND finished_at IS NULL
         ORDER BY id
           FOR UPDATE""",
        gateway=gateway,
    )


async def fail(tx: Tx, run: Run, error: str) -> None:
    """Note why a run stopped: anybody may take it up again from here."""
    await execute(
        tx,
        """
        UPDATE reconciliation_runs SET error = %(error)s, working_until = business_now()
         WHERE id = %(id)s AND tries = %(tries)s AND finished_at IS NULL""",
        id=run.id,
        tries=run.tries,
        error=error,
    )


async def finish(tx: Tx, run: Run) -> None:
    await execute(
        tx,
        """
        UPDATE reconciliation_runs SET finished_at = business_now(), error = NULL
         WHERE id = %(id)s AND tries = %(tries)s AND finished_at IS NULL""",
        id=run.id,
        tries=run.tries,
    )


async def forget(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete runs that were begun longer ago than `kept`; returns how many."""
    return await execute(
        tx,
        """
        DELETE FROM reconciliation_runs
         WHERE id IN (
               SELECT id FROM reconciliation_runs
                WHERE started_at < business_now() - %(kept)s
                ORDER BY id LIMIT %(limit)s)""",
        kept=kept,
        limit=limit,
    )
