"""Running one job: whatever its task does, the attempt ends in a way that can be recorded."""

import asyncio
import contextvars
import traceback

import structlog

from app.foundation.clipping import message
from app.foundation.db import Tx
from tasks.runner import queries
from tasks.runner.handlers import Task
from tasks.runner.model import Ended, LostJob, Status, TakenJob, WhenLost


class _Current:
    """The job that runs in this context, and whether its task called complete()."""

    __slots__ = ("is_completed", "job")

    def __init__(self, job: TakenJob) -> None:
        self.job = job
        self.is_completed = False


_current: contextvars.ContextVar[_Current] = contextvars.ContextVar("job")

_log = structlog.get_logger(__name__)


class JobTakenOver(Exception):
    """The job has been given to another worker: this one must not commit its effect."""


class TookTooLong(Exception):
    """The task's time limit had passed, and the job was cut off."""


async def complete(tx: Tx) -> None:
    """Commit the running job's completion together with its effect, or neither.

    For tasks whose effect must not happen twice. Raises JobTakenOver if the job belongs to another
    worker now. If `tx` does not commit, the job is not done, whatever the task does afterwards,
    and it is run again.
    """
    current = _current.get()
    if not await queries.finish_succeeded(tx, [current.job]):
        raise JobTakenOver(current.job.id)
    current.is_completed = True


async def run(task: Task, job: TakenJob, log: structlog.typing.FilteringBoundLogger) -> Ended:
    """Run a job; returns how it ended. Of all exceptions only a cancellation is raised."""
    current = _Current(job)
    _current.set(current)
    structlog.contextvars.bind_contextvars(
        job_id=job.id, job=job.task_name, attempt=job.attempts + 1
    )
    try:
        await task.run(job)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  kept with the job, and logged
        return failed(task, job, error)
    log.info("job done")
    return Ended(job=job, status=Status.SUCCEEDED, is_recorded=current.is_completed)


def failed(task: Task, job: TakenJob, error: BaseException) -> Ended:
    """An attempt that failed: to be retried later if the task allows it, else a dead letter."""
    wait_s = task.retries.wait_s(job.attempts + 1)
    if wait_s is None:
        _log.error("job gave up", exc_info=error)
    else:
        _log.warning("job failed, to be tried again", in_s=round(wait_s, 1), exc_info=error)
    return Ended(
        job=job,
        status=Status.FAILED if wait_s is None else Status.TODO,
        wait_s=wait_s,
        error=message(error),
        traceback="".join(traceback.format_exception(error)),
    )


def hand_back(job: TakenJob) -> Ended:
    """A job that did not end through no fault of its own: the attempt is not counted."""
    return Ended(job=job, status=Status.TODO, counts=False)


def lost(task: Task | None, job: LostJob) -> Ended:
    """A job whose worker was lost. That counts as an attempt: the job may be what killed it.

    `task`: None if only workers of other releases know it.
    """
    exhausted = task is not None and task.retries.wait_s(job.attempts + 1) is None
    held = job.is_held or (task is not None and task.when_lost is WhenLost.HOLD)
    return Ended(
        job=job,
        status=Status.FAILED if exhausted or held else Status.TODO,
        error="its worker was lost",
    )
