"""Trigger a periodic job and wait for its end, without a transaction meanwhile."""

import asyncio
import time
from typing import Final

from app.foundation.audit import Actor
from app.foundation.db import transaction
from app.operations.jobs import actions
from app.operations.jobs.model import RunState, Triggered, TriggerReply

_FIRST_LOOK_AFTER_S: Final = 0.05
_LOOK_AFTER_S_MAX: Final = 0.5


async def trigger(name: str, *, wait_s: float, by: Actor, reason: str) -> TriggerReply:
    """Run a periodic job now, and wait up to `wait_s` seconds for the end of its run.

    Raises PeriodicJobNotFound.
    """
    async with transaction() as tx:
        triggered = await actions.trigger(tx, name, by=by, reason=reason)
    give_up_at, pause_s = time.monotonic() + wait_s, _FIRST_LOOK_AFTER_S
    reply = TriggerReply(name=triggered.name, job_id=triggered.job_id, run=None)
    while not _has_ended(reply) and (left_s := give_up_at - time.monotonic()) > 0:
        await asyncio.sleep(min(pause_s, left_s))
        pause_s = min(_LOOK_AFTER_S_MAX, pause_s * 1.5)
        reply = await _look(triggered)
    return reply


async def _look(triggered: Triggered) -> TriggerReply:
    async with transaction() as tx:
        run = await actions.find_run(tx, triggered)
    return TriggerReply(name=triggered.name, job_id=triggered.job_id, run=run)


def _has_ended(reply: TriggerReply) -> bool:
    return reply.run is not None and reply.run.state is not RunState.RUNNING
