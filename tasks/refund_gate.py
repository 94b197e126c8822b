"""The refund gate: automatic refunds are admitted, as many and as much as a run may send."""

from functools import partial

from app.flows.sending import actions as sending
from app.foundation import queue
from app.foundation.db import transaction
from app.foundation.settings import settings
from app.money.instructions import actions as instructions
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn, sweep_in_batches

# The subjects of open alerts begin with it: under another name they would never be resolved.
_SWEEP = "let-out"


@handles(queue.AdmitRefunds)
async def admit(job: queue.AdmitRefunds) -> None:  # noqa: ARG001  it has no arguments
    """Admit automatic refunds through the refund gate, as many as this run still may."""
    await admit_refunds()


async def admit_refunds() -> int:
    """Admit automatic refunds, and alert about those that wait then; returns how many go out.

    The alert is raised or resolved also where admitting has failed.
    """
    admitting = partial(
        sweep_in_batches,
        _SWEEP,
        batch=sending.admit_refunds,
        pick=sending.next_to_admit,
        act=instructions.admit_one,
        limit=settings().breaker_refunds,
    )
    return await in_turn(admitting, _alert)


async def _alert() -> int:
    async with transaction() as tx:
        await instructions.alert_waiting_refunds(tx)
    return 0
