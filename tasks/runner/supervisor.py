"""Keeping loops alive: one that fails is started again, a little later each time."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

_FIRST_WAIT_S: Final = 0.2  # a lost connection can mostly be replaced at once
_WAIT_S_MAX: Final = 5.0  # the longest that a worker rests once the database is back
_STEADY_S: Final = 30.0  # a loop that ran for so long has recovered: the waits begin anew

_log = structlog.get_logger(__name__)


async def supervise(name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a loop until it returns; if it fails, wait (jittered, up to 5 s) and run it again.

    Any failure counts: neither a lost database nor a defect in a loop may end a worker.
    """
    wait_s = _FIRST_WAIT_S
    while not stopping.is_set():
        started = time.monotonic()
        try:
            await run()
        except Exception as error:  # noqa: BLE001  all are logged
            _log.exception("loop failed, restarting", loop=name, exc_info=error)
        else:
            return
        if time.monotonic() - started > _STEADY_S:
            wait_s = _FIRST_WAIT_S
        await _pause(wait_s * random.uniform(0.5, 1.5), stopping)  # noqa: S311  spreads load
        wait_s = min(_WAIT_S_MAX, wait_s * 2)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
