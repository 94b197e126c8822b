"""Reconciling a day of a gateway: lists read, stored, and compared three ways.

    uv run python -m tests.benchmarks.reconcile [--rows 100000]

Of the rows of the day 60 in 100 are charges, 20 refunds and 20 transfers, all in the database and
in the ledger as well. The gateway is a process that makes its rows as it is asked (`long_lists`),
so that it is never what is waited for. `ratio` is rows per second of a reconciliation to rows per
second of only reading the same lists with the same adapter, in turns. `memory_mb` is the most that
the reconciling process ever had, with all of the application loaded; `flat_mb` by how much that is
more than after a day of a hundredth of the rows.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
import psycopg

from app.edge.gateways.lists import Page, Span
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import close_gateways, gateway_named, open_gateways
from app.flows.mending import stories
from app.foundation import db
from app.foundation.db import fetch_new_value, transaction
from app.foundation.settings import settings
from tests.benchmarks.world import free_port, report, running_database

STRIPE: Final = GatewayName.STRIPE
DAY: Final = datetime.now(UTC).date() - timedelta(days=2)

_SEED: Final = (
    "SET session_replication_role = replica",  # no foreign keys: the bookings are left out
    """
    INSERT INTO ledger_accounts (kind, gateway, currency)
    VALUES ('gateway_clearing', 'stripe', 'EUR'), ('gateway_fees', 'stripe', 'EUR')""",
    "INSERT INTO ledger_accounts (kind, currency) VALUES ('platform_revenue', 'EUR')",
    """
    INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state, amount, currency,
                          fee, gateway_id, created_at, updated_at, settled_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), gen_random_uuid(), 'stripe',
           'pay-' || lpad(to_hex(n), 32, '0'), 'succeeded', 1000 + n, 'EUR', 30,
           'ch_' || lpad(n::text, 8, '0'), at, at, at
      FROM (SELECT n, %(day)s::date::timestamp AT TIME ZONE 'UTC'
                      + n * interval '86400 s' / %(charges)s AS at
              FROM generate_series(0, %(charges)s - 1) AS n) AS charge""",
    """
    INSERT INTO instructions (id, kind, state, booking_id, payment_id, source_id, payee_id, gateway,
                              target, amount, currency, reason, attempt, reference, gateway_id,
                              created_at, updated_at, sent_at, confirmed_at)
    SELECT ('e' || substr(lpad(to_hex(n), 32, '0'), 2))::uuid, kind, 'confirmed', gen_random_uuid(),
           lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), gen_random_uuid(), 'stripe', 'acct_1',
           least + n %% 50, 'EUR', 'a benchmark', 1,
           short || '-' || lpad(to_hex(n), 32, '0') || '-1',
           long || lpad(n::text, 8, '0'), at, at, at, at
      FROM (VALUES ('refund', 'rf', 're_', 100, %(refunds)s)
           ) AS of (kind, short, long, least, count)
     CROSS JOIN LATERAL (
           SELECT n, %(day)s::date::timestamp AT TIME ZONE 'UTC' + n * interval '86400 s' / count
                     AS at
             FROM generate_series(0, count - 1) AS n) AS made""",
    """
    INSERT INTO instructions (id, kind, state, booking_id, payment_id, source_id, payee_id, gateway,
                              target, amount, currency, reason, attempt, reference, gateway_id,
                              created_at, updated_at, sent_at, confirmed_at)
    SELECT ('f' || substr(lpad(to_hex(n), 32, '0'), 2))::uuid, 'transfer', 'confirmed',
           gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), gen_random_uuid(),
           'stripe', 'acct_1', 200 + n %% 50, 'EUR', 'a benchmark', 1,
           'tr-' || lpad(to_hex(n), 32, '0') || '-1', 'tr_' || lpad(n::text, 8, '0'),
           at, at, at, at
      FROM (SELECT n, %(day)s::date::timestamp AT TIME ZONE 'UTC'
                      + n * interval '86400 s' / %(transfers)s AS at
              FROM generate_series(0, %(transfers)s - 1) AS n) AS made""",
    """
    WITH moved AS (
        SELECT 'charge' AS kind, id, -amount AS amount FROM payments
         UNION ALL SELECT 'gateway_fee', id, fee FROM payments
         UNION ALL SELECT kind, id, amount FROM instructions
    ), posted AS (
        INSERT INTO ledger_transactions (kind, source_id, memo)
        SELECT kind, id, 'a benchmark' FROM moved
        RETURNING id, kind, source_id
    )
    INSERT INTO ledger_entries (transaction_id, account_id, amount)
    SELECT posted.id, ledger_accounts.id,
           CASE ledger_accounts.kind WHEN 'gateway_clearing' THEN amount ELSE -amount END
      FROM posted
      JOIN moved ON moved.kind = posted.kind AND moved.id = posted.source_id
     CROSS JOIN ledger_accounts
     WHERE ledger_accounts.kind IN ('gateway_clearing', 'platform_revenue')""",
    "SET session_replication_role = DEFAULT",
)


class Size(msgspec.Struct, frozen=True):
    """How many rows of each kind a day has."""

    charges: int
    refunds: int
    transfers: int

    @classmethod
    def of(cls, rows: int) -> "Size":
        return cls(rows * 6 // 10, rows * 2 // 10, rows * 2 // 10)

    @property
    def rows(self) -> int:
        return self.charges + self.refunds + self.transfers


def main() -> None:
    options = _options()
    small, large = Size.of(options.rows // 100), Size.of(options.rows)
    with running_database() as server:
        _seed(server.url, large)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        with _serving(small, DAY - timedelta(days=30)) as url:
            before_mb = _measured(url, DAY - timedelta(days=30), small)["memory_mb"]
        with _serving(large, DAY) as url:
            figures = _measured(url, DAY, large)
    report({**figures, "flat_mb": round(figures["memory_mb"] - before_mb, 1)})


def _measured(url: str, day: date, size: Size) -> dict[str, float]:
    os.environ["STRIPE_BASE_URL"] = url
    settings.cache_clear()
    return asyncio.run(_measure(Span.of_day(day), size))


async def _measure(day: Span, size: Size) -> dict[str, float]:
    await db.open_pool(settings().database_url, size_max=2)
    open_gateways(settings())
    read_per_s = round(size.rows / await _only_read(day))
    started = time.perf_counter()
    rows = await stories.reconcile(STRIPE, day)
    per_s = round(rows / (time.perf_counter() - started))
    memory_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    again = time.perf_counter()
    await stories.reconcile(STRIPE, day)
    again_per_s = round(rows / (time.perf_counter() - again))
    await _check(rows, size)
    await close_gateways()
    await db.close_pool()
    figures = {"rows": rows, "rows_per_s": per_s, "again_rows_per_s": again_per_s}
    print(f"{figures}, only read: {read_per_s} rows/s, memory {memory_mb} MB", flush=True)
    return {
        **figures,
        "read_rows_per_s": read_per_s,
        "ratio": round(per_s / read_per_s, 3),
        "memory_mb": memory_mb,
    }


async def _only_read(day: Span) -> float:
    """Seconds in which the lists are read, and nothing is done with them."""
    gateway = gateway_named(STRIPE)
    started = time.perf_counter()
    lists: tuple[Any, ...] = (gateway.list_charges, gateway.list_refunds, gateway.list_transfers)
    for list_page in lists:
        cursor, is_first = None, True
        while cursor or is_first:
            page = await list_page(day, cursor)
            if not isinstance(page, Page):
                raise TypeError(page)
            cursor, is_first = page.next_cursor, False
    return time.perf_counter() - started


async def _check(rows: int, size: Size) -> None:
    """All rows are there, and all agree: a benchmark that lost some would mislead."""
    async with transaction() as tx:
        differences = await fetch_new_value(tx, int, "SELECT count(*) FROM differences")
        amount = await fetch_new_value(
            tx,
            int,
            """
            SELECT count(*) FROM reconciliation_hours
             WHERE (at_gateway <> here OR here <> in_ledger) AND hour >= %(day)s""",
            day=DAY,
        )
    if size.rows >= 10_000 and (
        rows != size.rows or differences or amount
    ):  # the small is nobody's
        raise AssertionError(f"{rows} rows of {size.rows}, {differences} differences, {amount}")


def _seed(url: str, size: Size) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _SEED:
            values = {"day": DAY, **msgspec.structs.asdict(size)}
            connection.execute(statement.encode(), values if "%(" in statement else None)


@contextmanager
def _serving(size: Size, day: date) -> Iterator[str]:
    port = free_port()
    numbers = (port, size.charges, size.refunds, size.transfers)
    command = [sys.executable, "-m", "tests.benchmarks.long_lists", *map(str, numbers), str(day)]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v1/payouts?limit=1")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the lists are not served")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
