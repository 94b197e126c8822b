"""What can be run: each task with its function, how it is tried again, and for how long it runs."""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from app.foundation import queue
from tasks.runner.model import Claimed, WhenLost

J = TypeVar("J", bound=queue.Job)
Handler = Callable[[J], Awaitable[None]]

_TIME_LIMIT_S: Final = 300.0


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential waits, capped, with full jitter; a job that gave up stays as a dead letter."""

    attempts_max: int = 25
    first_wait_s: float = 2.0
    wait_s_max: float = 300.0

    def wait_s(self, attempts: int) -> float | None:
        """How long to wait after so many failed attempts; None: give up."""
        if attempts >= self.attempts_max:
            return None
        ceiling = min(self.wait_s_max, self.first_wait_s * 2 ** (attempts - 1))
        return random.uniform(0, ceiling)  # noqa: S311  spreads load, keeps no secret


ONCE: Final = Retries(attempts_max=1)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to know of a task. `run` may run twice for a job: be idempotent."""

    name: str
    run: Callable[[Claimed], Awaitable[None]]
    retries: Retries = Retries()
    time_limit_s: float = _TIME_LIMIT_S
    when_lost: WhenLost = WhenLost.AGAIN

    @property
    def runs_again(self) -> bool:
        """Whether a job may be run once more whose worker was lost over it."""
        return self.when_lost is WhenLost.AGAIN and self.retries.wait_s(1) is not None


# Importing a module of stories fills this.
TASKS: Final[dict[str, Task]] = {}


def add_task(task: Task) -> None:
    """Let workers of this process run a task. A name is a contract with jobs already queued."""
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
    """Make a function the one that does jobs of this kind. It may run twice: be idempotent."""
    read = msgspec.json.Decoder(kind).decode

    def register(function: Handler[J]) -> Handler[J]:
        async def run(job: Claimed) -> None:
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
