"""An admin who looks after the queue over HTTP."""

import httpx
import pytest

from app.people.accounts.model import Principal
from tests.operations.jobs.desk import Desk


@pytest.fixture
async def desk(api: httpx.AsyncClient, admin: Principal) -> Desk:
    return Desk(api, admin)
