"""The benchmark of the runner still works: a run with the smallest sizes."""

import asyncio
from pathlib import Path

import pytest

from app.development.postgres import Server
from tests.benchmarks.runner import drain, enqueueing, finished, wakeups


@pytest.fixture
def server(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return Server(database_url, Path("/nowhere"), None)


def test_both_workers_are_measured_and_finished_jobs_are_not_read(server: Server) -> None:
    rates = drain.medians(server.url, {"ours": 50, "stock": 5}, runs=1)
    assert all(rates.values())
    assert drain.raw(server.url, 50, runs=1)
    beside = finished.measure(server.url, 20_000, 50, runs=1, alone_per_s=rates["ours"])
    assert beside["sequential_reads"] == 0
    assert beside["rows_read_per_take_of_500"] <= 3 * 500


async def test_queueing_and_waking_are_measured(server: Server, pool: None) -> None:
    for working in (wakeups.ours, wakeups.stock):
        assert await wakeups.latency(server.url, working, 3)
    assert await wakeups.pairs(server.url, 3)
    assert await asyncio.to_thread(enqueueing.by_pgbench, server, 16, runs=1)
