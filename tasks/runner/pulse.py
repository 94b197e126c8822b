"""Showing that this worker lives, and hearing of new jobs: one connection for both."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from app.foundation.db import Connection, direct_connection, listen, notifications
from tasks.runner import queries
from tasks.runner.model import Introduction

_ANSWER_WITHIN_S: Final = 5.0

_log = structlog.get_logger(__name__)


class _News(msgspec.Struct, frozen=True):
    type: str
    job_id: int = 0


class Pulse:
    """The worker's row in the database, and when it was last refreshed."""

    worker_id: int | None = None

    def __init__(
        self,
        url: str,
        *,
        introduction: Introduction,
        every_s: float,
        stalled_s: float,
        on_news: Callable[[], None],
        on_abort: Callable[[int], None],
        on_struck_off: Callable[[], None],
    ) -> None:
        self._url = url
        self.introduction = introduction
        self._channels = queries.channels(introduction.queues)
        self._every_s = every_s
        self._stalled_s = stalled_s
        self._on_news = on_news
        self._on_abort = on_abort
        self._on_struck_off = on_struck_off
        self._last = float("-inf")
        self._in_touch_since = float("inf")

    @property
    def is_fresh(self) -> bool:
        """Whether others surely hold this worker for alive, with some time to spare."""
        return time.monotonic() - self._last < self._stalled_s * 2 / 3

    @property
    def may_judge(self) -> bool:
        """Whether this worker has been in touch for as long as others may be silent.

        After an outage everybody's last heartbeat is old, and says nothing.
        """
        return self.is_fresh and time.monotonic() - self._in_touch_since > self._stalled_s

    def doubt(self) -> None:
        """Something says that this worker is held for dead: the next beat will tell."""
        self._last = float("-inf")

    async def run(self) -> None:
        """Beat and listen on one connection, until it fails."""
        async with direct_connection(self._url) as connection:
            await listen(connection, self._channels)
            self._in_touch_since = time.monotonic()
            try:
                await self._beat(connection)
                self._on_news()  # of what came while nobody listened
                while True:
                    await self._hear(connection)
                    await self._beat(connection)
            finally:
                self._in_touch_since = float("inf")

    async def end(self) -> None:
        """Take the worker's row away; its jobs must be out of its hands."""
        if self.worker_id is not None:
            async with asyncio.timeout(_ANSWER_WITHIN_S), direct_connection(self._url) as own:
                await queries.unregister(own, self.worker_id)

    async def _beat(self, connection: Connection) -> None:
        asked = time.monotonic()
        if asked - self._last > self._stalled_s:
            self._in_touch_since = asked  # this process slept
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            if self.worker_id is not None and not await queries.beat(connection, self.worker_id):
                _log.warning("worker was held for dead, beginning anew", worker_id=self.worker_id)
                self.worker_id = None
                self._on_struck_off()
            if self.worker_id is None:
                worker_id = await queries.register(connection)
                await queries.introduce(connection, worker_id, self.introduction)
                self.worker_id = worker_id
                self._on_news()  # of what came while nobody knew that this worker listens
        self._last = asked

    async def _hear(self, connection: Connection) -> None:
        async with aclosing(notifications(connection, for_s=self._every_s)) as payloads:
            async for payload in payloads:
                news = msgspec.json.decode(payload, type=_News)
                if news.type == "abort_job_requested":
                    self._on_abort(news.job_id)
                else:
                    self._on_news()
