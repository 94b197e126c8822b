"""The worker: claims jobs, runs them side by side, and lets nothing end it but a request to."""

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec
import structlog

from app.foundation.db import Connection, Violated, direct_connection
from app.foundation.settings import instance
from tasks.runner import queries
from tasks.runner.claiming import claim, look_ahead
from tasks.runner.finishing import BATCH_MAX, Finisher
from tasks.runner.handlers import Task
from tasks.runner.lookout import LOOK_EVERY_S, Lookout
from tasks.runner.model import Claimed, Ended, Introduction, Status
from tasks.runner.pulse import Pulse
from tasks.runner.running import TookTooLong, failed, hand_back, run
from tasks.runner.supervisor import supervise

_CLAIM_MAX: Final = 1_000
_AHEAD_S: Final = 0.05  # what is claimed ahead should begin within
_WATCH_EVERY_S: Final = 0.1
_STUCK_S: Final = 0.25  # if none began within, those that wait here are left to others
_SLOW_S: Final = 1.0  # and if not all that were claimed did
_CUT_AGAIN_S: Final = 5.0
_CHECK_EVERY_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.002  # for what another claim looked at and may have left
_LOOK_AGAIN_S_MAX: Final = 0.2
_BLINK_S: Final = 0.02
_ANSWER_WITHIN_S: Final = 10.0
_CLAIM_ENDS_S: Final = 3.0
_CUT_OFF_S: Final = 1.5  # with the last words: what Heroku leaves beyond the grace period
_LAST_WORDS_S: Final = 2.5
_TOOK_S_MIN: Final = 1e-5
_WEIGHT_OF_ONE: Final = 0.05

