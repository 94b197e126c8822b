"""The queue against a model of it: after any events in any order, both have the same jobs."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.foundation import db
from app.foundation.db import Connection, Violated, execute, fetch_all, fetch_new_value
from tasks.runner import queries
from tasks.runner.handlers import Retries, Task
from tasks.runner.model import Ended, Status, TakenJob
from tasks.runner.reaping import reap
from tests.health_checks import EVERY_CHECK
from tests.size import FULL

T = TypeVar("T")

HOUR_S = 3_600.0
STALLED_S = 30.0
TASKS_KNOWN = ("a", "b")
QUEUES = st.sampled_from((None, None, ("q",), ("r", "q")))


async def _nothing(_job: TakenJob) -> None:
    return None


TASKS = {
    name: Task(name=name, run=_nothing, retries=Retries(attempts_max=4)) for name in TASKS_KNOWN
}


class Job:
    """A job in the model."""

    def __init__(
        self, queue: str, task: str, priority: int, lock: str | None, queueing: str | None
    ) -> None:
        self.queue = queue
        self.task = task
        self.priority = priority
        self.lock = lock
        self.queueing = queueing
        self.status = "todo"
        self.attempts = 0
        self.is_scheduled = False
        self.is_future = False
        self.holder = 0


class Seen(msgspec.Struct, frozen=True):
    id: int
    status: str
    attempts: int
    worker_id: int | None


class Queue(RuleBasedStateMachine):
    """Three workers, two tasks, a few locks; a job that was ever taken may be finished any time."""

    loop: asyncio.AbstractEventLoop
    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Job] = {}
        self.taken: list[TakenJob] = []
        self.paused: set[tuple[str, str]] = set()
        self.dead: set[int] = set()

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    def sql(self, sql: Any, **params: Any) -> int:
        return self.do(execute(self.connection, sql, **params))

    @initialize()
    def begin(self) -> None:
        self.sql("TRUNCATE procrastinate_jobs, procrastinate_workers, job_pauses CASCADE")
        self.workers = [self.do(queries.register(self.connection)) for _ in range(3)]

    # ---- what may happen --------------------------------------------------------------------

    @rule(
        queue=st.sampled_from(("q", "q", "r")),
        task=st.sampled_from((*TASKS_KNOWN, "unknown")),
        priority=st.integers(-1, 2),
        lock=st.sampled_from((None, None, "x", "y")),
        queueing=st.sampled_from((None, None, "k")),
        is_future=st.booleans(),
    )
    def enqueue(
        self,
        *,
        queue: str,
        task: str,
        priority: int,
        lock: str | None,
        queueing: str | None,
        is_future: bool,
    ) -> None:
        is_refused = self._is_queued(queueing)
        sql = """
            INSERT INTO procrastinate_jobs
                   (queue_name, task_name, priority, lock, queueing_lock, scheduled_at)
            VALUES (%(queue)s, %(task)s, %(priority)s, %(lock)s, %(queueing)s,
                    now() + make_interval(secs => %(in_s)s))
            RETURNING id"""
        adding = fetch_new_value(
            self.connection,
            int,
            sql,
            queue=queue,
            task=task,
            priority=priority,
            lock=lock,
            queueing=queueing,
            in_s=HOUR_S if is_future else None,
        )
        if is_refused:
            with pytest.raises(Violated):
                self.do(adding)
            return
        job = self.jobs[self.do(adding)] = Job(queue, task, priority, lock, queueing)
        job.is_scheduled = job.is_future = is_future

    @rule(worker=st.integers(0, 2), limit=st.integers(1, 6), queues=QUEUES)
    def take(self, worker: int, limit: int, queues: tuple[str, ...] | None) -> None:
        may = [id_ for id_, job in self.jobs.items() if self._may_start(id_, job, queues)]
        may.sort(key=lambda id_: (-self.jobs[id_].priority, id_))
        worker_id = self.workers[worker]
        jobs = self.do(
            queries.take_jobs(
                self.connection,
                worker_id=worker_id,
                queues=queues,
                tasks=TASKS_KNOWN,
                limit=limit,
            )
        )
        got = [job.id for job in jobs]
        if sum(self.jobs[id_].is_scheduled for id_ in may) <= limit:
            assert got == may[:limit]
        assert set(got) <= set(may)
        most_urgent = [self.jobs[id_].priority for id_ in may[:limit]]
        assert [job.priority for job in jobs] == most_urgent
        for taken in jobs:
            job = self.jobs[taken.id]
            assert taken.attempts == job.attempts
            job.status, job.holder = "doing", worker_id
        self.taken += jobs

    @rule(queues=QUEUES)
    def look_ahead(self, queues: tuple[str, ...] | None) -> None:
        looking = queries.look_ahead(self.connection, queues=queues, tasks=TASKS_KNOWN, after=None)
        may = any(self._may_start(id_, job, queues) for id_, job in self.jobs.items())
        assert self.do(looking).is_job_waiting == may

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        taken = data.draw(st.sampled_from(self.taken))
        accepted = self.do(queries.finish_succeeded(self.connection, [taken]))
        assert bool(accepted) == self._is_current(taken)
        if accepted:
            self._end(self.jobs[taken.id], "succeeded", counts=True)

    @precondition(lambda self: self.taken)
    @rule(
        data=st.data(),
        status=st.sampled_from((Status.TODO, Status.FAILED)),
        counts=st.booleans(),
        wait_s=st.sampled_from((None, 0.0, HOUR_S)),
    )
    def end(self, data: st.DataObject, status: Status, counts: bool, wait_s: float | None) -> None:
        """An attempt ends: retried at once or later, handed back, or given up."""
        taken = data.draw(st.sampled_from(self.taken))
        ended = Ended(job=taken, status=status, counts=counts, wait_s=wait_s, error="e")
        accepted = self.do(queries.finish(self.connection, [ended]))
        assert bool(accepted) == self._is_current(taken)
        if accepted:
            job = self.jobs[taken.id]
            self._end(job, status, counts=counts)
            if wait_s:
                job.is_scheduled = job.is_future = True

    @rule(worker=st.integers(0, 2))
    def crash(self, worker: int) -> None:
        """A worker has no heartbeat any more; another one takes its place."""
        self.dead.add(self.workers[worker])
        self.sql(
            """
            UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'
             WHERE id = %(id)s""",
            id=self.workers[worker],
        )
        self.workers[worker] = self.do(queries.register(self.connection))

    @rule()
    def reap(self) -> None:
        lost = [job for job in self.jobs.values() if job.holder in self.dead]
        assert self.do(reap(TASKS, stalled_s=STALLED_S)) == len(lost)
        for id_, job in sorted(self.jobs.items()):
            if job in lost:
                is_last = (
                    job.task in TASKS and job.attempts + 1 >= TASKS[job.task].retries.attempts_max
                )
                self._end(self.jobs[id_], "failed" if is_last else "todo", counts=True)

    @rule(what=st.sampled_from((*(("task", name) for name in TASKS_KNOWN), ("queue", "r"))))
    def pause_or_resume(self, what: tuple[str, str]) -> None:
        kind, name = what
        if what in self.paused:
            self.sql("DELETE FROM job_pauses WHERE name = %(name)s", name=name)
        else:
            self.sql(
                "INSERT INTO job_pauses (kind, name) VALUES (%(kind)s, %(name)s)",
                kind=kind,
                name=name,
            )
        self.paused ^= {what}

    @rule()
    def time_passes(self) -> None:
        self.sql(
            "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 s'"
            " WHERE scheduled_at > now()"
        )
        for job in self.jobs.values():
            job.is_future = False

    # ---- what must be so --------------------------------------------------------------------

    @invariant()
    def queue_and_model_have_the_same_jobs(self) -> None:
        sql = """
            SELECT id, status::text, attempts,
                   CASE WHEN status = 'doing' THEN worker_id END AS worker_id
              FROM procrastinate_jobs ORDER BY id"""
        seen = {s.id: s for s in self.do(fetch_all(self.connection, Seen, sql))}
        assert {id_: (s.status, s.attempts, s.worker_id or 0) for id_, s in seen.items()} == {
            id_: (job.status, job.attempts, job.holder) for id_, job in self.jobs.items()
        }

    # ---- the model --------------------------------------------------------------------------

    def _is_queued(self, queueing: str | None, but: Job | None = None) -> bool:
        return queueing is not None and any(
            job.status == "todo" and job.queueing == queueing and job is not but
            for job in self.jobs.values()
        )

    def _may_start(self, id_: int, job: Job, queues: tuple[str, ...] | None) -> bool:
        if job.status != "todo" or job.is_future:
            return False
        if job.task not in TASKS_KNOWN or (queues is not None and job.queue not in queues):
            return False
        if ("task", job.task) in self.paused or ("queue", job.queue) in self.paused:
            return False
        same_lock = [(i, j) for i, j in self.jobs.items() if job.lock and j.lock == job.lock]
        if any(j.status == "doing" for _, j in same_lock):
            return False
        waiting = [(-j.priority, i) for i, j in same_lock if j.status == "todo" and not j.is_future]
        return not waiting or min(waiting) == (-job.priority, id_)

    def _is_current(self, taken: TakenJob) -> bool:
        job = self.jobs[taken.id]
        return (job.status, job.holder, job.attempts) == (
            "doing",
            taken.worker_id,
            taken.attempts,
        )

    def _end(self, job: Job, status: str, *, counts: bool) -> None:
        if status == "todo" and self._is_queued(job.queueing, but=job):
            status = "aborted"
        job.status, job.holder = str(status), 0
        job.attempts += counts


def test_queue_and_model_agree_after_any_events(database_url: str) -> None:
    loop = asyncio.new_event_loop()

    async def open_all() -> Connection:
        await db.open_pool(database_url, size_max=2)
        connection = await Connection.connect(database_url, autocommit=True)
        await queries.prepare(connection)
        return connection

    Queue.loop, Queue.connection = loop, loop.run_until_complete(open_all())
    try:
        run_state_machine_as_test(
            Queue,
            settings=settings(
                max_examples=1_000 if FULL else 60,
                stateful_step_count=50 if FULL else 30,
                deadline=None,
                database=None,
                suppress_health_check=EVERY_CHECK,
            ),
        )
    finally:
        loop.run_until_complete(Queue.connection.close())
        loop.run_until_complete(db.close_pool())
        loop.close()
