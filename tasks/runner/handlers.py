"""Tasks: the function that runs the jobs of each, its retries, and its time limit."""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from app.foundation import queue
from tasks.runner.model import TakenJob, WhenLost

J = TypeVar("J", bound=queue.Job)
Handler = Callable[[J], Awaitable[None]]

_TIME_LIMIT_S: Final = 300.0  # far more than any job needs that does not wait for something lost


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential waits, capped, with full jitter.

    A job that has failed in its last attempt stays in the queue as a dead letter.
    """

    attempts_max: int = 25
    first_wait_s: float = 2.0
    wait_s_max: float = 300.0

    def wait_s(self, attempts: int) -> float | None:
        """How long to wait after so many failed attempts; None if that was the last one."""
        if attempts >= self.attempts_max:
            return None
        ceiling = min(self.wait_s_max, self.first_wait_s * 2 ** (attempts - 1))
        return random.uniform(0, ceiling)  # noqa: S311  spreads load, keeps no secret


ONCE: Final = Retries(attempts_max=1)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to know of a task. `run` may run twice for one job: it is idempotent."""

    name: str
    run: Callable[[TakenJob], Awaitable[None]]
    retries: Retries = Retries()
    time_limit_s: float = _TIME_LIMIT_S
    when_lost: WhenLost = WhenLost.AGAIN

    @property
    def runs_again(self) -> bool:
        """Whether to run a job again if its worker was lost while running it."""
        return self.when_lost is WhenLost.AGAIN and self.retries.wait_s(1) is not None


# Filled by importing the modules of tasks/: each registers its tasks.
TASKS: Final[dict[str, Task]] = {}


def add_task(task: Task) -> None:
    """Let workers of this process run a task. Its name is a contract with jobs already queued."""
    if task.name in TASKS:
        raise ValueError(f"two tasks are named {task.name}")
    TASKS[task.name] = task


def handles(
    kind: type[J],
    *,
    retries: Retries = Retries(),  # noqa: B008  frozen
    time_limit_s: float = _TIME_LIMIT_S,
    when_lost: WhenLost = WhenLost.AGAIN,
) -> Callable[[Handler[J]], Handler[J]]:
    """Make a function run jobs of this kind. It may run twice for one job: it is idempotent."""
    read = msgspec.json.Decoder(kind).decode

    def register(function: Handler[J]) -> Handler[J]:
        async def run(job: TakenJob) -> None:
            await function(read(job.args))

        for name in (kind.name, *kind.aliases):
            add_task(
                Task(
                    name=name,
                    run=run,
                    retries=retries,
                    time_limit_s=time_limit_s,
                    when_lost=when_lost,
                )
            )
        return function

    return register
