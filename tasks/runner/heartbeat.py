"""A worker's heartbeat, and the notifications for it: both on one connection."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from app.foundation.db import Connection, direct_connection, listen, notifications
from tasks.runner import queries
from tasks.runner.model import WorkerDescription

# A connection that went dead raises no error by itself. This is half of the usual 10 s between two
# beats, so that a new connection can still beat in time.
_ANSWER_WITHIN_S: Final = 5.0

_log = structlog.get_logger(__name__)


class _Notification(msgspec.Struct, frozen=True):
    """What procrastinate's triggers and runner.announce() send."""

    type: str
    job_id: int = 0


class Heartbeat:
    """The worker's row in the database, and when it was last refreshed."""

    worker_id: int | None = None

    def __init__(
        self,
        url: str,
        *,
        description: WorkerDescription,
        every_s: float,
        stalled_s: float,
        on_jobs: Callable[[], None],
        on_abort: Callable[[int], None],
        on_removed: Callable[[], None],
    ) -> None:
        """Call `on_jobs` when jobs may have come, and `on_abort` with the id of a job to abort.

        Call `on_removed` when the worker's row is gone: its jobs have been given to others.
        """
        self._url = url
        self.description = description
        self._channels = queries.channels(description.queues)
        self._every_s = every_s
        self._stalled_s = stalled_s
        self._on_jobs = on_jobs
        self._on_abort = on_abort
        self._on_removed = on_removed
        self._last_beat = float("-inf")
        self._connected_since = float("inf")

    @property
    def is_fresh(self) -> bool:
        """Whether other workers surely count this one as alive, with a third of the time to spare.

        The third is for what this worker does between asking here and the database doing it.
        """
        return time.monotonic() - self._last_beat < self._stalled_s * 2 / 3

    @property
    def may_reap(self) -> bool:
        """Whether this worker has been connected for as long as other workers may be silent.

        After an outage of the database nobody's heartbeat is recent, and that means nothing.
        """
        return self.is_fresh and time.monotonic() - self._connected_since > self._stalled_s

    def expire(self) -> None:
        """Count the heartbeat as stale: the worker's row seems to be gone. The next beat checks."""
        self._last_beat = float("-inf")

    async def run(self) -> None:
        """Beat and listen on one connection, until it fails."""
        async with direct_connection(self._url) as connection:
            await listen(connection, self._channels)
            self._connected_since = time.monotonic()
            try:
                await self._beat(connection)
                self._on_jobs()  # they may have come while nobody listened
                while True:
                    await self._listen(connection)
                    await self._beat(connection)
            finally:
                self._connected_since = float("inf")

    async def unregister(self) -> None:
        """Delete the worker's row. It must have no jobs any more."""
        if self.worker_id is not None:
            async with asyncio.timeout(_ANSWER_WITHIN_S), direct_connection(self._url) as own:
                await queries.unregister(own, self.worker_id)

    async def _beat(self, connection: Connection) -> None:
        asked_at = time.monotonic()
        if asked_at - self._last_beat > self._stalled_s:
            self._connected_since = asked_at  # this process was suspended
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            if self.worker_id is not None and not await queries.beat(connection, self.worker_id):
                _log.warning(
                    "worker was counted as dead, registering again", worker_id=self.worker_id
                )
                self.worker_id = None
                self._on_removed()
            if self.worker_id is None:
                worker_id = await queries.register(connection)
                await queries.describe(connection, worker_id, self.description)
                self.worker_id = worker_id
                self._on_jobs()  # queued while this worker was unknown: nobody notified it
        self._last_beat = asked_at

    async def _listen(self, connection: Connection) -> None:
        async with aclosing(notifications(connection, for_s=self._every_s)) as payloads:
            async for payload in payloads:
                notification = msgspec.json.decode(payload, type=_Notification)
                if notification.type == "abort_job_requested":
                    self._on_abort(notification.job_id)
                else:
                    self._on_jobs()
