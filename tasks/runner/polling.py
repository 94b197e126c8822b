"""Whether a worker polls for jobs, or is notified of them.

While many jobs come, a notification for each would only slow down those who queue them. A worker
that finds many jobs each time therefore sets `looks_by_itself` in its row of job_workers:
runner.enqueue() then sends it no notifications, and the worker polls every few milliseconds. Once
few jobs come, the worker takes that back and waits for notifications again.

A transaction that is queueing jobs at that moment may have read the row as it was before, and will
send no notification. So the worker goes on looking until all those transactions have ended: then
it has settled, and no job waits for a notification that nobody sends.
"""

import asyncio
import time
from typing import Final

from app.foundation.db import Connection
from tasks.runner import queries

POLL_EVERY_S: Final = 0.005  # about what a notification takes under load
# Jobs are counted in spans of this length: long enough that a few jobs at once are no stream.
_SPAN_S: Final = 0.1
# So many in a span are one every few milliseconds: polling asks no more often than notifications
# would wake the worker.
_MANY: Final = 30
_FEW: Final = 10  # well below _MANY, so that a steady stream does not switch to and fro
_FULL_TAKES: Final = 2  # in a row, each with as many jobs as there was room for: there is a backlog
# While not settled: at first as soon as a short transaction takes, doubled each time up to the
# latest that a job may begin which a long transaction has queued.
_SETTLE_AGAIN_S: Final = 0.002
_SETTLE_AGAIN_S_MAX: Final = 0.2
_ANSWER_WITHIN_S: Final = 10.0  # a connection that went dead raises no error by itself


class Polling:
    """One worker's choice. At first it wants to be notified, and has not settled."""

    def __init__(self) -> None:
        self._worker_id = 0
        self._reset()

    def _reset(self) -> None:
        self.is_on = False
        self.is_settled = False  # all transactions that queue jobs notify this worker
        self._unsettled: set[str] | None = None  # transactions that may not notify it
        self._settle_again_s = _SETTLE_AGAIN_S
        self._span_began = time.monotonic()
        self._found = 0
        self._full_takes = 0

    async def count(
        self, connection: Connection, worker_id: int, *, found: int, is_full: bool
    ) -> None:
        """Count the jobs of one take, and switch polling on or off if that calls for it."""
        if worker_id != self._worker_id:
            self._worker_id = worker_id
            self._reset()
        self._found += found
        self._full_takes = self._full_takes + 1 if is_full else 0
        is_over = time.monotonic() - self._span_began > _SPAN_S
        if not self.is_on:
            if self._found >= _MANY or self._full_takes >= _FULL_TAKES:
                await self._switch(connection, on=True)
        elif is_over and self._found < _FEW and not self._full_takes:
            await self._switch(connection, on=False)
        if is_over:
            self._span_began, self._found = time.monotonic(), 0

    async def _switch(self, connection: Connection, *, on: bool) -> None:
        self.is_on = True  # also if the statement fails: it may have taken effect
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await queries.set_polling(connection, self._worker_id, is_on=on)
        self._reset()
        self.is_on = on

    async def settle(self, connection: Connection) -> float:
        """How soon to look again, in seconds, while transactions are open that may not notify.

        Returns 0 once all of them have ended: what they queued has to be looked for once more.
        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            still_open = set(await queries.queueing_transactions(connection))
        if self._unsettled is not None:
            still_open &= self._unsettled
        self._unsettled = still_open
        if not still_open:
            self.is_settled = True
            return 0.0
        self._settle_again_s = min(2 * self._settle_again_s, _SETTLE_AGAIN_S_MAX)
        return self._settle_again_s
