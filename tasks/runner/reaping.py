"""The reaper: it takes jobs back from workers that were lost, and deletes those workers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from app.foundation.db import Tx, transaction
from tasks.runner import queries
from tasks.runner.finishing import finishable_together
from tasks.runner.handlers import Task
from tasks.runner.heartbeat import Heartbeat
from tasks.runner.model import Ended, Status
from tasks.runner.running import lost

_BATCH: Final = 500  # a transaction of a second at most, so that nobody waits long for its locks
_EVERY_S_MAX: Final = 10.0  # a job whose worker has no row any more waits no longer than this

_log = structlog.get_logger(__name__)


async def reap_forever(
    tasks: Mapping[str, Task], heartbeat: Heartbeat, *, stalled_s: float
) -> None:
    """Reap a few times in the span after which a worker counts as lost."""
    while True:
        await asyncio.sleep(min(_EVERY_S_MAX, stalled_s / 3))
        if heartbeat.may_reap:
            while await reap(tasks, stalled_s=stalled_s) == _BATCH:
                pass


async def reap(tasks: Mapping[str, Task], *, stalled_s: float) -> int:
    """Queue the jobs of lost workers again, or hold them, as their tasks say; returns how many.

    Does nothing while another worker reaps.
    """
    async with transaction() as tx:
        if not await queries.lock_reaping(tx):
            return 0
        jobs = await queries.lost_jobs(tx, stalled_s=stalled_s, limit=_BATCH)
        ended = [lost(tasks.get(job.task_name), job) for job in jobs]
        await _finish(tx, ended)
        deleted = await queries.delete_lost_workers(tx, stalled_s=stalled_s)
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
