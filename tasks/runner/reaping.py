"""Taking jobs back from workers that were lost, and forgetting those workers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from app.foundation.db import Tx, transaction
from tasks.runner import queries
from tasks.runner.finishing import without_conflict
from tasks.runner.handlers import Task
from tasks.runner.model import Ended, Status
from tasks.runner.pulse import Pulse
from tasks.runner.running import lost

_BATCH: Final = 500
_EVERY_S_MAX: Final = 10.0

_log = structlog.get_logger(__name__)


async def reap_forever(tasks: Mapping[str, Task], pulse: Pulse, *, stalled_s: float) -> None:
    """Look for lost jobs a few times in the span after which a worker counts as lost."""
    while True:
        await asyncio.sleep(min(_EVERY_S_MAX, stalled_s / 3))
        if pulse.may_judge:
            while await reap(tasks, stalled_s=stalled_s) == _BATCH:
                pass


async def reap(tasks: Mapping[str, Task], *, stalled_s: float) -> int:
    """Queue the jobs of lost workers again, or hold them, as their tasks say; returns how many.

    Does nothing while another worker is at it.
    """
    async with transaction() as tx:
        if not await queries.try_reaping(tx):
            return 0
        jobs = await queries.lost_jobs(tx, stalled_s=stalled_s, limit=_BATCH)
        ended = [lost(tasks.get(job.task_name), job) for job in jobs]
        await _finish(tx, ended)
        gone = await queries.strike_off(tx, stalled_s=stalled_s)
    for e in ended:
        _log.warning(
            "job of a lost worker queued again" if e.status is Status.TODO else "lost job held",
            job_id=e.job.id,
            job=e.job.task_name,
            worker_id=e.job.worker_id,
        )
    if gone:
        _log.info("lost workers forgotten", worker_ids=gone)
    return len(jobs)


async def _finish(tx: Tx, ended: Sequence[Ended]) -> None:
    """One statement after the other where they must see each other."""
    while batch := without_conflict(ended):
        await queries.finish(tx, batch)
        ended = ended[len(batch) :]
