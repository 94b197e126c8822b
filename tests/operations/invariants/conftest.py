"""A database in which a lot has happened, and no law is broken."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from pytest_postgresql import factories
from pytest_postgresql.executors.noop import NoopExecutor

from app.edge.gateways.port import GatewayName
from app.foundation import db
from app.foundation.migrate import migrate
from app.foundation.money import Money
from app.money.bank_statements import actions as bank_statements
from app.money.bank_statements.model import NewPayout
from app.money.ledger import actions as ledger
from app.money.settlements import actions as settlements
from tests import make
from tests.benchmarks import past
from tests.databases import url_of
from tests.money.bank_statements.files import Line, camt

BOOKINGS = 1_000  # enough for each fate, in the past and to come

# One that was won, one that was lost and is nobody's but ours, and one that is open.
_CHARGEBACKS = (
    "INSERT INTO ledger_accounts (kind, currency) VALUES ('chargeback_losses', 'NGN')",
    """
    INSERT INTO chargebacks (id, payment_id, booking_id, gateway, gateway_id, state, amount,
                             currency, reason, is_taken, gateway_data, from_deposit, from_rental,
                             from_refunds, from_transfers, from_host, from_returns, loss,
                             look_at, closed_at)
    SELECT gen_random_uuid(), charge.id, charge.booking_id, gateway, ended.state, ended.state,
           1000, currency, 'of the past', ended.state = 'lost', '{}', nothing, nothing, nothing,
           nothing, nothing, nothing, 1000 + nothing, business_now(),
           CASE WHEN ended.state <> 'open' THEN business_now() END
      FROM (VALUES ('won', 'completed', NULL), ('lost', 'completed', 0),
                   ('open', 'confirmed', NULL)) AS ended (state, fate, nothing)
     CROSS JOIN LATERAL (
           SELECT payments.* FROM payments JOIN bookings ON bookings.id = booking_id
            WHERE payments.state = 'succeeded' AND bookings.state = ended.fate
              AND bookings.currency = 'NGN' AND refunded = 0
              AND EXISTS (SELECT FROM pots WHERE payment_id = payments.id
                             AND (pots.state = 'held') = (ended.state = 'open'))
            ORDER BY CASE ended.state WHEN 'won' THEN payments.id END, payments.id DESC
            LIMIT 1) AS charge""",
    """
    INSERT INTO chargeback_history (chargeback_id, was, state, actor, reason)
    SELECT id, NULL, 'open', 'system', 'of the past' FROM chargebacks
     UNION ALL
    SELECT id, 'open', state, 'system', 'of the past' FROM chargebacks WHERE state <> 'open'""",
    """
    UPDATE payments SET contested = chargebacks.state = 'open',
                        charged_back = coalesce(loss, 0)
      FROM chargebacks WHERE payments.id = payment_id""",
    """
    UPDATE pots SET contested = true
      FROM chargebacks WHERE pots.payment_id = chargebacks.payment_id
       AND chargebacks.state = 'open'""",
    """
    WITH posted AS (
        INSERT INTO ledger_transactions (kind, source_id, booking_id, memo)
        SELECT 'chargeback', id, booking_id, 'of the past' FROM chargebacks WHERE is_taken
        RETURNING id)
    INSERT INTO ledger_entries (transaction_id, account_id, amount)
    SELECT posted.id, account.id, amount
      FROM posted
     CROSS JOIN (VALUES ('chargeback_losses', -1000), ('gateway_clearing', 1000))
                AS side (kind, amount)
      JOIN ledger_accounts AS account ON account.kind = side.kind AND currency = 'NGN'""",
)


def _live(**connection: Any) -> None:
    url = url_of(**connection)
    asyncio.run(migrate(url))
    _fill(url)
    asyncio.run(_settle(url))


def _fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as loader:
        loader.execute("SET session_replication_role = replica")
        past.insert(loader, BOOKINGS)
        for statement in _CHARGEBACKS:
            loader.execute(statement)


async def _bank(tx: db.Tx) -> None:
    """Two payouts: one has arrived, one has not."""
    day = await make.today(tx)
    for name in ("payout-1", "payout-2"):
        new = NewPayout(
            gateway=GatewayName.PAYSTACK,
            gateway_id=name,
            money=Money(amount=1_000, currency="NGN"),
            fee=0,
            arrives_on=day,
            reference="",
        )
        await bank_statements.expect(tx, new)
    line = Line(amount=Decimal(10), on=day, reference="payout-1")
    result = await bank_statements.import_file(tx, camt(line, currency="NGN"), "bank.xml")
    assert [payout.gateway_id for payout in result.arrived] == ["payout-1"]


async def _settle(url: str) -> None:
    """Settle the month that is not over: it has all that has happened."""
    await db.open_pool(url, size_max=1)
    async with db.transaction() as tx:
        mark = await ledger.mark(tx)
        month = await settlements.begin(tx, (await make.today(tx)).replace(day=1), mark)
    assert month is not None
    async with db.transaction() as tx:
        assert await settlements.add_lines(tx, month, first=0, last=month.last_entry)
        assert await settlements.close(tx, month)
    async with db.transaction() as tx:
        await _bank(tx)
    await db.close_pool()


lived_template = factories.postgresql_noproc(
    depends_on="postgres_server", dbname="lived", load=[_live]
)


@pytest.fixture
async def lived(lived_template: NoopExecutor) -> AsyncIterator[None]:
    """This process's pool, on a database that tests share: what they write, they roll back."""
    url = url_of(
        host=lived_template.host,
        port=lived_template.port,
        user=lived_template.user,
        dbname=lived_template.template_dbname,
    )
    await db.open_pool(url, size_max=2)
    yield
    await db.close_pool()
