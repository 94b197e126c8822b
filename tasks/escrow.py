"""Money out: pots released when their window closes, refunds and transfers sent and followed up."""

import structlog

from app import queue
from app.breaker import actions as breaker
from app.db import transaction
from app.escrow import actions as escrow
from app.instructions import actions as instructions
from app.instructions.model import InstructionKind
from app.money_out import stories
from app.payouts import actions as payouts
from tasks.runner.handlers import handles
from tasks.sweeps import sweep

_BATCH = 100

_log = structlog.get_logger(__name__)


@handles(queue.CarryOut)
async def carry_out(job: queue.CarryOut) -> None:
    """Send a refund or transfer to its gateway."""
    await stories.carry_out(job.instruction_id)


@handles(queue.LookUp)
async def look_up(job: queue.LookUp) -> None:
    """Ask the gateway what became of a refund or transfer, and book the answer once."""
    await stories.look_up(job.instruction_id)


@handles(queue.LetOut)
async def let_out(job: queue.LetOut) -> None:  # noqa: ARG001  it says all by being there
    """Let automatic refunds past the breaker, as many as this run still may."""
    async with transaction() as tx:
        await breaker.let_out(tx)


async def release_escrow(limit: int) -> int:
    """Release pots whose window has closed, in batches; returns how many.

    One bad pot fails its whole batch: what is left is then released one by one, past the bad.
    """
    released = 0
    while released < limit:
        try:
            async with transaction() as tx:
                count = await escrow.release_due(tx, limit=min(_BATCH, limit - released))
        except Exception as error:  # noqa: BLE001  whatever it is, most pots have no part in it
            _log.warning("a batch failed; its pots go one by one", exc_info=error)
            return released + await _release_singly(limit - released)
        released += count
        if count < _BATCH:
            break
    return released


async def _release_singly(limit: int) -> int:
    return await sweep("release-escrow", pick=escrow.next_due, act=escrow.release, limit=limit)


async def resolve_unknown(limit: int) -> int:
    """Ask about instructions whose end is open, and send transfers that nobody is sending."""
    await sweep("resolve-unknown", pick=payouts.next_resumable, act=payouts.resume, limit=limit)
    async with transaction() as tx:
        sent = await instructions.send_due(tx, InstructionKind.TRANSFER, limit=limit)
        return sent + await instructions.look_up_due(tx, limit=limit)


async def process_refunds(limit: int) -> int:
    """Send refunds that wait at the breaker, or whose job was lost, and try failed ones again.

    Returns how many.
    """
    async with transaction() as tx:
        let_out = await breaker.let_out(tx)
    async with transaction() as tx:
        sent = await instructions.send_due(tx, InstructionKind.REFUND, limit=limit)
        return let_out + sent + await instructions.retry_refunds(tx, limit=limit)


async def retry_failed_transfers(limit: int) -> int:
    """Try failed transfers again; returns how many."""
    async with transaction() as tx:
        return await payouts.retry_failed(tx, limit=limit)
