"""Record how attempts at calls to gateways ended, and read what was recorded."""

from collections.abc import Sequence, Set
from typing import Final

from app.edge.calls.model import KEPT, CallFilter, CallPage, NewCall, Outcome
from app.edge.calls.queries import attempts
from app.edge.gateways.http import Call, Inconclusive
from app.edge.gateways.port import GatewayName
from app.foundation import paging
from app.foundation.clipping import clip
from app.foundation.db import Tx, plan_for_values
from app.foundation.retention import Batch

_ERROR_LENGTH_MAX: Final = 200


async def record(tx: Tx, calls: Sequence[Call], *, down: Set[GatewayName] = frozenset()) -> None:
    """Record any number of attempts in one statement. No call to a gateway that is down goes on."""
    await attempts.insert(tx, [_new(call, is_last=call.gateway in down) for call in calls])


async def read_page(tx: Tx, wanted: CallFilter, *, limit: int, cursor: str | None) -> CallPage:
    """A page of attempts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_time_and_row_id(cursor)
    await plan_for_values(tx)
    calls = await attempts.page(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(calls, limit, by=lambda call: (call.at, call.id))
    return CallPage(calls=page, next_cursor=next_cursor)


async def forget_old(tx: Tx, *, limit: int) -> Batch:
    """Delete attempts that were kept long enough, oldest first."""
    return Batch.of(await attempts.forget(tx, kept=KEPT, limit=limit), limit=limit)


def _new(call: Call, *, is_last: bool) -> NewCall:
    attempt = call.attempt
    return NewCall(
        gateway=call.gateway,
        operation=call.operation,
        reference=call.reference,
        attempt=call.number,
        outcome=Outcome(attempt.outcome),
        status=attempt.status,
        latency_ms=round(call.latency_ms),
        error=clip(attempt.reason, _ERROR_LENGTH_MAX)
        if isinstance(attempt, Inconclusive)
        else None,
        attempts_max=call.attempts_max,
        next_in_s=None if is_last else call.next_in_s,
    )
