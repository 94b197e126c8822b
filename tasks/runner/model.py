"""What the runner's parts tell each other: jobs claimed, and how they ended."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

ERROR_LENGTH_MAX: Final = 500
TRACEBACK_LENGTH_MAX: Final = 20_000


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A job in this worker's hands. Id, worker and attempts together fence it off from others."""

    id: int
    task_name: str
    args: str  # JSON
    attempts: int  # before this one
    priority: int
    is_locked: bool
    has_queueing_lock: bool
    worker_id: int


class Status(StrEnum):
    """How an attempt leaves a job; the names are procrastinate's."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # for good: a dead letter
    ABORTED = "aborted"
    TODO = "todo"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a job, and how it ended. `wait_s` says when it is tried again.

    `is_recorded`: the database has been told, by the task in its own transaction.
    """

    job: Claimed
    status: Status
    is_recorded: bool = False
    counts: bool = True  # as an attempt
    wait_s: float | None = None
    error: str | None = None
    traceback: str = ""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to wait for, as seen `at`.

    `is_passed_over`: there is a job to claim, which another claim is looking at or has left.
    `due_in_s`: how long until the next scheduled job may start, if there is one; below zero if
    its time has come since the look before.
    """

    at: datetime
    is_passed_over: bool
    due_in_s: float | None


class WhenLost(StrEnum):
    """What becomes of a job whose worker died over it."""

    AGAIN = "again"
    HOLD = "hold"  # for an operator, as a dead letter


class Lost(Claimed, frozen=True):
    """A job whose worker was lost; `is_held`: so its worker said, whose release knew the task."""

    is_held: bool


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is, as others see it. `queues`: None means all."""

    instance: str
    queues: tuple[str, ...] | None
    tasks: tuple[str, ...]
    held_tasks: tuple[str, ...]  # what is not to be run again if this worker is lost over it
    concurrency: int


class RunOutcome(StrEnum):
    """What came of a run of a periodic job."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # another process was at it
