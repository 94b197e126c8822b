"""The verbs of payouts: queue what hosts are to get, less what they owe."""

from collections.abc import Collection, Sequence
from uuid import UUID

from app.audit import Actor
from app.db import Tx
from app.instructions import actions as instructions
from app.instructions.model import InstructionKind
from app.instructions.queries import lock_failed
from app.payouts import queries, rules
from app.payouts.model import Payee, Payout


async def queue_transfers(tx: Tx, payouts: Sequence[Payout], *, by: Actor) -> None:
    """Commit to paying hosts their shares, in one round whatever their number.

    What a host owes is kept back. Who has no payout account is waited for.
    """
    if not payouts:
        return
    host_ids = sorted({payout.host_id for payout in payouts})
    recoveries = rules.recover(payouts, await queries.lock_debts(tx, host_ids))
    if recoveries:
        await queries.recover(tx, recoveries)
    recipients = await _recipients(tx, host_ids)
    await instructions.queue_all(tx, rules.transfers(payouts, recoveries, recipients), by=by)


async def retry_failed(tx: Tx, *, limit: int) -> int:
    """Queue new attempts of failed transfers that are due, to where the host is paid now.

    Returns how many.
    """
    failed = await lock_failed(tx, InstructionKind.TRANSFER, limit=limit)
    recipients = await _recipients(tx, {transfer.payee_id for transfer in failed})
    for transfer in failed:
        target = recipients.get(Payee(transfer.payee_id, transfer.gateway, transfer.currency))
        await instructions.retry(tx, transfer, target=target, reason="tried again")
    return len(failed)


async def resume_waiting(tx: Tx, *, limit: int) -> int:
    """Queue transfers whose payee got an account while they were being made; returns how many."""
    resumed = 0
    for known in await queries.awaited(tx, limit=limit):
        resumed += await instructions.resume(
            tx,
            payee_id=known.host_id,
            gateway=known.gateway,
            currency=known.currency,
            target=known.recipient,
        )
    return resumed


async def _recipients(tx: Tx, host_ids: Collection[UUID]) -> dict[Payee, str]:
    return {
        Payee(known.host_id, known.gateway, known.currency): known.recipient
        for known in await queries.recipients(tx, sorted(host_ids))
    }
