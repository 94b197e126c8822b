"""Binding a job's arguments to the function that does it, and how it is tried again."""

import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
import procrastinate.jobs
import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision

from app import queue

J = TypeVar("J", bound=queue.Job)
Handler = Callable[[J], Awaitable[None]]

ATTEMPTS_MAX: Final = 25
_FIRST_WAIT_S: Final = 2.0
_WAIT_S_MAX: Final = 300.0

_log = structlog.get_logger(__name__)


class Backoff(BaseRetryStrategy):
    """Exponential waits, capped, with full jitter; who gave up stays `failed` in the queue."""

    def get_retry_decision(
        self,
        *,
        exception: BaseException,  # noqa: ARG002
        job: procrastinate.jobs.Job,
    ) -> RetryDecision | None:
        if job.attempts + 1 >= ATTEMPTS_MAX:
            return None
        ceiling = min(_WAIT_S_MAX, _FIRST_WAIT_S * 2**job.attempts)
        wait_s = random.uniform(0, ceiling)  # noqa: S311  spreads load, keeps no secret
        return RetryDecision(retry_in={"milliseconds": int(wait_s * 1000)})


def handles(kind: type[J]) -> Callable[[Handler[J]], Handler[J]]:
    """Make a function the one that does jobs of this kind. It may run twice: be idempotent."""

    def register(function: Handler[J]) -> Handler[J]:
        async def run(context: JobContext, **arguments: Any) -> None:
            job = msgspec.convert(arguments, kind)
            with structlog.contextvars.bound_contextvars(
                job_id=context.job.id, job=kind.name, attempt=context.job.attempts + 1
            ):
                await function(job)
                _log.info("job done")

        queue.broker.task(name=kind.name, queue=kind.queue, pass_context=True, retry=Backoff())(run)
        return function

    return register
