"""Where the sandbox's webhooks arrive, and waiting until they have."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.sandbox.server import SandboxHandle


class Receiver:
    """Where webhooks arrive. Answers with `statuses` in turn, and 200 after the last."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        self.received.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110  what is waited for is across a socket
            await asyncio.sleep(0.02)


async def delivered(sandbox: SandboxHandle) -> bool:
    return all(each["delivered_at"] for each in await sandbox.deliveries())


async def all_delivered(sandbox: SandboxHandle) -> None:
    """Wait until each webhook of the sandbox has arrived."""
    await eventually(lambda: delivered(sandbox))
