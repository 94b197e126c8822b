"""The worker process: opens the pools, imports the handlers, runs jobs until it is stopped."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

import structlog
import uvloop

from app.edge.calls.stories import CallRecorder
from app.edge.gateways.registry import close_gateways, open_gateways
from app.edge.gateways.retries import PATIENCE_OF_JOBS_S
from app.foundation import db
from app.foundation.business_clock import refuse_moved_clock
from app.foundation.logs import configure_logs
from app.foundation.settings import Settings, settings
from tasks import (
    chargebacks,
    checkout,
    movements,
    notifications,
    reconciliation,
    refund_gate,
    schedule,
    sending,
    webhooks,
)
from tasks.runner.handlers import TASKS
from tasks.runner.reaping import reap_forever
from tasks.runner.supervisor import supervise
from tasks.runner.timers import tick_forever
from tasks.runner.worker import Options, Worker

# Importing a file of tasks registers its handlers; these are all that this worker knows.
STORIES = (
    chargebacks, checkout, movements, notifications, reconciliation, refund_gate, schedule,
    sending, webhooks,
)  # fmt: skip

_LEAVE_AFTER_S: Final = 4.5  # beyond the grace period: half a second before Heroku kills

_log = structlog.get_logger(__name__)


def main(*, queues: Sequence[str] = (), concurrency: int | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; then finish what runs, within the grace period."""
    configure_logs(settings().log_level, json=not settings().is_development)
    uvloop.run(run(queues=queues, concurrency=concurrency))


async def run(*, queues: Sequence[str] = (), concurrency: int | None = None) -> None:
    """Run a worker inside a running loop, on these queues; if none is named, on all queues."""
    options = _options(settings(), queues, concurrency)
    worker = Worker(TASKS, options)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _stop, worker, options.grace_s)
    await db.open_pool(settings().database_url, size_max=settings().database_pool_size_max)
    recorder = CallRecorder()
    open_gateways(settings(), recorder=recorder, patience_s=PATIENCE_OF_JOBS_S)
    try:
        if settings().is_production:
            async with db.transaction() as tx:
                await refuse_moved_clock(tx)
        _log.info("worker started", concurrency=options.concurrency, queues=options.queues)
        await _work(worker, options)
    finally:
        await close_gateways()
        await recorder.finish()
        await db.close_pool()
    _log.info("worker stopped")


def _stop(worker: Worker, grace_s: float) -> None:
    worker.stop()
    leaving = threading.Timer(grace_s + _LEAVE_AFTER_S, _leave)
    leaving.daemon = True
    leaving.start()


def _leave() -> None:
    """End now: a job does not end although it was cut off, or the database does not answer.

    Other workers take over what this one held, as if it had been killed.
    """
    _log.warning("worker ends although a job or the database does not")
    sys.stdout.flush()
    os._exit(0)


async def _work(worker: Worker, options: Options) -> None:
    """Run the worker, and beside it the reaper of lost jobs and the timers of the schedule."""
    never = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        loops = [
            group.create_task(supervise(name, run, never))
            for name, run in {
                "reap": lambda: reap_forever(TASKS, worker.heartbeat, stalled_s=options.stalled_s),
                "tick": lambda: tick_forever(schedule.TIMERS),
            }.items()
        ]
        await worker.run()
        for loop in loops:
            loop.cancel()


def _options(given: Settings, queues: Sequence[str], concurrency: int | None) -> Options:
    return Options(
        url=given.direct_url,
        queues=tuple(queues) or None,
        concurrency=concurrency or given.worker_concurrency,
        grace_s=given.worker_grace_seconds,
        heartbeat_s=given.worker_heartbeat_seconds,
        stalled_s=given.worker_stalled_seconds,
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
