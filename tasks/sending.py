"""Sending: refunds and transfers are sent, looked up, and tried again when they have failed."""

from functools import partial

from app.flows.sending import actions as sending
from app.flows.sending import stories
from app.foundation import queue
from app.foundation.db import transaction
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payouts import actions as payouts
from tasks.refund_gate import admit_refunds
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn, sweep


@handles(queue.SendInstruction)
async def send(job: queue.SendInstruction) -> None:
    """Send a refund or transfer to its gateway."""
    await stories.send(job.instruction_id)


@handles(queue.RetryInstruction)
async def retry_attempt(job: queue.RetryInstruction) -> None:
    """Send a refund or transfer again whose gateway, or the way to it, did not work."""
    async with transaction() as tx:
        await sending.retry_attempt(tx, job.instruction_id, attempt=job.attempt)


@handles(queue.LookUpInstruction)
async def look_up(job: queue.LookUpInstruction) -> None:
    """Ask the gateway what became of a refund or transfer, and record the answer once."""
    await stories.look_up(job.instruction_id)


async def resolve_unknown(limit: int) -> int:
    """Look up instructions whose end is open, and send transfers that were left lying.

    Left lying are transfers whose job was lost, and transfers that wait for an account although
    there is one. Returns how many of all of them there were.
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
    """Admit automatic refunds, send refunds whose job was lost, and try failed ones again.

    Returns how many.
    """

    async def retry() -> int:
        return await sweep(
            "process-refunds",
            pick=sending.next_failed_refund,
            act=instructions.retry_refund,
            limit=limit,
        )

    return await in_turn(admit_refunds, partial(_send_due, InstructionKind.REFUND, limit), retry)


async def retry_failed_transfers(limit: int) -> int:
    """Try failed transfers again; returns how many."""
    return await sweep(
        "retry-failed-transfers",
        pick=sending.next_failed_transfer,
        act=payouts.retry_failed,
        limit=limit,
    )


async def _send_due(kind: InstructionKind, limit: int) -> int:
    async with transaction() as tx:
        return await sending.send_due(tx, kind, limit=limit)
