"""Write down how calls to gateways went, and tell of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.edge.calls import queries
from app.edge.calls.model import (
    KEPT,
    CallFigures,
    CallFilter,
    CallPage,
    FiguresRow,
    NewCall,
    Outcome,
)
from app.edge.gateways.http import Answered, Call, Denied, Unclear
from app.edge.gateways.port import GatewayName
from app.foundation import paging
from app.foundation.db import Tx, plan_for_values
from app.foundation.retention import Batch

_ERROR_LENGTH_MAX: Final = 200


async def record(tx: Tx, calls: Sequence[Call]) -> None:
    """Write attempts down, in one statement whatever their number."""
    await queries.insert(tx, [_new(call) for call in calls])


async def read_page(tx: Tx, wanted: CallFilter, *, limit: int, cursor: str | None) -> CallPage:
    """A page of attempts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_time_and_row_id(cursor)
    await plan_for_values(tx)
    calls = await queries.page(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(calls, limit, by=lambda call: (call.at, call.id))
    return CallPage(calls=page, next_cursor=next_cursor)


async def figures(tx: Tx) -> Mapping[GatewayName, CallFigures]:
    """The last hour of each gateway that was called in it."""
    rows = await queries.figures(tx)
    return {row.gateway: _figures(row) for row in rows}


async def forget_old(tx: Tx, *, limit: int) -> Batch:
    """Delete calls past their time."""
    return Batch.of(await queries.forget(tx, kept=KEPT, limit=limit), limit=limit)


def _new(call: Call) -> NewCall:
    match call.attempt:
        case Answered():
            outcome, error = Outcome.ANSWERED, None
        case Denied():
            outcome, error = Outcome.DENIED, None
        case Unclear(reason=reason):
            outcome, error = Outcome.UNCLEAR, reason[:_ERROR_LENGTH_MAX]
    return NewCall(
        gateway=call.gateway,
        operation=call.operation,
        reference=call.reference,
        attempt=call.number,
        outcome=outcome,
        status=call.attempt.status,
        latency_ms=round(call.latency_ms),
        error=error,
    )


def _figures(row: FiguresRow) -> CallFigures:
    return CallFigures(
        calls=row.calls,
        retries=row.retries,
        failures=row.failures,
        latency_ms_p50=row.latency_ms_p50,
        latency_ms_p95=row.latency_ms_p95,
    )