_log = structlog.get_logger(__name__)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs. `queues`: None means all; `look_every_s`: in case news was lost."""

    url: str
    queues: tuple[str, ...] | None = None
    concurrency: int = 10
    grace_s: float = 25.0
    heartbeat_s: float = 10.0
    stalled_s: float = 30.0
    look_every_s: float = 4.0


class _Run:
    """A job that is being done, and why it was cut off, if it was."""

    __slots__ = ("job", "latest", "reason")

    def __init__(self, job: Claimed, latest: float) -> None:
        self.job = job
        self.latest = latest  # time.monotonic()
        self.reason: Literal["", "aborted", "too long", "stopping"] = ""


class Worker:
    """One worker. Whatever it claims it finishes, hands back, or loses to the reaper."""

    def __init__(self, tasks: Mapping[str, Task], options: Options) -> None:
        self._tasks = tasks
        self._options = options
        self._held: dict[int, Claimed] = {}
        self._ready: deque[Claimed] = deque()
        self._running: dict[asyncio.Task[None], _Run] = {}
        self._log = _log.bind()  # once: it costs as much as a job that does nothing
        self._usual_s = _AHEAD_S  # how long a job takes, lately
        self._last_claim = 0.0
        self._last_begin = 0.0
        self._looked_ahead_at: datetime | None = None  # by the server's clock
        self._look_again_s = _LOOK_AGAIN_S
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._is_single_look = False
        self._stopping = asyncio.Event()
        self.pulse = Pulse(
            options.url,
            introduction=Introduction(
                instance=instance(),
                queues=options.queues,
                tasks=tuple(sorted(tasks)),
                held_tasks=tuple(sorted(t.name for t in tasks.values() if not t.runs_again)),
                concurrency=options.concurrency,
            ),
            every_s=options.heartbeat_s,
            stalled_s=options.stalled_s,
            on_news=self._news.set,
            on_abort=self._abort,
            on_struck_off=self._drop_ready,
        )
        self._lookout = Lookout()
        self._finisher = Finisher(options.url, holds=self._holds, forget=self._forget)

    def stop(self) -> None:
        """Claim no more, finish what runs within the grace period, hand the rest back."""
        self._stopping.set()
        self._news.set()
        self._room.set()

    async def run(self) -> None:
        """Work until told to stop."""
        never = asyncio.Event()
        beating = asyncio.create_task(supervise("pulse", self.pulse.run, never))
        loops = [
            beating,
            asyncio.create_task(supervise("finish", self._finisher.run, never)),
            asyncio.create_task(supervise("watch", self._watch, never)),
        ]
        claims = asyncio.create_task(supervise("claim", self._claim_forever, self._stopping))
        try:
            await self._stopping.wait()
            await self._wind_up(claims, beating)
        finally:
            await _end([claims])
            await _end(loops)

    async def run_what_is_due(self) -> None:
        """Do the jobs that may start now, and none that come later."""
        self._is_single_look = True
        await self.run()

    # ---- claiming -------------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        async with direct_connection(self._options.url) as connection:
            await queries.prepare(connection)
            checked_at = float("-inf")
            while not self._stopping.is_set():
                if not self.pulse.is_fresh or self.pulse.worker_id is None:
                    await asyncio.sleep(_BLINK_S)
                    continue
                if time.monotonic() - checked_at > _CHECK_EVERY_S:
                    await self._check(connection, self.pulse.worker_id)
                    checked_at = time.monotonic()
                self._begin()  # what waited for the heartbeat
                wanted = self._wanted()
                if not wanted:
                    self._room.clear()
                    await _wait(self._room, self._options.look_every_s)
                elif await self._claim(connection, self.pulse.worker_id, wanted) < wanted:
                    if self._is_single_look:
                        break
                    await self._await_news(connection)

        if self._is_single_look:
            while self._held:
                self._empty.clear()
                await self._empty.wait()
            self.stop()

    async def _claim(self, connection: Connection, worker_id: int, wanted: int) -> int:
        """Take jobs; returns how many. News that comes meanwhile is not lost."""
        self._news.clear()
        asked = time.monotonic()
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            jobs = await self._claim_twice(connection, worker_id, wanted)
        self._last_claim = asked
        for job in jobs:
            self._held[job.id] = job
        self._ready.extend(jobs)
        self._begin()
        await self._lookout.note(
            connection, worker_id, found=len(jobs), is_full=len(jobs) == wanted
        )
        return len(jobs)

    async def _claim_twice(
        self, connection: Connection, worker_id: int, wanted: int
    ) -> list[Claimed]:
        """A conflict about a lock means that its jobs have to wait, and no others."""
        for with_locks in (True, False):
            try:
                return await claim(
                    connection,
                    worker_id=worker_id,
                    queues=self._options.queues,
                    tasks=list(self._tasks),
                    limit=wanted,
                    with_locks=with_locks,
                )
            except Violated as violated:
                if violated.constraint != "procrastinate_jobs_lock_idx_v1":
                    self.pulse.doubt()  # its row is gone
                    return []
                self._news.set()
        return []

    async def _await_news(self, connection: Connection) -> None:
        """Sleep until a job may have come, or the next one is due."""
        if self._lookout.looks_by_itself:
            await _wait(self._news, LOOK_EVERY_S)
        elif not self._lookout.is_settled:
            await _wait(self._news, await self._lookout.settle(connection))
        elif not self._news.is_set():
            await _wait(self._news, await self._nothing_for_s(connection))

    async def _nothing_for_s(self, connection: Connection) -> float:
        """How long there is nothing to do, unless somebody tells of something.

        A job whose time comes between a claim and this look would be seen by neither: so each look
        begins where the one before ended, and the next claim finds the job.
        """
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            ahead = await look_ahead(
                connection,
                queues=self._options.queues,
                tasks=list(self._tasks),
                after=self._looked_ahead_at,
            )
        self._looked_ahead_at = ahead.at
        if ahead.is_passed_over:
            self._look_again_s = min(_LOOK_AGAIN_S_MAX, 2 * self._look_again_s)
            return self._look_again_s
        self._look_again_s = _LOOK_AGAIN_S
        due_s, look_s = ahead.due_in_s, self._options.look_every_s
        return look_s if due_s is None else min(look_s, max(0.0, due_s))

    def _wanted(self) -> int:
        """How many more jobs would begin soon."""
        if not self._is_low() or len(self._finisher) > 2 * BATCH_MAX:
            return 0
        free = self._options.concurrency - len(self._running)
        return max(0, free + self._ahead() - len(self._ready))

    def _ahead(self) -> int:
        """How many jobs may wait here for their turn."""
        return min(_CLAIM_MAX, int(self._options.concurrency * _AHEAD_S / self._usual_s))

    def _is_low(self) -> bool:
        return len(self._ready) <= self._ahead() // 2

    async def _check(self, connection: Connection, worker_id: int) -> None:
        """What the database and this worker hold for its jobs must be the same."""
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            held = list(self._held)
            unknown = await queries.release_unknown(connection, worker_id=worker_id, held=held)
            for job_id in await queries.to_abort(connection, worker_id):
                self._abort(job_id)
        if unknown:
            _log.warning("jobs given back that were claimed without an answer", job_ids=unknown)

    # ---- running --------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Let as many jobs run as may run side by side."""
        while (
            self._ready
            and len(self._running) < self._options.concurrency
            and self.pulse.is_fresh
            and not self._stopping.is_set()
        ):
            job = self._ready.popleft()
            run = _Run(job, time.monotonic() + self._tasks[job.task_name].time_limit_s)
            task = asyncio.create_task(self._run(run), context=contextvars.Context())
            self._running[task] = run
            task.add_done_callback(self._ended)
            self._last_begin = time.monotonic()
        if self._is_low():
            self._room.set()

    async def _run(self, running: _Run) -> None:
        job = running.job
        began = time.monotonic()
        try:
            ended = await run(self._tasks[job.task_name], job, self._log)
        except asyncio.CancelledError as cancelled:
            ended = self._cut_off(running, cancelled)
        took_s = max(time.monotonic() - began, _TOOK_S_MIN)
        self._usual_s += (took_s - self._usual_s) * _WEIGHT_OF_ONE
        if ended.is_recorded:
            self._forget([job])
        else:
            self._finisher.put(ended)

    def _cut_off(self, running: _Run, cancelled: asyncio.CancelledError) -> Ended:
        job = running.job
        task = self._tasks[job.task_name]
        if running.reason == "too long":
            return failed(task, job, TookTooLong(f"over {task.time_limit_s:g} s"))
        if running.reason == "aborted":
            _log.warning("job aborted")
            return Ended(job=job, status=Status.ABORTED, error="aborted by an operator")
        if running.reason == "stopping":
            _log.warning("job cut off, handed back")
            return hand_back(job)
        return failed(task, job, cancelled)  # not by us: of something that it waited for

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._begin()

    def _abort(self, job_id: int) -> None:
        """Somebody wants this job to end."""
        for task, running in self._running.items():
            if running.job.id == job_id and not running.reason:
                running.reason = "aborted"
                task.cancel()

    def _holds(self, job: Claimed) -> bool:
        """Whether this is still the latest claim of the job."""
        return self._held.get(job.id) is job

    def _forget(self, jobs: Sequence[Claimed]) -> None:
        for job in jobs:
            if self._holds(job):
                del self._held[job.id]
        if any(job.is_locked for job in jobs):
            self._news.set()  # others of their locks may start
        self._room.set()
        if not self._held:
            self._empty.set()

    def _hand_back_ready(self) -> None:
        while self._ready:
            self._finisher.put(hand_back(self._ready.popleft()))

    def _drop_ready(self) -> None:
        """They have been given to others."""
        self._forget(list(self._ready))
        self._ready.clear()

    async def _watch(self) -> None:
        """Cut off what runs for too long; leave to others what waits here for too long.

        So a process that has slept hands all of it back, and begins none, before its next beat.
        """
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            now = time.monotonic()
            for task, running in self._running.items():
                if now > running.latest:
                    if running.reason:
                        self._log.error("job goes on though it was cut off", job_id=running.job.id)
                    running.reason = running.reason or "too long"
                    running.latest = now + _CUT_AGAIN_S
                    task.cancel()
            is_slow = now - self._last_claim > _SLOW_S
            is_stuck = now - max(self._last_begin, self._last_claim) > _STUCK_S
            if self._ready and (is_slow or is_stuck):
                _log.info("jobs handed back, this worker is busy", count=len(self._ready))
                self._usual_s = _SLOW_S
                self._hand_back_ready()

    # ---- stopping -------------------------------------------------------------------------------

    async def _wind_up(self, claims: asyncio.Task[None], beating: asyncio.Task[None]) -> None:
        cut_off_at = time.monotonic() + self._options.grace_s
        await asyncio.wait([claims], timeout=min(_CLAIM_ENDS_S, self._options.grace_s))
        await _end([claims])
        self._hand_back_ready()
        if self._running:
            _log.info("waiting for running jobs", count=len(self._running))
            left_s = max(0.0, cut_off_at - time.monotonic())
            await asyncio.wait(self._running, timeout=left_s)
        for task, running in self._running.items():
            running.reason = running.reason or "stopping"
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_CUT_OFF_S)
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._finisher.emptied()
                if not self._held:
                    await _end([beating])  # it would find its row gone, and begin anew
                    await self.pulse.end()
        except Exception as error:  # noqa: BLE001  others take over what is left
            _log.warning("stopped without the database", exc_info=error)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
