"""What an admin asks over HTTP about jobs, and what the audit log says of it."""

from typing import Any

import httpx

from app.people.accounts.model import Principal
from tests import make


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
