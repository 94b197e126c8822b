"""Doing one job: from claimed to ended, whatever it does."""

import asyncio
import contextvars
import traceback

import structlog

from app.foundation.db import Tx
from tasks.runner import queries
from tasks.runner.handlers import Task
from tasks.runner.model import Claimed, Ended, Lost, Status, WhenLost


class _Doing:
    """The job of this moment, and whether the task itself wrote down that it is done."""

    __slots__ = ("is_completed", "job")

    def __init__(self, job: Claimed) -> None:
        self.job = job
        self.is_completed = False


_current: contextvars.ContextVar[_Doing] = contextvars.ContextVar("job")

_log = structlog.get_logger(__name__)


class JobTaken(Exception):
    """The job has been given to another worker: what this one was about to commit is void."""


class TookTooLong(Exception):
    """The task's time limit had passed, and it was cut off."""


async def complete(tx: Tx) -> None:
    """Commit the running job's completion together with its effect, or neither.

    For tasks whose effect must not happen twice. Raises JobTaken if the job is no longer ours.
    Should `tx` not commit, the job is not done, whatever the task says, and is run again.
    """
    doing = _current.get()
    if not await queries.finish_succeeded(tx, [doing.job]):
        raise JobTaken(doing.job.id)
    doing.is_completed = True


async def run(task: Task, job: Claimed, log: structlog.typing.FilteringBoundLogger) -> Ended:
    """Do a job; says how it ended. Only a cancellation comes through."""
    doing = _Doing(job)
    _current.set(doing)
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
    return Ended(job=job, status=Status.SUCCEEDED, is_recorded=doing.is_completed)


def failed(task: Task, job: Claimed, error: BaseException) -> Ended:
    """An attempt that failed: tried again, later, as the task says, or given up."""
    wait_s = task.retries.wait_s(job.attempts + 1)
    if wait_s is None:
        _log.error("job gave up", exc_info=error)
    else:
        _log.warning("job failed, to be tried again", in_s=round(wait_s, 1), exc_info=error)
    return Ended(
        job=job,
        status=Status.FAILED if wait_s is None else Status.TODO,
        wait_s=wait_s,
        error=words(error),
        traceback="".join(traceback.format_exception(error)),
    )


def words(error: BaseException) -> str:
    """What an error says, whatever it is."""
    try:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:  # noqa: BLE001  somebody else's __str__
        return type(error).__name__


def hand_back(job: Claimed) -> Ended:
    """A job that was not done, through no fault of its own."""
    return Ended(job=job, status=Status.TODO, counts=False)


def lost(task: Task | None, job: Lost) -> Ended:
    """A job whose worker died over it. It counts as an attempt: the job may be what killed it.

    `task`: None if only other releases know it.
    """
    exhausted = task is not None and task.retries.wait_s(job.attempts + 1) is None
    held = job.is_held or (task is not None and task.when_lost is WhenLost.HOLD)
    return Ended(
        job=job,
        status=Status.FAILED if exhausted or held else Status.TODO,
        error="its worker was lost",
    )
