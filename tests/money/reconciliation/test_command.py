"""`berthold reconcile`: what it prints, with which exit code, and that it leaves nothing behind."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from click.testing import Result

from app.edge.gateways.lists import Span
from app.flows.mending import stories
from app.foundation.db import fetch_values, transaction
from app.money.payments.model import GatewayUnclear
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation.model import Explanation
from tests import command
from tests.money.reconciliation.desk import STRIPE, Desk
from tests.money.reconciliation.stripe_lists import StripeLists


def today() -> Span:
    return Span.of_day(datetime.now(UTC).date())


async def all_rows() -> dict[str, str]:
    """A hash of all rows of each table."""
    async with transaction() as tx:
        tables = await fetch_values(
            tx, str, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        hashes: dict[str, str] = {}
        for table in tables:
            hash_of: Any = f"""
                SELECT md5(coalesce(string_agg(row::text, ' ' ORDER BY row::text), ''))
                  FROM {table} AS row"""
            [hashes[table]] = await fetch_values(tx, str, hash_of)
    return hashes


async def test_a_trial_finds_what_a_run_finds_and_changes_no_row(desk: Desk) -> None:
    payment, row = await desk.paid()
    row["amount"] += 5
    desk.lists.change(-250, "stripe_fee")
    desk.lists.charge(f"pay-{'a' * 32}", 800)
    before = await all_rows()
    report = await stories.try_out(desk.url, STRIPE, today())
    assert await all_rows() == before
    amount = payment.amount
    found = [f"{each.what} {each.kind} {each.at_gateway}" for each in report.differences]
    assert sorted(found) == [
        "change missing_here -250",
        f"charge amount {amount + 5}",
        "charge missing_here 800",
    ]
    assert not report.is_explained
    [charges] = [day for day in report.days if day.what == "charge"]
    assert (charges.at_gateway.amount, charges.here.amount) == (amount + 805, amount)


async def test_a_trial_knows_what_somebody_has_explained(desk: Desk) -> None:
    desk.lists.change(9_900, "topup")
    await desk.reconcile()
    [difference] = await desk.differences()
    admin = await desk.admin()
    async with transaction() as tx:
        note = Explanation(note="we topped it up")
        await reconciliation.explain(tx, difference.id, note, admin_id=admin.id)
    report = await stories.try_out(desk.url, STRIPE, today())
    assert [each.note for each in report.differences] == ["we topped it up"]
    assert report.is_explained


async def test_a_trial_says_at_which_page_the_gateway_did_not_answer(desk: Desk) -> None:
    desk.lists.down = True
    with pytest.raises(GatewayUnclear) as unclear:
        await stories.try_out(desk.url, STRIPE, today())
    assert "page 1, of charges" in unclear.value.detail


def test_the_command_exits_with_0_1_or_2(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway where nothing has happened; one with a charge that is not here; one that is down.

    The command opens the gateways itself, so this one is on a port.
    """
    with serving_lists() as (lists, url):

        def run(*more: str, day: str = f"{datetime.now(UTC):%Y-%m-%d}") -> Result:
            return command.run(
                monkeypatch,
                *("reconcile", "--gateway", "stripe", *(("--day", day) if day else ()), *more),
                DATABASE_URL=database_url,
                STRIPE_BASE_URL=url,
            )

        yesterday = datetime.now(UTC) - timedelta(days=1)
        assert f"stripe, {yesterday:%Y-%m-%d} (UTC)\n" in run(day="").output
        empty = run()
        assert (empty.exit_code, last_line(empty)) == (0, "everything is explained")
        lists.charge(f"pay-{'a' * 32}", 800)
        missing = run()
        assert missing.exit_code == 1, missing.output
        assert "missing here: 8.00 EUR at the gateway, nothing here" in missing.output
        assert last_line(missing) == "not explained: 1 difference, 8.00 EUR"
        mended = run("--mend")
        assert (mended.exit_code, last_line(mended)) == (0, "everything is explained")
        assert run().exit_code == 0
        lists.down = True
        silent = run()
        assert silent.exit_code == 2
        assert "page 1, of charges" in silent.output


@pytest.mark.parametrize("day", ["1999-12-31", "9999-12-31"])
def test_a_day_that_no_gateway_can_have_is_refused_in_words(
    database_url: str, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    ended = command.run(
        monkeypatch, "reconcile", "--gateway", "stripe", "--day", day, DATABASE_URL=database_url
    )
    assert ended.exit_code == 2
    assert "must be from 2000-01-01 to today" in ended.output


def last_line(result: Result) -> str:
    return result.output.splitlines()[-1]


@contextmanager
def serving_lists() -> Iterator[tuple[StripeLists, str]]:
    """The lists of a Stripe on a loopback port, in a thread of its own."""
    lists = StripeLists()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = httpx.Request("GET", f"http://stripe.test{self.path}")
            reply = asyncio.run(lists.handle_async_request(request))
            self.send_response(reply.status_code)
            self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield lists, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
