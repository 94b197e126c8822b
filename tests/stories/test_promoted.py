"""A server is lost, and its replica, which lacks the last commits, takes its place."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.development.postgres import Server, running_postgres
from app.edge.gateways.port import GatewayName
from app.foundation.migrate import migrate
from app.foundation.settings import settings
from tests.house import House, open_house
from tests.stories import losses

_TRIES = 600
_PAUSE_S = 0.05


@pytest.mark.parametrize("gateway", list(GatewayName))
async def test_a_promoted_replica_that_lacks_the_last_commits_pays_nothing_twice(
    gateway: GatewayName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        running_postgres(tmp_path / "first", durable=False) as first,
        _replica_of(first, tmp_path / "second") as second,
    ):
        await migrate(first.url)
        monkeypatch.setenv("DATABASE_URL", first.url)
        settings.cache_clear()
        async with open_house(House, first.url, tmp_path / "books") as house:
            await house.fill()
            bookings = await losses.begin(house, gateway)
            await _caught_up(first, second)
            await asyncio.to_thread(second.detach)
            await losses.go_on(house, gateway, bookings)
            await asyncio.to_thread(second.promote)
            await losses.go_on_with(house, second.url, monkeypatch)
            await losses.ends_well(house, gateway, bookings)
        settings.cache_clear()


@contextmanager
def _replica_of(server: Server, folder: Path) -> Generator[Server]:
    replica = server.replicate(folder)
    try:
        yield replica
    finally:
        replica.stop(mode="immediate")


async def _caught_up(first: Server, second: Server) -> None:
    """Wait until the replica has all that the first server has committed."""
    with (
        psycopg.connect(first.url, autocommit=True) as ahead,
        psycopg.connect(second.url, autocommit=True) as behind,
    ):
        [last] = ahead.execute("SELECT pg_current_wal_lsn()").fetchone() or [None]
        for _ in range(_TRIES):
            seen = behind.execute("SELECT pg_last_wal_replay_lsn() >= %s", [last]).fetchone()
            if seen == (True,):
                return
            await asyncio.sleep(_PAUSE_S)
    raise AssertionError(f"the replica has not got as far as {last}")
