"""Whether this worker has to be told of new jobs, or looks for them often enough by itself.

While many come, a notification with each would only slow down those who queue them; a worker that
finds much each time says that it looks by itself, every few milliseconds. When little comes, it
says that it wants to be told again. Whoever was queueing jobs at that moment may have seen the
word from before, and will not tell: the worker looks on until all those transactions have ended.
So no job waits for a notification that nobody sends.
"""

import asyncio
import time
from typing import Final

from app.foundation.db import Connection
from tasks.runner import queries

LOOK_EVERY_S: Final = 0.005
_SPAN_S: Final = 0.1
_MANY: Final = 30  # in that span: notifications would come every few milliseconds, too
_FEW: Final = 10
_BACKLOG: Final = 2  # looks in a row that found as much as there was room for
_LOOK_AGAIN_S: Final = 0.002
_LOOK_AGAIN_S_MAX: Final = 0.2  # at most so late begins what a long transaction had queued
_ANSWER_WITHIN_S: Final = 10.0


class Lookout:
    """One worker's side of it; begins as one that wants to be told, and has not settled yet."""

    def __init__(self) -> None:
        self._worker_id = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.looks_by_itself = False
        self.is_settled = False  # whether all who queue jobs now know that they have to tell
        self._before: set[str] | None = None
        self._look_again_s = _LOOK_AGAIN_S
        self._since = time.monotonic()
        self._found = 0
        self._full = 0

    async def note(
        self, connection: Connection, worker_id: int, *, found: int, is_full: bool
    ) -> None:
        """Take note of a look, and tell the others if it changes what they have to do."""
        if worker_id != self._worker_id:
            self._worker_id = worker_id
            self._begin_anew()
        self._found += found
        self._full = self._full + 1 if is_full else 0
        is_over = time.monotonic() - self._since > _SPAN_S
        if not self.looks_by_itself:
            if self._found >= _MANY or self._full >= _BACKLOG:
                await self._say(connection, looks_by_itself=True)
        elif is_over and self._found < _FEW and not self._full:
            await self._say(connection, looks_by_itself=False)
        if is_over:
            self._since, self._found = time.monotonic(), 0

    async def _say(self, connection: Connection, *, looks_by_itself: bool) -> None:
        self.looks_by_itself = True  # until the opposite has surely been said
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await queries.say(connection, self._worker_id, looks_by_itself=looks_by_itself)
        self._begin_anew()
        self.looks_by_itself = looks_by_itself

    async def settle(self, connection: Connection) -> float:
        """How soon to look again, in seconds: until nobody is left who may not tell.

        At 0 nobody is, but what they queued has to be looked for once more.
        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            now = set(await queries.queueing(connection))
        self._before = now if self._before is None else self._before & now
        if not self._before:
            self.is_settled = True
            return 0.0
        self._look_again_s = min(2 * self._look_again_s, _LOOK_AGAIN_S_MAX)
        return self._look_again_s
