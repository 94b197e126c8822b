"""Fixtures for the tests of the job runner."""

import pytest

from tests.tasks.runner.bench import Bench


@pytest.fixture
async def bench(pool: None, database_url: str) -> Bench:
    return Bench(database_url)
