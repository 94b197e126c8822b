"""The reaper: it takes jobs back from workers that were lost, and deletes those workers."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from app.foundation.db import Tx, transaction
from tasks.runner import queries
from tasks.runner import reaping_queries as workers
from tasks.runner.finishing import finishable_together
from tasks.runner.handlers import Task
from tasks.runner.heartbeat import Heartbeat
from tasks.runner.model import Ended, Shown, Status
from tasks.runner.running import lost

_BATCH: Final = 500  # a transaction of a second at most, so that nobody waits long for its locks
_EVERY_S_MAX: Final = 10.0  # a job whose worker has no row any more waits no longer than this
# Beyond the longest wait of this release: another one that runs beside it may have longer waits.
_WAIT_MARGIN_S: Final = 3_600.0

_log = structlog.get_logger(__name__)


async def reap_forever(
    tasks: Mapping[str, Task], heartbeat: Heartbeat, *, stalled_s: float
) -> None:
    """Reap a few times in the span after which a worker counts as lost."""
    watch = Watch(stalled_s)
    while True:
        await asyncio.sleep(min(_EVERY_S_MAX, stalled_s / 3))
        async with transaction() as tx:
            beating = watch.beating(await workers.heartbeats(tx), at=time.monotonic())
        if heartbeat.may_reap:
            while await reap(tasks, stalled_s=stalled_s, but=beating) == _BATCH:
                pass
            await bring_forward(tasks)


async def bring_forward(tasks: Mapping[str, Task]) -> None:
    """Let jobs be tried again that wait for longer than any does: the clock was ahead then."""
    longest_s = max((task.retries.wait_s_max for task in tasks.values()), default=0.0)
    async with transaction() as tx:
        brought = await workers.bring_forward(
            tx, tasks=list(tasks), beyond_s=longest_s + _WAIT_MARGIN_S
        )
    if brought:
        _log.warning(
            "retries from a time when the clock was ahead brought forward", job_ids=brought
        )


class Watch:
    """Which heartbeats change, by this process's own clock.

    When the server's clock is set, the heartbeats of all workers seem to be old, or to lie ahead,
    until the next ones: that does not make them lost.
    """

    def __init__(self, stalled_s: float) -> None:
        # A worker takes no more jobs after this span, and who dies is seen to be still for longer
        # than this before it counts as lost: the watch delays nothing.
        self._still_s = stalled_s * 2 / 3
        self._since: dict[int, tuple[datetime, float]] = {}

    def beating(self, shown: Sequence[Shown], *, at: float) -> list[int]:
        """The workers whose heartbeat has not been seen to stand still. `at`: monotonic seconds."""
        known, self._since = self._since, {}
        for one in shown:
            last, since = known.get(one.worker_id, (None, at))
            unchanged_since = since if last == one.last_heartbeat else at
            self._since[one.worker_id] = (one.last_heartbeat, unchanged_since)
        return [
            worker_id for worker_id, (_, since) in self._since.items() if at - since < self._still_s
        ]


async def reap(tasks: Mapping[str, Task], *, stalled_s: float, but: Collection[int] = ()) -> int:
    """Queue the jobs of lost workers again, or hold them, as their tasks say; returns how many.

    `but`: workers that are known to live, whatever the server's clock says. Does nothing while
    another worker reaps.
    """
    async with transaction() as tx:
        if not await workers.lock_reaping(tx):
            return 0
        jobs = await workers.lost_jobs(tx, stalled_s=stalled_s, but=but, limit=_BATCH)
        ended = [lost(tasks.get(job.task_name), job) for job in jobs]
        await _finish(tx, ended)
        deleted = await workers.delete_lost_workers(tx, stalled_s=stalled_s, but=but)
    for e in ended:
        _log.warning(
            "job of a lost worker queued again" if e.status is Status.TODO else "lost job held",
            job_id=e.job.id,
            job=e.job.task_name,
            worker_id=e.job.worker_id,
        )
    if deleted:
        _log.info("lost workers deleted", worker_ids=deleted)
    return len(jobs)


async def _finish(tx: Tx, ended: Sequence[Ended]) -> None:
    """Finish jobs by several statements where one has to see what another one wrote."""
    while batch := finishable_together(ended):
        await queries.finish(tx, batch)
        ended = ended[len(batch) :]
