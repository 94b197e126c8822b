"""What a sweep costs depends on what is due, not on how much there has been before.

Each line of the schedule is run, often enough that Postgres goes over to generic plans, on a
database with a long past and a little that is due. Postgres itself then shows how it read: no
table with a past may have been read from end to end, and only as many rows as there was to do.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
import pytest
from pytest_postgresql import factories
from pytest_postgresql.executors import NoopExecutor

from app.foundation import db
from app.foundation.migrate import migrate
from tasks.schedule import SCHEDULE, Periodic
from tests.benchmarks import past
from tests.databases import run_sql, url_of

BOOKINGS: Final = 20_000
OLD_ROWS: Final = 20_000  # of what bookings do not leave behind
DUE: Final = 20  # of each kind
RUNS: Final = 7  # a prepared statement's sixth execution may have a generic plan

# These look at all there is, and are meant to.
LOOKS_AT_ALL: Final = {"check-invariants", "check-tasks", "checkpoint-ledger"}
SWEEPS: Final = [line for line in SCHEDULE if line.name not in LOOKS_AT_ALL]

# Nothing that is due for these is made up here.
IDLE: Final = {
    "process-refunds", "resolve-payout-accounts", "reconcile-chargebacks", "find-chargebacks",
    "send-notifications", "cleanup", "cleanup-locks", "ask-for-facts", "reconcile-gateways",
    "reconcile-last-hours", "calculate-settlements", "check-payouts",
    "check-wallets", "check-disputes",
}  # fmt: skip

_OLD: Final = (
    f"""
    INSERT INTO notifications (id, account_id, kind, source_id, data, state, sent_at)
    SELECT gen_random_uuid(), guest_id, 'booking_confirmed', gen_random_uuid(), '{{}}', 'sent',
           business_now() FROM bookings LIMIT {OLD_ROWS}""",
    f"""
    INSERT INTO webhook_events (id, gateway, event_key, kind, name, reference, body, body_sha256,
                                state, received_at, processed_at)
    SELECT gen_random_uuid(), 'paystack', n, 'charge_changed', 'charge.success', n, '', '',
           'processed', business_now() - interval '9 days', business_now()
      FROM generate_series(1, {OLD_ROWS}) AS n""",
    f"""
    INSERT INTO idempotency_keys (principal_id, route, key, body_sha256, status, reply)
    SELECT gen_random_uuid(), 'POST /', n, '', 200, '' FROM generate_series(1, {OLD_ROWS}) AS n""",
    f"""
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    SELECT 'money', 'send-instruction', 'doing' FROM generate_series(1, {OLD_ROWS}) AS n""",
    f"""
    INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder, account_number,
                                 bank_code, recipient, state)
    SELECT gen_random_uuid(), id, 'paystack', 'NGN', 'nuban', 'A host', n, '058', 'RCP_' || n,
           'removed'
      FROM (SELECT id FROM accounts LIMIT 1) AS account, generate_series(1, {OLD_ROWS}) AS n""",
    f"""
    INSERT INTO alerts (id, kind, severity, subject, details, state, resolved_at)
    SELECT gen_random_uuid(), 'law_broken', 'warning', n, '{{}}', 'resolved', business_now()
      FROM generate_series(1, {OLD_ROWS}) AS n""",
)

_DUE: Final = (
    f"""
    UPDATE pots SET opens_at = business_now() - interval '2 hours',
                    closes_at = business_now() - interval '1 hour'
     WHERE id IN (SELECT id FROM pots WHERE state = 'held' LIMIT {DUE})""",
    f"""
    UPDATE bookings SET expires_at = business_now() - interval '1 minute'
     WHERE id IN (SELECT id FROM bookings WHERE state = 'awaiting_payment' LIMIT {DUE})""",
    f"""
    UPDATE bookings SET respond_by = business_now() - interval '1 minute'
     WHERE id IN (SELECT id FROM bookings WHERE state = 'awaiting_host' LIMIT {DUE})""",
    f"""
    UPDATE instructions SET next_try_at = business_now() - interval '1 minute'
     WHERE id IN (SELECT id FROM instructions WHERE state = 'sent' LIMIT {DUE})""",
    f"""
    UPDATE instructions SET state = 'failed', next_try_at = business_now() - interval '1 minute'
     WHERE id IN (SELECT id FROM instructions WHERE state = 'sent' AND kind = 'transfer'
                     AND next_try_at > business_now() LIMIT {DUE})""",
    f"""
    UPDATE bookings SET state = 'confirmed'
     WHERE id IN (SELECT id FROM bookings WHERE state = 'completed' LIMIT {DUE})""",
    f"""
    UPDATE webhook_events SET state = 'failed', processed_at = NULL, next_try_at = business_now()
     WHERE id IN (SELECT id FROM webhook_events LIMIT {DUE})""",
    f"""
    UPDATE payments SET look_at = business_now() - interval '1 hour'
     WHERE id IN (SELECT id FROM payments WHERE state = 'pending' LIMIT {DUE})""",
)


def _age(**connection: Any) -> None:
    url = url_of(**connection)
    asyncio.run(migrate(url))
    with psycopg.connect(url, autocommit=True) as loader:
        loader.execute("SET session_replication_role = replica")
        past.insert(loader, BOOKINGS)
        for statement in (*_OLD, *_DUE):
            run_sql(loader, statement)
        loader.execute("VACUUM (ANALYZE)")


aged_template = factories.postgresql_noproc(
    depends_on="postgres_server", dbname="aged", load=[_age]
)


@pytest.fixture
async def aged(aged_template: NoopExecutor) -> AsyncIterator[psycopg.Connection]:
    url = url_of(
        host=aged_template.host,
        port=aged_template.port,
        user=aged_template.user,
        dbname=aged_template.template_dbname,
    )
    with psycopg.connect(url, autocommit=True) as watcher:
        await db.open_pool(url, size_max=2)
        yield watcher
        await db.close_pool()


def _reads(watcher: psycopg.Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Of tables with a past: how often each was read from end to end; and what its indexes gave."""
    watcher.execute("SELECT pg_stat_clear_snapshot()")
    rows = watcher.execute(
        """
        SELECT relname, seq_scan, (
               SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes AS index
                WHERE index.relid = tables.relid)
          FROM pg_stat_user_tables AS tables WHERE n_live_tup > 5000""",
    ).fetchall()
    return {name: scans for name, scans, _ in rows}, {name: read for name, _, read in rows}


async def _wait_for_the_others_to_leave(watcher: psycopg.Connection) -> None:
    """The statistics of a session are complete once it has ended."""
    others = """
        SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend'
           AND pid <> pg_backend_pid()"""
    count = None
    while count != (0,):
        await asyncio.sleep(0.02)
        count = watcher.execute(others).fetchone()


@pytest.mark.parametrize("line", SWEEPS, ids=lambda line: line.name)
async def test_a_sweep_leaves_the_past_alone(aged: psycopg.Connection, line: Periodic) -> None:
    scans, reads = _reads(aged)
    done = [await line.run(line.limit) for _ in range(RUNS)]
    assert done[0] or line.name in IDLE
    await db.close_pool()
    await _wait_for_the_others_to_leave(aged)
    scans_after, reads_after = _reads(aged)
    assert scans_after == scans
    read = {name: reads_after[name] - reads[name] for name in reads}
    assert max(read.values()) < OLD_ROWS / 10, read
