"""A database in which a lot has happened, and no law is broken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from pytest_postgresql import factories
from pytest_postgresql.executors.noop import NoopExecutor

from app import db
from app.migrate import migrate
from tests.benchmarks import past

BOOKINGS = 1_000  # enough for each fate, in the past and to come


def _url(*, host: str, port: int, user: str, dbname: str, **_: Any) -> str:
    return f"postgresql://{user}@/{dbname}?host={host}&port={port}"


def _live(**connection: Any) -> None:
    url = _url(**connection)
    asyncio.run(migrate(url))
    with psycopg.connect(url, autocommit=True) as loader:
        loader.execute("SET session_replication_role = replica")
        past.insert(loader, BOOKINGS)
        loader.execute(
            "INSERT INTO ledger_accounts (kind, currency) VALUES ('chargeback_losses', 'NGN')"
        )


lived_template = factories.postgresql_noproc(
    depends_on="postgres_server", dbname="lived", load=[_live]
)


@pytest.fixture
async def lived(lived_template: NoopExecutor) -> AsyncIterator[None]:
    """This process's pool, on a database that tests share: what they write, they roll back."""
    url = _url(
        host=lived_template.host,
        port=lived_template.port,
        user=lived_template.user,
        dbname=lived_template.template_dbname,
    )
    await db.open_pool(url, size_max=2)
    yield
    await db.close_pool()
