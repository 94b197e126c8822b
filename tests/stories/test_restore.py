"""A database is lost, and its last dump takes its place: money that has moved since is found."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.development.postgres import program
from app.edge.gateways.port import GatewayName
from app.foundation.settings import settings
from tests.databases import Databases
from tests.house import House, open_house
from tests.stories import losses


@pytest.fixture
def other_database(databases: Databases) -> Iterator[str]:
    """An empty database, for the dump."""
    with databases.empty("restored") as url:
        yield url


@pytest.fixture
async def house(
    database_url: str, other_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """A house that is torn down before its databases, whichever of them it uses by then."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    async with open_house(House, database_url, tmp_path / "books") as house:
        await house.fill()
        yield house
    settings.cache_clear()


@pytest.mark.parametrize("gateway", list(GatewayName))
async def test_a_database_restored_from_a_dump_pays_nothing_twice_and_finds_every_charge(
    house: House,
    gateway: GatewayName,
    other_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bookings = await losses.begin(house, gateway)
    dump = tmp_path / "dump"
    await _run("pg_dump", "-Fc", "-f", str(dump), house.url)
    await losses.go_on(house, gateway, bookings)
    await _run("pg_restore", "-d", other_database, "--no-owner", "--exit-on-error", str(dump))
    await losses.go_on_with(house, other_database, monkeypatch)
    await losses.ends_well(house, gateway, bookings)


async def _run(name: str, *arguments: str) -> None:
    await asyncio.to_thread(
        subprocess.run, [program(name), *arguments], check=True, capture_output=True
    )
