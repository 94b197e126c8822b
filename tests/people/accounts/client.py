"""What a client of the accounts room sends, and what it expects of a refusal."""

import time
from typing import Any
from uuid import UUID

import httpx
import uuid_utils.compat

from app.foundation.settings import settings
from app.people.accounts import rules
from app.people.accounts.model import Access, Principal, Role

PASSWORD = "correct horse battery"


async def register(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    body = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada", **changes}
    reply = await client.post("/api/auth/register", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def access(
    *roles: Role, session_id: UUID | None = None, lives_for_s: int = 60, key: str = ""
) -> str:
    """An access token for somebody, without a database."""
    now = time.time()
    return rules.write_access(
        Access(
            principal=Principal(id=uuid_utils.compat.uuid7(), roles=roles or (Role.GUEST,)),
            session_id=session_id or uuid_utils.compat.uuid7(),
            expires_at=int(now) + lives_for_s,
        ),
        keys=[key or settings().secret_keys[0]],
        now=now,
    )


def assert_problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["code"] == code
    return reply.json()
