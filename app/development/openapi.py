"""openapi.json: the API's description, as `GET /schema/openapi.json` returns it to clients."""

import json
from pathlib import Path
from typing import Any, Final

import httpx

FILE: Final = Path(__file__).resolve().parent.parent.parent / "openapi.json"


async def dump(api: httpx.AsyncClient) -> str:
    """The description as text, the same text for the same API."""
    reply = await api.get("/schema/openapi.json")
    description: dict[str, Any] = reply.raise_for_status().json()
    return json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
