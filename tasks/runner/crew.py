"""The crew: all jobs that a worker has taken, and the running of them.

A job waits here for its turn, runs, and stays until the database knows how it ended.
"""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import structlog

from tasks.runner.finishing import BATCH_MAX, Finisher
from tasks.runner.handlers import Task
from tasks.runner.model import Ended, Status, TakenJob
from tasks.runner.running import TookTooLong, failed, hand_back, run

_WAITING_MAX: Final = 1_000  # more in one take are no faster each, and hold up the event loop
# Jobs that wait here should all begin within this time: longer than it takes to take the next
# ones, so that no place stays empty; short enough that another worker would not begin them sooner.
_BEGIN_WITHIN_S: Final = 0.05
_WATCH_EVERY_S: Final = 0.1  # a time limit is exceeded by this at most; costs less than one job
# Jobs that wait here are left to other workers if none began for this long: those that run take
# far longer than expected, not just a little (it is five times _BEGIN_WITHIN_S).
_STUCK_S: Final = 0.25
_SLOW_S: Final = 1.0  # ... or if the last take was longer ago than this
_CANCEL_AGAIN_S: Final = 5.0  # a job that ignores being cancelled: seldom enough for the log
_TOOK_S_MIN: Final = 1e-5  # keeps the usual time, which is divided by, above zero
_WEIGHT_OF_ONE: Final = 0.05  # in the usual time: about the last twenty jobs count

_log = structlog.get_logger(__name__)


class _Running:
    """A job that runs, when it must have ended, and why it was cancelled, if it was."""

    __slots__ = ("job", "latest", "reason")

    def __init__(self, job: TakenJob, latest: float) -> None:
        self.job = job
        self.latest = latest  # time.monotonic()
        self.reason: Literal["", "aborted", "too long", "stopping"] = ""


