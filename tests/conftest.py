"""Fixtures: one real Postgres for the run, a template database, a fresh copy for each test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql import factories

from app.development.postgres import running_postgres
from app.foundation import db
from app.foundation.migrate import migrate
from app.foundation.settings import settings
from app.people.accounts.model import Principal, Role
from tests import make
from tests.application import the_app, transport_to
from tests.databases import Databases, url_of
from tests.shop import Shop, open_shop
from tests.tasks.runner.bench import Bench

_MEMORY: Final = Path("/dev/shm")
_ROOM_FOR_TESTS: Final = 6 * 2**30

_resources = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="run the long tests (crashes, floods, storms) at their full size, not a sample of it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start Postgres once, before the parallel workers, which inherit the environment."""
    if config.getoption("full"):
        os.environ["BERTHOLD_FULL_TESTS"] = "1"  # see tests/size.py, which must be read after this
    os.environ.setdefault("BERTHOLD_ENV", "test")
    os.environ.setdefault("WEB_ORIGINS", "https://app.example,https://shop.example")
    os.environ.setdefault("SMTP_URL", "smtp://127.0.0.1:9")  # nobody's: no mail leaves a test
    os.environ.setdefault("GATEWAY_RETRY_SECONDS", "0.01")
    os.environ.setdefault("LIMITS_SCALE", "1000")  # a test is one address that asks very often
    os.environ.setdefault("DATABASE_URL", "postgresql://each-test-opens-its-own")
    if not hasattr(config, "workerinput"):
        folder = Path(
            _resources.enter_context(
                tempfile.TemporaryDirectory(prefix="berthold-", dir=_quickest_disk())
            )
        )
        _share_bytecode(folder / "bytecode")
        if "TEST_POSTGRES_URL" not in os.environ:
            server = _resources.enter_context(running_postgres(folder / "pg", durable=False))
            os.environ["TEST_POSTGRES_URL"] = server.url


def _share_bytecode(folder: Path) -> None:
    """Have the processes of a run compile once what they import, also where Python is told not to
    keep that (PYTHONDONTWRITEBYTECODE, as in many containers): else each needs seconds to begin.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def _quickest_disk() -> Path | None:
    """Where a database for a moment costs least: in memory, if there is room; else as usual."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_FOR_TESTS
    return _MEMORY if has_room else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _resources.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many boundaries the crash harness found and tried, story by story."""
    stories = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "crash"
    ]
    if stories:
        found, tried, twice = (sum(story[place] for story in stories) for place in (1, 2, 3))
        by_story = ", ".join(f"{story} {tried} of {found}" for story, found, tried, _ in stories)
        terminalreporter.write_line(
            f"crash: died at {tried} of {found} boundaries, at {twice} of them twice: {by_story}"
        )


@pytest.fixture(scope="session")
def postgres_server() -> SimpleNamespace:
    url = os.environ["TEST_POSTGRES_URL"]
    parts = conninfo_to_dict(url)
    return SimpleNamespace(
        host=parts.get("host"),
        port=parts.get("port", 5432),
        user=parts.get("user", "postgres"),
        password=parts.get("password"),
        options="",
        maintenance_dbname="postgres",
        template_dbname=None,
    )


def _migrate(**connection: Any) -> None:
    asyncio.run(migrate(url_of(**connection)))


template = factories.postgresql_noproc(
    depends_on="postgres_server", dbname="berthold", load=[_migrate]
)


@pytest.fixture(scope="session")
def databases(postgres_server: SimpleNamespace) -> Iterator[Databases]:
    """The server's databases, to be copied."""
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture
def database_url(databases: Databases, template: Any) -> Iterator[str]:
    """A fresh, migrated, empty database."""
    with databases.copy(template.dbname, of=template.template_dbname) as url:
        yield url


@pytest.fixture
def fresh_database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to it, for tests that do what the application never does."""
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[None]:
    """This process's pool, on a fresh database."""
    await db.open_pool(database_url, size_max=10)
    yield
    await db.close_pool()


@pytest.fixture
async def api(pool: None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, in this process, on a fresh database."""
    transport = transport_to(the_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        yield client


@pytest.fixture
async def admin(pool: None) -> Principal:
    """Somebody who may do what admins may."""
    async with db.transaction() as tx:
        return await make.account(tx, Role.ADMIN)


@pytest.fixture
async def shop(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The API on a loopback port, the sandbox gateway, and a few people and listings."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    async with open_shop(database_url) as shop:
        yield shop
    settings.cache_clear()


@pytest.fixture
async def bench(pool: None, database_url: str) -> Bench:
    """A queue to play with: tasks of the test's own, and workers in this process."""
    return Bench(database_url)
