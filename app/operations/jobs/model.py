"""Jobs as operators see them, and what operators send."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from app.foundation.errors import Conflict, NotFound, Unauthenticated
from app.foundation.locks import Lease
from app.foundation.wire import Input, Output, Reason

# How long jobs and runs are kept after their end.
SUCCEEDED_KEPT: Final = timedelta(days=1)
ABANDONED_KEPT: Final = timedelta(days=7)
DEAD_LETTERS_KEPT: Final = timedelta(days=90)
RUNS_KEPT: Final = timedelta(days=35)
SCHEDULE_KEPT: Final = timedelta(days=35)

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class JobStatus(StrEnum):
    """Where a job is, in procrastinate's words. `failed` is not tried again: a dead letter."""

    TODO = "todo"
    DOING = "doing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


class PauseKind(StrEnum):
    QUEUE = "queue"
    TASK = "task"


class RunState(StrEnum):
    """Where a run of a periodic job is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # another process was running it
    LOST = "lost"  # its worker is gone, and did not record an end


class PeriodicState(StrEnum):
    """The health of a periodic job."""

    OK = "ok"
    NEW = "new"  # it has not run yet
    PAUSED = "paused"
    LATE = "late"  # a planned time has passed without a run
    FAILING = "failing"  # its last run failed, or was lost


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to show; None asks for any."""

    status: JobStatus | None = None
    queue: str | None = None
    task: str | None = None


class Job(Output, frozen=True):
    """A job. `attempts` are those that have ended; `error` is why the last one failed."""

    id: int
    queue: str
    task: str
    status: JobStatus
    priority: int
    attempts: int
    queued_at: datetime | None
    scheduled_at: datetime | None
    ended_at: datetime | None
    lock: str | None
    queueing_lock: str | None
    abort_requested: bool
    worker_id: int | None
    worker: str | None
    error: str | None


class JobPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    jobs: list[Job]
    next_cursor: str | None


class Attempt(Output, frozen=True):
    """An attempt that failed."""

    attempt: int
    at: datetime
    error: str
    traceback: str


class JobEvent(Output, frozen=True):
    """Something that happened to a job."""

    type: str
    at: datetime


class JobWithPast(Output, frozen=True):
    """A job with its arguments (secrets left out), its newest 100 failed attempts and events."""

    job: Job
    arguments: Any
    failures: list[Attempt]
    events: list[JobEvent]


class Redrive(Input, frozen=True):
    """Which dead letters to queue again, and why: the oldest first, `limit` at the most."""

    reason: Reason
    task: Name | None = None
    queue: Name | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class Redriven(Output, frozen=True):
    """The ids of the jobs that are queued again."""

    job_ids: list[int]


class Pause(Output, frozen=True):
    """A queue or task whose jobs are not started."""

    kind: PauseKind
    name: str
    at: datetime


class Pauses(Output, frozen=True):
    pauses: list[Pause]


class Run(Output, frozen=True):
    """A run of a periodic job: for when it was planned, when it was, and how much it did.

    `error` says why it failed or was skipped. `instance` is the worker's process.
    """

    id: int
    name: str
    job_id: int
    attempt: int
    state: RunState
    tick: datetime
    started_at: datetime
    finished_at: datetime | None
    lateness_ms: int
    duration_ms: int | None
    count: int | None
    error: str | None
    instance: str


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to show; None asks for any. `newest`: only the last one of each periodic job."""

    name: str | None = None
    newest: bool = False


class RunPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    runs: list[Run]
    next_cursor: str | None


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a periodic job, without its last run."""

    name: str
    cron: str
    last_tick: datetime
    next_tick: datetime
    paused: bool
    last_done_at: datetime | None
    failures: int


class Periodic(Output, frozen=True):
    """A periodic job. `failures` counts those in a row since it last succeeded."""

    name: str
    cron: str
    state: PeriodicState
    last_run: Run | None
    last_done_at: datetime | None
    next_run: datetime
    failures: int


class Queue(Output, frozen=True):
    """A queue, with the number of jobs that may start, that are planned, that run, that gave up.

    `oldestReadyS`: for how many seconds the first job that may start has been waiting.
    """

    name: str
    paused: bool
    ready: int
    scheduled: int
    running: int
    dead: int
    oldest_ready_s: float | None


class Worker(Output, frozen=True):
    """A worker process. `queues`: null means all. `silentS`: seconds since its last heartbeat.

    `silentS` is negative if the server's clock was ahead when the heartbeat was written.
    """

    id: int
    instance: str | None
    queues: list[str] | None
    concurrency: int | None
    running: int
    started_at: datetime | None
    last_heartbeat: datetime
    silent_s: float
    alive: bool


class UnknownTask(Output, frozen=True):
    """A task with waiting jobs that no living worker knows: of the next release, or the last."""

    name: str
    jobs: int


class Health(Output, frozen=True):
    """The health of jobs. `problems` says in words what is wrong; `healthy`: nothing is."""

    healthy: bool
    problems: list[str]
    periodic: list[Periodic]
    queues: list[Queue]
    workers: list[Worker]
    paused_tasks: list[str]
    unknown_tasks: list[UnknownTask]


class Triggered(msgspec.Struct, frozen=True, kw_only=True):
    """A periodic job that is queued to run now; its run will have an id above `after_run_id`."""

    name: str
    job_id: int
    after_run_id: int


class TriggerReply(Output, frozen=True):
    """The job that a trigger has queued; `run` is null while it is still queued.

    If the same job was queued already, it is that one.
    """

    name: str
    job_id: int
    run: Run | None


class Locks(Output, frozen=True):
    """Job locks that are held."""

    locks: list[Lease]


class JobNotFound(NotFound):
    title = "There is no such job"


class PeriodicJobNotFound(NotFound):
    title = "There is no such periodic job"


class LockNotHeld(NotFound):
    title = "This lock is not held any more, or by another process"


class JobNotOver(Conflict):
    """Only a job that ended without success, or waits for a later time, can be queued again."""

    title = "This job cannot be queued again"


class JobOver(Conflict):
    """The job has ended, and there is nothing left to cancel."""

    title = "This job is over"


class SameJobQueued(Conflict):
    """Another job with the same queueing lock waits already."""

    title = "The same job is queued already"


class JobSecretWrong(Unauthenticated):
    """The header has none of the secrets that may trigger jobs."""

    title = "The x-job-secret header is missing or wrong"
