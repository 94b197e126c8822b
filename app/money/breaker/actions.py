"""The verbs of the breaker: let out what a run may, and override it.

Each holds one lock until its transaction ends: however many workers there are, together they let
out what one of them may.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.foundation import audit
from app.foundation.alerts import Severity, raise_alert, resolve_alert
from app.foundation.audit import Actor, ActorRole, Change, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.foundation.queue import CarryOut, enqueue_all
from app.foundation.settings import settings
from app.money.breaker import queries, rules
from app.money.breaker.model import BreakerReply, NothingWaits, Override, Waiting
from app.money.instructions.rules import QUEUED_FOR

_ALERT: Final = "breaker_tripped"
_SUBJECT: Final = "automatic refunds"


async def let_out(tx: Tx, *, limit: int) -> list[UUID]:
    """Send the oldest automatic refunds, as many and as much as this run still may.

    Returns their ids.
    """
    chosen = await _choose(tx, limit=limit)
    if chosen:
        await _send(tx, chosen, by=None)
    return chosen


async def next_to_let_out(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """The first of those, other than these. What it takes of this run is nobody else's."""
    chosen = await _choose(tx, but, limit=1)
    return chosen[0] if chosen else None


async def let_one_out(tx: Tx, refund_id: UUID) -> None:
    """Send such a refund."""
    await _send(tx, [refund_id], by=None)


async def override(tx: Tx, request: Override, *, admin_id: UUID) -> BreakerReply:
    """Send these, or all that wait, now; no run is charged with them. Raises NothingWaits."""
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
    await tell(tx)
    return await read(tx)


async def read(tx: Tx) -> BreakerReply:
    """What waits, and what this run has let out."""
    amounts_max = _amounts_max()
    let_out_now = await queries.let_out_in_run(tx, rules.RUN)
    return BreakerReply(
        refunds_per_run=settings().breaker_refunds,
        refunds_in_this_run=sum(total.refunds for total in let_out_now),
        waiting=[
            rules.line_reply(line, amounts_max[line.currency])
            for line in await queries.lines(tx, amounts_max)
        ],
    )


async def tell(tx: Tx) -> None:
    """While refunds wait, one alert is open about all of them."""
    amounts_max = _amounts_max()
    if lines := await queries.lines(tx, amounts_max):
        await raise_alert(
            tx,
            kind=_ALERT,
            severity=Severity.CRITICAL,
            subject=_SUBJECT,
            details=rules.alert_details(lines, amounts_max),
        )
    else:
        await resolve_alert(tx, _ALERT, _SUBJECT)


async def _choose(tx: Tx, but: Sequence[UUID] = (), *, limit: int) -> list[UUID]:
    await queries.lock(tx)
    refunds_max, amounts_max = settings().breaker_refunds, _amounts_max()
    chosen = rules.choose(
        await queries.first_waiting(tx, amounts_max, but, limit=limit),
        await queries.let_out_in_run(tx, rules.RUN),
        refunds_max=refunds_max,
        amounts_max=amounts_max,
    )
    return chosen[:limit]


async def _send(tx: Tx, ids: Sequence[UUID], *, by: UUID | None) -> list[Waiting]:
    sent = await queries.let_out(tx, ids, by=by, queued_for=QUEUED_FOR)
    await enqueue_all(tx, [CarryOut(instruction_id=refund.id) for refund in sent])
    return sent


def _amounts_max() -> dict[str, int]:
    return rules.limits(settings().breaker_amounts)
