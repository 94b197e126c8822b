"""What calls to gateways have shown, written down beside whoever made them."""

import asyncio
from collections.abc import Sequence
from contextvars import Context

import structlog

from app.edge.calls import actions as made
from app.edge.gateways.http import Call, Unclear, facts_of
from app.edge.gateways.port import GatewayName
from app.edge.outages import actions
from app.foundation.db import Tx, transaction

_log = structlog.get_logger(__name__)


class Recorder:
    """Hears of each attempt at a call. All that end while others are being written down go into
    the next transaction together.

    No answer depends on it: what cannot be written down is logged instead.
    """

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._written: asyncio.Future[None] | None = None  # when those calls are
        self._writing: asyncio.Task[None] | None = None
        self._down: set[GatewayName] = set()

    def hear(self, call: Call) -> asyncio.Future[None]:
        """Begin to write down how an attempt went; the future tells when that is done with."""
        self._calls.append(call)
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        if self._writing is None or self._writing.done():
            # In a context of its own: not on the one connection of whoever happens to be first.
            self._writing = asyncio.create_task(self._write_all(), context=Context())
        return self._written

    def is_down(self, gateway: GatewayName) -> bool:
        """As it was after the last call of this process."""
        return gateway in self._down

    async def finish(self) -> None:
        """Wait until all that was heard is written down, or logged."""
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
                await made.record(tx, calls)
                # In the same order in all processes, which otherwise might wait for each other.
                for call in sorted(calls, key=lambda call: call.gateway):
                    await self._learn(tx, call)
        except Exception as error:  # noqa: BLE001  whatever it is, the answers are worth more
            for call in calls:
                _log.error("gateway call not recorded", error=repr(error), **facts_of(call))

    async def _learn(self, tx: Tx, call: Call) -> None:
        """An answer that was no answer to the call (wait, come back later) shows nothing."""
        match call.attempt:
            case Unclear(is_outage=False):
                return
            case Unclear(reason=reason):
                is_down = await actions.failed(tx, call.gateway, reason=reason)
            case _:
                is_down = False
                if actions.is_failing(call.gateway):
                    await actions.answered(tx, call.gateway)
        (self._down.add if is_down else self._down.discard)(call.gateway)
