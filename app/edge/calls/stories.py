"""Record calls to gateways in the background: the caller does not wait for it."""

import asyncio
from collections.abc import Sequence
from contextvars import Context

import structlog

from app.edge.calls import actions
from app.edge.gateways.http import Call, Inconclusive, facts_of
from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, transaction

_log = structlog.get_logger(__name__)


class CallRecorder:
    """Records each attempt at a call, and keeps count of the failures.

    Attempts that end while others are being written go into the next transaction together. No
    reply to a caller depends on it: an attempt that cannot be written is logged instead.
    """

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._written: asyncio.Future[None] | None = None  # ends when those calls are written
        self._writing: asyncio.Task[None] | None = None
        self._down: set[GatewayName] = set()

    def record(self, call: Call) -> asyncio.Future[None]:
        """Begin to write how an attempt ended; the future ends when it is written or logged."""
        self._calls.append(call)
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        if self._writing is None or self._writing.done():
            # In a context of its own: else it would use the first caller's database connection.
            self._writing = asyncio.create_task(self._write_all(), context=Context())
        return self._written

    def is_down(self, gateway: GatewayName) -> bool:
        """Whether a gateway was down after the last call of this process."""
        return gateway in self._down

    async def finish(self) -> None:
        """Wait until all recorded attempts are written or logged."""
        if self._writing:
            await self._writing

    async def _write_all(self) -> None:
        while self._written:
            calls, self._calls = self._calls, []
            written, self._written = self._written, None
            await self._write(calls)
            written.set_result(None)

    async def _write(self, calls: Sequence[Call]) -> None:
        try:
            async with transaction() as tx:
                # All processes lock the gateways' rows in the same order, so none deadlocks.
                for call in sorted(calls, key=lambda call: call.gateway):
                    await self._update_health(tx, call)
                await actions.record(tx, calls, down=self._down)
        except Exception as error:  # noqa: BLE001  the caller's reply matters more than any error
            for call in calls:
                _log.error("gateway call not recorded", error=repr(error), **facts_of(call))

    async def _update_health(self, tx: Tx, call: Call) -> None:
        """Count a failure, or end an outage. A reply like "try later" proves neither."""
        match call.attempt:
            case Inconclusive(is_outage=False):
                return
            case Inconclusive(reason=reason):
                is_down = await actions.count_failure(tx, call.gateway, reason=reason)
            case _:
                is_down = False
                if actions.is_failing(call.gateway):
                    await actions.end_outage(tx, call.gateway)
        (self._down.add if is_down else self._down.discard)(call.gateway)
