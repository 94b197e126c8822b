"""An admin who looks after the queue over HTTP."""

import httpx
import pytest

from app.foundation.db import transaction
from app.people.accounts.model import Role
from tests import make
from tests.operations.jobs.desk import Desk


@pytest.fixture
async def desk(api: httpx.AsyncClient) -> Desk:
    async with transaction() as tx:
        return Desk(api, await make.account(tx, Role.ADMIN))
