"""Taking jobs from the queue: how many, when, and what to wait for while there are none."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from app.foundation.db import Connection, Violated, direct_connection
from tasks.runner import queries
from tasks.runner.crew import Crew
from tasks.runner.heartbeat import Heartbeat
from tasks.runner.model import Options, TakenJob
from tasks.runner.polling import POLL_EVERY_S, Polling

_ANSWER_WITHIN_S: Final = 10.0  # a connection that went dead raises no error by itself
_HEARTBEAT_AGAIN_S: Final = 0.02  # short: each worker begins without a heartbeat
_CHECK_EVERY_S: Final = 30.0  # answers are seldom lost, and requests to abort mostly arrive
# How soon to try again to take a job that another worker had locked: it unlocks the jobs that it
# does not take within milliseconds. If it does not, try less and less often.
_PASSED_OVER_AGAIN_S: Final = 0.002
_PASSED_OVER_AGAIN_S_MAX: Final = 0.2
_ONE_RUNNING_PER_LOCK: Final = "procrastinate_jobs_lock_idx_v1"

_log = structlog.get_logger(__name__)


class Taker:
    """Takes as many jobs as begin soon, and hands them to the crew."""

    def __init__(
        self,
        tasks: Sequence[str],
        options: Options,
        *,
        crew: Crew,
        heartbeat: Heartbeat,
        look: asyncio.Event,
        stopping: asyncio.Event,
    ) -> None:
        """`look` is set when there may be jobs that have not been looked for yet."""
        self._tasks = tasks
        self._options = options
        self._crew = crew
        self._heartbeat = heartbeat
        self._look = look
        self._stopping = stopping
        self._polling = Polling()
        self._checked_at = float("-inf")
        self._looked_ahead_at: datetime | None = None  # by the server's clock
        self._passed_over_again_s = _PASSED_OVER_AGAIN_S

    async def run(self, *, is_single_look: bool) -> None:
        """Take jobs until the worker stops; with `is_single_look`, until none may start now."""
        async with direct_connection(self._options.url) as connection:
            await queries.prepare(connection)
            self._checked_at = float("-inf")  # at once: the last answer may be lost
            while not self._stopping.is_set():
                worker_id = self._heartbeat.worker_id
                if worker_id is None or not self._heartbeat.is_fresh:
                    await asyncio.sleep(_HEARTBEAT_AGAIN_S)
                    continue
                await self._check_now_and_then(connection, worker_id)
                self._crew.begin()  # jobs that waited for the heartbeat
                if not (wanted := self._crew.wanted()):
                    self._crew.has_room.clear()
                    await _wait(self._crew.has_room, self._options.look_every_s)
                elif await self._take(connection, worker_id, wanted) < wanted:
                    if is_single_look:
                        return
                    await self._wait_for_jobs(connection)

    async def _take(self, connection: Connection, worker_id: int, wanted: int) -> int:
        """Take jobs; returns how many. A notification that comes meanwhile is not lost."""
        self._look.clear()
        asked_at = time.monotonic()
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            jobs = await self._take_what_is_free(connection, worker_id, wanted)
        self._crew.add(jobs, asked_at=asked_at)
        await self._polling.count(
            connection, worker_id, found=len(jobs), is_full=len(jobs) == wanted
        )
        return len(jobs)

    async def _take_what_is_free(
        self, connection: Connection, worker_id: int, wanted: int
    ) -> list[TakenJob]:
        """Take jobs; those without a lock only, if another worker has just taken a lock."""
        for with_locks in (True, False):
            try:
                return await queries.take_jobs(
                    connection,
                    worker_id=worker_id,
                    queues=self._options.queues,
                    tasks=self._tasks,
                    limit=wanted,
                    with_locks=with_locks,
                )
            except Violated as violated:
                if violated.constraint != _ONE_RUNNING_PER_LOCK:
                    self._heartbeat.expire()  # jobs refer to the worker's row, and it is gone
                    return []
                self._look.set()
        return []

    async def _check_now_and_then(self, connection: Connection, worker_id: int) -> None:
        """Make sure that the database and the crew agree on which jobs are this worker's."""
        if time.monotonic() - self._checked_at <= _CHECK_EVERY_S:
            return
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            unknown = await queries.return_unknown(
                connection, worker_id=worker_id, held=self._crew.job_ids
            )
            for job_id in await queries.jobs_to_abort(connection, worker_id):
                self._crew.abort(job_id)
        if unknown:
            _log.warning("jobs given back whose taking was never answered", job_ids=unknown)
        self._checked_at = time.monotonic()

    # ---- waiting --------------------------------------------------------------------------------

    async def _wait_for_jobs(self, connection: Connection) -> None:
        """Sleep until a job may have come, or the next one is due."""
        if self._polling.is_on:
            await _wait(self._look, POLL_EVERY_S)
        elif not self._polling.is_settled:
            await _wait(self._look, await self._polling.settle(connection))
        elif not self._look.is_set():
            await _wait(self._look, await self._idle_for_s(connection))

    async def _idle_for_s(self, connection: Connection) -> float:
        """How long there is nothing to do, unless a notification comes.

        A job may become due between a take and the next look ahead. Each look ahead begins where
        the one before ended, so it reports that job, and the next take finds it.
        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            upcoming = await queries.look_ahead(
                connection,
                queues=self._options.queues,
                tasks=self._tasks,
                after=self._looked_ahead_at,
            )
        self._looked_ahead_at = upcoming.at
        if upcoming.is_job_waiting:
            again_s = min(_PASSED_OVER_AGAIN_S_MAX, 2 * self._passed_over_again_s)
            self._passed_over_again_s = again_s
            return again_s
        self._passed_over_again_s = _PASSED_OVER_AGAIN_S
        due_s, look_s = upcoming.due_in_s, self._options.look_every_s
        return look_s if due_s is None else min(look_s, max(0.0, due_s))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
