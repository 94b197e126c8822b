"""Telling the database how jobs ended, many at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from app.foundation.db import Connection, Violated, direct_connection
from tasks.runner import queries
from tasks.runner.model import Claimed, Ended, Status

BATCH_MAX: Final = 1_000
_LINGER_S: Final = 0.002  # so that jobs which end together are finished together
_WORTH_SENDING: Final = 200
_ANSWER_WITHIN_S: Final = 10.0

_log = structlog.get_logger(__name__)


class Finisher:
    """Holds on to how jobs ended until the database knows."""

    def __init__(
        self,
        url: str,
        *,
        holds: Callable[[Claimed], bool],
        forget: Callable[[Sequence[Claimed]], None],
    ) -> None:
        """`holds` says if a job is in this worker's hands; `forget` is told when it no more is."""
        self._url = url
        self._holds = holds
        self._forget = forget
        self._done: list[Claimed] = []
        self._others: list[Ended] = []
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._done) + len(self._others)

    def put(self, ended: Ended) -> None:
        """Have this finished soon."""
        if ended.status is Status.SUCCEEDED:
            self._done.append(ended.job)
        else:
            self._others.append(ended)
        self._none.clear()
        self._some.set()

    async def emptied(self) -> None:
        """Wait until the database knows of everything."""
        await self._none.wait()

    async def run(self) -> None:
        """Finish what comes, on one connection, until it fails; what was not finished is kept."""
        async with direct_connection(self._url) as connection:
            await queries.prepare(connection)
            while True:
                await self._some.wait()
                if len(self) < _WORTH_SENDING:
                    await asyncio.sleep(_LINGER_S)
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    await self._send_done(connection)
                    await self._send_others(connection)
                if not len(self):
                    self._some.clear()
                    self._none.set()

    async def _send_done(self, connection: Connection) -> None:
        if batch := self._done[:BATCH_MAX]:
            ids = await queries.finish_succeeded(connection, batch)
            await _tell_refused(connection, batch, ids)
            del self._done[: len(batch)]
            self._forget(batch)

    async def _send_others(self, connection: Connection) -> None:
        # One that was handed back by a statement whose answer was lost, and claimed again since,
        # looks to the database as it did before.
        self._others = [e for e in self._others if self._holds(e.job)]
        if batch := without_conflict(self._others[:BATCH_MAX]):
            jobs = [e.job for e in batch]
            ids = await _twice(lambda: queries.finish(connection, batch))
            await _tell_refused(connection, jobs, ids)
            del self._others[: len(batch)]
            self._forget(jobs)


def without_conflict(ended: Sequence[Ended]) -> Sequence[Ended]:
    """As many from the front as can be finished together.

    A job with a queueing lock that is queued again goes alone: its place may be taken.
    """
    alone = [e.status is Status.TODO and e.job.has_queueing_lock for e in ended]
    return ended[: max(1, alone.index(True))] if any(alone) else ended


async def _twice(finish: Callable[[], Awaitable[list[int]]]) -> list[int]:
    """Once more when one with the same queueing lock came between: now it is seen."""
    try:
        return await finish()
    except Violated:
        return await finish()


async def _tell_refused(
    connection: Connection, jobs: Sequence[Claimed], ids: Sequence[int]
) -> None:
    if len(ids) == len(jobs):
        return
    accepted = set(ids)
    refused = [job for job in jobs if job.id not in accepted]
    accepted.update(await queries.done_already(connection, refused))
    for job in refused:
        if job.id not in accepted:
            _log.warning(
                "finish refused, the job was taken over",
                job_id=job.id,
                job=job.task_name,
                attempt=job.attempts + 1,
                worker_id=job.worker_id,
            )
