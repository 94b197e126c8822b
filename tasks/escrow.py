"""Money out: pots released when their window closes, refunds and transfers sent and followed up."""

from functools import partial

from app.flows.sending import stories
from app.foundation import queue
from app.foundation.db import transaction
from app.foundation.settings import settings
from app.money.breaker import actions as breaker
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payouts import actions as payouts
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn, sweep, sweep_in_batches


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
    await _let_out()


async def release_escrow(limit: int) -> int:
    """Release pots whose window has closed; returns how many."""
    return await sweep_in_batches(
        "release-escrow",
        batch=escrow.release_due,
        pick=escrow.next_due,
        act=escrow.release,
        limit=limit,
    )


async def resolve_unknown(limit: int) -> int:
    """Ask about instructions whose end is open, and send transfers that nobody is sending.

    Returns how many.
    """

    async def resume() -> int:
        return await sweep(
            "resume-transfers", pick=payouts.next_resumable, act=payouts.resume, limit=limit
        )

    async def look_up_due() -> int:
        async with transaction() as tx:
            return await instructions.look_up_due(tx, limit=limit)

    return await in_turn(resume, partial(_send_due, InstructionKind.TRANSFER, limit), look_up_due)


async def process_refunds(limit: int) -> int:
    """Send refunds that wait at the breaker, or whose job was lost, and try failed ones again.

    Returns how many.
    """

    async def retry() -> int:
        return await sweep(
            "process-refunds",
            pick=instructions.next_failed_refund,
            act=instructions.retry_refund,
            limit=limit,
        )

    return await in_turn(_let_out, partial(_send_due, InstructionKind.REFUND, limit), retry)


async def retry_failed_transfers(limit: int) -> int:
    """Try failed transfers again; returns how many."""
    return await sweep(
        "retry-failed-transfers",
        pick=payouts.next_failed,
        act=payouts.retry_failed,
        limit=limit,
    )


async def _let_out() -> int:
    """As many as the breaker lets; what waits then is told of in any case."""

    async def tell() -> int:
        async with transaction() as tx:
            await breaker.tell(tx)
        return 0

    sweeping = partial(
        sweep_in_batches,
        "let-out",
        batch=breaker.let_out,
        pick=breaker.next_to_let_out,
        act=breaker.let_one_out,
        limit=settings().breaker_refunds,
    )
    return await in_turn(sweeping, tell)


async def _send_due(kind: InstructionKind, limit: int) -> int:
    async with transaction() as tx:
        return await instructions.send_due(tx, kind, limit=limit)
