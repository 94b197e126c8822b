"""What the parts of the runner hand to each other: options, jobs, and how jobs ended."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

# Enough for a message and for the innermost frames; without a limit one error can fill the table.
ERROR_LENGTH_MAX: Final = 500
TRACEBACK_LENGTH_MAX: Final = 20_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs.

    `queues`: None means all. `grace_s`: how long running jobs may go on once the worker stops.
    `stalled_s`: a worker without a heartbeat for so long counts as lost. `look_every_s`: how often
    an idle worker looks for jobs, in case a notification was lost.
    """

    url: str
    queues: tuple[str, ...] | None = None
    concurrency: int = 10
    grace_s: float = 25.0
    heartbeat_s: float = 10.0
    stalled_s: float = 30.0
    look_every_s: float = 4.0


class TakenJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a worker has taken.

    `id`, `worker_id` and `attempts` together are its fence: a finish has to name all three, and a
    worker from which the job was taken back names a number that is no longer right.
    """

    id: int
    task_name: str
    args: str  # JSON
    attempts: int  # before this one
    priority: int
    is_locked: bool
    has_queueing_lock: bool
    worker_id: int


class LostJob(TakenJob, frozen=True):
    """A job whose worker was lost. `is_held`: that worker asked to hold such jobs if it is lost."""

    is_held: bool


class Status(StrEnum):
    """How an attempt leaves a job; the names are procrastinate's."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # for good: a dead letter
    ABORTED = "aborted"
    TODO = "todo"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a job, and how it ended.

    `counts`: as one of the attempts that the task allows. `wait_s`: when a job that is queued again
    may start. `is_recorded`: the task finished the job in its own transaction, by complete().
    """

    job: TakenJob
    status: Status
    is_recorded: bool = False
    counts: bool = True
    wait_s: float | None = None
    error: str | None = None
    traceback: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The last heartbeat of a worker, by the server's clock, which may have been wrong then."""

    worker_id: int
    last_heartbeat: datetime


class Upcoming(msgspec.Struct, frozen=True, kw_only=True):
    """What an idle worker has to wait for, as seen `at` (by the server's clock).

    `is_job_waiting`: a job could be taken now, but for another worker that is about to take it, or
    has just left it. `due_in_s`: when the next scheduled job may start, None if there is none;
    below zero if its time has come since the previous look.
    """

    at: datetime
    is_job_waiting: bool
    due_in_s: float | None


class WhenLost(StrEnum):
    """What becomes of a job whose worker died while running it."""

    AGAIN = "again"
    HOLD = "hold"  # for an operator, as a dead letter


class WorkerDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as operators and other workers see it. `queues`: None means all.

    `held_tasks`: their jobs are not to be run again if this worker is lost while running them.
    """

    instance: str
    queues: tuple[str, ...] | None
    tasks: tuple[str, ...]
    held_tasks: tuple[str, ...]
    concurrency: int


class RunOutcome(StrEnum):
    """How a run of a periodic job ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # another process was running it
