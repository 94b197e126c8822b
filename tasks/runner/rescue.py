"""Jobs whose worker died are given back to the queue."""

import asyncio

import structlog
from procrastinate import App
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status

from app.settings import settings

_log = structlog.get_logger(__name__)


async def rescue_forever(app: App) -> None:
    """Look for stalled jobs about as often as a worker would be found dead."""
    while True:
        await rescue(app)
        await asyncio.sleep(settings().worker_stalled_seconds / 3)


async def rescue(app: App) -> int:
    """Requeue jobs in progress whose worker is gone or silent; returns how many.

    A job that was nearly done runs again: all handlers are idempotent.
    """
    stalled = await app.job_manager.get_stalled_jobs(
        seconds_since_heartbeat=settings().worker_stalled_seconds
    )
    count = 0
    for job in stalled:
        count += await _requeue(app, job)
    return count


async def _requeue(app: App, job: Job) -> bool:
    """Give one job back; a periodic one whose next tick is queued already is done with instead."""
    try:
        await app.job_manager.retry_job(job)
    except UniqueViolation:
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
        _log.warning("stalled job dropped for the one queued after it", job_id=job.id)
        return False
    _log.warning("stalled job requeued", job_id=job.id, job=job.task_name)
    return True
