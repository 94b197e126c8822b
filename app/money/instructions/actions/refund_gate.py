"""The refund gate: admit as many automatic refunds as a run may send, and let an admin send more.

A run is one of the periods of `rules.RUN`. Every function that admits refunds locks the gate until
its transaction ends, so that the limits hold for all workers together.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.foundation import audit
from app.foundation.alerts import Severity, raise_alert, resolve_alert
from app.foundation.audit import Actor, ActorRole, Change, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.foundation.queue import SendInstruction, enqueue_all
from app.foundation.settings import settings
from app.money.instructions.model import (
    NothingWaits,
    RefundGateOverride,
    RefundGateReply,
    WaitingRefund,
)
from app.money.instructions.queries import refund_gate as queries
from app.money.instructions.rules import refund_gate as rules
from app.money.instructions.rules.attempts import QUEUED_FOR

# Kind and subject of the alert: stored, so they keep "breaker", which the gate was called before.
_ALERT: Final = "breaker_tripped"
_SUBJECT: Final = "automatic refunds"


async def lock_refund_gate(tx: Tx) -> None:
    """Lock the gate until the transaction ends: one transaction at a time admits refunds."""
    await queries.lock(tx)


async def admit_refunds(tx: Tx, *, contested: Sequence[UUID], limit: int) -> list[UUID]:
    """Send the oldest automatic refunds, as many and as much as this run still may.

    Skips refunds of the charges in `contested`. Returns the ids of the refunds.
    """
    chosen = await _choose(tx, (), contested=contested, limit=limit)
    if chosen:
        await _send(tx, chosen, by=None)
    return chosen


async def next_to_admit(tx: Tx, but: Sequence[UUID], *, contested: Sequence[UUID]) -> UUID | None:
    """The oldest refund that this run may still send, other than the refunds `but`.

    Skips refunds of the charges in `contested`. The gate stays locked, so that this run may still
    send the refund when `admit_one` does.
    """
    chosen = await _choose(tx, but, contested=contested, limit=1)
    return chosen[0] if chosen else None


async def admit_one(tx: Tx, refund_id: UUID) -> None:
    """Send the refund that `next_to_admit` has found."""
    await _send(tx, [refund_id], by=None)


async def override(tx: Tx, request: RefundGateOverride, *, admin_id: UUID) -> RefundGateReply:
    """Send these refunds, or all that wait, now. They do not count for any run.

    Raises NothingWaits.
    """
    await queries.lock(tx)
    asked = request.refund_ids or await queries.all_waiting(tx)
    sent = await _send(tx, asked, by=admin_id)
    if not sent or len(sent) < len(set(asked)):
        raise NothingWaits("Look again at what waits.")
    await audit.record_all(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="override_breaker",
        changes=[
            Change(
                subject=Subject("refund", refund.id),
                after={"amount": Money(amount=refund.amount, currency=refund.currency)},
            )
            for refund in sent
        ],
        reason=request.reason,
    )
    await alert_waiting_refunds(tx)
    return await read(tx)


async def read(tx: Tx) -> RefundGateReply:
    """What waits at the gate, and what this run has admitted."""
    amounts_max = _amounts_max()
    admitted = await queries.admitted_in_run(tx, rules.RUN)
    return RefundGateReply(
        refunds_per_run=settings().breaker_refunds,
        refunds_in_this_run=sum(total.refunds for total in admitted),
        waiting=[
            rules.reply(total, amounts_max[total.currency])
            for total in await queries.waiting_totals(tx, amounts_max)
        ],
    )


async def alert_waiting_refunds(tx: Tx) -> None:
    """Keep one alert open while refunds wait, about all of them; resolve it when none does."""
    amounts_max = _amounts_max()
    if totals := await queries.waiting_totals(tx, amounts_max):
        await raise_alert(
            tx,
            kind=_ALERT,
            severity=Severity.CRITICAL,
            subject=_SUBJECT,
            details=rules.alert_details(totals, amounts_max),
        )
    else:
        await resolve_alert(tx, _ALERT, _SUBJECT)


async def _choose(
    tx: Tx, but: Sequence[UUID], *, contested: Sequence[UUID], limit: int
) -> list[UUID]:
    await queries.lock(tx)
    amounts_max = _amounts_max()
    chosen = rules.choose(
        await queries.first_waiting(tx, amounts_max, but, contested=contested, limit=limit),
        await queries.admitted_in_run(tx, rules.RUN),
        refunds_max=settings().breaker_refunds,
        amounts_max=amounts_max,
    )
    return chosen[:limit]


async def _send(tx: Tx, ids: Sequence[UUID], *, by: UUID | None) -> list[WaitingRefund]:
    admitted = await queries.admit(tx, ids, by=by, queued_for=QUEUED_FOR)
    await enqueue_all(tx, [SendInstruction(instruction_id=refund.id) for refund in admitted])
    return admitted


def _amounts_max() -> dict[str, int]:
    return rules.limits(settings().breaker_amounts)
