"""A queue, workers for it, and an admin who looks after it over HTTP."""

from typing import Any

import httpx
import pytest

from app.foundation.db import transaction
from app.people.accounts.model import Principal, Role
from tests import make
from tests.tasks.runner.conftest import Bench


@pytest.fixture
async def bench(pool: None, database_url: str) -> Bench:
    return Bench(database_url)


class Desk:
    """What an admin asks, and what of it is in the audit log."""

    def __init__(self, api: httpx.AsyncClient, admin: Principal) -> None:
        self.api = api
        self.admin = admin

    async def get(self, path: str, **params: Any) -> Any:
        reply = await self.api.get(
            f"/api/admin/{path}", params=params, headers=make.bearer(self.admin)
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def ask(self, path: str, **body: Any) -> httpx.Response:
        return await self.api.post(
            f"/api/admin/{path}", json={"reason": "Why not"} | body, headers=make.bearer(self.admin)
        )

    async def post(self, path: str, **body: Any) -> Any:
        reply = await self.ask(path, **body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def delete(self, path: str, **params: Any) -> httpx.Response:
        return await self.api.delete(
            f"/api/admin/{path}", params=params, headers=make.bearer(self.admin)
        )

    async def records(self) -> list[str]:
        """Oldest first."""
        page = await self.get("audit", limit=100)
        return [
            " ".join(
                (
                    record["actorRole"],
                    record["action"],
                    record["subjectKind"],
                    record["subjectId"],
                    record["reason"],
                )
            )
            for record in reversed(page["records"])
        ]


@pytest.fixture
async def desk(api: httpx.AsyncClient) -> Desk:
    async with transaction() as tx:
        return Desk(api, await make.account(tx, Role.ADMIN))
