"""Stopping a worker: within the grace period, and with as little left behind as possible.

The platform sends SIGTERM and kills the process 30 s later. With the usual grace period of 25 s
and the 4 s of _CUT_OFF_S and _FINISH_S there is one second to spare.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from tasks.runner.crew import Crew
from tasks.runner.heartbeat import Heartbeat

# A take that is under way: without its answer nobody would hand the jobs back, and they would wait
# until the worker counts as lost. Most of them answer within milliseconds.
_LAST_TAKE_S: Final = 3.0
_CUT_OFF_S: Final = 1.5  # for cancelled jobs to clean up
_FINISH_S: Final = 2.5  # to write how jobs ended; what is not written waits for the reaper

_log = structlog.get_logger(__name__)


async def wind_up(
    crew: Crew,
    heartbeat: Heartbeat,
    *,
    grace_s: float,
    taking: asyncio.Task[None],
    beating: asyncio.Task[None],
) -> None:
    """Take no more jobs, wait for those that run, cut off the rest, and say how all of them ended.

    `taking` and `beating` are the loops that take jobs and show that this worker is alive.
    """
    cut_off_at = time.monotonic() + grace_s
    await asyncio.wait([taking], timeout=min(_LAST_TAKE_S, grace_s))
    await cancel([taking])
    crew.hand_back_waiting()
    await crew.finish_within(cut_off_at - time.monotonic())
    await crew.cut_off(within_s=_CUT_OFF_S)
    try:
        async with asyncio.timeout(_FINISH_S):
            await crew.finisher.wait_until_empty()
            if not crew.job_ids:
                await cancel([beating])  # it would find its row gone, and register again
                await heartbeat.unregister()
    except Exception as error:  # noqa: BLE001  others take over what is left
        _log.warning("stopped without the database", exc_info=error)


async def cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel loops, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
