"""Periodic jobs: each tick is queued once, on time, by the first worker that sees it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
from croniter import croniter

from app.foundation.clipping import message
from app.foundation.db import transaction
from app.foundation.locks import LockBusy
from app.foundation.settings import instance
from tasks.runner import timer_queries as queries
from tasks.runner.handlers import Retries, Task
from tasks.runner.model import RunOutcome, TakenJob

_LOOK_EVERY_S: Final = 60.0  # in case the server's clock was set meanwhile
_RETRIES: Final = Retries(attempts_max=5)  # the next tick does the work of one that gave up

_log = structlog.get_logger(__name__)


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is due at each time that `cron` (UTC) names.

    `run` returns how much it did; it raises LockBusy if another process runs the same task now. A
    tick that was missed is made up for if it is at most `within` ago; of several, only the last.
    """

    name: str
    cron: str
    run: Callable[[], Awaitable[int]]
    within: timedelta = timedelta(hours=1)
    time_limit: timedelta = timedelta(minutes=10)


class _Arguments(msgspec.Struct, frozen=True):
    timestamp: int


def task_of(timer: Timer) -> Task:
    """The task that a tick of this timer queues; each of its runs is recorded."""
    read = msgspec.json.Decoder(_Arguments).decode

    async def run(job: TakenJob) -> None:
        async with transaction() as tx:
            run_id = await queries.begin_run(
                tx, job, tick=read(job.args).timestamp, instance=instance()
            )
        try:
            count = await timer.run()
        except LockBusy as busy:
            await _end(run_id, RunOutcome.SKIPPED, error=str(busy))
            _log.info("periodic job skipped", why=str(busy))
        except asyncio.CancelledError:
            await _end(run_id, RunOutcome.FAILED, error="cut off")
            raise
        except Exception as error:
            await _end(run_id, RunOutcome.FAILED, error=message(error))
            raise
        else:
            await _end(run_id, RunOutcome.DONE, count=count)
            _log.info("periodic job done", count=count)

    return Task(
        name=timer.name,
        run=run,
        retries=_RETRIES,
        time_limit_s=timer.time_limit.total_seconds(),
    )


async def _end(
    run_id: int, outcome: RunOutcome, *, count: int | None = None, error: str | None = None
) -> None:
    async with transaction() as tx:
        await queries.end_run(tx, run_id, outcome, count=count, error=error)


async def tick_forever(timers: Sequence[Timer]) -> None:
    """Queue each timer's job at each of its ticks."""
    ordered = sorted(timers, key=lambda timer: timer.name)
    names = [timer.name for timer in ordered]
    crons = [timer.cron for timer in ordered]
    within_s = [timer.within.total_seconds() for timer in ordered]
    async with transaction() as tx:
        started_at = await queries.server_time(tx)
    while True:
        async with transaction() as tx:
            now, read_at = await queries.server_time(tx), time.monotonic()
            ticks = [last_tick(timer.cron, now) for timer in ordered]
            following = [next_tick(timer.cron, now) for timer in ordered]
            await queries.begin_timers(
                tx, names=names, crons=crons, ticks=ticks, nexts=following, started_at=started_at
            )
            queued = await queries.move_timers(
                tx, names=names, crons=crons, ticks=ticks, within_s=within_s
            )
        if queued:
            _log.info("periodic jobs queued", names=queued)
        ahead_s = (min(following) - now).total_seconds()
        await asyncio.sleep(min(_LOOK_EVERY_S, ahead_s - (time.monotonic() - read_at)))


def last_tick(cron: str, now: datetime) -> datetime:
    """The latest tick that is not in the future."""
    after = now.replace(microsecond=0) + timedelta(seconds=1)
    return croniter(cron, after).get_prev(datetime)


def next_tick(cron: str, now: datetime) -> datetime:
    """The earliest tick in the future."""
    return croniter(cron, now).get_next(datetime)