class Crew:
    """The jobs of one worker: those that wait, those that run, and those that have just ended."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        *,
        url: str,
        concurrency: int,
        may_begin: Callable[[], bool],
        on_lock_free: Callable[[], None],
    ) -> None:
        """Call `on_lock_free` when a job with a lock has ended, so that another one may start."""
        self._tasks = tasks
        self._concurrency = concurrency
        self._may_begin = may_begin
        self._on_lock_free = on_lock_free
        self._held: dict[int, TakenJob] = {}
        self._waiting: deque[TakenJob] = deque()
        self._running: dict[asyncio.Task[None], _Running] = {}
        self._log = _log.bind()  # once: it costs as much as a job that does nothing
        self._usual_s = _BEGIN_WITHIN_S  # how long a job takes, lately
        self._last_take = 0.0
        self._last_begin = 0.0
        self.has_room = asyncio.Event()
        self._is_empty = asyncio.Event()
        self.finisher = Finisher(url, holds=self._holds, forget=self._forget)

    @property
    def job_ids(self) -> list[int]:
        """The jobs that are this worker's."""
        return list(self._held)

    # ---- how many to take -----------------------------------------------------------------------

    def wanted(self) -> int:
        """How many more jobs would begin soon."""
        if not self._is_low() or len(self.finisher) > 2 * BATCH_MAX:
            return 0  # the database is slower than the jobs: it would only be asked for more
        free = self._concurrency - len(self._running)
        return max(0, free + self._waiting_max() - len(self._waiting))

    def _waiting_max(self) -> int:
        """How many jobs can wait here and still begin in time."""
        return min(_WAITING_MAX, int(self._concurrency * _BEGIN_WITHIN_S / self._usual_s))

    def _is_low(self) -> bool:
        return len(self._waiting) <= self._waiting_max() // 2

    # ---- running --------------------------------------------------------------------------------

    def add(self, jobs: Sequence[TakenJob], *, asked_at: float) -> None:
        """Run jobs that were taken by a statement sent at this time.monotonic()."""
        self._last_take = asked_at
        for job in jobs:
            self._held[job.id] = job
        self._waiting.extend(jobs)
        self.begin()

    def begin(self) -> None:
        """Start waiting jobs, as many as may run side by side."""
        while self._waiting and len(self._running) < self._concurrency and self._may_begin():
            job = self._waiting.popleft()
            running = _Running(job, time.monotonic() + self._tasks[job.task_name].time_limit_s)
            task = asyncio.create_task(self._run(running), context=contextvars.Context())
            self._running[task] = running
            task.add_done_callback(self._on_done)
            self._last_begin = time.monotonic()
        if self._is_low():
            self.has_room.set()

    async def _run(self, running: _Running) -> None:
        job = running.job
        began = time.monotonic()
        try:
            ended = await run(self._tasks[job.task_name], job, self._log)
        except asyncio.CancelledError as cancelled:
            ended = self._cancelled(running, cancelled)
        took_s = max(time.monotonic() - began, _TOOK_S_MIN)
        self._usual_s += (took_s - self._usual_s) * _WEIGHT_OF_ONE
        if ended.is_recorded:
            self._forget([job])
        else:
            self.finisher.put(ended)

    def _cancelled(self, running: _Running, cancelled: asyncio.CancelledError) -> Ended:
        job = running.job
        task = self._tasks[job.task_name]
        match running.reason:
            case "too long":
                return failed(task, job, TookTooLong(f"over {task.time_limit_s:g} s"))
            case "aborted":
                _log.warning("job aborted")
                return Ended(job=job, status=Status.ABORTED, error="aborted by an operator")
            case "stopping":
                _log.warning("job cut off, handed back")
                return hand_back(job)
            case "":  # not this worker: something that the job waited for was cancelled
                return failed(task, job, cancelled)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.begin()

    def _holds(self, job: TakenJob) -> bool:
        """Whether the job is this worker's, and has not been taken again since."""
        return self._held.get(job.id) is job

    def _forget(self, jobs: Sequence[TakenJob]) -> None:
        """These jobs are no longer this worker's: the database knows how they ended."""
        for job in jobs:
            if self._holds(job):
                del self._held[job.id]
        if any(job.is_locked for job in jobs):
            self._on_lock_free()
        self.has_room.set()
        if not self._held:
            self._is_empty.set()

    async def wait_until_empty(self) -> None:
        """Wait until no job is this worker's any more."""
        while self._held:
            self._is_empty.clear()
            await self._is_empty.wait()

    # ---- ending early ---------------------------------------------------------------------------

    def abort(self, job_id: int) -> None:
        """Cancel this job if it runs here: an operator wants it to end."""
        for task, running in self._running.items():
            if running.job.id == job_id and not running.reason:
                running.reason = "aborted"
                task.cancel()

    def hand_back_waiting(self) -> None:
        """Leave the jobs that have not begun to other workers."""
        while self._waiting:
            self.finisher.put(hand_back(self._waiting.popleft()))

    def drop_waiting(self) -> None:
        """Forget the jobs that have not begun: the database has given them to other workers."""
        self._forget(list(self._waiting))
        self._waiting.clear()

    async def watch(self) -> None:
        """Cancel jobs that exceed their time limit; leave to others what waits for too long.

        So a process that was suspended hands all of its waiting jobs back before its next
        heartbeat, and begins none of them.
        """
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            now = time.monotonic()
            self._cancel_overdue(now)
            is_slow = now - self._last_take > _SLOW_S
            is_stuck = now - max(self._last_begin, self._last_take) > _STUCK_S
            if self._waiting and (is_slow or is_stuck):
                _log.info("jobs handed back, this worker is busy", count=len(self._waiting))
                self._usual_s = _SLOW_S
                self.hand_back_waiting()

    def _cancel_overdue(self, now: float) -> None:
        for task, running in self._running.items():
            if now > running.latest:
                if running.reason:
                    self._log.error("job goes on though it was cut off", job_id=running.job.id)
                running.reason = running.reason or "too long"
                running.latest = now + _CANCEL_AGAIN_S
                task.cancel()

    async def finish_within(self, seconds: float) -> None:
        """Wait for the running jobs, but no longer than this."""
        if self._running:
            _log.info("waiting for running jobs", count=len(self._running))
            await asyncio.wait(self._running, timeout=max(0.0, seconds))

    async def cut_off(self, *, within_s: float) -> None:
        """Cancel the running jobs because the worker stops, and wait for them that long."""
        for task, running in self._running.items():
            running.reason = running.reason or "stopping"
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=within_s)
