"""The worker: takes jobs and runs them side by side; only a request to stop ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.foundation.settings import instance
from tasks.runner.crew import Crew
from tasks.runner.handlers import Task
from tasks.runner.heartbeat import Heartbeat
from tasks.runner.model import Options, WorkerDescription
from tasks.runner.stopping import cancel, wind_up
from tasks.runner.supervisor import supervise
from tasks.runner.taking import Taker


class Worker:
    """One worker: it takes jobs, runs them in its crew, and winds up when it is stopped.

    Each job that it takes it finishes or hands back; the reaper takes back those that it loses.
    """

    def __init__(self, tasks: Mapping[str, Task], options: Options) -> None:
        self._options = options
        self._stopping = asyncio.Event()
        self._look = asyncio.Event()  # for jobs: some may have come that nobody has looked for
        self._crew = Crew(
            tasks,
            url=options.url,
            concurrency=options.concurrency,
            may_begin=self._may_begin,
            on_lock_free=self._look.set,
        )
        self.heartbeat = Heartbeat(
            options.url,
            description=_describe(tasks, options),
            every_s=options.heartbeat_s,
            stalled_s=options.stalled_s,
            on_jobs=self._look.set,
            on_abort=self._crew.abort,
            on_removed=self._crew.drop_waiting,
        )
        self._taker = Taker(
            list(tasks),
            options,
            crew=self._crew,
            heartbeat=self.heartbeat,
            look=self._look,
            stopping=self._stopping,
        )

    def stop(self) -> None:
        """Take no more jobs, finish what runs within the grace period, hand the rest back."""
        self._stopping.set()
        self._look.set()
        self._crew.has_room.set()

    async def run(self) -> None:
        """Work until stop() is called."""
        await self._run(is_single_look=False)

    async def run_what_is_due(self) -> None:
        """Run the jobs that may start now, and none that come later."""
        await self._run(is_single_look=True)

    async def _run(self, *, is_single_look: bool) -> None:
        never = asyncio.Event()
        beating = _supervised("heartbeat", self.heartbeat.run, never)
        taking = _supervised("take", lambda: self._take(is_single_look), self._stopping)
        loops = [
            beating,
            _supervised("finish", self._crew.finisher.run, never),
            _supervised("watch", self._crew.watch, never),
        ]
        try:
            await self._stopping.wait()
            await wind_up(
                self._crew,
                self.heartbeat,
                grace_s=self._options.grace_s,
                taking=taking,
                beating=beating,
            )
        finally:
            await cancel([taking])
            await cancel(loops)

    async def _take(self, is_single_look: bool) -> None:
        await self._taker.run(is_single_look=is_single_look)
        if is_single_look:
            await self._crew.wait_until_empty()
            self.stop()

    def _may_begin(self) -> bool:
        return self.heartbeat.is_fresh and not self._stopping.is_set()


def _describe(tasks: Mapping[str, Task], options: Options) -> WorkerDescription:
    return WorkerDescription(
        instance=instance(),
        queues=options.queues,
        tasks=tuple(sorted(tasks)),
        held_tasks=tuple(sorted(task.name for task in tasks.values() if not task.runs_again)),
        concurrency=options.concurrency,
    )


def _supervised(
    name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> asyncio.Task[None]:
    return asyncio.create_task(supervise(name, run, stopping))
