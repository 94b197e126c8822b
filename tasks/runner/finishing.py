"""Writing to the database how jobs ended, many at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from app.foundation.db import Connection, Violated, direct_connection
from tasks.runner import queries
from tasks.runner.model import Ended, Status, TakenJob

BATCH_MAX: Final = (
    1_000  # more in one statement are no faster each, and hold their locks for longer
)
_LINGER_S: Final = 0.002  # so that jobs which end together are finished together
_WORTH_SENDING: Final = 200  # so many make a statement cheap enough per job: no need to linger
_ANSWER_WITHIN_S: Final = 10.0  # a connection that went dead raises no error by itself

_log = structlog.get_logger(__name__)


class Finisher:
    """Keeps how jobs ended until it is written to the database."""

    def __init__(
        self,
        url: str,
        *,
        holds: Callable[[TakenJob], bool],
        forget: Callable[[Sequence[TakenJob]], None],
    ) -> None:
        """`holds`: whether a job is still this worker's. Call `forget` with jobs that are not."""
        self._url = url
        self._holds = holds
        self._forget = forget
        self._succeeded: list[TakenJob] = []  # the many: by a shorter statement
        self._others: list[Ended] = []
        self._has_some = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def __len__(self) -> int:
        return len(self._succeeded) + len(self._others)

    def put(self, ended: Ended) -> None:
        """Have this written soon."""
        if ended.status is Status.SUCCEEDED:
            self._succeeded.append(ended.job)
        else:
            self._others.append(ended)
        self._is_empty.clear()
        self._has_some.set()

    async def wait_until_empty(self) -> None:
        """Wait until everything is written."""
        await self._is_empty.wait()

    async def run(self) -> None:
        """Write what comes, on one connection, until that fails; what is not written is kept."""
        async with direct_connection(self._url) as connection:
            await queries.prepare(connection)
            while True:
                await self._has_some.wait()
                if len(self) < _WORTH_SENDING:
                    await asyncio.sleep(_LINGER_S)
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    await self._finish_succeeded(connection)
                    await self._finish_others(connection)
                if not len(self):
                    self._has_some.clear()
                    self._is_empty.set()

    async def _finish_succeeded(self, connection: Connection) -> None:
        if batch := self._succeeded[:BATCH_MAX]:
            ids = await queries.finish_succeeded(connection, batch)
            await _log_refused(connection, batch, ids)
            del self._succeeded[: len(batch)]
            self._forget(batch)

    async def _finish_others(self, connection: Connection) -> None:
        # A job may have been handed back by a statement whose answer was lost, and then taken by
        # this worker again: to the database both look alike, and only the crew knows.
        self._others = [e for e in self._others if self._holds(e.job)]
        if batch := finishable_together(self._others[:BATCH_MAX]):
            jobs = [e.job for e in batch]
            ids = await _retry_once(lambda: queries.finish(connection, batch))
            await _log_refused(connection, jobs, ids)
            del self._others[: len(batch)]
            self._forget(jobs)


def finishable_together(ended: Sequence[Ended]) -> Sequence[Ended]:
    """As many from the front as one statement can finish.

    A job that has a queueing lock and is to be queued again goes alone: another job may have got
    that queueing lock, and a statement does not see what it writes itself.
    """
    alone = [e.status is Status.TODO and e.job.has_queueing_lock for e in ended]
    return ended[: max(1, alone.index(True))] if any(alone) else ended


async def _retry_once(finish: Callable[[], Awaitable[list[int]]]) -> list[int]:
    """Finish again if a job with the same queueing lock came at that moment: now it is visible."""
    try:
        return await finish()
    except Violated:
        return await finish()


async def _log_refused(
    connection: Connection, jobs: Sequence[TakenJob], accepted: Sequence[int]
) -> None:
    """Log the jobs that were taken from this worker before it finished them."""
    if len(accepted) == len(jobs):
        return
    finished = set(accepted)
    refused = [job for job in jobs if job.id not in finished]
    finished.update(await queries.finished_before(connection, refused))
    for job in refused:
        if job.id not in finished:
            _log.warning(
                "finish refused, the job was taken over",
                job_id=job.id,
                job=job.task_name,
                attempt=job.attempts + 1,
                worker_id=job.worker_id,
            )
