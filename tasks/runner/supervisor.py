"""Keeping loops alive: whatever ends one, it is begun again, a little later each time."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

_FIRST_WAIT_S = 0.2
_WAIT_S_MAX = 5.0
_STEADY_S = 30.0

_log = structlog.get_logger(__name__)


async def supervise(name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run until it returns by itself; if it fails, wait (jittered, up to 5 s) and run it again.

    Any failure counts: a lost database must not end a worker, nor must a defect in a loop.
    """
    wait_s = _FIRST_WAIT_S
    while not stopping.is_set():
        started = time.monotonic()
        try:
            await run()
        except Exception as error:  # noqa: BLE001  whatever it is, it is logged and begun again
            _log.exception("loop failed, restarting", loop=name, exc_info=error)
        else:
            return
        if time.monotonic() - started > _STEADY_S:
            wait_s = _FIRST_WAIT_S
        await _pause(wait_s * random.uniform(0.5, 1.5), stopping)  # noqa: S311
        wait_s = min(_WAIT_S_MAX, wait_s * 2)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
